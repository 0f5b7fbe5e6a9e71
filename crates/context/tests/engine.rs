//! The default engine over a real store, with a model whose answers are written down beforehand.
#![allow(
    clippy::await_holding_invalid_type,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests hold guards over the calls they check, open scopes, and may panic"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchwork_context::{Options, TranscriptEngine};
use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase, Unlocked, Wait};
use latchwork_session::{
    Birth, Commit, CompactAsk, ContextEngine, EngineParts, EngineScope, GuardAsk, Head, Intent,
    ModelError, ModelEvent, ModelProvider, ModelRequest, ModelStream, NewEntry, ProviderInfo,
    Reply, ReplyBlock, SessionId, SessionLocks, SessionRef, Snapshot, TranscriptStore, View,
};
use latchwork_sys::System;
use latchwork_transcript::{FileStore, Layout};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Answers what it was told to, once each; then it fails.
#[derive(Default)]
struct Script {
    answers: Mutex<Vec<Result<&'static str, ModelError>>>,
    asked: Mutex<Vec<ModelRequest>>,
}

#[async_trait::async_trait]
impl ModelProvider for Script {
    fn info(&self) -> ProviderInfo {
        ProviderInfo::new("script", "script", None)
    }

    async fn stream<'a>(
        &'a self,
        _nothing_is_held: Unlocked<'a>,
        request: ModelRequest,
        _cancel: CancellationToken,
    ) -> Result<ModelStream<'a>, ModelError> {
        self.asked.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.is_empty() {
            Err(down())
        } else {
            answers.remove(0)
        };
        let mut reply = Reply::begun(&self.info(), "m");
        reply.blocks = vec![ReplyBlock::Text {
            text: answer?.to_owned(),
            signature: None,
        }];
        let event = Ok(ModelEvent::Finished(Box::new(reply)));
        Ok(Box::pin(futures::stream::iter([event])))
    }
}

fn down() -> ModelError {
    ModelError::Unreachable {
        provider: "script".into(),
        address: "nowhere".into(),
        why: "it is a test".into(),
    }
}

struct World {
    _dir: tempfile::TempDir,
    store: FileStore,
    model: Arc<Script>,
    parts: EngineParts,
    session: SessionId,
}

impl World {
    async fn new(exchanges: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(
            System::real(),
            Layout::folder(dir.path().join("s")),
            Default::default(),
        );
        let model = Arc::new(Script::default());
        let parts = EngineParts {
            locks: Arc::new(store.clone()),
            store: Arc::new(store.clone()),
            model: model.clone(),
            wait: Duration::from_secs(30),
            cancel: CancellationToken::new(),
        };
        let world = Self {
            _dir: dir,
            store,
            model,
            parts,
            session: SessionId::new("s").unwrap(),
        };
        let mut entries = Vec::new();
        for number in 0..exchanges {
            entries.push(
                json!({ "role": "user", "content": format!("wish {number}"), "timestamp": 1 }),
            );
            entries.push(json!({ "role": "assistant", "content": [{ "type": "text", "text": "x".repeat(400) }],
                "api": "a", "provider": "p", "model": "m", "stopReason": "stop", "timestamp": 1 }));
        }
        world.append(entries).await;
        world
    }

