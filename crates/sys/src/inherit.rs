//! Descriptors that cross an exec on purpose: the one exception to "close-on-exec, always".
//!
//! Handing down: the flag is taken off in the child alone, between its fork and its exec, so no other child that is being
//! started at the same moment gets the descriptor. Taking: a descriptor that a parent handed down is known by its number
//! only; a duplicate of it (the same open file, so the same `flock`) is got by sending it to ourselves over a socket, and
//! the number is closed, so that no child of ours inherits it unasked.
//!
//! The only place that knows `command-fds` and `nix`. Limit: a number says nothing about what it is; whoever takes one must
//! have been told its inode, and [`take_inherited`] refuses any other.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use command_fds::CommandFdExt;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::real_disk::facts_of;

/// The lowest number that is handed down: scripts redirect the numbers below 10, and by custom 200.
const LOWEST: i32 = 40;

/// A descriptor as one process names it to another: its number, and the inode that it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inode {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
}

/// A second descriptor of the same open file, close-on-exec, with a number that scripts do not use.
pub(crate) fn duplicate(file: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(file, LOWEST)?)
}

/// A second descriptor of the same open file, close-on-exec, to be handed down.
///
/// # Errors
///
/// When the process has no descriptor left.
pub fn share(descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    duplicate(descriptor)
}

/// What a descriptor leads to.
///
/// # Errors
///
/// When the system cannot say.
pub fn inode_of(descriptor: BorrowedFd<'_>) -> io::Result<Inode> {
    let facts = facts_of(&rustix::fs::fstat(descriptor)?);
    Ok(Inode {
        dev: facts.dev,
        ino: facts.ino,
    })
}

/// Makes the command keep these descriptors, under their numbers. They are closed here when the command is dropped.
pub fn hand_down(command: &mut Command, descriptors: Vec<OwnedFd>) {
    command.preserved_fds(descriptors);
}

/// Takes a descriptor that this process was started with: the same open file under another number, close-on-exec. The number
/// itself is closed. To be called before anything else is opened.
///
/// # Errors
///
/// When no such descriptor is open, or when it leads to another inode; nothing is closed then.
pub fn take_inherited(number: i32, must_be: Inode) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the numbers 0 to 2 are input and outputs",
        ));
    }
    let taken = sent_to_ourselves(number)?;
    if inode_of(taken.as_fd())? != must_be {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is another file by now",
        ));
    }
    nix::unistd::close(number)?;
    Ok(taken)
}

/// The kernel makes a new descriptor of what is sent over a socket: the one way to own an inherited number that needs
/// neither `unsafe` nor a privilege (`pidfd_getfd` is refused in many containers).
fn sent_to_ourselves(number: i32) -> io::Result<OwnedFd> {
    let (from, to) = UnixDatagram::pair()?;
    let numbers = [number];
    let rights = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<UnixAddr>(
        from.as_raw_fd(),
        &[IoSlice::new(b"!")],
        &rights,
        MsgFlags::empty(),
        None,
    )?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0; 1];
    recvmsg(
        &to,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        flags(),
    )?;
    let got = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let got = got.ok_or(io::ErrorKind::UnexpectedEof)?;
    #[cfg(target_vendor = "apple")]
    rustix::io::fcntl_setfd(&got, rustix::io::FdFlags::CLOEXEC)?;
    Ok(got)
}

#[cfg(not(target_vendor = "apple"))]
const fn flags() -> RecvFlags {
    RecvFlags::CMSG_CLOEXEC
}

#[cfg(target_vendor = "apple")]
const fn flags() -> RecvFlags {
    RecvFlags::empty()
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;
    use std::process::Stdio;

    use super::*;
    use crate::{Disk, DiskFile, OpenHow, RealDisk};

    fn locked(dir: &std::path::Path) -> (Box<dyn DiskFile>, std::path::PathBuf) {
        let path = dir.join("f");
        let file = RealDisk
            .open(&path, &OpenHow::appending().or_create())
            .unwrap();
        assert!(file.try_lock().unwrap());
        (file, path)
    }

    fn is_free(path: &std::path::Path) -> bool {
        let other = RealDisk.open(path, &OpenHow::appending()).unwrap();
        other.try_lock().unwrap()
    }

    #[test]
    fn a_command_keeps_what_is_handed_down_and_no_other_child_does() {
        let dir = tempfile::tempdir().unwrap();
        let (file, path) = locked(dir.path());
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        hand_down(&mut command, vec![file.share().unwrap()]);
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut beside = Command::new("sleep").arg("60").spawn().unwrap();
        drop(file);
        assert!(!is_free(&path), "the child has it");
        drop(child.stdin.take());
        child.wait().unwrap();
        // Waiting, not trying: another test's child may be between its fork and its exec.
        let other = RealDisk.open(&path, &OpenHow::appending()).unwrap();
        other.lock().unwrap();
        let outlived = beside.try_wait().unwrap().is_none();
        beside.kill().unwrap();
        beside.wait().unwrap();
        assert!(outlived, "the other child had it, too");
    }

    #[test]
    fn a_taken_descriptor_is_the_same_open_file_and_its_number_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, path) = locked(dir.path());
        let shared = file.share().unwrap();
        let inode = inode_of(shared.as_fd()).unwrap();
        let number = shared.into_raw_fd();
        let taken = take_inherited(number, inode).unwrap();
        assert_eq!(
            take_inherited(number, inode).unwrap_err().raw_os_error(),
            Some(rustix::io::Errno::BADF.raw_os_error()),
            "the number is closed"
        );
        drop(file);
        let taken = RealDisk.adopt(taken, &path).unwrap();
        assert!(!is_free(&path), "it shares the lock");
        assert!(taken.try_lock().unwrap(), "and may confirm it");
        assert_eq!(taken.append(b"x").unwrap(), 1);
        taken.unlock().unwrap();
        assert!(is_free(&path));
    }

    #[test]
    fn another_file_under_the_number_is_refused_and_left_open() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = locked(dir.path());
        let number = file.share().unwrap().into_raw_fd();
        let wrong = Inode { dev: 1, ino: 1 };
        let error = take_inherited(number, wrong).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let facts = file.facts().unwrap();
        let right = Inode {
            dev: facts.dev,
            ino: facts.ino,
        };
        assert!(take_inherited(number, right).is_ok(), "it is open yet");
        for closed in [i32::MAX, -1, 0] {
            assert!(take_inherited(closed, right).is_err());
        }
    }
}
