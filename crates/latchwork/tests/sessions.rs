//! The facade over real files, with recorded models: what is appended, what waits, what a turn answers.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

mod common;

use std::sync::Arc;

use latchwork::format::EntryId;
use latchwork::lock::{LockScope, Phase, Wait};
use latchwork::runner::{TurnEnd, Unwatched};
use latchwork::seams::{GuardAsk, Inbox, Key, SessionLocks};
use latchwork::sys::System;
use latchwork::{Appender, Ask, Latchwork, RunError, Session, SessionArg, Settings, Stands};
use serde_json::{Value, json};

use crate::common::{NoSecrets, RECORDED};

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("recorded.jsonl"), RECORDED).unwrap();
        Self { dir }
    }

    fn settings(&self) -> Settings {
        let recorded = self.dir.path().join("recorded.jsonl");
        let mut settings = Settings {
            home: Some(self.dir.path().join("home")),
            model: Some(format!("replay:{}@instant", recorded.display())),
            ..Settings::default()
        };
        settings.tools.root = self.dir.path().to_path_buf();
        settings
    }

    fn session(&self) -> Session {
        session_of(self.settings())
    }
}

fn session_of(settings: Settings) -> Session {
    let latchwork = Latchwork::new(settings, System::real(), Arc::new(NoSecrets)).unwrap();
    latchwork
        .session(&SessionArg::parse("main").unwrap())
        .unwrap()
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text, "key": text })
}

fn assistant(text: &str) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "key": text })
}

async fn append(appender: &mut Appender, line: &Value) -> latchwork::Appended {
    appender
        .append(&mut LockScope::open(), &line.to_string())
        .await
        .unwrap()
}

async fn answer(session: &Session, ask: Ask) -> TurnEnd {
    let mut scope = LockScope::open();
    session
        .run(&mut scope, ask, Arc::new(Unwatched), Default::default())
        .await
        .unwrap()
        .end
}

async fn waiting(session: &Session) -> Vec<String> {
    let waiting = session.look().await.unwrap().waiting;
    waiting
        .into_iter()
        .map(|message| message.key.as_str().to_owned())
        .collect()
}

/// The texts of the active branch.
async fn said(session: &Session) -> Vec<String> {
    let snapshot = session.snapshot().await.unwrap();
    let branch = snapshot
        .head
        .leaf
        .as_ref()
        .and_then(|leaf| snapshot.transcript.branch(leaf));
    let messages = branch
        .unwrap_or_default()
        .into_iter()
        .filter_map(latchwork::format::RawEntry::message);
    messages.map(|message| message.text()).collect()
}

