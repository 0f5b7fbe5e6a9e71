//! What every implementation of a seam must keep, as functions that an implementation calls in its own tests.
//!
//! A suite asserts; it panics with a sentence when a promise is broken. It makes its own sessions, through the
//! backend alone, so it runs against files, a database or anything else. Deliberately absent: timings, and whatever
//! only one backend promises.
//!
//! ```text
//! #[tokio::test]
//! async fn the_file_store_keeps_what_every_store_must() {
//!     conformance::store::keeps(&backend).await;
//! }
//! ```
#![allow(
    clippy::await_holding_invalid_type,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a suite is test code: it opens scopes, holds guards over the calls it checks, and panics"
)]

pub mod engine;
pub mod inbox;
pub mod locks;
pub mod model;
pub mod store;
pub mod tools;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use latchwork_format::{Body, SessionId};
use latchwork_lock::{LockScope, Phase, Wait};
use serde_json::json;

use crate::{
    AppendError, Birth, Commit, EntryId, GuardAsk, Head, Inbox, Intent, Key, Level, NewEntry,
    Receipt, SessionLocks, Snapshot, TranscriptStore, View,
};

/// The three seams of one backend, over one place.
#[derive(Clone)]
pub struct Backend {
    /// Guards and claims.
    pub locks: Arc<dyn SessionLocks>,
    /// Transcripts.
    pub store: Arc<dyn TranscriptStore>,
    /// Accepted messages.
    pub inbox: Arc<dyn Inbox>,
}

/// A session id that no other check uses.
fn fresh(name: &str) -> SessionId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    SessionId::new(format!("conformance-{name}-{number}")).expect("the id of a check")
}

/// The longest that a check waits for something that must come.
fn soon() -> Wait {
    Wait::at_most(std::time::Duration::from_secs(30))
}

fn user(text: &str) -> NewEntry {
    NewEntry::new(
        Body::message(&json!({ "role": "user", "content": text, "timestamp": 1 }))
            .expect("a message"),
    )
}

fn keyed(text: &str, key: &str) -> NewEntry {
    NewEntry {
        key: Some(Key::new(key).expect("a key")),
        ..user(text)
    }
}

fn assistant(text: &str) -> NewEntry {
    let message = json!({
        "role": "assistant", "content": [{ "type": "text", "text": text }], "api": "t", "provider": "p", "model": "m",
        "usage": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0,
                   "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0 } },
        "stopReason": "stop", "timestamp": 2,
    });
    NewEntry::new(Body::message(&message).expect("a message"))
}

fn label(target: &crate::EntryId) -> NewEntry {
    NewEntry::new(Body::Label {
        target: target.clone(),
        label: Some("here".into()),
    })
}

fn born(entries: Vec<NewEntry>, intent: Intent) -> Commit {
    Commit {
        entries,
        intent,
        turn: None,
        birth: Some(Birth {
            cwd: "/".into(),
            ..Birth::default()
        }),
    }
}

impl Backend {
    async fn open(&self, session: &SessionId) -> Snapshot {
        self.store
            .open(session, View::Everything)
            .await
            .expect("a session opens")
    }

    /// One commit of a side writer, durable.
    async fn commit(
        &self,
        session: &SessionId,
        base: &Head,
        commit: Commit,
    ) -> Result<Receipt, AppendError> {
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(session, Phase::SIDE, soon());
        let mut guard = self.locks.guard(&mut scope, ask).await.expect("a guard");
        let done = self.store.append(&mut guard, base, commit).await;
        guard.release().await.expect("a guard is given back");
        if let Ok(receipt) = &done {
            receipt
                .reached(Level::Synced)
                .await
                .expect("a commit becomes durable");
        }
        done
    }

    /// A new session with these entries.
    async fn begun(&self, session: &SessionId, entries: Vec<NewEntry>) -> Receipt {
        let birth = born(entries, Intent::AtHead);
        self.commit(session, &Head::default(), birth)
            .await
            .expect("a first commit")
    }

    /// What a turn that was built on `base` says.
    async fn replied(&self, session: &SessionId, base: &Head, entries: Vec<NewEntry>) -> Receipt {
        let reply = Commit {
            intent: Intent::Continue,
            ..Commit::side(entries)
        };
        self.commit(session, base, reply).await.expect("a reply")
    }

    /// The user goes back.
    async fn rewound(&self, session: &SessionId, to: &EntryId, why: &str) {
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(session, Phase::SIDE, soon());
        let mut guard = self.locks.guard(&mut scope, ask).await.expect("a guard");
        let moved = self.store.move_head(&mut guard, Some(to), why).await;
        moved.expect("a rewind");
    }

    /// The words of the messages on the active branch, in order.
    async fn said(&self, session: &SessionId) -> Vec<String> {
        let snapshot = self.open(session).await;
        let Some(leaf) = &snapshot.head.leaf else {
            return Vec::new();
        };
        let branch = snapshot.transcript.branch(leaf).unwrap_or_default();
        branch
            .iter()
            .filter_map(|entry| entry.message())
            .map(|message| message.text())
            .collect()
    }
}
