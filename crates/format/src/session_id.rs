//! The name of a session. It becomes file names, so it is checked before it is one.
//!
//! Limits: at most [`SessionId::MAX_BYTES`], which leaves room for the longest suffix of a sidecar.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Endings that name other files beside a transcript, ours or a peer's.
const RESERVED_SUFFIXES: [&str; 9] = [
    ".lock",
    ".jsonl",
    ".json",
    ".tmp",
    ".latch",
    ".head",
    ".index",
    ".quarantine",
    ".trajectory",
];

/// Why a text is no session id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionIdError {
    /// There is nothing.
    #[error("a session id cannot be empty")]
    Empty,
    /// Too long for a file name with a suffix.
    #[error("a session id has at most {max} bytes, this one has {bytes}", max = SessionId::MAX_BYTES)]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It would look like an option or a hidden file.
    #[error("a session id begins with a letter or a digit, not with {first:?}")]
    BadStart {
        /// The first character.
        first: char,
    },
    /// It could not be a file name everywhere.
    #[error(
        "a session id consists of letters, digits, '.', '_' and '-'; {character:?} at byte {at} is none of them"
    )]
    BadCharacter {
        /// The offending character.
        character: char,
        /// Its place.
        at: usize,
    },
    /// The name belongs to another kind of file.
    #[error(
        "a session id cannot end in {suffix:?} or hold it, as that names another file beside the transcript"
    )]
    Reserved {
        /// What is reserved.
        suffix: &'static str,
    },
}

/// A session's id: 1 to 200 ASCII letters, digits, `.`, `_`, `-`, beginning with a letter or a digit, and
/// not ending like a sidecar's name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The most bytes an id may have.
    pub const MAX_BYTES: usize = 200;

    /// Takes `id` if it can safely name a file.
    ///
    /// # Errors
    /// See [`SessionIdError`].
    pub fn new(id: impl AsRef<str>) -> Result<Self, SessionIdError> {
        let id = id.as_ref();
        let first = id.chars().next().ok_or(SessionIdError::Empty)?;
        if id.len() > Self::MAX_BYTES {
            return Err(SessionIdError::TooLong { bytes: id.len() });
        }
        if !first.is_ascii_alphanumeric() {
            return Err(SessionIdError::BadStart { first });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some((at, character)) = id.char_indices().find(|&(_, c)| !allowed(c)) {
            return Err(SessionIdError::BadCharacter { character, at });
        }
        // Some file systems do not tell cases apart.
        let lower = id.to_ascii_lowercase();
        if let Some(suffix) = RESERVED_SUFFIXES
            .into_iter()
            .find(|suffix| lower.ends_with(suffix))
        {
            return Err(SessionIdError::Reserved { suffix });
        }
        // OpenClaw keeps checkpoints of a transcript under such names and refuses them as ids.
        if lower.contains(".checkpoint.") {
            return Err(SessionIdError::Reserved {
                suffix: ".checkpoint.",
            });
        }
        Ok(SessionId(Arc::from(id)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        SessionId::new(id)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        SessionId::new(id).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_that_could_be_taken_for_something_else_is_refused() {
        for bad in [
            "",
            "-rf",
            "--help",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "a\0",
            "a b",
            "a\nb",
            "é",
            "x.lock",
            "x.LOCK",
            "x.jsonl",
            "x.tmp",
            "x.trajectory",
            "x.checkpoint.7",
            "x.latch",
        ] {
            assert!(SessionId::new(bad).is_err(), "{bad:?} was taken");
        }
        assert!(SessionId::new("a".repeat(201)).is_err());
    }

    #[test]
    fn the_ids_of_pi_and_openclaw_are_taken() {
        for good in [
            "01a20243-5ab1-74e8-9273-e133911022ef",
            "a",
            "7",
            "topic_1.x-y",
        ] {
            assert_eq!(SessionId::new(good).unwrap().as_str(), good);
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_a_plain_file_name(id in ".{0,20}") {
            if let Ok(id) = SessionId::new(&id) {
                prop_assert!(!id.as_str().contains(['/', '\\', '\0', ' ', '\n']));
                prop_assert!(!id.as_str().starts_with(['-', '.']));
            }
        }
    }
}
