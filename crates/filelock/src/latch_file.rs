//! The latch file: the operating system's lock that our own processes compete for.
//!
//! Invariants: it is never replaced and never removed by us; whoever has its `flock` and finds its
//! inode at its path has the latch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir};

use crate::place::Place;
use crate::{LatchError, Refusal};

/// A file whose `flock` is ours. Dropping it gives the lock back, explicitly: closing alone could leave
/// it with a child process that is just being started.
#[derive(Debug)]
pub(crate) struct Locked {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// The lock is another process's, shared with this one: it is not given back here.
    borrowed: bool,
}

impl Locked {
    /// Of a file that has just been locked.
    pub(crate) fn new(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        Self {
            file,
            path: path.to_path_buf(),
            borrowed: false,
        }
    }

    /// Of a file whose lock another process holds through the same open file. Dropping it leaves the lock alone.
    pub(crate) fn borrowed(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        Self {
            file,
            path: path.to_path_buf(),
            borrowed: true,
        }
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn moved_to(&mut self, path: &Path) {
        self.path = path.to_path_buf();
    }

    /// Whether the path still leads to the inode that is locked.
    pub(crate) fn is_in_place(&self, system: &System) -> Result<bool, PathError> {
        let held = self.file.facts().doing("look at", &self.path)?;
        match system.disk.facts(&self.path).doing("look at", &self.path) {
            Ok(found) => Ok(held.same_inode(&found)),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if self.borrowed {
            return;
        }
        if let Err(error) = self.file.unlock() {
            tracing::warn!(path = ?self.path, %error, "a lock could not be given back; closing the file will");
        }
    }
}

/// Opens the latch file, making it and its folder where they are missing. Nothing is locked yet.
pub(crate) fn open(system: &System, place: &Place) -> Result<Arc<dyn DiskFile>, LatchError> {
    open_at(system, place, &place.latch)
}

/// The same for another file of the sidecars that is locked.
pub(crate) fn open_at(
    system: &System,
    place: &Place,
    path: &Path,
) -> Result<Arc<dyn DiskFile>, LatchError> {
    let how = OpenHow::updating().or_create();
    let opened = system.disk.open(path, &how).or_else(|error| {
        if error.kind() != std::io::ErrorKind::NotFound {
            return Err(error);
        }
        make_private_dir(&*system.disk, &place.sidecars).map_err(|error| error.source)?;
        system.disk.open(path, &how)
    });
    match opened {
        Ok(file) => {
            let facts = file.facts().doing("look at the latch", path)?;
            match Refusal::of(facts.kind) {
                None => Ok(file.into()),
                Some(why) => Err(LatchError::Refused {
                    path: path.to_path_buf(),
                    why,
                }),
            }
        }
        Err(source) => Err(refused_or_io(system, path, source)),
    }
}

/// Names the refusal if what stands at the path explains the error.
pub(crate) fn refused_or_io(system: &System, path: &Path, source: std::io::Error) -> LatchError {
    let kind = system.disk.facts(path).ok().map(|facts| facts.kind);
    let why = kind.and_then(Refusal::of).or_else(|| {
        let denied = source.kind() == std::io::ErrorKind::PermissionDenied;
        denied.then_some(Refusal::NotPermitted)
    });
    match why {
        Some(why) => LatchError::Refused {
            path: path.to_path_buf(),
            why,
        },
        None => LatchError::Io(PathError {
            doing: "open",
            path: path.to_path_buf(),
            source,
        }),
    }
}
