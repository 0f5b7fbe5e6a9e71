//! What a person calls a session by, and where that leads.
//!
//! A path contains `/` or ends in `.jsonl`; anything else is a session key. A key that can safely name a file is its
//! own session id; any other gets an id that is a function of the key alone, so every process finds the same file
//! without an index. Deliberately absent: opening anything.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use latchwork_format::SessionIdError;
use latchwork_session::{Key, KeyError, SessionId};
use latchwork_transcript::{BadPath, Layout};

/// How much of a key stays readable in an id that is made of it, in bytes.
const SLUG_BYTES_MAX: usize = 40;
/// How much of the key's checksum an id carries, in hexadecimal digits.
const SUM_DIGITS: usize = 8;

/// A session as it is named on a command line: `SESSION|PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionArg {
    /// A session of the home.
    Key(SessionKey),
    /// A lone file.
    Path(PathBuf),
}

/// The name that people and programs call a session by. One printable line of at most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    text: String,
    id: SessionId,
}

/// A text that names no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It cannot be a session key.
    #[error("{text:?} cannot name a session")]
    Key {
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// No id can be made of it.
    #[error("{text:?} cannot name a session")]
    Id {
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: SessionIdError,
    },
    /// It is a path that cannot be a transcript.
    #[error(transparent)]
    Path(BadPath),
}

impl SessionKey {
    /// A session key.
    ///
    /// # Errors
    /// [`AddressError::Key`] when the text is blank, longer than 512 bytes or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, AddressError> {
        let text = text.into();
        if let Err(source) = Key::new(text.as_str()) {
            return Err(AddressError::Key { text, source });
        }
        match id_of(&text) {
            Ok(id) => Ok(Self { text, id }),
            Err(source) => Err(AddressError::Id { text, source }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id of the session that this key names.
    ///
    /// ```
    /// use latchwork::SessionKey;
    ///
    /// let id = |key: &str| SessionKey::new(key).unwrap().session_id().to_string();
    /// assert_eq!(id("holiday-2026"), "holiday-2026");
    /// assert!(id("Our Holiday!").starts_with("our-holiday-"));
    /// assert_ne!(id("Our Holiday!"), id("our holiday"));
    /// ```
    #[must_use]
    pub const fn session_id(&self) -> &SessionId {
        &self.id
    }
}

fn id_of(key: &str) -> Result<SessionId, SessionIdError> {
    // Some file systems do not tell cases apart: only a key in lower case is its own file name.
    if !key.bytes().any(|b| b.is_ascii_uppercase())
        && let Ok(id) = SessionId::new(key)
    {
        return Ok(id);
    }
    let sum = blake3::hash(key.as_bytes()).to_hex();
    let sum = sum.get(..SUM_DIGITS).unwrap_or_default();
    let slug = slug(key);
    SessionId::new(if slug.is_empty() {
        format!("session-{sum}")
    } else {
        format!("{slug}-{sum}")
    })
}

/// Lower-case letters and digits of the text, with one dash for whatever stands between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if slug.len() >= SLUG_BYTES_MAX {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

impl SessionArg {
    /// Reads `SESSION|PATH`.
    ///
    /// # Errors
    /// [`AddressError::Key`] for a text that is no path and no key.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.contains('/') || text.ends_with(".jsonl") {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        SessionKey::new(text).map(Self::Key)
    }

    /// The session's id, and where a store finds it; `sessions` is the folder of the home.
    pub(crate) fn locate(&self, sessions: PathBuf) -> Result<(SessionId, Layout), AddressError> {
        match self {
            Self::Key(key) => Ok((key.session_id().clone(), Layout::folder(sessions))),
            Self::Path(path) => {
                let layout = Layout::lone(path.as_path()).map_err(AddressError::Path)?;
                let Layout::Lone { session, .. } = &layout else {
                    let why = "it is no lone file".to_owned();
                    return Err(AddressError::Path(BadPath {
                        path: path.clone(),
                        why,
                    }));
                };
                Ok((session.clone(), layout))
            }
        }
    }

    /// The session key, if it is called by one.
    #[must_use]
    pub fn session_key(&self) -> Option<&SessionKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Path(_) => None,
        }
    }
}

impl FromStr for SessionArg {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl FromStr for SessionKey {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::new(text)
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for SessionArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SessionArg, SessionKey};
    use latchwork_session::SessionId;
    use proptest::prelude::*;

    #[test]
    fn a_slash_or_the_ending_makes_a_path_and_anything_else_is_a_key() {
        for path in ["a/b", "./chat", "chat.jsonl", "/x", ".jsonl"] {
            assert!(
                matches!(SessionArg::parse(path), Ok(SessionArg::Path(_))),
                "{path}"
            );
        }
        for key in ["main", "agent:main:7", "chat.json", "Ærø"] {
            assert!(
                matches!(SessionArg::parse(key), Ok(SessionArg::Key(_))),
                "{key}"
            );
        }
        for bad in ["", "  ", "a\nb"] {
            assert!(SessionArg::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_that_differ_in_case_alone_have_ids_that_differ_in_more() {
        let id = |key: &str| SessionKey::new(key).unwrap().session_id().to_string();
        assert_eq!(id("main"), "main");
        assert_ne!(id("Main").to_ascii_lowercase(), id("main"));
        assert_ne!(id("Main"), id("MAIN"));
        assert_eq!(id("agent:main:7").len(), "agent-main-7-".len() + 8);
        assert!(id("文件").starts_with("session-"));
    }

    proptest! {
        #[test]
        fn every_key_has_one_id_that_is_a_plain_file_name(text in "\\PC{1,80}") {
            let Ok(key) = SessionKey::new(text) else { return Ok(()) };
            let id = key.session_id();
            prop_assert_eq!(&SessionId::new(id.as_str()).unwrap(), id);
            prop_assert_eq!(id.as_str().to_ascii_lowercase(), id.as_str());
            let again = SessionKey::new(id.as_str()).unwrap();
            prop_assert_eq!(again.session_id(), id, "an id is its own key");
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = SessionArg::parse(&text).map(|arg| arg.locate("/home".into()).is_ok());
        }
    }
}
