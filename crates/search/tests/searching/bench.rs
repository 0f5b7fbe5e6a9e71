//! A folder of transcripts, written as programs write them, and searches over it.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use latchwork_format::EntryId;
use latchwork_search::{Found, Heads, Progress, Query, Search, SearchError, Wanted};
use latchwork_sys::System;

pub(crate) const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#;

pub(crate) struct Bench {
    root: tempfile::TempDir,
    pub(crate) system: System,
}

/// The head is the last entry of the file.
pub(crate) struct Last;

impl Heads for Last {
    fn head(&mut self, _stem: &str) -> Option<Option<EntryId>> {
        None
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sessions")).unwrap();
        Self {
            root,
            system: System::real(),
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("sessions")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.root.path().join("search/index.sqlite")
    }

    pub(crate) fn path(&self, stem: &str) -> PathBuf {
        self.folder().join(format!("{stem}.jsonl"))
    }

    /// Makes the transcript anew under a new inode.
    pub(crate) fn put(&self, stem: &str, lines: &[String]) {
        let new = self.root.path().join("new");
        fs::write(&new, whole(lines)).unwrap();
        fs::rename(new, self.path(stem)).unwrap();
    }

    pub(crate) fn append(&self, stem: &str, text: &str) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.path(stem))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn find(&self, query: &str) -> Found {
        self.find_where(query, &Wanted::default())
    }

    pub(crate) fn find_where(&self, query: &str, wanted: &Wanted) -> Found {
        self.search(query, wanted, &|| false, &mut |_| {}, false)
            .unwrap()
    }

    pub(crate) fn search(
        &self,
        query: &str,
        wanted: &Wanted,
        stop: &dyn Fn() -> bool,
        watch: &mut dyn FnMut(Progress),
        rebuild: bool,
    ) -> Result<Found, SearchError> {
        let index = self.index();
        let search = Search {
            system: &self.system,
            folder: &self.folder(),
            index: Some(&index),
            query: &Query::parse(query).unwrap(),
            wanted,
            limit: 1_000,
            rebuild,
            stop,
            watch,
        };
        search.run(&mut Last)
    }
}

/// A transcript of these lines.
pub(crate) fn whole(lines: &[String]) -> String {
    let all = std::iter::once(HEADER).chain(lines.iter().map(String::as_str));
    all.flat_map(|line| [line, "\n"]).collect()
}

/// A message.
pub(crate) fn said(id: &str, parent: Option<&str>, role: &str, text: &str) -> String {
    entry(
        id,
        parent,
        &format!(
            r#""type":"message","message":{{"role":"{role}","content":{}}}"#,
            serde_json::to_string(text).unwrap()
        ),
    )
}

pub(crate) fn entry(id: &str, parent: Option<&str>, fields: &str) -> String {
    let parent = serde_json::to_string(&parent).unwrap();
    format!(
        r#"{{{fields},"id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z"}}"#
    )
}

/// The entries that were found, as `stem/id`, in order.
pub(crate) fn ids(found: &Found) -> Vec<String> {
    found
        .hits
        .iter()
        .map(|hit| format!("{}/{}", hit.stem, hit.entry))
        .collect()
}
