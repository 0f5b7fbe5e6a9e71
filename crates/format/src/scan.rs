//! The facts of each line of a session file, in one pass and without building a tree: where it stands, its checksum, and
//! for an entry its kind, id, parent and key.
//!
//! Invariants: every fact is what [`Transcript`](crate::Transcript) says of the same bytes, damage included, and the size
//! of the pieces in which they come changes nothing. A line of the form that programs write is read by a small reader of
//! its own that checks all of the line's JSON; whatever that does not take is left to the reader of the transcript.
//!
//! Deliberately absent: files, texts, anything that needs two lines at once ([`outline`](crate::outline)).
//!
//! Limits: one line is held at most, and of a line beyond [`Limits::line_bytes`] only what may name it.

mod long;
pub(crate) mod quick;

use std::borrow::Cow;
use std::ops::Range;

use crate::entry::RawEntry;
use crate::fault::{Limits, LineFault};
use crate::header::Header;
use crate::id::EntryId;
use crate::kind::Kind;
use crate::mark::Mark;
use crate::ours;
use crate::transcript::{HeaderFault, Lost, Reader, Reading, Tail};
use long::Long;

/// A buffer larger than this is given back after the line that needed it.
const KEPT_BUFFER: usize = 1 << 20;

/// One line and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, without the newline.
    pub len: u64,
    /// Its line, counted from 1.
    pub number: u64,
    /// The CRC-32 (IEEE) of its bytes, without the newline.
    pub sum: u32,
    /// What it is.
    pub what: What<'a>,
}

/// What one line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// Space, or a session header.
    Nothing,
    /// An entry.
    Entry(Facts<'a>),
    /// A line that cannot be read.
    Damaged {
        /// What is wrong.
        why: LineFault,
        /// The entry's id, where it could still be made out.
        id: Option<EntryId>,
        /// The entry's parent, where it could still be made out (only with `id`).
        parent: Option<EntryId>,
    },
}

/// The facts of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// The parent that the line names.
    pub parent: Option<Cow<'a, str>>,
    /// What sort of entry this is.
    pub kind: Kind,
    /// The key that names its message within the session: ours, or OpenClaw's.
    pub key: Option<Cow<'a, str>>,
    /// Which placement of that message this is, by our mark; 1 without one.
    pub placement: u32,
    /// Whether it carries our mark.
    pub ours: bool,
    /// Whether our mark says that it was written beside the active branch.
    pub aside: bool,
    /// Whether it is of the kind `custom` and speaks of our head ([`ours::HEAD`]).
    pub head: bool,
    /// The entry from which a compaction keeps on.
    pub first_kept: Option<Cow<'a, str>>,
    /// Whether it says how hard the model is to think.
    pub sets_level: bool,
    /// Whether it is a message of a known role in the usual form, and nothing but a bracket stands behind it on the line.
    pub ends_with_message: bool,
}

impl Facts<'static> {
    /// The facts of an entry that was read.
    #[must_use]
    pub fn of(entry: &RawEntry) -> Self {
        let owned = |id: &EntryId| Cow::Owned(id.as_str().to_owned());
        let mark = entry.mark();
        let compaction = entry.compaction();
        let kept = compaction.and_then(|compaction| compaction.first_kept);
        let custom = entry.custom();
        Facts {
            id: owned(entry.id()),
            parent: entry.parent().map(owned),
            kind: entry.kind().clone(),
            key: entry.key().map(Cow::Owned),
            placement: mark.as_ref().map_or(1, |mark| mark.placement),
            ours: mark.is_some(),
            aside: mark.is_some_and(|mark: Mark| mark.other.contains_key(ours::ASIDE)),
            head: custom.is_some_and(|custom| custom.custom_type == ours::HEAD),
            first_kept: kept.as_ref().map(owned),
            sets_level: entry.thinking_level().is_some(),
            ends_with_message: quick::entry(entry.raw(), usize::MAX)
                .is_some_and(|facts| facts.ends_with_message),
        }
    }
}

/// Scans a whole file: `each` is given every line in file order, the last one too if it is whole.
pub fn scan(bytes: &[u8], mut each: impl FnMut(&Seen<'_>)) -> Tail {
    let mut scanner = Scanner::default();
    scanner.push(bytes, &mut each);
    scanner.finish(&mut each)
}

/// Reads the lines of a file that comes in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    limits: Limits,
    reader: Reader,
    /// The beginning of a line whose end is not there yet.
    partial: Vec<u8>,
    /// What is kept of such a line once it is beyond the limits.
    long: Option<Box<Long>>,
}

