//! Why a session is as it is: what is held and waited for, what the turn under way does, what the last one came to.
//!
//! Nothing is locked or written, and a session that cannot be read is told of as far as its locks go. Deliberately absent: words for
//! people, and what can be typed about it; that is the program's.

use std::path::PathBuf;

use latchwork_filelock::{FolderView, LockView};
use latchwork_format::{EntryId, Kind, RawEntry, Role, ours};
use latchwork_session::{AcquireError, Inbox as _, Snapshot, Waiting};
use serde_json::Value;

use crate::{Latchwork, Session};

/// What is going on in a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Why {
    /// Its transcript.
    pub place: PathBuf,
    /// What is held, waited for and asked for.
    pub locks: LockView,
    /// What could be read of the session.
    pub read: Result<Read, String>,
}

/// What the session's files tell.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Read {
    /// Whether there is a transcript.
    pub exists: bool,
    /// What comes next in the conversation, to judge by its last entry: what a turn under way is about.
    pub next: Next,
    /// Messages that are accepted and not yet answered.
    pub waiting: Vec<Waiting>,
    /// What the last turn came to, as it has written it down.
    pub last_turn: Option<LastTurn>,
}

/// What comes next in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Nothing was said yet, or everything is answered.
    #[default]
    Nothing,
    /// The model is to speak.
    Model,
    /// These tools are to run.
    Tools(Vec<String>),
}

/// The figures of the last turn, by its ledger in the transcript.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LastTurn {
    /// The entry.
    pub entry: Option<EntryId>,
    /// When it was written, as it stands there.
    pub at: String,
    /// The turn's name.
    pub turn: String,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
    /// How long it held a guard, in milliseconds.
    pub guard_ms: f64,
    /// How often a model was asked.
    pub rounds: u64,
    /// How many calls of tools there were.
    pub tool_calls: u64,
    /// Its phases, in their order; none where an older version wrote it.
    pub phases: Vec<PhaseOfTurn>,
}

/// A phase of the last turn, all its times together, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PhaseOfTurn {
    /// Its name.
    pub phase: String,
    /// How often it was gone through.
    pub times: u64,
    /// How long it took.
    pub took_ms: f64,
    /// How often it took a guard.
    pub guards: u64,
    /// How long it waited for guards.
    pub waited_ms: f64,
    /// How long it held them.
    pub held_ms: f64,
}

impl Latchwork {
    /// What is held, waited for and asked for in the home. No transcript is opened, and nobody is disturbed.
    ///
    /// # Errors
    /// If the folder cannot be listed; without a home there is nothing.
    pub async fn locks(&self) -> Result<FolderView, AcquireError> {
        match self.home_store() {
            Some(store) => store.folder_view().await,
            None => Ok(FolderView::default()),
        }
    }
}

impl Session {
    /// What is going on in it.
    ///
    /// # Errors
    /// If its sidecars cannot be listed.
    pub async fn why(&self) -> Result<Why, AcquireError> {
        let locks = self.store().lock_view(self.id()).await?;
        Ok(Why {
            place: self.place(),
            locks,
            read: self.read().await,
        })
    }

    async fn read(&self) -> Result<Read, String> {
        let snapshot = self.snapshot().await.map_err(|error| error.to_string())?;
        let waiting = self.store().waiting(self.id()).await;
        Ok(Read {
            exists: snapshot.exists,
            next: next(&snapshot),
            waiting: waiting.map_err(|error| error.to_string())?,
            last_turn: last_turn(&snapshot),
        })
    }
}

fn next(snapshot: &Snapshot) -> Next {
    let leaf = snapshot.head.leaf.as_ref();
    let branch = leaf.and_then(|leaf| snapshot.transcript.branch(leaf));
    let branch = branch.unwrap_or_default();
    let mut done: Vec<String> = Vec::new();
    for message in branch.iter().rev().filter_map(|entry| entry.message()) {
        match message.role() {
            Role::ToolResult => done.extend(message.tool_call_id().map(String::from)),
            Role::Assistant => {
                let calls = message.tool_calls().into_iter();
                let is_open = |id: &str| !done.iter().any(|done| done == id);
                let open = calls.filter(|call| call.id.as_deref().is_none_or(is_open));
                let open: Vec<String> = open
                    .map(|call| call.name.map(String::from).unwrap_or_default())
                    .collect();
                return match (open.is_empty(), done.is_empty()) {
                    (false, _) => Next::Tools(open),
                    (true, false) => Next::Model,
                    (true, true) => Next::Nothing,
                };
            }
            Role::User => return Next::Model,
            _ => {}
        }
    }
    Next::Nothing
}

/// The newest ledger, on whatever branch it stands.
fn last_turn(snapshot: &Snapshot) -> Option<LastTurn> {
    let mut customs = snapshot
        .transcript
        .entries()
        .rev()
        .filter(|entry| *entry.kind() == Kind::Custom);
    customs.find_map(ledger)
}

fn ledger(entry: &RawEntry) -> Option<LastTurn> {
    let value: Value = serde_json::from_str(entry.text()).ok()?;
    if value.get("customType")? != ours::TURN {
        return None;
    }
    let data = value.get("data")?;
    let phases = data.get("phases").and_then(Value::as_array);
    Some(LastTurn {
        entry: Some(entry.id().clone()),
        at: entry.timestamp().to_owned(),
        turn: text(data, "turn"),
        total_ms: millis(data, "totalMs"),
        guard_ms: millis(data, "guardMs"),
        rounds: count(data, "rounds"),
        tool_calls: count(data, "toolCalls"),
        phases: phases.into_iter().flatten().map(phase).collect(),
    })
}

fn phase(data: &Value) -> PhaseOfTurn {
    PhaseOfTurn {
        phase: text(data, "phase"),
        times: count(data, "times"),
        took_ms: millis(data, "tookMs"),
        guards: count(data, "guards"),
        waited_ms: millis(data, "waitedMs"),
        held_ms: millis(data, "heldMs"),
    }
}

fn text(data: &Value, name: &str) -> String {
    let text = data.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn millis(data: &Value, name: &str) -> f64 {
    data.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

fn count(data: &Value, name: &str) -> u64 {
    data.get(name).and_then(Value::as_u64).unwrap_or(0)
}
