//! Is a file open for writing anywhere on this machine, whatever the namespaces?
//!
//! The kernel grants a read lease on a file only while nobody has it open for writing. So a lease that is asked for and given
//! back at once tells whether a writer is there, also one in a container whose processes cannot be seen from ours.
//!
//! Limits: the kernel tells only the file's owner (or who has `CAP_LEASE`), and not on every filesystem; a writer on another
//! machine that shares the filesystem is unknown to it. "Nobody" means: nobody on this kernel.
//!
//! Who opens the file for writing while the lease stands would be held up until it is given back, and the lease's holder is sent
//! a signal. It stands for the time of two system calls, and the signal is one that does nothing unless it is waited for.
//!
//! The one `unsafe` of this crate: no maintained crate wraps leases.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};

use nix::libc::{self, c_int};

/// Which signal tells of a lease that is broken; the same number on every architecture that Rust's libc names.
const F_SETSIG: c_int = 10;

/// Whether somebody has this file open for writing; `file` itself must be open for reading only. `None`: the kernel does not say.
pub(crate) fn has_writer(file: &File) -> io::Result<Option<bool>> {
    let descriptor = file.as_raw_fd();
    let asked = control(descriptor, F_SETSIG, libc::SIGURG)
        .and_then(|()| control(descriptor, libc::F_SETLEASE, libc::F_RDLCK));
    match asked {
        Ok(()) => {
            control(descriptor, libc::F_SETLEASE, libc::F_UNLCK)?;
            Ok(Some(false))
        }
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN) => Ok(Some(true)),
            Some(libc::EACCES | libc::EPERM | libc::EINVAL | libc::ENOTTY | libc::EOPNOTSUPP) => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

fn control(descriptor: RawFd, command: c_int, argument: c_int) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "commands that take an integer and touch no memory of ours; a wrong descriptor is an error"
    )]
    // SAFETY: `F_SETSIG` and `F_SETLEASE` take their argument by value.
    let done = unsafe { libc::fcntl(descriptor, command, argument) };
    if done == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_writer_is_told_of_for_as_long_as_it_has_the_file_open_and_a_reader_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let writer = File::create(&path).unwrap();
        let asked = File::open(&path).unwrap();
        assert_eq!(has_writer(&asked).unwrap(), Some(true));
        let _reader = File::open(&path).unwrap();
        drop(writer);
        assert_eq!(has_writer(&asked).unwrap(), Some(false));
        assert_eq!(has_writer(&asked).unwrap(), Some(false), "and again");
        // No lease is left behind that a writer would have to wait for.
        std::fs::write(&path, b"x").unwrap();
    }

    #[test]
    fn a_writer_in_another_process_is_told_of_until_it_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut writer = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(File::create(&path).unwrap())
            .spawn()
            .unwrap();
        let asked = File::open(&path).unwrap();
        assert_eq!(has_writer(&asked).unwrap(), Some(true));
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(has_writer(&asked).unwrap(), Some(false));
    }

    #[test]
    fn of_what_is_no_regular_file_nothing_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        assert_eq!(has_writer(&folder).unwrap(), None);
    }
}
