//! Does the filesystem keep its locks? Asked once for each folder.
//!
//! Three questions: is it of a kind that is known to exclude all processes that reach the file; does a second descriptor
//! really not get a lock that the first one has; and, where the kind is not trusted but was allowed, does a child process
//! not get it either? Limit: that two *machines* exclude each other cannot be seen from one of them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use latchwork_sys::{FileKind, FsKind, IoDoing, System};

use crate::latch_file;
use crate::locked::Locked;
use crate::place::Place;
use crate::{LatchError, Refusal, Unsupported};

/// Folders that were asked already; forgotten all at once when there are very many.
#[derive(Debug, Default)]
pub(crate) struct Probed(Mutex<HashSet<(u64, u64)>>);

const MOST_REMEMBERED: usize = 4_096;

impl Probed {
    /// Checks the kind of filesystem; before anything is made in the folder.
    pub(crate) fn kind(
        &self,
        system: &System,
        place: &Place,
        allow_network: bool,
    ) -> Result<(), LatchError> {
        if allow_network || self.knows(place) {
            return Ok(());
        }
        let kind = kind_of(system, place)?;
        if kind.has_trusted_locks() {
            return Ok(());
        }
        Err(unsupported(place, Unsupported::Kind(kind)))
    }

    /// Checks that the latch, which is held, is not granted twice.
    pub(crate) fn locks(
        &self,
        system: &System,
        place: &Place,
        _held: &Locked,
    ) -> Result<(), LatchError> {
        if self.knows(place) {
            return Ok(());
        }
        let sidecars = system
            .disk
            .facts(&place.sidecars)
            .doing("look at", &place.sidecars)?;
        if sidecars.kind != FileKind::Directory {
            return Err(LatchError::Refused {
                path: place.sidecars.clone(),
                why: Refusal::NotAFolder,
            });
        }
        let second = latch_file::open(system, place)?;
        if second
            .get()
            .try_lock()
            .doing("try the lock of", &place.latch)?
        {
            return Err(unsupported(place, Unsupported::GrantsTwice));
        }
        if !kind_of(system, place)?.has_trusted_locks() {
            ask_a_child(system, place)?;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert((place.dir_facts.dev, place.dir_facts.ino));
        Ok(())
    }

    fn knows(&self, place: &Place) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(place.dir_facts.dev, place.dir_facts.ino))
    }
}

fn kind_of(system: &System, place: &Place) -> Result<FsKind, LatchError> {
    let kind = system.disk.filesystem(&place.dir);
    Ok(kind.doing("ask for the filesystem of", &place.dir)?)
}

fn unsupported(place: &Place, why: Unsupported) -> LatchError {
    LatchError::Unsupported {
        dir: place.dir.clone(),
        why,
    }
}

/// Lets a child try for the latch, which is held.
fn ask_a_child(system: &System, place: &Place) -> Result<(), LatchError> {
    match system.processes.child_gets_lock(&place.latch) {
        Ok(false) => Ok(()),
        Ok(true) => Err(unsupported(place, Unsupported::GrantsToOthers)),
        Err(error) => {
            tracing::warn!(dir = ?place.dir, %error, "no child could try whether a lock here keeps it out (flock(1) is needed)");
            Ok(())
        }
    }
}
