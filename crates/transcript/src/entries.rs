//! Entries read from their lines: each is held against what was known of it when it was read before.
//!
//! Invariant: what does not fit is an error and never an entry: somebody changed the file in place, and it is to be read anew.

use latchwork_format::{Outline, RawEntry};
use latchwork_sys::{DiskFile, IoDoing, PathError, read_exact_at};

use crate::layout::Place;
use crate::state::CHUNK;

/// Lines no further apart than this, in bytes, are read at once.
const NEAR: u64 = 4_096;

/// The entries of a file that is known.
pub(crate) struct Entries<'a> {
    pub outline: &'a Outline,
    /// None where nothing is there yet.
    pub file: Option<&'a dyn DiskFile>,
    pub place: &'a Place,
}

/// Somebody changed what was read before.
#[derive(Debug, thiserror::Error)]
#[error(
    "the line at byte {offset} is not the one that was read; another program has changed the file in place"
)]
pub(crate) struct Changed {
    offset: u64,
}

impl Entries<'_> {
    /// One entry.
    pub(crate) fn read(&self, number: u32) -> Result<RawEntry, PathError> {
        let mut read = self.read_all(&[number])?;
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let one = read.pop().map(|(_, entry)| entry);
        one.ok_or_else(missing)
            .doing("read an entry of", &self.place.transcript)
    }

    /// All of these, in the order of the file.
    pub(crate) fn read_all(&self, numbers: &[u32]) -> Result<Vec<(u32, RawEntry)>, PathError> {
        let mut sorted: Vec<u32> = numbers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut read = Vec::with_capacity(sorted.len());
        let mut bytes = Vec::new();
        let mut rest = sorted.as_slice();
        while !rest.is_empty() {
            let (near, further) = rest.split_at(self.near(rest));
            rest = further;
            self.read_near(near, &mut bytes, &mut read)
                .doing("read entries of", &self.place.transcript)?;
        }
        Ok(read)
    }

    /// How many of the first stand near each other.
    fn near(&self, numbers: &[u32]) -> usize {
        let mut rows = numbers
            .iter()
            .filter_map(|number| self.outline.row(*number));
        let Some(first) = rows.next() else {
            return numbers.len();
        };
        let mut end = first.offset() + u64::from(first.len());
        let room = first.offset() + CHUNK as u64;
        let near = rows.take_while(|row| {
            let next = row.offset() + u64::from(row.len());
            let is_near = row.offset() <= end + NEAR && next <= room;
            end = next;
            is_near
        });
        1 + near.count()
    }

    fn read_near(
        &self,
        numbers: &[u32],
        bytes: &mut Vec<u8>,
        read: &mut Vec<(u32, RawEntry)>,
    ) -> std::io::Result<()> {
        let rows = || {
            numbers
                .iter()
                .filter_map(|number| Some((*number, self.outline.row(*number)?)))
        };
        let (Some((_, first)), Some((_, last))) = (rows().next(), rows().next_back()) else {
            return Ok(());
        };
        let start = first.offset();
        let end = last.offset() + u64::from(last.len());
        bytes.resize(usize::try_from(end - start).unwrap_or(0), 0);
        let file = self.file.ok_or(std::io::ErrorKind::NotFound)?;
        read_exact_at(file, bytes, start)?;
        for (number, row) in rows() {
            let from = usize::try_from(row.offset() - start).unwrap_or(0);
            let line = bytes
                .get(from..from + row.len() as usize)
                .unwrap_or_default();
            let Some(entry) = row.entry(line) else {
                let changed = Changed {
                    offset: row.offset(),
                };
                return Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    changed,
                ));
            };
            read.push((number, entry));
        }
        Ok(())
    }

    /// The newest placement of a keyed message, and its number: the greatest, and of equal ones the last in the file.
    pub(crate) fn placement(&self, key: &str) -> Result<Option<(u32, u32)>, PathError> {
        let mut newest: Option<(u32, u32)> = None;
        for number in self.outline.keyed(key) {
            let entry = self.read(number)?;
            if entry.key().as_deref() != Some(key) {
                continue;
            }
            let placement = entry.mark().map_or(1, |mark| mark.placement.max(1));
            if newest.is_none_or(|(_, known)| placement > known) {
                newest = Some((number, placement));
            }
        }
        Ok(newest)
    }
}

/// Whether an error says that the file was changed in place, or became shorter.
pub(crate) fn is_changed(error: &PathError) -> bool {
    let inner = error.source.get_ref();
    error.source.kind() == std::io::ErrorKind::UnexpectedEof
        || inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<Changed>)
}
