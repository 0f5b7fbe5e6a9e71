//! The latch file: the operating system's lock that our own processes compete for.
//!
//! Invariants: it is never replaced and never removed by us; whoever has its `flock` and finds its
//! inode at its path has the latch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir};

use crate::place::Place;
use crate::probe::sidecars_are_a_folder;
use crate::{LatchError, Refusal};

/// A file whose `flock` is ours. Dropping it gives the lock back, explicitly: closing alone could leave
/// it with a child process that is just being started.
#[derive(Debug)]
pub(crate) struct Locked {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
}

impl Locked {
    /// Of a file that has just been locked.
    pub(crate) fn new(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        Self {
            file,
            path: path.to_path_buf(),
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
        if let Err(error) = self.file.unlock() {
            tracing::warn!(path = ?self.path, %error, "a lock could not be given back; closing the file will");
        }
    }
}

/// How often the folder is made again when it is deleted just then.
const FOLDERS_MAX: usize = 16;

/// Opens the latch file, making it and its folder where they are missing. Nothing is locked yet.
pub(crate) fn open(system: &System, place: &Place) -> Result<Arc<dyn DiskFile>, LatchError> {
    match open_or_make(system, place) {
        Ok(file) => {
            let facts = file.facts().doing("look at the latch", &place.latch)?;
            match Refusal::of(facts.kind) {
                None => Ok(file.into()),
                Some(why) => Err(LatchError::Refused {
                    path: place.latch.clone(),
                    why,
                }),
            }
        }
        Err(source) => {
            sidecars_are_a_folder(system, place)?;
            Err(refused_or_io(system, &place.latch, source))
        }
    }
}

fn open_or_make(system: &System, place: &Place) -> std::io::Result<Box<dyn DiskFile>> {
    let how = OpenHow::updating().or_create();
    let mut made = 0;
    loop {
        match system.disk.open(&place.latch, &how) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && made < FOLDERS_MAX => {
                made += 1;
                make_private_dir(&*system.disk, &place.sidecars).map_err(|error| error.source)?;
            }
            done => return done,
        }
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
