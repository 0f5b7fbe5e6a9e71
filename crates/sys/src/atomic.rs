//! A file is there whole or not at all.
//!
//! The bytes go to a temporary file in the same directory, are made durable, and then get the name,
//! by a rename that replaces what was there or by one that fails if anything is there. The temporary
//! name ends in `.tmp`, so no reader of sessions, locks or sidecars takes it for one of its own.
//! Limit: a process that is killed midway leaves a `.tmp` file; it is never read and safe to remove.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Disk, DiskFile, Entropy, IoDoing, OpenHow, PathError, hex_id};

/// How often a directory is made again that is deleted just then.
const FOLDERS_MAX: usize = 16;

/// Replaces the file at `path` by one with these bytes, or makes it; durable on return.
///
/// # Errors
///
/// [`PathError`]; the old file is then still in place, or the new one is there but its name may not
/// be durable (an error from making the directory durable).
///
/// # Blocking
///
/// For two syncs.
pub fn write_whole(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(), PathError> {
    put(disk, entropy, path, bytes, mode, |temporary| {
        disk.rename(temporary, path)
            .doing("put a new file in place at", path)
    })
}

/// Makes a file with these bytes, unless something stands at `path`; durable on return.
///
/// # Errors
///
/// [`PathError`], of kind [`io::ErrorKind::AlreadyExists`] if the name is taken.
///
/// # Blocking
///
/// For two syncs.
pub fn create_whole(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(), PathError> {
    put(disk, entropy, path, bytes, mode, |temporary| {
        disk.rename_new(temporary, path).doing("create", path)
    })
}

/// Makes the bytes durable under a temporary name, and gives them the right one.
fn put(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    path: &Path,
    bytes: &[u8],
    mode: u32,
    name: impl FnOnce(&Path) -> Result<(), PathError>,
) -> Result<(), PathError> {
    let (temporary, _file) = write_temporary(disk, entropy, path, bytes, mode)?;
    name(&temporary).inspect_err(|_| {
        let _ = disk.remove(&temporary);
    })?;
    sync_parent(disk, path)
}

/// A name in the same directory that nothing else uses and that ends in `.tmp`.
#[must_use]
pub fn temporary_beside(entropy: &dyn Entropy, path: &Path) -> PathBuf {
    // The old name is left out: with it, the longest permitted name would become too long.
    let mut name = OsString::from(".");
    name.push(hex_id(entropy, 12));
    name.push(".tmp");
    path.with_file_name(name)
}

/// Makes the directory at `path` for the owner alone (0700), unless it is there; a new one's name is durable.
///
/// # Errors
///
/// [`PathError`], also if what is there is not a directory (a symlink to one is not).
pub fn make_private_dir(disk: &dyn Disk, path: &Path) -> Result<(), PathError> {
    for _ in 0..FOLDERS_MAX {
        match disk.create_dir(path, 0o700) {
            Ok(()) => match sync_parent(disk, path) {
                // Deleted since, with what it lay in.
                Err(e) if e.is_missing() => {}
                // A folder that may be written and not be read.
                Err(e) if e.source.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
                synced => return synced,
            },
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).doing("make the directory", path),
        }
        match disk.facts(path) {
            Ok(facts) if facts.kind == crate::FileKind::Directory => return Ok(()),
            Ok(facts) => {
                let found = io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("it is {}", facts.kind.in_words()),
                );
                return Err(found).doing("use as a directory", path);
            }
            // Deleted since: it is made again.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e).doing("look at", path),
        }
    }
    Err(io::ErrorKind::NotFound.into()).doing("keep the directory", path)
}

