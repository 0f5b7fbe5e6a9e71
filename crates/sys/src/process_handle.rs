//! A process that cannot become another one: a pid is used again, a handle on it (a pidfd) is not.
//!
//! Whoever means to end a process opens a handle first, looks then whether it is the right one, and signals through the
//! handle. Limit: Linux only; elsewhere no handle is given, and so nothing is ended.

use std::fmt::Debug;
use std::io;

/// A hold on one process.
pub trait ProcessHandle: Send + Sync + Debug {
    /// Sends it this signal, by its number.
    ///
    /// # Errors
    ///
    /// When it has ended, or is not ours to signal.
    fn signal(&self, number: i32) -> io::Result<()>;
}

#[cfg(target_os = "linux")]
pub(crate) fn open(pid: u32) -> io::Result<Box<dyn ProcessHandle>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::NotFound)?;
    Ok(Box::new(linux::Pidfd(pidfd_open(
        pid,
        PidfdFlags::empty(),
    )?)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open(_pid: u32) -> io::Result<Box<dyn ProcessHandle>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::process::{Signal, pidfd_send_signal};

    #[derive(Debug)]
    pub(super) struct Pidfd(pub(super) OwnedFd);

    impl super::ProcessHandle for Pidfd {
        fn signal(&self, number: i32) -> io::Result<()> {
            let signal = Signal::from_named_raw(number).ok_or(io::ErrorKind::InvalidInput)?;
            Ok(pidfd_send_signal(&self.0, signal)?)
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::open;

    #[test]
    fn a_handle_reaches_its_process_and_no_later_one() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let handle = open(child.id()).unwrap();
        handle.signal(15).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        assert!(handle.signal(15).is_err(), "reaped: it reaches nobody");
        assert!(open(u32::MAX).is_err() && open(0).is_err());
    }
}
