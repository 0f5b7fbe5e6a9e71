//! Where entries come from, and what can go wrong on the way from there to a writer.
//!
//! Deliberately absent: files. Who has one reads a line by its [row](latchwork_format::outline::Row); who has the bytes takes [`Lines`].

use std::io;

use latchwork_format::{EntryId, Outline, RawEntry};

/// Gives entries by their number in the [`Outline`].
pub trait Source {
    /// The entry; `None` if its line is not any more what it was when the outline was made: the export says so and goes on.
    ///
    /// # Errors
    /// Where it cannot be read at all; the export ends there.
    fn entry(&mut self, number: u32) -> io::Result<Option<RawEntry>>;
}

/// The entries of bytes that are at hand.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    outline: &'a Outline,
}

impl<'a> Lines<'a> {
    /// The entries of these bytes, of which this is the outline.
    #[must_use]
    pub const fn new(bytes: &'a [u8], outline: &'a Outline) -> Self {
        Lines { bytes, outline }
    }
}

impl Source for Lines<'_> {
    fn entry(&mut self, number: u32) -> io::Result<Option<RawEntry>> {
        Ok(self.outline.row(number).and_then(|row| {
            let start = usize::try_from(row.offset()).ok()?;
            let end = start.checked_add(row.len() as usize)?;
            row.entry(self.bytes.get(start..end)?)
        }))
    }
}

/// A session that is exported: its tree, and where its head is.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The tree.
    pub outline: &'a Outline,
    /// The end of the active branch; `None` where that is empty.
    pub head: Option<u32>,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Entries in the export.
    pub entries: usize,
    /// Entries of the session, those on other branches included.
    pub of: usize,
    /// Entries that could not be read any more.
    pub lost: usize,
    /// Bytes written.
    pub bytes: u64,
}

/// An export ended early. What was written until then is no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is no such entry.
    #[error("the session has no entry {0:?} whose branch could be exported")]
    NoEntry(EntryId),
    /// An entry could not be read.
    #[error("an entry of the session could not be read")]
    Read(#[source] io::Error),
    /// The export could not be written.
    #[error("the export could not be written")]
    Write(#[source] io::Error),
}

/// Counts what goes through to a writer.
pub(crate) struct Counted<'w> {
    to: &'w mut dyn io::Write,
    pub(crate) bytes: u64,
}

impl<'w> Counted<'w> {
    pub(crate) fn new(to: &'w mut dyn io::Write) -> Self {
        Counted { to, bytes: 0 }
    }

    /// Writes all of it.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.to.write_all(bytes).map_err(ExportError::Write)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
