//! What this process knows of one transcript, and how it catches up with the file.
//!
//! Of each entry a row is kept (`Outline`) and no text; only what was appended since is read, in pieces. A file that is not the
//! one that was read (another inode, shorter, another end before the known place, a damaged line that was mended since) is read
//! anew, from where its saved index ends if that fits. Invariant: `known` holds whole lines only; of what follows the last newline its
//! length is told. Deliberately absent: writing.

use latchwork_format::{EntryId, Outline};
use latchwork_session::{Head, Position};
use latchwork_sys::{DiskFile, FileFacts, IoDoing, PathError, System, read_exact_at};

use crate::fold::{fold, from_nothing};
use crate::head_file::{SavedHead, WITNESS_BYTES, checksum, end_before, witness};
use crate::index;
use crate::layout::Place;

/// How much is read at once, in bytes.
pub(crate) const CHUNK: usize = 1 << 20;
/// How many damaged lines are looked at again: a writer mends such a line from its beginning.
const DAMAGED_LINES: usize = 256;
/// How much of each, in bytes.
const DAMAGED_BYTES: usize = 4_096;

/// The transcript as far as this process has read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) inode: (u64, u64),
    pub(crate) witness: u64,
    /// The checksum of the damaged lines, as they were read.
    pub(crate) damaged: u64,
    /// Its tail is never settled.
    pub outline: Outline,
    /// How many damaged lines a writer has looked at.
    pub damage_seen: usize,
    /// As far as the saved index goes, in bytes.
    pub indexed: u64,
    /// What the saved index says did not stand there, so everything is read.
    pub(crate) distrusted: bool,
    /// The file as it was right after this process had appended to it: its size, and when it was changed.
    pub(crate) stamp: Option<(u64, i64, u32)>,
}

fn stamp(facts: &FileFacts) -> (u64, i64, u32) {
    (facts.size, facts.modified_ms, facts.modified_nanos)
}

impl Known {
    /// Reads what was appended since the last time, or everything that no index tells; gives the number of bytes behind the last
    /// newline.
    ///
    /// # Blocking
    /// On the disk, for as long as what is new takes.
    pub(crate) fn catch_up(
        &mut self,
        system: &System,
        place: &Place,
        file: &dyn DiskFile,
    ) -> Result<u64, PathError> {
        let path = &place.transcript;
        let facts = file.facts().doing("look at", path)?;
        self.catch_up_to(system, place, file, &facts)
    }

    /// The same for a file that was just looked at.
    pub(crate) fn catch_up_to(
        &mut self,
        system: &System,
        place: &Place,
        file: &dyn DiskFile,
        facts: &FileFacts,
    ) -> Result<u64, PathError> {
        let path = &place.transcript;
        if !self.fits(facts, file) {
            let indexed = match self.distrusted {
                true => None,
                false => index::load(system, place, file),
            };
            let indexed = indexed.filter(|known| known.fits(facts, file));
            *self = indexed.unwrap_or_else(|| Self {
                inode: (facts.dev, facts.ino),
                ..Self::default()
            });
        }
        system.steps.reach("read:before");
        let start = self.outline.saved_through();
        self.read_on(file, facts.size).doing("read", path)?;
        if self.outline.saved_through() > start {
            self.stamp = None;
            self.witness = self.witness_now(file).doing("read", path)?;
            self.damaged = self.damaged_now(file).doing("read", path)?;
        }
        Ok(self.outline.pending())
    }

    /// Reads to the end of the file, in pieces.
    fn read_on(&mut self, file: &dyn DiskFile, size: u64) -> std::io::Result<()> {
        let mut at = self.outline.saved_through();
        // What was read behind the last newline is read again: it may have become another line.
        self.outline_push(&[], at);
        if at == size {
            return Ok(());
        }
        let room = usize::try_from(size.saturating_sub(at)).unwrap_or(CHUNK);
        let mut bytes = vec![0; room.clamp(1, CHUNK)];
        loop {
            match read_some(file, &mut bytes, at)? {
                0 => return Ok(()),
                read => {
                    self.outline_push(bytes.get(..read).unwrap_or_default(), at);
                    at += read as u64;
                }
            }
            if at >= size && file.facts()?.size <= at {
                return Ok(());
            }
        }
    }

    fn outline_push(&mut self, bytes: &[u8], at: u64) {
        // The bytes begin where the known ones end, so they join.
        let joined = self.outline.push(bytes, at);
        debug_assert!(joined.is_ok());
    }

