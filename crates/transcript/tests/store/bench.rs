//! The bench that these tests work at: stores over one folder, and short words for common moves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    AppendError, Birth, Commit, GuardAsk, Head, Intent, Key, Level, NewEntry, Receipt, SessionId,
    SessionLocks, Snapshot, TranscriptStore, View,
};
use latchwork_sys::{RealDisk, Steps, System, Trace, TraceDisk, TraceRules};
use latchwork_transcript::{FileStore, Layout, Options};
use serde_json::json;

/// A folder of sessions. Each store made over it is like another process: it shares no memory with the others.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    /// What the order rules of durability say of each store.
    traces: Mutex<Vec<Trace>>,
}

/// Files of which nothing is acknowledged: their names may be given before their bytes are durable.
const UNSYNCED: [&str; 13] = [
    ".lock", ".ask", ".latch", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
];

/// No test breaks a rule, whatever it is about.
impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for trace in self.traces.lock().unwrap().iter() {
                assert_eq!(trace.broken(), []);
            }
        }
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            traces: Mutex::default(),
        }
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.dir.path().join("sessions")
    }

    pub(crate) fn transcript(&self) -> PathBuf {
        self.sessions().join("s.jsonl")
    }

    pub(crate) fn sidecars(&self) -> PathBuf {
        self.sessions().join(".latchwork")
    }

    pub(crate) fn store(&self) -> FileStore {
        self.store_on(System::real())
    }

    pub(crate) fn store_with(&self, steps: Arc<dyn Steps>) -> FileStore {
        self.store_on(System {
            steps,
            ..System::real()
        })
    }

    pub(crate) fn store_on(&self, system: System) -> FileStore {
        let rules = TraceRules {
            guarded: vec!["/s.jsonl".to_owned()],
            may_be_unsynced: UNSYNCED.map(str::to_owned).to_vec(),
            ..TraceRules::default()
        };
        let (disk, trace) = TraceDisk::looking_through(system.disk, Arc::new(RealDisk), rules);
        let system = System {
            disk: Arc::new(disk),
            steps: trace.steps(system.steps),
            ..system
        };
        self.traces.lock().unwrap().push(trace);
        FileStore::new(system, Layout::folder(self.sessions()), Options::default())
    }

    /// Appends bytes as a program without any lock does.
    pub(crate) fn append_raw(&self, bytes: &[u8]) {
        append_raw(&self.transcript(), bytes);
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(std::fs::read(self.transcript()).unwrap()).unwrap()
    }
}

pub(crate) fn append_raw(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

pub(crate) fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

pub(crate) fn soon() -> Wait {
    Wait::at_most(std::time::Duration::from_secs(60))
}

pub(crate) fn user(text: &str) -> NewEntry {
    NewEntry::new(
        Body::message(&json!({ "role": "user", "content": text, "timestamp": 1 })).unwrap(),
    )
}

pub(crate) fn keyed(text: &str) -> NewEntry {
    NewEntry {
        key: Some(Key::new(text).unwrap()),
        ..user(text)
    }
}

pub(crate) fn assistant(text: &str) -> NewEntry {
    let message = json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "api": "t",
        "provider": "p", "model": "m", "stopReason": "stop", "timestamp": 2,
        "usage": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0 } });
    NewEntry::new(Body::message(&message).unwrap())
}

/// A line as pi writes it.
pub(crate) fn pi_line(id: &str, parent: Option<&str>, body: &serde_json::Value) -> String {
    let mut line = json!({
        "type": body["type"], "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z"
    });
    for (name, value) in body.as_object().unwrap() {
        line[name] = value.clone();
    }
    format!("{line}\n")
}

pub(crate) fn pi_name(id: &str, parent: Option<&str>) -> String {
    pi_line(
        id,
        parent,
        &json!({ "type": "session_info", "name": "renamed" }),
    )
}

pub(crate) fn pi_user(id: &str, parent: Option<&str>, text: &str) -> String {
    pi_line(
        id,
        parent,
        &json!({ "type": "message", "message": { "role": "user", "content": text } }),
    )
}

pub(crate) fn going_on(entries: Vec<NewEntry>) -> Commit {
    Commit {
        intent: Intent::Continue,
        birth: Some(birth()),
        ..Commit::side(entries)
    }
}

pub(crate) fn at_head(entries: Vec<NewEntry>) -> Commit {
    Commit {
        birth: Some(birth()),
        ..Commit::side(entries)
    }
}

fn birth() -> Birth {
    Birth {
        cwd: "/".into(),
        ..Birth::default()
    }
}

/// One commit under a guard of its own, durable.
pub(crate) async fn commit(
    store: &FileStore,
    base: &Head,
    commit: Commit,
) -> Result<Receipt, AppendError> {
    let session = id();
    let mut scope = LockScope::open();
    let mut guard = store
        .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .unwrap();
    let done = store.append(&mut guard, base, commit).await;
    guard.release().await.unwrap();
    if let Ok(receipt) = &done {
        receipt.reached(Level::Synced).await.unwrap();
    }
    done
}

pub(crate) async fn open(store: &FileStore) -> Snapshot {
    store.open(&id(), View::Everything).await.unwrap()
}

/// The words on the active branch, as we see it.
pub(crate) async fn said(store: &FileStore) -> Vec<String> {
    let snapshot = open(store).await;
    let Some(leaf) = &snapshot.head.leaf else {
        return Vec::new();
    };
    let branch = snapshot.transcript.branch(leaf).unwrap();
    branch
        .iter()
        .filter_map(|entry| entry.message())
        .map(|message| message.text())
        .collect()
}

/// The words on the active branch as pi sees it: the branch of the last line.
pub(crate) async fn said_for_pi(store: &FileStore) -> Vec<String> {
    let snapshot = open(store).await;
    let Some(leaf) = snapshot.transcript.leaf() else {
        return Vec::new();
    };
    let branch = snapshot.transcript.branch(leaf).unwrap();
    branch
        .iter()
        .filter_map(|entry| entry.message())
        .map(|message| message.text())
        .collect()
}

/// A session with one exchange; the base of what follows.
pub(crate) async fn begun(store: &FileStore) -> Head {
    commit(
        store,
        &Head::default(),
        going_on(vec![user("hello"), assistant("hi")]),
    )
    .await
    .unwrap()
    .head
}
