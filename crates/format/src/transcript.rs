//! A session file as a tree of entries.
//!
//! Reading takes bytes and never fails: what cannot be read is reported ([`Damage`], [`Tail`],
//! [`HeaderFault`]) and left out, and what was below it is bridged to what was above it. A file can be read
//! in pieces, and then reads as it would in one ([`Transcript::push_tail`]). Several whole entries on one line are read
//! as the entries that they are (pi passes over such a line); in version 1 they have no ids to be told by, and are damage.
//!
//! Not here: files, locks, and the place of our own head: [`Transcript::leaf`] is pi's rule, the last line.
//!
//! Invariants: an undamaged file reads exactly as pi 0.87 reads it; every walk ends, whatever the parents
//! say. Limits: all entries are held in memory, each as its line, but for a [part](Transcript::part).

mod fork;
mod index;
mod migrate;
mod part;
mod pieces;
mod reader;
mod salvage;
mod tree;

use std::collections::HashMap;
use std::ops::Range;

use crate::entry::RawEntry;
use crate::fault::{Limits, LineFault};
use crate::header::Header;
use crate::id::EntryId;
use index::Index;

pub use fork::{ForkError, fork};
pub(crate) use migrate::as_custom;
pub use migrate::{MigrateError, migrate};
pub(crate) use pieces::side_by_side;
pub use pieces::{Pieces, pieces};
pub(crate) use reader::{Reader, Reading, is_blank};
pub(crate) use salvage::{BETWEEN_NAMES, Lost, MAX_NAME, find_names};
pub(crate) use tree::MAX_LOST_IN_A_ROW;
pub use tree::{Tree, TreeFault};

/// An entry and its place in the file; on a line that holds several whole ones, its place on that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The entry.
    pub entry: RawEntry,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, without the newline.
    pub len: usize,
    /// The line, counted from 1.
    pub number: u64,
}

/// A line that cannot be read. It stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Damage {
    /// The line, counted from 1.
    pub line: u64,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, without the newline.
    pub len: usize,
    /// What is wrong.
    pub why: LineFault,
    /// The entry's id, where it could still be made out.
    pub id: Option<EntryId>,
    /// The entry's parent, where it could still be made out (only with `id`).
    pub parent: Option<EntryId>,
    /// How many entries were read before it.
    pub entries_before: usize,
}

/// What stands after the last newline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: the file ends with a newline, or is empty.
    #[default]
    Clean,
    /// A whole line (or only space) that lacks its newline. It is read; whoever appends closes it first.
    Unterminated {
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        len: usize,
    },
    /// The beginning of a line: a write under way, or one that was cut off. It is not read.
    Fragment {
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        len: usize,
    },
}

/// Why a file may not be written as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// Nothing was read yet.
    #[error("there is no session header, as nothing readable is there")]
    Empty,
    /// The first line that can be read is not a header.
    #[error("line {line} comes first and is not a session header")]
    Missing {
        /// The line, counted from 1.
        line: u64,
    },
    /// A version that we do not know, so that what we add might be wrong.
    #[error(
        "the session's format has version {written}, and only versions 1 to 3 are written; it can be read"
    )]
    UnknownVersion {
        /// The version as written.
        written: String,
    },
}

/// A tail that does not join what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes to read begin at {given}, but what was read ends at {expected}")]
pub struct TailGap {
    /// Where the next byte is expected.
    pub expected: u64,
    /// Where the given bytes begin.
    pub given: u64,
}

/// A session file, read.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    limits: Limits,
    lines: Vec<Line>,
    damage: Vec<Damage>,
    reader: Reader,
    index: Index,
    tail: Option<Unsettled>,
    /// Where only some lines are held.
    beyond: Option<Box<part::Beyond>>,
}

/// What follows the last newline, and the state to return to when it is read again.
#[derive(Clone, Debug)]
struct Unsettled {
    tail: Tail,
    before: Reader,
    entries: usize,
}

