//! Who runs, and since when: what a lock needs to know about its holder.
//!
//! A pid alone is no identity, since it is used again; with the start time it nearly is, within one
//! boot and one pid namespace. What cannot be seen is taken as alive: a lock must never be taken
//! from a process on a guess.

use std::collections::HashSet;
use std::fmt::Debug;
use std::io;
use std::path::Path;

use crate::{Companion, FileFacts, FileKey, FileUse, FileUser, HeldLock, ProcessHandle};

/// The processes of this machine, as seen from this one. Where a system does not tell something, the answer is that nothing is
/// known.
pub trait Processes: Send + Sync + Debug {
    /// This process.
    fn own(&self) -> ProcessIdentity;

    /// The user that this process acts for, by number, where the system tells.
    fn own_user(&self) -> Option<u32> {
        None
    }

    /// What can be seen of a process of this pid namespace.
    fn look(&self, pid: u32) -> Liveness;

    /// The number here of a live process that has the number `pid` in a pid namespace below this one and, as far as can
    /// be told, started at `starttime`; `None` if there is none, or none can be seen.
    ///
    /// # Blocking
    ///
    /// Looks at every process of the machine.
    fn below(&self, pid: u32, starttime: Option<u64>) -> Option<u32> {
        let _ = (pid, starttime);
        None
    }

    /// Starts a process that does nothing, ends when this one ends, and carries `name` as an
    /// argument of its command line, for peers that judge a process by that.
    ///
    /// # Errors
    ///
    /// If no process can be started.
    ///
    /// # Blocking
    ///
    /// For the time of a fork and an exec.
    fn companion(&self, name: &str) -> io::Result<Box<dyn Companion>>;

    /// A hold on a process, through which it can be signalled though its pid were used again.
    ///
    /// # Errors
    ///
    /// If there is no such process, or the system has no such holds.
    fn open(&self, _pid: u32) -> io::Result<Box<dyn ProcessHandle>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The exclusive `flock`s of this machine that are held now; none where the system does not tell.
    fn held_locks(&self) -> Vec<HeldLock> {
        Vec::new()
    }

    /// The processes that have a file open, as far as they can be seen; it may be out of date when it is read.
    ///
    /// # Blocking
    ///
    /// For a look at every descriptor of every process.
    fn users_of(&self, _file: &FileFacts) -> Vec<FileUser> {
        Vec::new()
    }

    /// The exclusive `flock`s that are waited for now, each with the process that waits; none where the system does not tell.
    fn waited_locks(&self) -> Vec<HeldLock> {
        Vec::new()
    }

    /// What processes do with these files, as far as it can be seen: one pass for all of them. Nothing is locked, opened or
    /// written; it may be out of date when it is read.
    ///
    /// # Blocking
    ///
    /// For a look at every descriptor of every process.
    fn uses_of(&self, _files: &HashSet<FileKey>) -> Vec<FileUse> {
        Vec::new()
    }

    /// What one process has to do with a file; `None` if it does not have it open, or cannot be seen.
    fn user_of(&self, _pid: u32, _file: &FileFacts) -> Option<FileUser> {
        None
    }

    /// Whether this process is in the foreground of a terminal, so that the keys which interrupt reach all of its group.
    fn is_in_foreground(&self) -> bool {
        false
    }

    /// Whether a child process gets the `flock` of a file at once.
    ///
    /// # Errors
    ///
    /// If no child could try; `flock(1)` does it.
    ///
    /// # Blocking
    ///
    /// For the life of a short child.
    fn child_gets_lock(&self, path: &Path) -> io::Result<bool>;
}

/// What names a process: all of it together, none of it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Process id, as seen in its own pid namespace.
    pub pid: u32,
    /// Start in clock ticks since boot, where the system tells.
    pub starttime: Option<u64>,
    /// Identity of this boot of the machine, where the system tells.
    pub boot_id: Option<String>,
    /// Identity of the pid namespace (an inode number), where the system has such.
    pub pid_namespace: Option<u64>,
    /// Name of the host.
    pub host: String,
}

/// What can be seen of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// There is no such process.
    Dead,
    /// It has ended and waits for its parent to notice; it holds no files any more.
    Zombie,
    /// It runs, sleeps or is stopped; or it is there, but may not be looked at.
    Alive {
        /// State letter of the system (`R`, `S`, `D`, `T`, ...); `?` where it may not be seen.
        state: char,
        /// Start in clock ticks since boot; `None` where it may not be seen, or is counted in another time namespace.
        starttime: Option<u64>,
        /// Command line, empty where it may not be seen. Foreign text: escape before showing.
        command: Vec<String>,
    },
}

impl Liveness {
    /// Whether the process can still hold something.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self, Self::Alive { .. })
    }
}
