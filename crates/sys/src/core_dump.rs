//! No picture of this process's memory is left on a disk: there may be a secret in it.
//!
//! Deliberately not `PR_SET_DUMPABLE`: it would also hide `/proc/PID/fdinfo` from our own other processes, which prove by it who
//! holds a lock. Limits: programs that are started from here inherit the limit, and may raise it again (`ulimit -c`); a
//! debugger that is attached sees everything.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// From here on a crash of this process, and of those that it starts, leaves no core file.
///
/// # Errors
/// What the system says; it refuses nobody to lower this limit.
pub fn leave_no_core() -> io::Result<()> {
    let limit = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    Ok(setrlimit(Resource::Core, limit)?)
}
