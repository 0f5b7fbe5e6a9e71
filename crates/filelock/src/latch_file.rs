//! The latch file: the operating system's lock that our own processes compete for.
//!
//! Invariants: it is never replaced and never removed by us; whoever has its `flock` and finds its
//! inode at its path has the latch.

use std::path::Path;
use std::sync::Arc;

use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir};

use crate::locked::OpenFile;
use crate::place::Place;
use crate::probe::sidecars_are_a_folder;
use crate::{LatchError, Refusal, wall};

/// How often the folder is made again when it is deleted just then.
const FOLDERS_MAX: usize = 16;

/// Opens the latch file, making it and its folder where they are missing. Nothing is locked yet.
///
/// Before anything is made, what stands at the transcript's path must be something that a session can live in.
pub(crate) fn open(system: &System, place: &Place) -> Result<OpenFile, LatchError> {
    open_at(system, place, &place.latch)
}

/// The same for another file among the sidecars that is there to be locked.
pub(crate) fn open_at(system: &System, place: &Place, path: &Path) -> Result<OpenFile, LatchError> {
    let how = OpenHow::updating();
    let mut opened = system.disk.open(path, &how);
    if missing(&opened) {
        wall::refuse_others(system, place)?;
        opened = system.disk.open(path, &how.or_create());
    }
    for _ in 0..FOLDERS_MAX {
        if !missing(&opened) {
            break;
        }
        make_private_dir(&*system.disk, &place.sidecars)?;
        opened = system.disk.open(path, &how.or_create());
    }
    let file: Arc<dyn DiskFile> = match opened {
        Ok(file) => file.into(),
        Err(source) => {
            sidecars_are_a_folder(system, place)?;
            return Err(refused_or_io(system, path, source));
        }
    };
    let facts = file.facts().doing("look at the latch", path)?;
    // A note is written into it: through a second name, over somebody else's file.
    let linked = (facts.nlink > 1).then_some(Refusal::HardLinked { names: facts.nlink });
    match Refusal::of(facts.kind).or(linked) {
        None => Ok(OpenFile::seen(file, &facts)),
        Some(why) => Err(LatchError::Refused {
            path: path.to_path_buf(),
            why,
        }),
    }
}

fn missing<T>(opened: &std::io::Result<T>) -> bool {
    matches!(opened, Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// Names the refusal if what stands at the path explains the error.
pub(crate) fn refused_or_io(system: &System, path: &Path, source: std::io::Error) -> LatchError {
    let kind = system.disk.facts(path).ok().map(|facts| facts.kind);
    let why = kind.and_then(Refusal::of).or_else(|| {
        let denied = source.kind() == std::io::ErrorKind::PermissionDenied;
        denied.then_some(Refusal::NotPermitted)
    });
    match why {
        // What is not there could not be made: that is for its folder to permit.
        Some(why @ Refusal::NotPermitted) if kind.is_none() => LatchError::Refused {
            path: path.parent().unwrap_or(path).to_path_buf(),
            why,
        },
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
