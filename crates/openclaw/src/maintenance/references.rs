//! What is in use, and what leads to what is: the names that no cleanup may take.
//!
//! A row refers to its transcript, to the sessions that count as one with it, to what its checkpoints name, and by its key to the rows
//! that it came from; a transcript that stays refers to the one that its header names. Names are compared without their folders, so
//! that a home that was moved keeps its lineage. Deliberately absent: deciding anything.

use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path};

use crate::maintenance::seen::SeenFile;
use crate::names::FileSort;
use crate::row::Entry;

/// What is in use beyond what the rows and files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Keys of rows that stay whatever else; as they are compared.
    pub keys: BTreeSet<String>,
    /// Sessions of which a lock, a turn or a request is held or waited for, by the stem of their transcripts.
    pub live: BTreeSet<String>,
}

/// Where a row's transcript is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In the store's folder, under this name.
    Here(String),
    /// Somewhere else, where nothing is touched.
    Elsewhere,
}

/// Where the transcript of a row is.
pub(crate) fn transcript(entry: &Entry, folder: &Path) -> Where {
    let own = format!("{}.jsonl", entry.session_id);
    let Some(file) = entry.session_file.as_deref().map(Path::new) else {
        return Where::Here(own);
    };
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return Where::Here(own);
    };
    let parent = file.parent().unwrap_or(Path::new(""));
    let here = parent.as_os_str().is_empty() || parent == Path::new(".") || parent == folder;
    if here {
        return Where::Here(name.to_owned());
    }
    let parts: Vec<_> = parent.components().collect();
    let named = |part: Option<&Component<'_>>, name: &str| {
        part.is_some_and(|part| part.as_os_str() == name)
    };
    let of_agent = parts.len() >= 3
        && named(parts.last(), "sessions")
        && named(parts.get(parts.len().saturating_sub(3)), "agents");
    // OpenClaw ignores any other path, and looks in the folder.
    if of_agent || !file.is_absolute() {
        Where::Elsewhere
    } else {
        Where::Here(own)
    }
}

/// Names that rows refer to.
#[derive(Debug, Default)]
pub(crate) struct Names {
    files: HashSet<String>,
    sessions: HashSet<String>,
    checkpoints: HashSet<String>,
}

impl Names {
    /// Adds what a row refers to.
    pub(crate) fn add(&mut self, entry: &Entry, folder: &Path) {
        self.add_own(entry, folder);
        let others = entry.family.iter().chain(&entry.checkpoint_sessions);
        self.sessions.extend(others.cloned());
        for name in &entry.checkpoint_names {
            self.files.insert(name.clone());
            self.checkpoints.insert(name.clone());
        }
    }

    /// Adds the session of a row alone.
    pub(crate) fn add_own(&mut self, entry: &Entry, folder: &Path) {
        if let Where::Here(name) = transcript(entry, folder) {
            self.files.insert(name);
        }
        // In a home that was moved, the old place is named and the file lies here.
        let named = entry.session_file.as_deref().map(Path::new);
        let name = named
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        self.files.extend(name.map(str::to_owned));
        self.sessions.insert(entry.session_id.clone());
    }

    /// Adds the transcript that a header names.
    pub(crate) fn add_parent(&mut self, name: &str) -> bool {
        self.files.insert(name.to_owned())
    }

    /// Whether a file is referred to.
    pub(crate) fn holds(&self, file: &SeenFile) -> bool {
        if self.files.contains(&file.name) {
            return true;
        }
        match &file.sort {
            FileSort::Transcript => self.holds_session(&file.stem),
            FileSort::Checkpoint { id } => self.checkpoints.contains(id),
            FileSort::Trajectory => {
                self.files.contains(&format!("{}.jsonl", file.stem))
                    || self.holds_session(&file.stem)
            }
            _ => false,
        }
    }

    /// Whether the stem of a transcript is that of a session: `<id>`, `<id>-topic-<topic>`, `<time>_<id>`.
    pub(crate) fn holds_session(&self, stem: &str) -> bool {
        let topic = stem.split_once("-topic-").map(|(id, _)| id);
        let rotated = stem.rsplit_once('_').map(|(_, id)| id);
        [Some(stem), topic, rotated]
            .into_iter()
            .flatten()
            .any(|id| self.sessions.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, file: Option<&str>) -> Entry {
        Entry {
            session_id: id.into(),
            session_file: file.map(Into::into),
            ..Entry::default()
        }
    }

    #[test]
    fn a_transcript_is_looked_for_where_openclaw_would() {
        let folder = Path::new("/h/agents/main/sessions");
        let here = |name: &str| Where::Here(name.to_owned());
        for (file, expected) in [
            (None, here("a.jsonl")),
            (Some("b.jsonl"), here("b.jsonl")),
            (Some("/h/agents/main/sessions/b.jsonl"), here("b.jsonl")),
            (Some("/h/agents/ops/sessions/b.jsonl"), Where::Elsewhere),
            (Some("/etc/passwd"), here("a.jsonl")),
            (Some("../b.jsonl"), Where::Elsewhere),
            (Some("/"), here("a.jsonl")),
        ] {
            assert_eq!(transcript(&entry("a", file), folder), expected, "{file:?}");
        }
    }

    #[test]
    fn topics_and_rotated_files_are_of_their_session() {
        let mut names = Names::default();
        names.add(&entry("a", None), Path::new("/h"));
        for stem in ["a", "a-topic-7", "2026-05-19T08-00-00-000Z_a"] {
            assert!(names.holds_session(stem), "{stem}");
        }
        assert!(!names.holds_session("b") && !names.holds_session("a2"));
    }
}
