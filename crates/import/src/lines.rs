//! A stream in lines: each within the limits, every byte counted and hashed, whether its line is taken or not.
//!
//! Invariant: no more than one line is in memory. A line beyond the limit is read past and named by its length.

use std::io::{self, BufRead};

use latchwork_format::Limits;

/// The longest line that is read. What a line becomes must fit a line of the transcript, with some words around it.
pub const LINE_BYTES_MAX: usize = (64 << 20) - (64 << 10);

/// The most levels of nesting in a line: a transcript's own, less what is put around it.
const DEPTH_MAX: usize = 500;

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line; its bytes are in [`Lines::line`].
    Line {
        /// The stream ends within it.
        torn: bool,
    },
    /// A line of so many bytes, which is too long.
    TooLong(u64),
    /// Nothing.
    End,
}

/// A stream in lines.
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    hash: blake3::Hasher,
    /// How much of what comes next is in the hash already: hashing large pieces is several times as fast.
    hashed_ahead: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            bytes: 0,
            hash: blake3::Hasher::new(),
            hashed_ahead: 0,
        }
    }

    /// The line that was read last, without its newline.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }

    pub(crate) fn advance(&mut self) -> io::Result<Next> {
        self.line.clear();
        let mut length = 0_u64;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', buffer);
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let taken = part.len() + usize::from(end.is_some());
            length += part.len() as u64;
            if length <= LINE_BYTES_MAX as u64 {
                self.line.extend_from_slice(part);
            }
            if let Some(new) = buffer.get(self.hashed_ahead..) {
                self.hash.update(new);
                self.hashed_ahead += new.len();
            }
            self.hashed_ahead -= taken.min(self.hashed_ahead);
            self.input.consume(taken);
            self.bytes += taken as u64;
            if taken == 0 && length == 0 {
                return Ok(Next::End);
            }
            if end.is_some() || taken == 0 {
                self.number += 1;
                return Ok(self.found(length, end.is_none()));
            }
        }
    }

    fn found(&mut self, length: u64, torn: bool) -> Next {
        if length <= LINE_BYTES_MAX as u64 {
            return Next::Line { torn };
        }
        self.line = Vec::new();
        Next::TooLong(length)
    }
}

/// Limits for a line of a source.
pub(crate) fn limits() -> Limits {
    Limits {
        line_bytes: LINE_BYTES_MAX,
        depth: DEPTH_MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LINE_BYTES_MAX, Lines, Next};

    #[test]
    fn a_line_that_is_too_long_is_passed_and_its_neighbours_are_read() {
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX + 1));
        text.extend(b"\nb");
        let mut lines = Lines::new(&text[..]);
        assert_eq!(lines.advance().unwrap(), Next::Line { torn: false });
        assert_eq!(
            lines.advance().unwrap(),
            Next::TooLong(LINE_BYTES_MAX as u64 + 1)
        );
        assert_eq!(lines.advance().unwrap(), Next::Line { torn: true });
        assert_eq!((lines.line(), lines.number()), (&b"b"[..], 3));
        assert_eq!(lines.advance().unwrap(), Next::End);
        assert_eq!(lines.hash(), blake3::hash(&text));
        assert_eq!(lines.bytes(), text.len() as u64);
    }

    proptest! {
        #[test]
        fn every_byte_is_hashed_and_every_line_comes(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), piece in 1_usize..9) {
            let mut lines = Lines::new(std::io::BufReader::with_capacity(piece, &text[..]));
            let mut found = Vec::new();
            while let Next::Line { torn } = lines.advance().unwrap() {
                found.extend_from_slice(lines.line());
                if !torn {
                    found.push(b'\n');
                }
            }
            prop_assert_eq!(lines.hash(), blake3::hash(&text));
            prop_assert_eq!(lines.bytes(), text.len() as u64);
            prop_assert_eq!(found, text);
        }
    }
}
