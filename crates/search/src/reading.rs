//! A transcript as it is read here: its outline, taken up where it was left, and its entries, each read when it is asked for.
//!
//! No lock is taken and nothing is written. Invariant: an entry is given only if its line has the length and the sum that its row has.
//! Limits: memory for the outline (64 bytes and some for each entry), and for a piece or one line where that is longer.

use std::io;
use std::path::Path;

use latchwork_format::{Limits, Outline, RawEntry};
use latchwork_sys::{DiskFile, FileKind, OpenHow, System, read_up_to};

use crate::folder::Stamp;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;
/// How many lines of what is known already are held against the file.
const SAMPLES: usize = 16;
/// How much is read for one of them, in bytes.
const SAMPLE_PIECE: usize = 4 << 10;
/// A line above this size, in bytes, is no sample.
const SAMPLE_BYTES_MAX: usize = 1 << 18;

/// A transcript.
pub(crate) struct Reading {
    file: Box<dyn DiskFile>,
    /// How it looked before anything was read.
    pub(crate) stamp: Stamp,
    pub(crate) outline: Outline,
    piece: Vec<u8>,
    start: u64,
    /// How much is read at once.
    ahead: usize,
}

impl Reading {
    /// Opens a transcript; `known` are the bytes of its outline as it was.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidInput`] for what is no regular file.
    pub(crate) fn open(system: &System, path: &Path) -> io::Result<Self> {
        let file = system.disk.open(path, &OpenHow::reading())?;
        let facts = file.facts()?;
        if facts.kind != FileKind::Regular {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                facts.kind.in_words(),
            ));
        }
        Ok(Self {
            file,
            stamp: Stamp::of(&facts),
            outline: Outline::default(),
            piece: Vec::new(),
            start: 0,
            ahead: SAMPLE_PIECE,
        })
    }

    /// Takes up an outline that was kept of this file. Whether it was: if the file no longer has those lines, nothing is taken up.
    pub(crate) fn take_up(&mut self, known: &[u8]) -> io::Result<bool> {
        let Some(outline) = Outline::from_bytes(known, Limits::default()) else {
            return Ok(false);
        };
        let fits = self.has(&outline)?;
        if fits {
            self.outline = outline;
        }
        Ok(fits)
    }

    /// Whether the file still begins with what the outline knows, as far as some of its lines tell.
    fn has(&mut self, outline: &Outline) -> io::Result<bool> {
        let through = outline.saved_through();
        let header = outline.header().map_or("", |header| &header.raw);
        if through > self.stamp.size.cast_unsigned() || !self.begins_with(header)? {
            return Ok(false);
        }
        let last = outline.len().saturating_sub(1);
        for sample in 0..=SAMPLES {
            let number = u32::try_from(last * sample / SAMPLES).unwrap_or(u32::MAX);
            let Some(row) = outline.row(number) else {
                continue;
            };
            let (offset, len) = (row.offset(), row.len() as usize);
            if len > SAMPLE_BYTES_MAX {
                continue;
            }
            let line = self.bytes(offset, len)?;
            if !line.is_some_and(|line| row.fits(line)) {
                return Ok(false);
            }
        }
        // What is known ends with a line, still.
        let end = through.checked_sub(1);
        Ok(match end {
            Some(end) => self.bytes(end, 1)? == Some(b"\n"),
            None => true,
        })
    }

    fn begins_with(&mut self, header: &str) -> io::Result<bool> {
        // A mark of the byte order, or blank lines, may stand before it.
        let beginning = self.bytes(0, header.len() + 64)?.map(<[u8]>::to_vec);
        let beginning = match beginning {
            Some(bytes) => bytes,
            None => self.bytes(0, header.len())?.unwrap_or_default().to_vec(),
        };
        Ok(memchr::memmem::find(&beginning, header.as_bytes()).is_some())
    }

    /// Reads on to the end of the file. Whether it did: `stop` may say that nobody waits for it any more.
    pub(crate) fn catch_up(&mut self, stop: &dyn Fn() -> bool) -> io::Result<bool> {
        let mut offset = self.outline.saved_through();
        self.ahead = PIECE;
        let there = self.stamp.size.cast_unsigned().saturating_sub(offset) + 1;
        let mut piece = vec![0; usize::try_from(there).unwrap_or(PIECE).min(PIECE)];
        loop {
            if stop() {
                return Ok(false);
            }
            let read = self.file.read_at(&mut piece, offset)?;
            let bytes = piece.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            self.outline.push(bytes, offset).map_err(io::Error::other)?;
            offset += bytes.len() as u64;
        }
        self.outline.settle();
        Ok(true)
    }

    /// The entry of that number; `None` if its line is no longer there.
    pub(crate) fn entry(&mut self, number: u32) -> io::Result<Option<RawEntry>> {
        let Some(row) = self.outline.row(number).copied() else {
            return Ok(None);
        };
        let line = self.bytes(row.offset(), row.len() as usize)?;
        Ok(line.and_then(|line| row.entry(line)))
    }

    /// So many bytes; `None` where the file is too short to have them.
    fn bytes(&mut self, offset: u64, len: usize) -> io::Result<Option<&[u8]>> {
        let holds =
            offset >= self.start && offset + len as u64 <= self.start + self.piece.len() as u64;
        if !holds {
            self.fill(offset, len)?;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.piece.get(from..from.saturating_add(len)))
    }

    fn fill(&mut self, offset: u64, len: usize) -> io::Result<()> {
        // Small files are many: no more is asked for than there can be.
        let there = self.stamp.size.cast_unsigned().saturating_sub(offset);
        let wanted = usize::try_from(there)
            .unwrap_or(PIECE)
            .min(self.ahead)
            .max(len);
        self.start = offset;
        self.piece.resize(wanted, 0);
        // Room for one huge line is not kept for all that follow.
        self.piece.shrink_to(wanted.max(PIECE));
        let filled = read_up_to(&*self.file, &mut self.piece, offset)?;
        self.piece.truncate(filled);
        Ok(())
    }
}
