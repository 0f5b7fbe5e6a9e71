//! What the last list of a folder said of each session: a cache that may be deleted at any time.
//!
//! A row counts as long as its files look the same (inode, size, time of change). It is kept by the store, and for the next process in
//! `.latchwork/sessions.cache`, where that folder is: rows as JSON behind a line with their sum, written over in place and never synced. One
//! that is torn or strange is made anew; one that cannot be written is done without.

use std::collections::HashMap;

use latchwork_session::SessionSummary;
use latchwork_sys::{FileFacts, OpenHow, System};
use serde::{Deserialize, Serialize};

use crate::layout::{LISTED, SIDECARS};
use crate::state::read_from;
use crate::tail::write_all;

/// Which facts a row has. One that a version before left lacks some, and does not count.
const SHAPE: u8 = 2;

/// How a file looked: inode, size, and when it was changed.
pub(crate) type Stamp = (u64, u64, i64, u32);

pub(crate) fn stamp(facts: &FileFacts) -> Stamp {
    (
        facts.ino,
        facts.size,
        facts.modified_ms,
        facts.modified_nanos,
    )
}

/// What a list says of one session, and of which files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub transcript: Option<Stamp>,
    pub inbox: Option<Stamp>,
    pub session_key: Option<String>,
    pub name: Option<String>,
    pub title: Option<String>,
    pub cwd: Option<String>,
    pub created: Option<String>,
    pub waiting: usize,
    pub parent: Option<String>,
}

impl Row {
    pub(crate) fn of(
        summary: &SessionSummary,
        transcript: Option<Stamp>,
        inbox: Option<Stamp>,
    ) -> Self {
        Self {
            transcript,
            inbox,
            session_key: summary.session_key.clone(),
            name: summary.name.clone(),
            title: summary.title.clone(),
            cwd: summary.cwd.clone(),
            created: summary.created.clone(),
            waiting: summary.waiting,
            parent: summary.parent.clone(),
        }
    }

    pub(crate) fn fill(&self, summary: &mut SessionSummary) {
        summary.session_key.clone_from(&self.session_key);
        summary.name.clone_from(&self.name);
        summary.title.clone_from(&self.title);
        summary.cwd.clone_from(&self.cwd);
        summary.created.clone_from(&self.created);
        summary.waiting = self.waiting;
        summary.parent.clone_from(&self.parent);
    }
}

/// The rows by the stems of the sessions' names.
pub(crate) type Rows = HashMap<String, Row>;

/// The rows that the last process left.
pub(crate) fn load(system: &System, dir: &std::path::Path) -> Rows {
    let path = dir.join(SIDECARS).join(LISTED);
    let file = system.disk.open(&path, &OpenHow::reading());
    let bytes = file
        .and_then(|file| read_from(&*file, 0))
        .unwrap_or_default();
    read(&bytes).unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Rows> {
    let end = memchr::memchr(b'\n', bytes)?;
    let (head, rest) = bytes.split_at_checked(end + 1)?;
    let (len, sum, shape): (usize, u32, u8) = serde_json::from_slice(head).ok()?;
    if shape != SHAPE {
        return None;
    }
    let rows = rest
        .get(..len)
        .filter(|rows| crc32fast::hash(rows) == sum)?;
    serde_json::from_slice(rows).ok()
}

/// Leaves the rows to the next process.
pub(crate) fn save(system: &System, dir: &std::path::Path, rows: &Rows) {
    let path = dir.join(SIDECARS).join(LISTED);
    let put = || {
        let rows = serde_json::to_vec(rows)?;
        let mut bytes = serde_json::to_vec(&(rows.len(), crc32fast::hash(&rows), SHAPE))?;
        bytes.push(b'\n');
        bytes.extend(rows);
        let file = system.disk.open(&path, &OpenHow::updating().or_create())?;
        write_all(&*file, 0, &bytes)
    };
    if let Err(error) = put() {
        tracing::debug!(?path, %error, "the list was not kept for the next one");
    }
}
