//! Who holds what of a session, without touching a lock.
//!
//! The kernel's own table (`/proc/locks`) says which files are locked; the notes in them say by whom. For people: it may
//! be out of date when it is read, and two filesystems may use one inode number.

use std::path::Path;

use latchwork_lock::{Asker, Holder};
use latchwork_sys::{OpenHow, System, read_at_most};

use crate::askers::asker_of;
use crate::claim_file::{ClaimFiles, Record};
use crate::note::Note;
use crate::{LatchError, Latches, Site};

/// How much of the table is read, in bytes.
const TABLE_BYTES_MAX: usize = 16 << 20;

/// Who holds what.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Holders {
    /// Who writes.
    pub latch: Option<Holder>,
    /// Whose turn it is.
    pub claim: Option<Holder>,
    /// Who asks for the turn; also where it is free, until the asker has it.
    pub asker: Option<Asker>,
}

impl Latches {
    /// Who holds the latch and the claim of a session at this moment. Nothing is locked to find out.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if the folder cannot be looked at.
    ///
    /// # Blocking
    ///
    /// For a few quick system calls.
    pub fn holders(&self, site: &Site) -> Result<Holders, LatchError> {
        let system = &self.shared.system;
        if system.disk.facts(site.dir()).is_err() {
            return Ok(Holders::default());
        }
        let place = self.shared.place(site)?;
        let locked = locked_inodes(system);
        let mut holders = Holders::default();
        if let Ok(file) = system.disk.open(&place.latch, &OpenHow::reading())
            && file.facts().is_ok_and(|facts| locked.contains(&facts.ino))
        {
            holders.latch = Note::read_from(&*file).map(|note| note.holder(system));
        }
        let files = ClaimFiles {
            system,
            place: &place,
        };
        let Some(epoch) = files.epochs()?.last().copied() else {
            return Ok(holders);
        };
        let file = files.open(epoch)?;
        let record = file.as_deref().and_then(Record::read_from);
        holders.asker = asker_of(&files, epoch, record.as_ref());
        if file.is_some_and(|file| file.facts().is_ok_and(|facts| locked.contains(&facts.ino))) {
            holders.claim = record.map(|record| record.by.holder(system));
        }
        Ok(holders)
    }
}

/// The inode numbers of files with a `flock` that is held, not waited for.
fn locked_inodes(system: &System) -> Vec<u64> {
    let table = system
        .disk
        .open(Path::new("/proc/locks"), &OpenHow::reading());
    let table = table
        .and_then(|file| read_at_most(&*file, TABLE_BYTES_MAX))
        .unwrap_or_default();
    String::from_utf8_lossy(&table)
        .lines()
        .filter_map(held_inode)
        .collect()
}

/// `1: FLOCK  ADVISORY  WRITE 41822 fd:01:1311 0 EOF` names inode 1311; a waiting line has an arrow after its number.
fn held_inode(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    words.nth(3)?.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::held_inode;
    use proptest::prelude::*;

    #[test]
    fn only_a_flock_that_is_held_counts() {
        assert_eq!(
            held_inode("1: FLOCK  ADVISORY  WRITE 41822 fd:01:1311 0 EOF"),
            Some(1311)
        );
        assert_eq!(
            held_inode("1: -> FLOCK  ADVISORY  WRITE 41823 fd:01:1311 0 EOF"),
            None
        );
        assert_eq!(
            held_inode("2: POSIX  ADVISORY  WRITE 7 fd:01:12 0 EOF"),
            None
        );
    }

    proptest! {
        #[test]
        fn no_line_of_the_table_makes_the_parser_panic(line in ".{0,80}") {
            let _ = held_inode(&line);
        }
    }
}