    /// Forgets everything: the file was changed in place.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets everything, and takes nothing from the saved index either: a line was not what had been read, or what the kernel shows
    /// cannot be believed.
    pub(crate) fn distrust(&mut self) {
        self.forget();
        self.distrusted = true;
    }

    pub(crate) fn fits(&self, facts: &FileFacts, file: &dyn DiskFile) -> bool {
        self.inode == (facts.dev, facts.ino)
            && (self.stamp == Some(stamp(facts)) || self.looks_same(facts, file))
    }

    fn looks_same(&self, facts: &FileFacts, file: &dyn DiskFile) -> bool {
        facts.size >= self.outline.saved_through()
            && self.witness_now(file).is_ok_and(|now| now == self.witness)
            && self.damaged_now(file).is_ok_and(|now| now == self.damaged)
    }

    /// The checksum of what stands now where damaged lines were read. A reader that did not look again would miss the
    /// entry that another process has rescued there, and see its children hang in the air.
    fn damaged_now(&self, file: &dyn DiskFile) -> std::io::Result<u64> {
        let mut sum = 0;
        for damage in self.outline.damage().iter().rev().take(DAMAGED_LINES) {
            let mut line = vec![0; damage.len.min(DAMAGED_BYTES)];
            read_exact_at(file, &mut line, damage.offset)?;
            sum = checksum(&[&u64::to_le_bytes(sum), line.as_slice()]);
        }
        Ok(sum)
    }

    /// The checksum of what stands now before the place that is known.
    fn witness_now(&self, file: &dyn DiskFile) -> std::io::Result<u64> {
        match self.outline.saved_through() {
            0 => Ok(0),
            through => Ok(witness(&end_before(file, through)?)),
        }
    }

    /// Where the active branch ends: what was saved, and the entries since then folded on top of it.
    pub(crate) fn head(&self, file: &dyn DiskFile, saved: Option<&SavedHead>) -> Option<u32> {
        let saved = saved.filter(|saved| self.believes(file, saved));
        saved.map_or_else(
            || from_nothing(&self.outline),
            |saved| self.head_since(saved),
        )
    }

    /// The same for a saved head that is believed.
    pub(crate) fn head_since(&self, saved: &SavedHead) -> Option<u32> {
        let leaf = saved.leaf.as_ref().and_then(|leaf| self.find(leaf));
        fold(&self.outline, leaf, self.outline.position_at(saved.at))
    }

    /// Whether a saved head was written for this very file.
    pub(crate) fn believes(&self, file: &dyn DiskFile, saved: &SavedHead) -> bool {
        saved.at <= self.outline.saved_through()
            && saved
                .leaf
                .as_ref()
                .is_none_or(|leaf| self.find(leaf).is_some())
            && match saved.at == self.outline.saved_through() {
                true => saved.witness == self.witness,
                false => end_before(file, saved.at).is_ok_and(|end| witness(&end) == saved.witness),
            }
    }

    /// Takes what this process has just appended at the end of what is known, if nobody else has written: `facts` are those of the file
    /// right after it.
    pub(crate) fn append(&mut self, bytes: &[u8], facts: &FileFacts) -> bool {
        let through = self.outline.saved_through();
        let alone = self.outline.pending() == 0 && facts.size == through + bytes.len() as u64;
        // Shorter bytes are not all that the witness covers.
        if !alone || bytes.len() < WITNESS_BYTES || !self.outline.damage().is_empty() {
            return false;
        }
        self.outline_push(bytes, through);
        self.witness = witness(bytes);
        self.stamp = Some(stamp(facts));
        true
    }

    /// The entry of that id; of several, the last.
    pub(crate) fn find(&self, id: &EntryId) -> Option<u32> {
        self.outline.find(id.as_str())
    }

    /// The base for somebody who has seen everything that is known.
    pub(crate) fn as_head(&self, leaf: Option<EntryId>) -> Head {
        Head {
            leaf,
            seen: Position(self.outline.saved_through()),
            witness: self.witness,
        }
    }
}

/// Reads once, though it be interrupted.
pub(crate) fn read_some(file: &dyn DiskFile, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    loop {
        match file.read_at(bytes, at) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Reads from a place to the end of the file.
pub(crate) fn read_from(file: &dyn DiskFile, start: u64) -> std::io::Result<Vec<u8>> {
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
        match read_some(file, room, start + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
