//! The tree of a session file as rows of 64 bytes, without its lines: what is looked up, walked and counted is answered
//! from the rows, and who needs a text reads that line from its place in the file and holds it against its checksum.
//!
//! Invariants: leaf, ids, parents (bridged and cut as there), branches, damage and tail are those of a
//! [`Transcript`](crate::Transcript) of the same bytes, and the lines that [`Outline::context`] names give its context.
//! Two ids are never taken for one: a row holds its id whole, or the number of a string that was compared. A *key* is a hash
//! only, so [`Outline::keyed`] gives candidates, to be confirmed on their lines. Cloning costs nothing that grows with the
//! file, and reading on after it copies some ten kilobytes.
//!
//! As long as every parent stands before its children under an id of its own, ancestry takes a logarithm of the path and a
//! context takes its own length. A repeated id or a parent that comes later makes the outline [crooked](Outline::is_crooked):
//! then every answer walks, as the transcript does.
//!
//! Deliberately absent: texts, labels and names (their rows are found by kind), the place of our own head, files.
//! Limits: 2^32 - 2 entries (further ones are not taken, see [`Outline::is_full`]).

mod bytes;
mod chunks;
mod names;
mod odd;
mod row;
mod table;
mod walk;

#[cfg(test)]
mod tests;

use crate::fault::Limits;
use crate::header::Header;
use crate::id::EntryId;
use crate::kind::{Kind, Role};
use crate::scan::Scanner;
use crate::transcript::{Damage, HeaderFault, Tail, TailGap};

pub use row::Row;
use table::Table;
pub use walk::{ContextRows, Hang};

/// A session file as rows.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    scanner: Scanner,
    table: Table,
    tail: Option<Box<Unsettled>>,
}

/// What follows the last newline, and the state to return to when it is read again.
#[derive(Clone, Debug)]
struct Unsettled {
    tail: Tail,
    scanner: Scanner,
    table: Table,
}