impl Scanner {
    /// A scanner that reads within `limits`.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Scanner {
            limits,
            ..Scanner::default()
        }
    }

    /// A scanner that goes on behind a part of a file whose header is known, and whose lines speak for themselves.
    pub(crate) fn resumed(limits: Limits, header: Header, offset: u64, lines: u64) -> Self {
        Scanner {
            limits,
            reader: Reader::resumed(header, offset, lines),
            ..Scanner::default()
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// How many lines were read.
    pub(crate) fn lines_read(&self) -> u64 {
        self.reader.number
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Reads on; `bytes` follow those given before.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&Seen<'_>)) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let piece = &bytes[start..end];
            start = end + 1;
            if self.partial.is_empty() && self.long.is_none() {
                self.line(piece, each);
            } else {
                self.hold(piece);
                self.held_line(each);
            }
        }
        self.hold(&bytes[start..]);
    }

    /// Takes what stands after the last newline for the file's tail; `each` is given it if it is a whole line.
    ///
    /// Nothing may be pushed any more: a line that grows is to be read from its beginning.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Seen<'_>)) -> Tail {
        let offset = self.reader.offset;
        let len = self.pending();
        if len == 0 {
            return Tail::Clean;
        }
        let before = self.reader.clone();
        let mut whole = true;
        self.held_line(&mut |seen| {
            whole = !matches!(seen.what, What::Damaged { .. });
            if whole {
                each(seen);
            }
        });
        self.reader.offset = offset;
        // A length that does not fit could not have been pushed.
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if whole {
            Tail::Unterminated { offset, len }
        } else {
            self.reader = before;
            Tail::Fragment { offset, len }
        }
    }

    /// Where the last newline read ends: nothing before it is asked for again.
    #[must_use]
    pub fn saved_through(&self) -> u64 {
        self.reader.offset
    }

    /// How many bytes were given after the last newline.
    #[must_use]
    pub fn pending(&self) -> u64 {
        match &self.long {
            Some(long) => long.len,
            None => self.partial.len() as u64,
        }
    }

    /// The header, once it was read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.reader.header()
    }

    /// Whether entries may be appended, as far as the header goes.
    ///
    /// # Errors
    /// See [`HeaderFault`].
    pub fn writable(&self) -> Result<&Header, HeaderFault> {
        self.reader.writable()
    }

    /// Forgets the bytes after the last newline, so that they can be given again from [`Scanner::saved_through`] on.
    pub fn forget_pending(&mut self) {
        self.partial.clear();
        self.long = None;
    }

    /// Whether an entry's line is all that its facts depend on.
    pub(crate) fn lines_speak_for_themselves(&self) -> bool {
        self.reader.lines_speak_for_themselves()
    }

    /// A scanner that stands after the last newline, without what was given behind it.
    pub(crate) fn clone_settled(&self) -> Self {
        Scanner {
            limits: self.limits,
            reader: self.reader.clone(),
            ..Scanner::default()
        }
    }

    /// Keeps a piece of a line without its end.
    fn hold(&mut self, piece: &[u8]) {
        if let Some(long) = &mut self.long {
            long.push(piece);
        } else if self.partial.len() + piece.len() <= self.limits.line_bytes {
            self.make_room(piece.len());
            self.partial.extend_from_slice(piece);
        } else {
            let mut long = Box::<Long>::default();
            long.push(&std::mem::take(&mut self.partial));
            long.push(piece);
            self.long = Some(long);
        }
    }

    /// Doubles what can be held, but not beyond what a line may have.
    fn make_room(&mut self, more: usize) {
        let (len, room) = (self.partial.len(), self.partial.capacity());
        if len + more > room {
            let wanted = (2 * room).min(self.limits.line_bytes).max(len + more);
            self.partial.reserve_exact(wanted - len);
        }
    }

    fn held_line(&mut self, each: &mut dyn FnMut(&Seen<'_>)) {
        if let Some(long) = self.long.take() {
            return self.long_line(*long, each);
        }
        let mut line = std::mem::take(&mut self.partial);
        self.line(&line, each);
        if line.capacity() <= KEPT_BUFFER {
            line.clear();
            self.partial = line;
        }
    }

    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(&Seen<'_>)) {
        if self.reader.lines_speak_for_themselves()
            && line.len() <= self.limits.line_bytes
            && let Some(facts) = quick::entry(line, self.limits.depth)
        {
            self.reader.pass();
            self.seen(line, 0..line.len(), What::Entry(facts), each);
        } else {
            let reading = self.reader.line(line, self.limits);
            self.told(line, 0..line.len(), &reading, each);
        }
        self.reader.offset += line.len() as u64 + 1;
    }

    /// Tells what was read of a part of a line: of all of it, or of one of the objects that share it.
    fn told(
        &self,
        line: &[u8],
        part: Range<usize>,
        reading: &Reading,
        each: &mut dyn FnMut(&Seen<'_>),
    ) {
        let what = match reading {
            Reading::Several(pieces) => {
                for (piece, reading) in pieces {
                    self.told(line, piece.clone(), reading, each);
                }
                return;
            }
            Reading::Nothing => What::Nothing,
            Reading::Entry(entry) => What::Entry(Facts::of(entry)),
            Reading::Damaged(Lost { why, id, parent }) => What::Damaged {
                why: why.clone(),
                id: id.clone(),
                parent: parent.clone(),
            },
        };
        self.seen(line, part, what, each);
    }

    fn seen(
        &self,
        line: &[u8],
        part: Range<usize>,
        what: What<'_>,
        each: &mut dyn FnMut(&Seen<'_>),
    ) {
        each(&Seen {
            offset: self.reader.offset + part.start as u64,
            len: part.len() as u64,
            number: self.reader.number,
            sum: crc32fast::hash(&line[part]),
            what,
        });
    }

    fn long_line(&mut self, long: Long, each: &mut dyn FnMut(&Seen<'_>)) {
        let (len, blank) = (long.len, long.is_blank());
        let (sum, names) = long.end();
        self.reader.pass_long(blank);
        let (id, parent) = names.map_or((None, None), |(id, parent)| (Some(id), parent));
        let why = LineFault::TooLong {
            bytes: usize::try_from(len).unwrap_or(usize::MAX),
            max: self.limits.line_bytes,
        };
        let what = if blank {
            What::Nothing
        } else {
            What::Damaged { why, id, parent }
        };
        each(&Seen {
            offset: self.reader.offset,
            len,
            number: self.reader.number,
            sum,
            what,
        });
        self.reader.offset += len + 1;
    }
}