/// A user's message passes through the inbox, a reply and an entry go straight to the file: none of them is read as values.
#[tokio::test]
async fn what_is_appended_stands_in_the_file_as_it_was_written() {
    let odd = r#""n" :1e999 , "big":123456789012345678901234567890,"n":-0.0,"t":"\ud800\/\u0041", "s":[ {"b":1,"a":2} ]"#;
    let bench = Bench::new();
    let session = bench.session();
    let mut appender = session.appender("/work");
    let lines = [
        format!(r#"{{"role":"user", {odd},"content":"q"}}"#),
        format!(r#"{{"role":"assistant", {odd},"content":[]}}"#),
        format!(
            r#"{{"id":"x","type":"message", "more" : [1e999] ,"message" : {{"role":"assistant", {odd}}}}}"#
        ),
        format!(r#"{{"type":"brand_new", "key":"named",{odd} }}"#),
    ];
    let mut scope = LockScope::open();
    for line in &lines {
        appender.append(&mut scope, line).await.unwrap();
    }
    let snapshot = session.snapshot().await.unwrap();
    let [.., user, assistant, entry, new] = snapshot.transcript.lines() else {
        panic!("four entries")
    };
    for (line, kept) in [
        (
            user,
            format!(r#""message":{{"role":"user", {odd},"content":"q","#),
        ),
        (
            assistant,
            format!(r#""message":{{"role":"assistant", {odd},"content":[],"#),
        ),
        (
            entry,
            format!(
                r#", "more" : [1e999] ,"message" : {{"role":"assistant", {odd},"idempotencyKey":"#
            ),
        ),
        (new, format!(r#"}},{odd} }}"#)),
    ] {
        let text = line.entry.text();
        assert!(text.contains(&kept), "{text} has not {kept}");
    }
}

#[tokio::test]
async fn a_conversation_that_is_imported_keeps_its_order_and_only_its_last_word_is_answered() {
    let bench = Bench::new();
    let session = bench.session();
    let mut appender = session.appender("/work");
    assert!(matches!(
        append(&mut appender, &user("q1")).await.stands,
        Stands::Pending { why: None }
    ));
    assert!(
        !session.snapshot().await.unwrap().exists,
        "no transcript without a reply"
    );
    append(&mut appender, &assistant("a1")).await;
    append(&mut appender, &user("q2")).await;
    append(&mut appender, &assistant("a2")).await;
    append(&mut appender, &user("q3")).await;
    assert_eq!(said(&session).await, ["q1", "a1", "q2", "a2", "q3"]);
    assert_eq!(waiting(&session).await, ["q3"]);
    assert_eq!(
        answer(&session, Ask::what_waits()).await,
        TurnEnd::Completed
    );
    assert_eq!(
        said(&session).await,
        ["q1", "a1", "q2", "a2", "q3", "recorded"]
    );
    assert_eq!(answer(&session, Ask::what_waits()).await, TurnEnd::Nothing);
}

#[tokio::test]
async fn a_reply_from_another_input_answers_nobody() {
    let bench = Bench::new();
    let session = bench.session();
    append(&mut session.appender("/"), &user("q")).await;
    append(&mut session.appender("/"), &assistant("elsewhere")).await;
    assert_eq!(waiting(&session).await, ["q"]);
    assert_eq!(
        answer(&session, Ask::what_waits()).await,
        TurnEnd::Completed
    );
    assert_eq!(said(&session).await, ["elsewhere", "q", "recorded"]);
}

#[tokio::test]
async fn a_key_says_it_once_however_often_and_wherever_it_is_sent() {
    let bench = Bench::new();
    let session = bench.session();
    let first = append(&mut session.appender("/"), &user("q")).await;
    let again = append(&mut session.appender("/"), &user("q")).await;
    assert!(!first.duplicate && again.duplicate && matches!(again.stands, Stands::Pending { .. }));
    let ask = session
        .ask("other words", Some(Key::new("q").unwrap()))
        .unwrap();
    assert_eq!(answer(&session, ask).await, TurnEnd::Completed);
    assert_eq!(said(&session).await, ["q", "recorded"]);
    let placed = append(&mut session.appender("/"), &user("q")).await;
    assert!(placed.duplicate && matches!(placed.stands, Stands::Placed { .. }));
    assert_eq!(said(&session).await, ["q", "recorded"]);
}

#[tokio::test]
async fn a_message_that_was_cancelled_is_not_placed_by_a_retry() {
    let bench = Bench::new();
    let session = bench.session();
    append(&mut session.appender("/"), &user("q")).await;
    let key = Key::new("q").unwrap();
    assert!(
        session
            .store()
            .cancel(session.id(), &key, "no longer asked")
            .await
            .unwrap()
    );
    append(&mut session.appender("/"), &assistant("a")).await;
    assert_eq!(
        append(&mut session.appender("/"), &user("q")).await.stands,
        Stands::Cancelled
    );
    assert_eq!(said(&session).await, ["a"]);
}

#[tokio::test]
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the very thing: a session that is held still accepts"
)]
async fn a_session_that_is_held_still_accepts_and_the_next_turn_answers() {
    let bench = Bench::new();
    let session = bench.session();
    append(&mut session.appender("/"), &assistant("a")).await;
    // Another runtime, as another process would have it.
    let holder = bench.session();
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(holder.id(), Phase::SIDE, Wait::Never);
    let guard = holder.store().guard(&mut scope, ask).await.unwrap();
    let mut hasty = bench.settings();
    hasty.store.locks.acquire_timeout_ms = 50;
    let accepted = tokio::spawn(async move {
        let session = session_of(hasty);
        append(&mut session.appender("/"), &user("q")).await
    });
    assert!(
        matches!(accepted.await.unwrap().stands, Stands::Pending { why: Some(why) } if why.contains("busy"))
    );
    guard.release().await.unwrap();
    assert_eq!(
        answer(&session, Ask::what_waits()).await,
        TurnEnd::Completed
    );
    assert_eq!(said(&session).await, ["a", "q", "recorded"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_before_anything_is_accepted() {
    let bench = Bench::new();
    for (model, expected) in [
        (None, "NoModel"),
        (Some("x/"), "BadModel"),
        (Some("nobody/m"), "Models"),
        (Some("replay:none"), "Models"),
    ] {
        let session = session_of(Settings {
            model: model.map(Into::into),
            ..bench.settings()
        });
        let ask = session.ask("q", None).unwrap();
        let mut scope = LockScope::open();
        let error = session
            .run(&mut scope, ask, Arc::new(Unwatched), Default::default())
            .await
            .unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        assert_eq!(waiting(&session).await, [""; 0]);
    }
    let mut keyed = bench.settings();
    keyed
        .models
        .entry(latchwork::OPENAI.to_owned())
        .or_default()
        .key = Some("env:NO_SUCH".parse().unwrap());
    let session = session_of(Settings {
        model: Some("openai/m".into()),
        ..keyed
    });
    let error = session.runtime(None).await.unwrap_err();
    assert!(matches!(error, RunError::Secret { provider, .. } if provider == "openai"));
    assert!(
        session
            .runtime(Some(&bench.settings().model.unwrap()))
            .await
            .is_ok(),
        "a recording needs no key"
    );
}

#[tokio::test]
async fn a_rewound_session_goes_on_where_it_was_told_and_forgets_nothing() {
    let bench = Bench::new();
    let session = bench.session();
    let mut appender = session.appender("/");
    let first = append(&mut appender, &assistant("a")).await;
    append(&mut appender, &assistant("b")).await;
    let Stands::Placed { id, .. } = first.stands else {
        panic!("placed")
    };
    session
        .rewind(&mut LockScope::open(), Some(&id), "again")
        .await
        .unwrap();
    append(&mut appender, &assistant("c")).await;
    assert_eq!(said(&session).await, ["a", "c"]);
    let nowhere = EntryId::new("nowhere");
    assert!(
        session
            .rewind(&mut LockScope::open(), Some(&nowhere), "x")
            .await
            .is_err()
    );
    let texts = session.snapshot().await.unwrap();
    assert!(
        texts
            .transcript
            .entries()
            .any(|entry| entry.message().is_some_and(|message| message.text() == "b"))
    );
}