impl Outline {
    /// An empty outline that reads within `limits`.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        // A row has 32 bits for a line's length.
        let line_bytes = limits.line_bytes.min(u32::MAX as usize);
        Outline {
            scanner: Scanner::with_limits(Limits {
                line_bytes,
                ..limits
            }),
            ..Outline::default()
        }
    }

    /// Reads a whole file.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut outline = Outline::default();
        outline.read(bytes);
        outline.settle();
        outline
    }

    /// Reads on. `bytes` begin at `offset` of the file: where those given before end, or at [`Outline::saved_through`], in
    /// which case what was given after the last newline is forgotten. After [`Outline::settle`] only the latter.
    ///
    /// # Errors
    /// [`TailGap`] if the bytes do not join; nothing was changed.
    pub fn push(&mut self, bytes: &[u8], offset: u64) -> Result<(), TailGap> {
        let expected = self.saved_through();
        let next = expected + self.scanner.pending();
        if offset == expected {
            self.forget_tail();
        } else if self.tail.is_some() || offset != next {
            return Err(TailGap {
                expected,
                given: offset,
            });
        }
        self.read(bytes);
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) {
        let table = &mut self.table;
        self.scanner.push(bytes, &mut |seen| table.take(seen));
    }

    /// Takes the end of what was given for the end of the file.
    pub fn settle(&mut self) -> Tail {
        if self.tail.is_none() && self.scanner.pending() > 0 {
            let (scanner, table) = (self.scanner.clone_settled(), self.table.clone());
            let rows = &mut self.table;
            let tail = self.scanner.finish(&mut |seen| rows.take(seen));
            self.tail = Some(Box::new(Unsettled {
                tail,
                scanner,
                table,
            }));
        }
        self.tail()
    }

    fn forget_tail(&mut self) {
        self.scanner.forget_pending();
        if let Some(unsettled) = self.tail.take() {
            self.scanner = unsettled.scanner;
            self.table = unsettled.table;
        }
    }

    /// Where the last newline read ends.
    #[must_use]
    pub fn saved_through(&self) -> u64 {
        self.scanner.saved_through()
    }

    /// As it stands behind the last newline.
    pub(crate) fn reader(&self) -> &crate::transcript::Reader {
        let scanner = self.tail.as_ref().map(|unsettled| &unsettled.scanner);
        scanner.unwrap_or(&self.scanner).reader()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.scanner.limits()
    }

    /// What stands after the last newline; nothing is known of it before [`Outline::settle`].
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
            .as_ref()
            .map_or(Tail::Clean, |unsettled| unsettled.tail)
    }

    /// How many bytes were given after the last newline.
    #[must_use]
    pub fn pending(&self) -> u64 {
        match &self.tail {
            Some(_) => match self.tail() {
                Tail::Clean => 0,
                Tail::Unterminated { len, .. } | Tail::Fragment { len, .. } => len as u64,
            },
            None => self.scanner.pending(),
        }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.scanner.header()
    }

    /// Whether entries may be appended, as far as the header goes.
    ///
    /// # Errors
    /// See [`HeaderFault`].
    pub fn writable(&self) -> Result<&Header, HeaderFault> {
        self.scanner.writable()
    }

    /// The lines that cannot be read, in file order.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        self.table.damage()
    }

    /// How many entries there are. They are numbered from 0, in file order.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.rows.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there were more entries than can be numbered: the rows are then only a beginning of the file.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.table.full
    }

    /// Whether a repeated id or a parent that comes later was met, so that answers cost a walk.
    #[must_use]
    pub fn is_crooked(&self) -> bool {
        self.table.crooked
    }

    /// The row of the entry of that number.
    #[must_use]
    pub fn row(&self, entry: u32) -> Option<&Row> {
        self.table.rows.get(entry as usize)
    }

    /// The rows of these entries and those after them, in file order.
    pub fn rows(&self, from: u32) -> impl Iterator<Item = (u32, &Row)> {
        let all = from..u32::try_from(self.len()).unwrap_or(u32::MAX);
        all.filter_map(|entry| Some((entry, self.row(entry)?)))
    }

    /// The entry of that id; of several, the last.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<u32> {
        self.table.find(id)
    }

    /// The id of the entry.
    #[must_use]
    pub fn id(&self, entry: u32) -> Option<EntryId> {
        self.row(entry).map(|row| self.table.names.text(row.name()))
    }

    /// The leaf by pi's rule: the last entry of the file, whatever its kind.
    #[must_use]
    pub fn leaf(&self) -> Option<u32> {
        u32::try_from(self.len()).ok()?.checked_sub(1)
    }

    /// The first of the last `count` entries of the file.
    #[must_use]
    pub fn last(&self, count: usize) -> u32 {
        u32::try_from(self.len().saturating_sub(count)).unwrap_or(u32::MAX)
    }

    /// Entries that may carry this key, the last first. Each is a question: only its line knows the key.
    #[must_use]
    pub fn keyed(&self, key: &str) -> Vec<u32> {
        self.table.keyed(key)
    }

    /// The last entry of this kind; of messages, whoever it is from. Kinds that we do not know count as one.
    #[must_use]
    pub fn newest(&self, kind: &Kind) -> Option<u32> {
        self.table.newest.kind(kind)
    }

    /// The last message from this role. Roles that we do not know count as one.
    #[must_use]
    pub fn newest_from(&self, role: &Role) -> Option<u32> {
        self.table.newest.role(role)
    }

    /// The first of the entries whose line begins at `offset` or behind it.
    #[must_use]
    pub fn position_at(&self, offset: u64) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.table.rows.get(middle) {
                Some(row) if row.offset < offset => low = middle + 1,
                _ => high = middle,
            }
        }
        u32::try_from(low).unwrap_or(u32::MAX)
    }

    /// Whether a line that cannot be read names itself so.
    #[must_use]
    pub fn has_lost(&self, id: &str) -> bool {
        self.table.has_lost(id)
    }

    /// The entries that a later line of the same id hides, in the order in which that was found.
    #[must_use]
    pub fn hidden(&self) -> &[u32] {
        self.table.hidden()
    }
}