impl Transcript {
    /// An empty transcript that reads within `limits`.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Transcript {
            limits,
            ..Transcript::default()
        }
    }

    /// Reads a whole file.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut transcript = Transcript::default();
        transcript.read(bytes);
        transcript
    }

    /// Reads on. `bytes` begin at `offset` of the file, which must be [`Transcript::saved_through`]: a tail
    /// without a newline is read again from its beginning.
    ///
    /// # Errors
    /// [`TailGap`] if the bytes do not join, as none do to a [part](Transcript::part); nothing was changed.
    pub fn push_tail(&mut self, bytes: &[u8], offset: u64) -> Result<(), TailGap> {
        let expected = self.saved_through();
        if offset != expected || !self.is_whole() {
            return Err(TailGap {
                expected,
                given: offset,
            });
        }
        self.forget_tail();
        self.read(bytes);
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let reading = self.reader.line(&bytes[start..end], self.limits);
            self.take(reading, 0..end - start);
            self.reader.offset += (end - start + 1) as u64;
            start = end + 1;
        }
        if start < bytes.len() {
            self.read_tail(&bytes[start..]);
        }
    }

    fn read_tail(&mut self, rest: &[u8]) {
        let (before, entries) = (self.reader.clone(), self.lines.len());
        let (offset, len) = (self.reader.offset, rest.len());
        let reading = self.reader.line(rest, self.limits);
        let tail = if let Reading::Damaged(_) = reading {
            self.reader = before.clone();
            Tail::Fragment { offset, len }
        } else {
            self.take(reading, 0..len);
            Tail::Unterminated { offset, len }
        };
        self.tail = Some(Unsettled {
            tail,
            before,
            entries,
        });
    }

    /// `part` of the line that the reader stands at was read.
    fn take(&mut self, reading: Reading, part: Range<usize>) {
        let (offset, number) = (self.reader.offset + part.start as u64, self.reader.number);
        let len = part.len();
        match reading {
            Reading::Nothing => {}
            Reading::Several(pieces) => {
                for (piece, reading) in pieces {
                    self.take(reading, piece);
                }
            }
            Reading::Entry(entry) => {
                self.index.add(&entry, self.lines.len());
                self.lines.push(Line {
                    entry,
                    offset,
                    len,
                    number,
                });
            }
            Reading::Damaged(lost) => {
                let (why, id, parent) = (lost.why, lost.id, lost.parent);
                let entries_before = self.lines.len();
                self.index.lose(id.as_ref(), self.damage.len());
                self.damage.push(Damage {
                    line: number,
                    offset,
                    len,
                    why,
                    id,
                    parent,
                    entries_before,
                });
            }
        }
    }

    fn forget_tail(&mut self) {
        let Some(unsettled) = self.tail.take() else {
            return;
        };
        self.reader = unsettled.before;
        if self.lines.len() > unsettled.entries {
            self.lines.truncate(unsettled.entries);
            self.index = Index::build(&self.lines, &self.damage);
        }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.reader.header()
    }

    /// Whether entries may be appended, as far as the header goes. Versions 1 and 2 are [migrated](migrate) first.
    ///
    /// # Errors
    /// See [`HeaderFault`]; reading works in every case.
    pub fn writable(&self) -> Result<&Header, HeaderFault> {
        self.reader.writable()
    }

    /// Where the next byte to read stands: after the last newline.
    #[must_use]
    pub fn saved_through(&self) -> u64 {
        match &self.tail {
            Some(unsettled) => unsettled.before.offset,
            None => self.reader.offset,
        }
    }

    /// What stands after the last newline.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail
            .as_ref()
            .map_or(Tail::Clean, |unsettled| unsettled.tail)
    }

    /// The lines that cannot be read, in file order.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The entries with their places, in file order. The header is none of them.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The entries in file order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &RawEntry> + ExactSizeIterator {
        self.lines.iter().map(|line| &line.entry)
    }

    /// Entries that lie beyond a [part](Transcript::part) and say what a context needs to know: the thinking level, the model.
    #[must_use]
    pub fn above(&self) -> &[RawEntry] {
        self.beyond.as_ref().map_or(&[], |beyond| &beyond.above)
    }

    /// How many entries are held.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.lines.len()
    }

    /// The entry of that id; of several, the last.
    #[must_use]
    pub fn entry(&self, id: &EntryId) -> Option<&RawEntry> {
        self.line(id).map(|line| &line.entry)
    }

    /// The entry of that id and its place; of several, the last.
    #[must_use]
    pub fn line(&self, id: &EntryId) -> Option<&Line> {
        self.lines.get(self.index.position(id)?)
    }

    /// The leaf by pi's rule: the last entry of the file, whatever its kind.
    #[must_use]
    pub fn leaf(&self) -> Option<&EntryId> {
        if let Some(beyond) = &self.beyond {
            return beyond.leaf.as_ref();
        }
        self.lines.last().map(|line| line.entry.id())
    }

    /// The name of the session: the last one given to it, unless that was empty.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.index.name()
    }

    /// The label of an entry: the last one given to it, unless that was empty.
    #[must_use]
    pub fn label(&self, id: &EntryId) -> Option<&str> {
        self.index.labels().get(id).map(String::as_str)
    }

    /// All labels, by entry.
    #[must_use]
    pub fn labels(&self) -> &HashMap<EntryId, String> {
        self.index.labels()
    }
}
