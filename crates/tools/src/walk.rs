//! A path opened beneath a directory one step at a time, where the kernel cannot be asked to do it at once.
//!
//! Invariant: every directory on the way is held by a descriptor, and `..` goes back to the one before; so a rename on
//! the way cannot lead out. No step follows a symbolic link: its target is read and walked like the rest.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

/// As many as the kernel follows.
const MAX_LINKS: u32 = 40;

/// Opens `path` beneath `root`. `XDEV` means that it leads out, as from `openat2`.
pub(crate) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut walk = Walk {
        root,
        held: Vec::new(),
        ahead: Vec::new(),
        links: 0,
    };
    walk.go_on_with(path.as_os_str())?;
    walk.finish(flags)
}

struct Walk<'r> {
    root: BorrowedFd<'r>,
    /// The directories passed, the current one last; empty at the root.
    held: Vec<OwnedFd>,
    /// The steps ahead, the next one last.
    ahead: Vec<OsString>,
    links: u32,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.held.last().map_or(self.root, AsFd::as_fd)
    }

    fn go_on_with(&mut self, path: &OsStr) -> Result<(), Errno> {
        let bytes = path.as_bytes();
        match bytes.first() {
            None => Err(Errno::NOENT),
            Some(b'/') => Err(Errno::XDEV),
            Some(_) => {
                let steps = bytes.split(|byte| *byte == b'/').rev();
                self.ahead
                    .extend(steps.map(|step| OsStr::from_bytes(step).to_owned()));
                Ok(())
            }
        }
    }

    fn finish(mut self, flags: OFlags) -> Result<OwnedFd, Errno> {
        while let Some(step) = self.ahead.pop() {
            match step.as_bytes() {
                b"" | b"." => {}
                b".." => drop(self.held.pop().ok_or(Errno::XDEV)?),
                _ => {
                    let last = self.ahead.is_empty();
                    let how = if last {
                        flags
                    } else {
                        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
                    };
                    match openat(
                        self.here(),
                        step.as_os_str(),
                        how | OFlags::NOFOLLOW,
                        Mode::empty(),
                    ) {
                        Ok(fd) if last => return Ok(fd),
                        Ok(fd) => self.held.push(fd),
                        Err(Errno::INTR) => self.ahead.push(step),
                        Err(errno) => self.follow(&step, errno)?,
                    }
                }
            }
        }
        openat(self.here(), ".", flags, Mode::empty())
    }

    /// A symbolic link becomes the next steps; anything else is the error that it was.
    fn follow(&mut self, step: &OsStr, errno: Errno) -> Result<(), Errno> {
        let target = match readlinkat(self.here(), step, Vec::new()) {
            Ok(target) => OsString::from_vec(target.into_bytes()),
            Err(_) => return Err(errno),
        };
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::LOOP);
        }
        self.go_on_with(&target)
    }
}
