//! Which session is meant, and where its transcript is.
//!
//! A site is a plain value: nothing is looked up when it is made. Invariant: its session id can be
//! the front part of a file name, with room for our longest ending.

use std::path::{Path, PathBuf};

/// The folder beside the transcripts that holds everything of ours but the transcripts.
pub const SIDECARS: &str = ".latchwork";

/// Longest session id in bytes: names made from it must stay within 255.
const LONGEST_ID: usize = 200;

/// A session and the files that it lives in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    dir: PathBuf,
    session: String,
    file_name: String,
}

/// A session id or path that cannot name a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot name a session: {why}")]
pub struct BadSite {
    /// The id or file name.
    pub name: String,
    /// What is wrong with it, and what would be right.
    pub why: &'static str,
}

impl Site {
    /// The session `session`, whose transcript is the file `file_name` in `dir`.
    ///
    /// # Errors
    ///
    /// [`BadSite`] if the id or the name cannot stand in a file name.
    pub fn new(dir: impl Into<PathBuf>, session: &str, file_name: &str) -> Result<Self, BadSite> {
        for name in [session, file_name] {
            let bad = |why| {
                Err(BadSite {
                    name: name.to_owned(),
                    why,
                })
            };
            if name.is_empty() || name == "." || name == ".." {
                return bad("it must be a name of its own");
            }
            if name.contains(['/', '\0']) {
                return bad("it must not contain a slash or a NUL");
            }
            if name.len() > LONGEST_ID + ".jsonl".len() {
                return bad(
                    "it is too long; the names of lock files made from it would not fit (at most 200 bytes)",
                );
            }
        }
        if session.len() > LONGEST_ID {
            let why = "it is too long; the names of lock files made from it would not fit (at most 200 bytes)";
            return Err(BadSite {
                name: session.to_owned(),
                why,
            });
        }
        Ok(Self {
            dir: dir.into(),
            session: session.to_owned(),
            file_name: file_name.to_owned(),
        })
    }

    /// A lone transcript: its session is called like the file, without the ending.
    ///
    /// # Errors
    ///
    /// [`BadSite`] if the path has no file name or one that is not Unicode.
    pub fn of_transcript(path: &Path) -> Result<Self, BadSite> {
        let bad = |why| BadSite {
            name: path.to_string_lossy().into_owned(),
            why,
        };
        let file_name = path.file_name().ok_or_else(|| bad("it has no file name"))?;
        let file_name = file_name
            .to_str()
            .ok_or_else(|| bad("its file name is not Unicode"))?;
        let session = Path::new(file_name)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or(file_name);
        let dir = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Self::new(dir, session, file_name)
    }

    /// The folder of the transcript.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The transcript's file name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The path of the transcript.
    #[must_use]
    pub fn transcript(&self) -> PathBuf {
        self.dir.join(&self.file_name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_file_is_called_by_its_stem() {
        let site = Site::of_transcript(Path::new("/home/me/talk.v1.jsonl")).unwrap();
        assert_eq!(
            (site.session(), site.file_name()),
            ("talk.v1", "talk.v1.jsonl")
        );
        assert_eq!(site.transcript(), Path::new("/home/me/talk.v1.jsonl"));
        assert_eq!(
            Site::of_transcript(Path::new("talk.jsonl")).unwrap().dir(),
            Path::new(".")
        );
    }

    #[test]
    fn names_that_would_not_fit_or_leave_the_folder_are_refused() {
        let long = "x".repeat(201);
        for session in ["", ".", "..", "a/b", "a\0b", long.as_str()] {
            assert!(Site::new("/d", session, "f.jsonl").is_err(), "{session:?}");
        }
        assert!(
            Site::new(
                "/d",
                &"x".repeat(200),
                &format!("{}.jsonl", "x".repeat(200))
            )
            .is_ok()
        );
        assert!(Site::of_transcript(Path::new("/")).is_err());
    }

    proptest! {
        #[test]
        fn every_accepted_id_leaves_room_for_the_longest_ending(id in "\\PC{1,260}") {
            if let Ok(site) = Site::new("/d", &id, "f.jsonl") {
                let longest = format!("{}.claim.{}.ask", site.session(), u64::MAX);
                prop_assert!(longest.len() <= 255);
                let path = Path::new("/d").join(&id);
                prop_assert_eq!(path.parent(), Some(Path::new("/d")));
            }
        }
    }
}
