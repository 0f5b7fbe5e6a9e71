//! The facade over real files: updates to who listens, the pair of a text-only backend, messages of another program mirrored.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

#[path = "../common/mod.rs"]
mod common;
mod messages;
mod text_turns;
mod updates;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use latchwork::format::{EntryId, RawEntry};
use latchwork::lock::{LockScope, Wait};
use latchwork::seams::{ClaimAsk, IfClaimed, Key, SessionLocks, TurnId};
use latchwork::sys::System;
use latchwork::transcript::{TranscriptUpdate, UpdateKind};
use latchwork::{
    BeforeWrite, Latchwork, MirrorError, MirrorHow, MirrorMessage, Persisted, Session, SessionArg,
    Settings, TextTurn,
};
use serde_json::{Value, json};

use crate::common::{NoSecrets, RECORDED};

struct Bench {
    _dir: tempfile::TempDir,
    latchwork: Latchwork,
    session: Session,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recorded = dir.path().join("recorded.jsonl");
        std::fs::write(&recorded, RECORDED).unwrap();
        let mut settings = Settings {
            home: Some(dir.path().join("home")),
            model: Some(format!("replay:{}@instant", recorded.display())),
            ..Settings::default()
        };
        settings.tools.root = dir.path().to_path_buf();
        let latchwork = Latchwork::new(settings, System::real(), Arc::new(NoSecrets)).unwrap();
        let named = SessionArg::parse("main").unwrap();
        Self {
            session: latchwork.session(&named).unwrap(),
            _dir: dir,
            latchwork,
        }
    }

    async fn entries(&self) -> Vec<RawEntry> {
        let snapshot = self.session.snapshot().await.unwrap();
        snapshot.transcript.entries().cloned().collect()
    }

    /// Who said what, in the order of the file.
    async fn said(&self) -> Vec<String> {
        let entries = self.entries().await;
        let said = entries.iter().filter_map(RawEntry::message);
        said.map(|message| format!("{}: {}", message.role().as_str(), message.text()))
            .collect()
    }

    async fn persist(&self, turn: &TextTurn) -> latchwork::PersistedTurn {
        let mut scope = LockScope::open();
        self.session
            .persist_text_turn(&mut scope, turn)
            .await
            .unwrap()
    }

    async fn mirror(&self, messages: &[MirrorMessage], how: &MirrorHow) -> latchwork::Mirrored {
        let mut scope = LockScope::open();
        self.session
            .mirror(&mut scope, messages, how)
            .await
            .unwrap()
    }
}

fn turn(user: &str, reply: &str) -> TextTurn {
    TextTurn {
        user: user.to_owned(),
        reply: reply.to_owned(),
        ..TextTurn::default()
    }
}

fn keyed(user: &str, reply: &str, key: &str) -> TextTurn {
    TextTurn {
        user_key: Some(Key::new(format!("{key}:user")).unwrap()),
        reply_key: Some(Key::new(format!("{key}:reply")).unwrap()),
        ..turn(user, reply)
    }
}

fn how() -> MirrorHow {
    let mut how = MirrorHow::default();
    how.scope = Some("codex-app-server:t1".to_owned());
    how
}

fn message(role: &str, text: &str, identity: Option<&str>) -> MirrorMessage {
    let content = json!([{ "type": "text", "text": text }]);
    let message = MirrorMessage::of(&json!({ "role": role, "content": content })).unwrap();
    identity.map_or(message.clone(), |identity| message.called(identity))
}