/// Reads a file from its start, `limit` bytes at most; a longer file is cut there without an error.
///
/// # Errors
///
/// The bare [`io::Error`].
pub fn read_at_most(file: &dyn DiskFile, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; limit.min(64 * 1024)];
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            if filled == limit {
                break;
            }
            bytes.resize((filled * 2).min(limit), 0);
        }
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Fills the whole buffer from an offset.
///
/// # Errors
///
/// [`io::ErrorKind::UnexpectedEof`] if the file ends before; else the bare [`io::Error`].
pub fn read_exact_at(file: &dyn DiskFile, buf: &mut [u8], offset: u64) -> io::Result<()> {
    match read_up_to(file, buf, offset)? {
        read if read == buf.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Fills the buffer from an offset as far as the file goes, and says how far that was.
///
/// # Errors
///
/// The bare [`io::Error`].
pub fn read_up_to(file: &dyn DiskFile, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(&mut buf[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn write_temporary(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(PathBuf, Box<dyn DiskFile>), PathError> {
    let temporary = temporary_beside(entropy, path);
    let how = OpenHow {
        write: true,
        ..OpenHow::default()
    }
    .only_new()
    .mode(mode);
    let file = disk
        .open(&temporary, &how)
        .doing("create a temporary file for", path)?;
    let written = write_all(&*file, bytes).and_then(|()| file.sync_all());
    written
        .doing("write a temporary file for", path)
        .inspect_err(|_| {
            let _ = disk.remove(&temporary);
        })?;
    Ok((temporary, file))
}

fn write_all(file: &dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], done as u64)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => done += written,
        }
    }
    Ok(())
}

fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<(), PathError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    disk.sync_dir(parent)
        .doing("make durable the names in", parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RealDisk, RealEntropy};

    fn names(dir: &Path) -> Vec<OsString> {
        let mut names = RealDisk.list(dir).unwrap();
        names.sort();
        names
    }

    #[test]
    fn a_whole_file_replaces_the_old_one_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for bytes in [b"one".as_slice(), b"three"] {
            write_whole(&RealDisk, &RealEntropy, &path, bytes, 0o600).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(names(dir.path()), ["f"]);
    }

    #[test]
    fn creating_fails_if_the_name_is_taken_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        create_whole(&RealDisk, &RealEntropy, &path, b"one", 0o600).unwrap();
        let error = create_whole(&RealDisk, &RealEntropy, &path, b"two", 0o600).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(names(dir.path()), ["f"]);
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, vec![b'x'; 200_000]).unwrap();
        let file = RealDisk.open(&path, &OpenHow::reading()).unwrap();
        assert_eq!(read_at_most(&*file, 150_000).unwrap().len(), 150_000);
        assert_eq!(read_at_most(&*file, 300_000).unwrap().len(), 200_000);
        assert_eq!(read_at_most(&*file, 0).unwrap().len(), 0);
        let mut beyond = [0; 2];
        let error = read_exact_at(&*file, &mut beyond, 199_999).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_private_directory_may_be_there_already_but_not_as_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let (private, taken) = (dir.path().join("p"), dir.path().join("t"));
        make_private_dir(&RealDisk, &private).unwrap();
        make_private_dir(&RealDisk, &private).unwrap();
        assert_eq!(RealDisk.facts(&private).unwrap().mode, 0o700);
        std::os::unix::fs::symlink(&private, &taken).unwrap();
        assert!(make_private_dir(&RealDisk, &taken).is_err());
    }
    #[test]
    #[cfg(feature = "fault-points")]
    fn a_private_directory_that_is_deleted_just_then_is_made_again() {
        use crate::{FaultDisk, Operation};
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("p");
        let disk = FaultDisk::new(std::sync::Arc::new(RealDisk));
        RealDisk.create_dir(&private, 0o700).unwrap();
        let deleted = std::sync::atomic::AtomicBool::new(false);
        disk.watch(move |operation, path| {
            let once = operation == Operation::Facts
                && !deleted.swap(true, std::sync::atomic::Ordering::SeqCst);
            if once {
                std::fs::remove_dir(path).unwrap();
            }
            None
        });
        make_private_dir(&disk, &private).unwrap();
        assert_eq!(names(dir.path()), ["p"]);
    }
}