    async fn append(&self, messages: Vec<serde_json::Value>) {
        let entries = messages
            .iter()
            .map(|message| NewEntry::new(Body::message(message).unwrap()))
            .collect();
        let birth = Some(Birth {
            cwd: "/".into(),
            ..Birth::default()
        });
        let commit = Commit {
            entries,
            intent: Intent::AtHead,
            turn: None,
            birth,
        };
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&self.session, Phase::SIDE, Wait::Forever);
        let mut guard = self.store.guard(&mut scope, ask).await.unwrap();
        self.store
            .append(&mut guard, &Head::default(), commit)
            .await
            .unwrap();
    }

    async fn snapshot(&self) -> Snapshot {
        self.store
            .open(&self.session, View::Everything)
            .await
            .unwrap()
    }

    async fn compact(
        &self,
        engine: &TranscriptEngine,
        snapshot: Snapshot,
    ) -> latchwork_session::CompactReport {
        let mut scope = LockScope::open();
        let mut lent = EngineScope::new(&mut scope, None, &self.session, &self.parts);
        let ask = CompactAsk {
            session: SessionRef {
                id: self.session.clone(),
                key: None,
            },
            snapshot,
            token_budget: None,
            force: false,
            instructions: Some("the tests".into()),
            model: "m".into(),
        };
        engine.compact(&mut lent, ask).await.unwrap()
    }
}

fn engine() -> TranscriptEngine {
    TranscriptEngine::new(Options {
        keep_recent_tokens: 200,
        attempts: 2,
        ..Options::default()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_shortens_the_context_and_keeps_the_history() {
    let world = World::new(10).await;
    world
        .model
        .answers
        .lock()
        .unwrap()
        .push(Ok("## Goal\nfaster"));
    let before = world.snapshot().await;
    let report = world.compact(&engine(), before.clone()).await;
    assert!(
        report.compacted && report.tokens_after.unwrap() < report.tokens_before,
        "{report:?}"
    );
    let after = world.snapshot().await;
    assert_eq!(
        after.transcript.entry_count(),
        before.transcript.entry_count() + 1
    );
    let context = latchwork_format::context(&after.transcript, after.head.leaf.as_ref());
    let texts: Vec<String> = context
        .messages
        .iter()
        .map(|message| message.json().text().to_owned())
        .collect();
    assert!(texts[0].contains("## Goal") && texts.last().unwrap().contains("xxx"));
    assert!(!texts.iter().any(|text| text.contains("wish 0")));
    let asked = world.model.asked.lock().unwrap();
    assert!(format!("{:?}", asked[0].conversation).contains("wish 0"));
    assert!(format!("{:?}", asked[0].conversation).contains("the tests"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_keeps_failing_does_not_keep_a_compaction_from_ending() {
    let world = World::new(10).await;
    let report = world.compact(&engine(), world.snapshot().await).await;
    assert!(report.compacted, "{report:?}");
    assert!(report.reason.unwrap().contains("without a model"));
    assert_eq!(
        world.model.asked.lock().unwrap().len(),
        2,
        "attempts are bounded"
    );
    let after = world.snapshot().await;
    let context = latchwork_format::context(&after.transcript, after.head.leaf.as_ref());
    assert!(
        context.messages[0].json().text().contains("wish 0"),
        "the wishes are kept"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_of_a_branch_that_was_left_writes_nothing() {
    let world = World::new(10).await;
    let before = world.snapshot().await;
    let first = before.transcript.entries().next().unwrap().id().clone();
    {
        let mut scope = LockScope::open();
        let ask = GuardAsk::side(&world.session, Phase::SIDE, Wait::Forever);
        let mut guard = world.store.guard(&mut scope, ask).await.unwrap();
        world
            .store
            .move_head(&mut guard, Some(&first), "away")
            .await
            .unwrap();
    }
    let moved = world.snapshot().await;
    world.model.answers.lock().unwrap().push(Ok("late"));
    let report = world.compact(&engine(), before).await;
    assert!(!report.compacted);
    assert_eq!(
        world.snapshot().await.transcript.entry_count(),
        moved.transcript.entry_count()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_conversation_is_left_as_it_is() {
    let world = World::new(1).await;
    let report = world.compact(&engine(), world.snapshot().await).await;
    assert!(!report.compacted && report.entry.is_none() && report.reason.is_some());
    assert!(world.model.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_engine_keeps_what_every_engine_must() {
    let world = World::new(0).await;
    latchwork_session::conformance::engine::keeps(&engine(), &world.parts).await;
}
