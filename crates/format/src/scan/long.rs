//! A line beyond the limits, of which nothing is kept but its length, its checksum and what may name it.
//!
//! Invariants: whatever its pieces, it is blank exactly where the reader says so of the whole line,
//! and has the names that the salvage finds in the whole line. Limits: one step of bytes is held.

use crate::id::EntryId;
use crate::json::js_trim;
use crate::transcript::{BETWEEN_NAMES, MAX_NAME, find_names};

/// More than any pair of names takes, with what stands around them.
const WINDOW: usize = 2 * MAX_NAME + 64;
/// How much is looked at in one step.
const STEP: usize = 1 << 16;

/// What was seen of the line so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Long {
    /// Its bytes so far.
    pub(super) len: u64,
    sum: crc32fast::Hasher,
    space: Space,
    names: Hunt,
}

impl Long {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.len += piece.len() as u64;
        self.sum.update(piece);
        for part in piece.chunks(STEP) {
            self.space.push(part);
            self.names.push(part);
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.space.is_blank()
    }

    /// The checksum and the names.
    pub(super) fn end(self) -> (u32, Option<(EntryId, Option<EntryId>)>) {
        (self.sum.finalize(), self.names.end())
    }
}

/// Whether everything so far is space: ASCII's at first, and JavaScript's from the first other byte on.
#[derive(Clone, Debug, Default)]
enum Space {
    #[default]
    Ascii,
    /// With the beginning of a character whose other bytes are not there yet.
    Wide(Vec<u8>),
    Not,
}

impl Space {
    fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        if let Space::Ascii = self {
            match piece.iter().position(|byte| !byte.is_ascii_whitespace()) {
                None => return,
                Some(at) if piece[at].is_ascii() => *self = Space::Not,
                Some(at) => {
                    *self = Space::Wide(Vec::new());
                    rest = &piece[at..];
                }
            }
        }
        let Space::Wide(begun) = self else { return };
        begun.extend_from_slice(rest);
        let (text, open) = match std::str::from_utf8(begun) {
            Ok(text) => (text, 0),
            Err(error) if error.error_len().is_none() => {
                let whole = &begun[..error.valid_up_to()];
                let text = std::str::from_utf8(whole).unwrap_or_default();
                (text, begun.len() - whole.len())
            }
            Err(_) => return *self = Space::Not,
        };
        if js_trim(text).is_empty() {
            begun.drain(..begun.len() - open);
        } else {
            *self = Space::Not;
        }
    }

    fn is_blank(&self) -> bool {
        match self {
            Space::Ascii => true,
            Space::Wide(begun) => begun.is_empty(),
            Space::Not => false,
        }
    }
}

/// The search for the first place that names an entry and its parent.
#[derive(Clone, Debug, Default)]
struct Hunt {
    /// The last bytes, in which such a place may have begun.
    window: Vec<u8>,
    /// Whether the place was met; the window then holds all of it that matters.
    met: bool,
}

impl Hunt {
    fn push(&mut self, piece: &[u8]) {
        if self.met && self.window.len() >= 2 * WINDOW {
            return;
        }
        self.window.extend_from_slice(piece);
        if !self.met
            && let Some(at) = memchr::memmem::find(&self.window, BETWEEN_NAMES)
        {
            // The id stands before the place and the parent behind it.
            self.window.drain(..at.saturating_sub(WINDOW));
            self.met = true;
        }
        if self.met {
            self.window.truncate(2 * WINDOW);
        } else {
            self.window
                .drain(..self.window.len().saturating_sub(WINDOW));
        }
    }

    fn end(self) -> Option<(EntryId, Option<EntryId>)> {
        find_names(&self.window)
    }
}
