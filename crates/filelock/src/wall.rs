//! The second wall: the lock on the transcript's own inode.
//!
//! It holds where the latch does not: when the sidecar folder was deleted under a holder, or the same
//! file is reached through a bind mount. Invariants: the descriptor is that of a regular file with one
//! name, found at its path after it was locked; everything is written through it.

use std::sync::Arc;

use latchwork_sys::{DiskFile, IoDoing, OpenHow, System};

use crate::latch_file::refused_or_io;
use crate::locked::{Locked, OpenFile};
use crate::place::Place;
use crate::{LatchError, Obstacle, Refusal};

/// What came of building the wall.
#[derive(Debug)]
pub(crate) enum Wall {
    /// The transcript is locked.
    Stands(Locked),
    /// There is no transcript yet.
    NoTranscript,
    /// Another has locked it, who cannot have our latch.
    Busy,
    /// Another file was put in its place while it was being locked.
    Replaced,
}

impl Wall {
    /// The lock, if there is something to be locked; or what stands in the way.
    pub(crate) fn granted(self) -> Result<Option<Locked>, Obstacle> {
        match self {
            Self::Stands(locked) => Ok(Some(locked)),
            Self::NoTranscript => Ok(None),
            Self::Busy => Err(Obstacle::Transcript),
            Self::Replaced => Err(Obstacle::Replaced),
        }
    }
}

/// Refuses what no session can live in, before anything is made beside it.
pub(crate) fn refuse_others(system: &System, place: &Place) -> Result<(), LatchError> {
    let Ok(facts) = system.disk.facts(&place.transcript) else {
        return Ok(());
    };
    let linked = (facts.nlink > 1).then_some(Refusal::HardLinked { names: facts.nlink });
    match Refusal::of(facts.kind).or(linked) {
        Some(why) => Err(LatchError::Refused {
            path: place.transcript.clone(),
            why,
        }),
        None => Ok(()),
    }
}

/// Opens and locks the transcript, without waiting.
///
/// It is opened before it is looked at, which saves a call each time: without following a symlink, without waiting and
/// without becoming anybody's terminal, so that a FIFO or a device that stands there is refused all the same.
pub(crate) fn build(system: &System, place: &Place) -> Result<Wall, LatchError> {
    let path = &place.transcript;
    let refused = |why| {
        Err(LatchError::Refused {
            path: path.clone(),
            why,
        })
    };
    let file: Arc<dyn DiskFile> = match system.disk.open(path, &OpenHow::appending()) {
        Ok(file) => file.into(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Wall::NoTranscript);
        }
        Err(error) => return Err(refused_or_io(system, path, error)),
    };
    let facts = file.facts().doing("look at", path)?;
    if let Some(why) = Refusal::of(facts.kind) {
        return refused(why);
    }
    let file = OpenFile::seen(file, &facts);
    if !file.get().try_lock().doing("lock the transcript", path)? {
        return Ok(Wall::Busy);
    }
    let locked = Locked::of(file, path);
    // Under the lock, so that a file just being put in place by another of us is never met half-way.
    match locked.in_place(system)?.map(|found| found.nlink) {
        None | Some(0) => Ok(Wall::Replaced),
        Some(1) => Ok(Wall::Stands(locked)),
        Some(names) => refused(Refusal::HardLinked { names }),
    }
}

/// Whether what was built still fits what stands at the path.
pub(crate) fn still_fits(
    system: &System,
    place: &Place,
    transcript: Option<&Locked>,
) -> Result<bool, LatchError> {
    match transcript {
        Some(locked) => Ok(locked.in_place(system)?.is_some()),
        None => match system.disk.facts(&place.transcript) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(refused_or_io(system, &place.transcript, error)),
        },
    }
}
