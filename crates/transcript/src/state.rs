//! What this process knows of one transcript, and how it catches up with the file.
//!
//! The parsed entries of whole lines are kept and only what was appended since is read; a file that is not the one that
//! was read (another inode, shorter, another end before the known place, a damaged line that was mended since) is read
//! anew. Invariant: `known` holds whole lines only; bytes after the last newline are handed to the caller. Deliberately absent: writing.

use std::sync::Arc;

use latchwork_format::{EntryId, Transcript};
use latchwork_session::{Head, Position};
use latchwork_sys::{DiskFile, FileFacts, IoDoing, PathError, System, read_exact_at};

use crate::fold::{fold, from_nothing, position_at};
use crate::head_file::{SavedHead, WITNESS_BYTES, checksum, witness};
use crate::layout::Place;
use crate::plan::{Placements, note_placements};

/// How much is read at once, in bytes.
const CHUNK: usize = 1 << 20;
/// How many damaged lines are looked at again: a writer mends such a line from its beginning.
const DAMAGED_LINES: usize = 256;
/// How much of each, in bytes.
const DAMAGED_BYTES: usize = 4_096;

/// The transcript as far as this process has read it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    inode: (u64, u64),
    witness: u64,
    /// The checksum of the damaged lines, as they were read.
    damaged: u64,
    pub transcript: Arc<Transcript>,
    pub placements: Placements,
    /// How many damaged lines a writer has looked at.
    pub damage_seen: usize,
}

impl Known {
    /// Reads what was appended since the last time, or everything; gives back what follows the last newline.
    ///
    /// # Blocking
    /// On the disk, for as long as what is new takes.
    pub(crate) fn catch_up(
        &mut self,
        system: &System,
        place: &Place,
        file: &dyn DiskFile,
    ) -> Result<Vec<u8>, PathError> {
        let path = &place.transcript;
        let facts = file.facts().doing("look at", path)?;
        if !self.fits(&facts, file) {
            *self = Self {
                inode: (facts.dev, facts.ino),
                ..Self::default()
            };
        }
        system.steps.reach("read:before");
        let start = self.transcript.saved_through();
        let mut bytes = read_from(file, start).doing("read", path)?;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        let rest = bytes.split_off(whole);
        if !bytes.is_empty() {
            self.take(&bytes, start);
            self.witness = self.witness_at(file, start, &bytes);
            self.damaged = self.damaged_now(file).doing("read", path)?;
        }
        Ok(rest)
    }

    /// Forgets everything: the file was changed in place.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, bytes: &[u8], start: u64) {
        let transcript = Arc::make_mut(&mut self.transcript);
        let from = transcript.entry_count();
        // The bytes begin where the known ones end, so they join.
        let joined = transcript.push_tail(bytes, start);
        debug_assert!(joined.is_ok());
        note_placements(&mut self.placements, transcript, from);
    }

    fn fits(&self, facts: &FileFacts, file: &dyn DiskFile) -> bool {
        let through = self.transcript.saved_through();
        self.inode == (facts.dev, facts.ino)
            && facts.size >= through
            && end_before(file, through).is_ok_and(|end| witness(&end) == self.witness)
            && self.damaged_now(file).is_ok_and(|now| now == self.damaged)
    }

    /// The checksum of what stands now where damaged lines were read. A reader that did not look again would miss the
    /// entry that another process has rescued there, and see its children hang in the air.
    fn damaged_now(&self, file: &dyn DiskFile) -> std::io::Result<u64> {
        let mut sum = 0;
        for damage in self.transcript.damage().iter().rev().take(DAMAGED_LINES) {
            let mut line = vec![0; damage.len.min(DAMAGED_BYTES)];
            read_exact_at(file, &mut line, damage.offset)?;
            sum = checksum(&[&u64::to_le_bytes(sum), line.as_slice()]);
        }
        Ok(sum)
    }

    fn witness_at(&self, file: &dyn DiskFile, start: u64, bytes: &[u8]) -> u64 {
        if bytes.len() >= WITNESS_BYTES || start == 0 {
            return witness(bytes);
        }
        end_before(file, self.transcript.saved_through()).map_or(0, |end| witness(&end))
    }

    /// The checksum of the end of what is known.
    pub(crate) fn witness(&self) -> u64 {
        self.witness
    }

    /// Where the active branch ends: what was saved, and the entries since then folded on top of it.
    pub(crate) fn head(&self, file: &dyn DiskFile, saved: Option<&SavedHead>) -> Option<EntryId> {
        match saved.filter(|saved| self.believes(file, saved)) {
            Some(saved) => fold(
                &self.transcript,
                saved.leaf.clone(),
                position_at(&self.transcript, saved.at),
            ),
            None => from_nothing(&self.transcript),
        }
    }

    /// Whether a saved head was written for this very file.
    pub(crate) fn believes(&self, file: &dyn DiskFile, saved: &SavedHead) -> bool {
        saved.at <= self.transcript.saved_through()
            && saved
                .leaf
                .as_ref()
                .is_none_or(|leaf| self.transcript.entry(leaf).is_some())
            && end_before(file, saved.at).is_ok_and(|end| witness(&end) == saved.witness)
    }

    /// The base for somebody who has seen everything that is known.
    pub(crate) fn as_head(&self, leaf: Option<EntryId>) -> Head {
        Head {
            leaf,
            seen: Position(self.transcript.saved_through()),
            witness: self.witness,
        }
    }
}

/// The bytes before a place that its witness covers.
pub(crate) fn end_before(file: &dyn DiskFile, place: u64) -> std::io::Result<Vec<u8>> {
    let start = place.saturating_sub(WITNESS_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(place - start).unwrap_or(0)];
    read_exact_at(file, &mut bytes, start)?;
    Ok(bytes)
}

/// Reads from a place to the end of the file.
pub(crate) fn read_from(file: &dyn DiskFile, start: u64) -> std::io::Result<Vec<u8>> {
    // As much as there is, so that nothing is made ready for more; what came since is read in pieces.
    let there = file.facts()?.size.saturating_sub(start);
    let mut bytes = vec![0; usize::try_from(there).unwrap_or(CHUNK)];
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            if bytes.len() as u64 == there && file.facts()?.size <= start + there {
                break;
            }
            bytes.resize(filled + CHUNK, 0);
        }
        let Some(room) = bytes.get_mut(filled..) else {
            break;
        };
        match file.read_at(room, start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
