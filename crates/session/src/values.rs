//! The plain values that every seam speaks in.

use std::fmt;

use latchwork_format::EntryId;
use serde::{Deserialize, Serialize};

/// A place in the stored order of one session: a byte offset in a file, a row number in a table. Only its
/// order means anything to a caller.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position(pub u64);

/// Where the active branch of a session ends, as somebody saw it, and how much of the session that was.
///
/// It is the *base* of a commit: the commit compares it with what is there by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The entry that the branch ends with; `None` before the first entry.
    pub leaf: Option<EntryId>,
    /// Everything before this place had been seen.
    pub seen: Position,
    /// The backend's own check that what was seen is still what is stored before `seen` (a file: its
    /// identity and a checksum of its end; a table: nothing). Opaque to callers.
    pub witness: u64,
}

/// The name of one message in one session: a retry with the same key is the same message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 512;

/// A text that cannot name a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing but white space.
    #[error("an idempotency key must not be blank")]
    Blank,
    /// Too long.
    #[error("an idempotency key has at most {KEY_BYTES_MAX} bytes; this one has {0}")]
    TooLong(usize),
    /// Not printable in one line.
    #[error("an idempotency key must not contain control characters")]
    Control,
}

impl Key {
    /// A key.
    ///
    /// # Errors
    /// When the text is blank, longer than 512 bytes or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        if text.trim().is_empty() {
            Err(KeyError::Blank)
        } else if text.len() > KEY_BYTES_MAX {
            Err(KeyError::TooLong(text.len()))
        } else if text.chars().any(char::is_control) {
            Err(KeyError::Control)
        } else {
            Ok(Self(text))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one turn, written beside each entry that the turn commits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnId(pub String);

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// The death of this process (panic, SIGKILL, out of memory). Not a crash of the machine.
    Buffered,
    /// A crash or power loss of the machine, on storage that honours flush: the data and the name of the file.
    Synced,
    /// The loss of the machine, where a database says so.
    Replicated,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buffered => "buffered",
            Self::Synced => "synced",
            Self::Replicated => "replicated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyError, Level};
    use proptest::prelude::*;

    #[test]
    fn levels_are_ordered_by_what_they_survive() {
        assert!(Level::Buffered < Level::Synced && Level::Synced < Level::Replicated);
    }

    proptest! {
        #[test]
        fn a_key_is_one_printable_line_of_bounded_length(text in any::<String>()) {
            match Key::new(text.clone()) {
                Ok(key) => prop_assert!(key.as_str() == text && text.len() <= 512 && !text.contains('\n')),
                Err(KeyError::Blank) => prop_assert!(text.trim().is_empty()),
                Err(KeyError::TooLong(length)) => prop_assert_eq!(length, text.len()),
                Err(_) => prop_assert!(text.chars().any(char::is_control)),
            }
        }
    }
}
