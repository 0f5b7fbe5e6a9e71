//! The lines of a file from the last to the first, read in blocks that grow.
//!
//! Limits: a line beyond the limit is told of and not held. Every byte is read once.

use crate::transcript::Tail;

/// The first block, and the largest unless a line needs more.
const FIRST: usize = 64 << 10;
const LARGEST: usize = 1 << 20;

/// Fills its slice with the bytes of the file from that offset on.
pub(super) type ReadAt<'r, E> = dyn FnMut(u64, &mut [u8]) -> Result<(), E> + 'r;

/// A line, from behind.
pub(super) struct Piece<'b> {
    /// Its first byte.
    pub(super) offset: u64,
    /// None if it is beyond the limit.
    pub(super) bytes: Option<&'b [u8]>,
    /// Whether it stands after the last newline.
    pub(super) is_tail: bool,
}

pub(super) struct Blocks {
    size: u64,
    /// Where the buffer begins in the file.
    at: u64,
    buffer: Vec<u8>,
    /// The buffer's bytes that were not given yet, at its beginning.
    end: usize,
    /// How many of these, at their end, are known to hold no newline.
    searched: usize,
    /// A part of the line under way was given up.
    long: bool,
    /// Whether what stands after the last newline was given, or is known to be nothing.
    begun: bool,
    /// Whether the first line of the file was given.
    ended: bool,
    block: usize,
    line_bytes: usize,
    /// How many bytes were read.
    pub(super) read: u64,
    /// Where the last newline ends, once it was met.
    through: u64,
}

impl Blocks {
    pub(super) fn new(size: u64, line_bytes: usize) -> Self {
        Blocks {
            size,
            at: size,
            buffer: Vec::new(),
            end: 0,
            searched: 0,
            long: false,
            begun: false,
            ended: false,
            block: FIRST,
            line_bytes,
            read: 0,
            through: 0,
        }
    }

    /// The line before the ones given. What stands after the last newline is the first of them, if there is anything.
    pub(super) fn previous<E>(
        &mut self,
        read_at: &mut ReadAt<'_, E>,
    ) -> Result<Option<Piece<'_>>, E> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let unsearched = self.end - self.searched;
            let newline = memchr::memrchr(b'\n', &self.buffer[..unsearched]);
            if newline.is_none() && self.at > 0 {
                self.grow(read_at)?;
                continue;
            }
            let start = newline.map_or(0, |newline| newline + 1);
            let (end, offset) = (self.end, self.at + start as u64);
            self.end = newline.unwrap_or(0);
            self.searched = 0;
            self.ended = newline.is_none();
            let first = !std::mem::replace(&mut self.begun, true);
            if first {
                self.through = offset;
            }
            if first && offset == self.size {
                if self.ended {
                    return Ok(None);
                }
                continue;
            }
            let long = std::mem::take(&mut self.long) || end - start > self.line_bytes;
            let bytes = &self.buffer[start..end];
            return Ok(Some(Piece {
                offset,
                bytes: (!long).then_some(bytes),
                is_tail: first,
            }));
        }
    }

    fn grow<E>(&mut self, read_at: &mut ReadAt<'_, E>) -> Result<(), E> {
        if self.end > self.line_bytes {
            (self.end, self.long) = (0, true);
        }
        // As much again as a line has already, so that a long line is not copied too often.
        let wanted = self.block.max(self.end);
        let size = usize::try_from(self.at).map_or(wanted, |left| wanted.min(left));
        // What is held of a line moves behind the room for what stands before it; the memory is the same.
        self.buffer
            .resize(self.buffer.len().max(size + self.end), 0);
        self.buffer.copy_within(..self.end, size);
        self.at -= size as u64;
        read_at(self.at, &mut self.buffer[..size])?;
        self.searched = self.end;
        self.end += size;
        self.read += size as u64;
        self.block = (self.block * 2).min(LARGEST);
        Ok(())
    }

    /// What stands after the last newline, if it is whole or not.
    pub(super) fn tail(&self, whole: bool) -> Tail {
        let offset = self.through;
        let len = usize::try_from(self.size - offset).unwrap_or(usize::MAX);
        if whole {
            Tail::Unterminated { offset, len }
        } else {
            Tail::Fragment { offset, len }
        }
    }

    /// Where the last newline ends.
    pub(super) fn saved_through(&self) -> u64 {
        self.through
    }
}
