//! One session in a folder of its own, and everything that can be done to it beside a turn.

use std::io::Write;
use std::sync::{Arc, Mutex};

use latchwork_format::{Body, RawEntry, Role};
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_runner::{
    Options, Runtime, TurnAsk, TurnError, TurnEvent, TurnReport, UserMessage, run_turn,
};
use latchwork_session::{
    Commit, GuardAsk, Head, Inbox, Key, NewEntry, SessionId, SessionLocks, Snapshot,
    TranscriptStore, View,
};
use latchwork_sys::{ScriptedSteps, System};
use latchwork_transcript::{FileStore, Layout};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::script::{Hands, Plain, Script};

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) dir: Arc<tempfile::TempDir>,
    pub(crate) store: FileStore,
    pub(crate) session: SessionId,
    pub(crate) model: Arc<Script>,
    pub(crate) tools: Arc<Hands>,
    pub(crate) engine: Arc<Plain>,
    pub(crate) steps: Arc<ScriptedSteps>,
    pub(crate) options: Options,
    pub(crate) events: Arc<Mutex<Vec<TurnEvent>>>,
    pub(crate) cancel: CancellationToken,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::in_dir(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Another process, as far as one process can play it: nothing is shared but the folder.
    pub(crate) fn neighbour(&self) -> Self {
        Self::in_dir(self.dir.clone())
    }

    fn in_dir(dir: Arc<tempfile::TempDir>) -> Self {
        let steps = Arc::new(ScriptedSteps::new());
        let system = System {
            steps: steps.clone(),
            ..System::real()
        };
        // Peers' lock files need a process of their own; here nobody looks at them.
        let options = serde_json::from_value(json!({ "locks": { "peer_lock": "never" } })).unwrap();
        let layout = Layout::folder(dir.path().join("sessions"));
        Self {
            store: FileStore::new(system, layout, options),
            dir,
            session: SessionId::new("s1").unwrap(),
            model: Arc::default(),
            tools: Arc::new(Hands::new()),
            engine: Arc::default(),
            steps,
            options: Options {
                cancel_grace_ms: 20,
                ledger: false,
                ..Options::default()
            },
            events: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    pub(crate) fn runtime(&self) -> Runtime {
        Runtime {
            locks: Arc::new(self.store.clone()),
            store: Arc::new(self.store.clone()),
            inbox: Arc::new(self.store.clone()),
            engine: self.engine.clone(),
            model: self.model.clone(),
            tools: self.tools.clone(),
            system: System {
                steps: self.steps.clone(),
                ..System::real()
            },
            options: self.options.clone(),
        }
    }

    pub(crate) fn ask(&self, message: Option<(&str, &str)>) -> TurnAsk {
        let mut ask = TurnAsk::new(self.session.clone(), "m-1");
        ask.cwd = "/work".into();
        ask.session_key = Some("the key".into());
        ask.message = message
            .map(|(key, words)| UserMessage::text(Key::new(key).unwrap(), words, 7).unwrap());
        ask
    }

    pub(crate) async fn run(&self, ask: TurnAsk) -> Result<TurnReport, TurnError> {
        let mut scope = LockScope::open();
        let events = self.events.clone();
        let watch = move |event: &TurnEvent| events.lock().unwrap().push(event.clone());
        run_turn(
            &self.runtime(),
            &mut scope,
            ask,
            Arc::new(watch),
            self.cancel.clone(),
        )
        .await
    }

    /// A turn that answers one message.
    pub(crate) async fn say(&self, key: &str, words: &str) -> Result<TurnReport, TurnError> {
        self.run(self.ask(Some((key, words)))).await
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.store
            .open(&self.session, View::Everything)
            .await
            .unwrap()
    }

    /// The active path in short words.
    pub(crate) async fn path(&self) -> Vec<String> {
        let snapshot = self.snapshot().await;
        let leaf = snapshot.head.leaf.clone();
        let path = leaf.and_then(|leaf| {
            snapshot
                .transcript
                .branch(&leaf)
                .map(|path| path.into_iter().map(in_short).collect())
        });
        path.unwrap_or_default()
    }

    /// Every entry in file order, in short words.
    pub(crate) async fn everything(&self) -> Vec<String> {
        self.snapshot()
            .await
            .transcript
            .entries()
            .map(in_short)
            .collect()
    }

    pub(crate) async fn waiting(&self) -> Vec<String> {
        let waiting = self.store.waiting(&self.session).await.unwrap();
        waiting
            .into_iter()
            .map(|message| message.key.to_string())
            .collect()
    }

    /// A writer beside the turn.
    pub(crate) async fn append(&self, entries: Vec<NewEntry>) {
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&self.session, Phase::SIDE, Wait::Forever);
        let mut guard = self.store.guard(&mut scope, ask).await.unwrap();
        self.store
            .append(&mut guard, &Head::default(), Commit::side(entries))
            .await
            .unwrap();
        guard.release().await.unwrap();
    }

    pub(crate) async fn append_message(&self, key: &str, words: &str) {
        let body = Body::message(&json!({ "role": "user", "content": words })).unwrap();
        self.append(vec![NewEntry::keyed(body, Key::new(key).unwrap())])
            .await;
    }

    /// Moves the head to the entry that says these words.
    pub(crate) async fn rewind_to(&self, short: &str, why: &str) {
        let snapshot = self.snapshot().await;
        let to = snapshot
            .transcript
            .entries()
            .find(|entry| in_short(entry) == short)
            .unwrap()
            .id()
            .clone();
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&self.session, Phase::SIDE, Wait::Forever);
        let mut guard = self.store.guard(&mut scope, ask).await.unwrap();
        self.store
            .move_head(&mut guard, Some(&to), why)
            .await
            .unwrap();
        guard.release().await.unwrap();
    }

    /// A peer that takes no lock and knows nothing of us: names the session, below an entry that it saw once.
    pub(crate) fn stale_peer_names_the_session_below(&self, parent: &str) {
        let path = self.store.place(&self.session).unwrap().transcript.clone();
        let line = json!({ "type": "session_info", "id": "peer0001", "parentId": parent,
            "timestamp": "2026-01-01T00:00:00.000Z", "name": "a name" });
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    pub(crate) fn types(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let name = |event: &TurnEvent| {
            let value = serde_json::to_value(event).unwrap();
            let phase = value["phase"].as_str().map(|phase| format!(" {phase}"));
            format!(
                "{}{}",
                value["type"].as_str().unwrap(),
                phase.unwrap_or_default()
            )
        };
        events.iter().map(name).collect()
    }
}

/// An entry in a few words: its role and text, or its type.
pub(crate) fn in_short(entry: &RawEntry) -> String {
    if let Some(message) = entry.message() {
        return match entry.role() {
            Some(Role::ToolResult) => format!(
                "result {} {}",
                message.tool_call_id().unwrap_or_default(),
                entry_outcome(entry)
            ),
            Some(Role::Assistant) => {
                let stop = message.stop_reason().unwrap_or_default().into_owned();
                format!("assistant {} ({stop})", message.text())
            }
            _ => format!("user {}", message.text()),
        };
    }
    if let Some(custom) = entry.custom() {
        return custom.custom_type.into_owned();
    }
    entry.kind().type_name().to_owned()
}

fn entry_outcome(entry: &RawEntry) -> String {
    let message: serde_json::Value =
        serde_json::from_str(entry.message_json().unwrap().text()).unwrap();
    match message["details"]["outcome"].as_str() {
        Some(outcome) => outcome.to_owned(),
        None if message["isError"] == true => "error".to_owned(),
        None => "ok".to_owned(),
    }
}
