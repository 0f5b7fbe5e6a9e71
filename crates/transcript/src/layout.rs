//! Where the files of a session lie.
//!
//! A folder of sessions holds `<id>.jsonl`; a lone file is a session of its own, called by its stem. Sidecars lie in
//! `.latchwork/` beside the transcript. Deliberately absent: opening anything.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use latchwork_session::SessionId;

/// The folder of sidecars, beside the transcripts.
pub const SIDECARS: &str = ".latchwork";
/// Among them, what the last list said; it may be deleted at any time.
pub const LISTED: &str = "sessions.cache";
/// The ending of a transcript.
pub(crate) const ENDING: &str = "jsonl";

/// What a store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// A folder of sessions.
    Folder {
        /// The folder.
        dir: PathBuf,
    },
    /// One transcript, wherever it lies.
    Lone {
        /// The transcript.
        path: PathBuf,
        /// The id that it goes by here.
        session: SessionId,
    },
}

/// The files of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder of the transcript.
    pub dir: PathBuf,
    /// The transcript.
    pub transcript: PathBuf,
    /// What the sidecars' names begin with.
    pub stem: String,
}

/// A path that cannot be a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} cannot be a session: {why}")]
pub struct BadPath {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl Layout {
    /// A folder of sessions.
    #[must_use]
    pub fn folder(dir: impl Into<PathBuf>) -> Self {
        Self::Folder { dir: dir.into() }
    }

    /// A lone transcript. Its stem is its id; a stem that is no id is spelled as one.
    ///
    /// # Errors
    /// When the path has no file name or does not end in `.jsonl`.
    pub fn lone(path: impl Into<PathBuf>) -> Result<Self, BadPath> {
        let path = path.into();
        let bad = |why: &str| BadPath {
            path: path.clone(),
            why: why.to_owned(),
        };
        let stem = path.file_stem().ok_or_else(|| bad("it names no file"))?;
        let stem = stem
            .to_str()
            .ok_or_else(|| bad("its name is not Unicode; rename the file"))?;
        if path.extension() != Some(OsStr::new(ENDING)) {
            return Err(bad(
                "a transcript's name ends in .jsonl; rename the file or name another",
            ));
        }
        let session = match SessionId::new(stem) {
            Ok(session) => session,
            Err(_) => spelled(stem).ok_or_else(|| bad("its name is too long"))?,
        };
        Ok(Self::Lone { path, session })
    }

    /// The files of a session; `None` when it is not one of this layout's.
    #[must_use]
    pub fn place(&self, session: &SessionId) -> Option<Place> {
        match self {
            Self::Folder { dir } => Some(Place {
                dir: dir.clone(),
                transcript: dir.join(format!("{session}.{ENDING}")),
                stem: session.as_str().to_owned(),
            }),
            Self::Lone { path, session: own } => (own == session).then(|| Place {
                dir: match path.parent() {
                    Some(dir) if dir != Path::new("") => dir.to_path_buf(),
                    _ => PathBuf::from("."),
                },
                transcript: path.clone(),
                stem: path
                    .file_stem()
                    .and_then(OsStr::to_str)
                    .unwrap_or_default()
                    .to_owned(),
            }),
        }
    }
}

/// An id for a stem that is none: what can stand stays, and a checksum of the whole keeps it unique.
fn spelled(stem: &str) -> Option<SessionId> {
    let kept: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let sum = blake3::hash(stem.as_bytes()).to_hex();
    SessionId::new(format!("x{kept}-{}", sum.get(..12)?)).ok()
}

impl Place {
    /// The folder of the sidecars.
    #[must_use]
    pub fn sidecars(&self) -> PathBuf {
        self.dir.join(SIDECARS)
    }

    /// The folder that a session is moved to when it is removed, by 16 hexadecimal digits that nothing else has.
    #[must_use]
    pub fn removed(&self, digits: &str) -> PathBuf {
        self.sidecar(&format!("removed.{digits}"))
    }

    /// A sidecar by its ending (`head`, `inbox.jsonl`, `quarantine`).
    #[must_use]
    pub fn sidecar(&self, ending: &str) -> PathBuf {
        self.sidecars().join(format!("{}.{ending}", self.stem))
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use latchwork_session::SessionId;
    use proptest::prelude::*;
    use std::path::{Path, PathBuf};

    #[test]
    fn sidecars_lie_beside_the_transcript_and_carry_its_name() {
        let id = SessionId::new("s1").unwrap();
        let place = Layout::folder("/home/a/sessions").place(&id).unwrap();
        assert_eq!(place.transcript, Path::new("/home/a/sessions/s1.jsonl"));
        assert_eq!(
            place.sidecar("inbox.jsonl"),
            Path::new("/home/a/sessions/.latchwork/s1.inbox.jsonl")
        );
    }

    #[test]
    fn a_lone_file_is_called_by_its_stem_and_nothing_else_is_its() {
        let layout = Layout::lone("chat.jsonl").unwrap();
        let Layout::Lone { session, .. } = &layout else {
            panic!()
        };
        assert_eq!(session.as_str(), "chat");
        assert_eq!(layout.place(session).unwrap().dir, Path::new("."));
        assert!(layout.place(&SessionId::new("other").unwrap()).is_none());
        assert!(Layout::lone("chat.txt").is_err() && Layout::lone("/").is_err());
    }

    proptest! {
        #[test]
        fn any_stem_has_an_id_and_two_stems_have_two(a in "[^/\0]{1,40}", b in "[^/\0]{1,40}") {
            let id = |stem: &str| match Layout::lone(PathBuf::from(format!("{stem}.jsonl"))) {
                Ok(Layout::Lone { session, .. }) => Some(session),
                _ => None,
            };
            let (one, two) = (id(&a), id(&b));
            if a != "." && a != ".." {
                prop_assert!(one.is_some(), "{a:?}");
            }
            prop_assert!(a == b || one.is_none() || one != two);
        }
    }
}
