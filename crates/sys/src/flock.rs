//! File locks: the only place that knows `fs2`.
//!
//! `flock` belongs to the open file, so it outlives no process, is not dropped when another descriptor
//! of the same file is closed, and two descriptors of one process exclude each other.
//! Deliberately not here: `fcntl` locks, which have neither property.
//!
//! The methods are called by their full names since those that std has by now would shadow them.

use std::fs::File;
use std::io;

pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    loop {
        match fs2::FileExt::try_lock_exclusive(file) {
            Ok(()) => return Ok(true),
            Err(e) if e.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                return Ok(false);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        match fs2::FileExt::lock_exclusive(file) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

pub(crate) fn unlock(file: &File) -> io::Result<()> {
    fs2::FileExt::unlock(file)
}

/// Room on a filesystem: (available, free, total) in bytes.
pub(crate) fn space(path: &std::path::Path) -> io::Result<crate::Space> {
    let stats = fs2::statvfs(path)?;
    Ok(crate::Space {
        available: stats.available_space(),
        free: stats.free_space(),
        total: stats.total_space(),
    })
}
