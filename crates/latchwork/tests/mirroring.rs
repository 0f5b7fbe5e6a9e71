//! The facade over real files: updates to who listens, the pair of a text-only backend, messages of another program mirrored.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

mod common;

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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_told_of_each_commit_with_its_entries_and_of_nothing_that_was_not_written()
 {
    let bench = Bench::new();
    let (to, told) = mpsc::channel::<TranscriptUpdate>();
    let listening = bench.latchwork.on_update(move |update| {
        let _gone = to.send(update.clone());
    });
    let listening = listening.unwrap();
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();

    let first = bench.persist(&keyed("hello", "hi", "t1")).await;
    let update = next();
    let ids = [&first.user, &first.reply].map(|part| match part {
        Persisted::Written(id) => id.clone(),
        other => panic!("{other:?}"),
    });
    assert!(update.entries.ends_with(&ids), "{update:?}");
    assert_eq!(update.session_key.as_deref(), Some("main"));
    assert_eq!(
        (update.kind, &update.path),
        (UpdateKind::Appended, &bench.session.place())
    );

    // Nothing is written, so nothing is told: the next update is of the move.
    bench.persist(&keyed("hello", "hi", "t1")).await;
    let to = first_user(&bench).await;
    let mut scope = LockScope::open();
    bench
        .session
        .rewind(&mut scope, Some(&to), "again")
        .await
        .unwrap();
    assert_eq!(next().kind, UpdateKind::HeadMoved);

    drop(listening);
    bench.persist(&turn("more", "yes")).await;
    assert!(told.recv().is_err(), "nobody listens any more");
}

async fn first_user(bench: &Bench) -> EntryId {
    let entries = bench.entries().await;
    let user = entries.iter().find(|entry| entry.message().is_some());
    user.unwrap().id().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_hangs_or_panics_keeps_no_commit_back() {
    let bench = Bench::new();
    let (gate, opened) = mpsc::channel::<()>();
    let hangs = bench.latchwork.on_update(move |_| {
        let _gone = opened.recv();
    });
    let panics = bench.latchwork.on_update(|_| panic!("as it goes"));
    let (to, told) = mpsc::channel();
    let hears = bench.latchwork.on_update(move |update| {
        let _gone = to.send(update.number);
    });
    for round in 0..20 {
        bench.persist(&turn(&format!("q{round}"), "a")).await;
    }
    let numbers: Vec<u64> = told.iter().take(20).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    drop((gate, hangs, panics, hears));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_turn_is_one_commit_that_stands_once_by_its_keys() {
    let bench = Bench::new();
    let first = bench.persist(&keyed("hello", "hi", "t1")).await;
    assert!(first.is_written());
    let again = bench.persist(&keyed("hello", "hi", "t1")).await;
    let stood = |part: &Persisted| match part {
        Persisted::Written(id) | Persisted::Stood(id) => id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(again.user, Persisted::Stood(stood(&first.user)));
    assert_eq!(again.reply, Persisted::Stood(stood(&first.reply)));
    assert_eq!(bench.said().await, ["user: hello", "assistant: hi"]);

    // The user's message alone, then the pair: only the reply is missing.
    let mut half = keyed("more", "", "t2");
    half.reply_key = None;
    bench.persist(&half).await;
    let whole = bench.persist(&keyed("more", "yes", "t2")).await;
    assert!(matches!(
        (&whole.user, &whole.reply),
        (Persisted::Stood(_), Persisted::Written(_))
    ));
    // The same words under another key are another turn.
    bench.persist(&keyed("more", "yes", "t3")).await;
    assert_eq!(
        bench.said().await,
        [
            "user: hello",
            "assistant: hi",
            "user: more",
            "assistant: yes",
            "user: more",
            "assistant: yes"
        ]
    );
    assert_eq!(
        bench.persist(&turn(" ", "\n")).await,
        latchwork::PersistedTurn {
            user: Persisted::Nothing,
            reply: Persisted::Nothing
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_filled_by_the_words_at_the_end_and_by_nothing_else() {
    let bench = Bench::new();
    let fill = |user: &str, reply: &str| TextTurn {
        fill_gaps: true,
        ..turn(user, reply)
    };
    bench.persist(&turn("question one", "")).await;
    let filled = bench.persist(&fill(" question \n one", "the answer")).await;
    assert!(matches!(
        (&filled.user, &filled.reply),
        (Persisted::Stood(_), Persisted::Written(_))
    ));
    let none = bench.persist(&fill("question one", "the  answer ")).await;
    assert!(
        !none.is_written() && matches!(none.user, Persisted::Stood(_)),
        "{none:?}"
    );
    let none = bench.persist(&fill("", "the answer")).await;
    assert!(!none.is_written(), "{none:?}");
    // The same answer to another question is said again; without filling of gaps so is anything.
    assert!(
        bench
            .persist(&fill("question two", "the answer"))
            .await
            .is_written()
    );
    assert!(
        bench
            .persist(&turn("question two", "the answer"))
            .await
            .is_written()
    );
    let said = bench.said().await;
    assert_eq!(said.len(), 6, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_text_turn_write_it_once() {
    let bench = Bench::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let session = bench.session.clone();
            tokio::spawn(async move {
                let mut scope = LockScope::open();
                let turn = keyed("hello", "hi", "t1");
                session
                    .persist_text_turn(&mut scope, &turn)
                    .await
                    .unwrap()
                    .is_written()
            })
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        written += u32::from(task.await.unwrap());
    }
    assert_eq!((written, bench.said().await.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_mirrored_once_under_openclaws_keys_in_one_commit() {
    let bench = Bench::new();
    let (to, told) = mpsc::channel();
    let listening = bench.latchwork.on_update(move |update| {
        let _gone = to.send(update.entries.len());
    });
    let all = [
        message("user", "fix it", Some("u1:prompt")),
        message("system", "no role of a mirror", None),
        message("assistant", "fixed", None),
        message("toolResult", "out", Some("u1:tool:c:result")),
    ];
    let done = bench.mirror(&all, &how()).await;
    assert_eq!((done.written.len(), done.already, done.other), (3, 0, 1));
    // The header's own note of the session's key comes with the first commit.
    let entries = told.recv().unwrap();
    assert!(entries == 3 || entries == 4, "one update: {entries}");
    let again = bench.mirror(&all, &how()).await;
    assert_eq!((again.written.len(), again.already), (0, 3));

    let keys: Vec<String> = bench
        .entries()
        .await
        .iter()
        .filter_map(RawEntry::key)
        .collect();
    assert_eq!(keys[0], "codex-app-server:t1:u1:prompt");
    assert!(
        keys[1].starts_with("codex-app-server:t1:assistant:") && keys[1].len() == 46,
        "{keys:?}"
    );
    let first = bench
        .entries()
        .await
        .into_iter()
        .find(|entry| entry.message().is_some())
        .unwrap();
    let told: Value = serde_json::from_str(&first.text()).unwrap();
    assert_eq!(
        told["message"]["idempotencyKey"],
        keys[0].as_str(),
        "OpenClaw is told it, too"
    );
    // Another scope is another conversation, and without one there is nothing to know a message by.
    let mut other = how();
    other.scope = Some("codex-app-server:t2".to_owned());
    assert_eq!(bench.mirror(&all[..1], &other).await.written.len(), 1);
    for _ in 0..2 {
        assert_eq!(
            bench
                .mirror(&all[..1], &MirrorHow::default())
                .await
                .written
                .len(),
            1
        );
    }
    drop(listening);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hook_keeps_replaces_and_blocks_and_is_not_asked_of_what_stands() {
    let bench = Bench::new();
    let asked = Arc::new(AtomicU64::new(0));
    let counts = asked.clone();
    let mut how = how();
    how.before_write = Some(Arc::new(move |message| {
        counts.fetch_add(1, Ordering::SeqCst);
        match message.get() {
            text if text.contains("secret") => {
                let other = r#"{"role":"user","content":"***","idempotencyKey":"stolen"}"#;
                BeforeWrite::Replace(
                    serde_json::value::RawValue::from_string(other.to_owned()).unwrap(),
                )
            }
            text if text.contains("never") => BeforeWrite::Block,
            _ => BeforeWrite::Keep,
        }
    }));
    let all = ["kept", "secret", "never"].map(|text| message("user", text, Some(text)));
    let done = bench.mirror(&all, &how).await;
    assert_eq!((done.written.len(), done.blocked), (2, 1));
    assert_eq!(bench.said().await, ["user: kept", "user: ***"]);
    let keys: Vec<String> = bench
        .entries()
        .await
        .iter()
        .filter_map(RawEntry::key)
        .collect();
    assert_eq!(
        keys,
        ["codex-app-server:t1:kept", "codex-app-server:t1:secret"],
        "put back"
    );
    bench.mirror(&all, &how).await;
    assert_eq!(
        asked.load(Ordering::SeqCst),
        4,
        "the blocked one is asked about again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_under_way_is_waited_for_and_named() {
    let bench = Bench::new();
    bench.persist(&turn("hello", "hi")).await;
    let mut scope = LockScope::open();
    let id = TurnId("somebody's".to_owned());
    let ask = ClaimAsk {
        session: bench.session.id(),
        turn: &id,
        if_claimed: IfClaimed::Wait(Wait::Never),
    };
    let claim = bench
        .session
        .store()
        .claim(scope.unlocked(), ask)
        .await
        .unwrap();
    let all = [message("user", "meanwhile", Some("m"))];
    let mut impatient = how();
    impatient.wait = Duration::ZERO;
    let mut own = LockScope::open();
    let refused = bench
        .session
        .mirror(&mut own, &all, &impatient)
        .await
        .unwrap_err();
    let MirrorError::Claimed { holder, .. } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(holder.pid, Some(std::process::id()));
    assert_eq!(bench.said().await.len(), 2, "nothing was written");

    let (to, waits) = mpsc::channel();
    let mut patient = how();
    patient.on_wait = Some(Arc::new(move |_| to.send(()).unwrap_or_default()));
    let session = bench.session.clone();
    let mirror = tokio::spawn(async move {
        let mut scope = LockScope::open();
        session
            .mirror(&mut scope, &all, &patient)
            .await
            .unwrap()
            .written
            .len()
    });
    tokio::task::spawn_blocking(move || waits.recv().unwrap())
        .await
        .unwrap();
    drop(claim);
    assert_eq!(mirror.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_told_like_any_commit_and_goes_on_from_what_was_mirrored() {
    let bench = Bench::new();
    bench
        .mirror(
            &[
                message("user", "asked of codex", None),
                message("assistant", "answered", None),
            ],
            &how(),
        )
        .await;
    let (to, told) = mpsc::channel();
    let listening = bench.latchwork.on_update(move |update| {
        let _gone = to.send(update.entries.len());
    });
    let ask = bench.session.ask("and now", None).unwrap();
    let mut scope = LockScope::open();
    let run = bench.session.run(
        &mut scope,
        ask,
        Arc::new(latchwork::runner::Unwatched),
        Default::default(),
    );
    run.await.unwrap();
    drop(listening);
    let said = bench.said().await;
    assert_eq!(
        said,
        [
            "user: asked of codex",
            "assistant: answered",
            "user: and now",
            "assistant: recorded"
        ]
    );
    assert!(told.iter().sum::<usize>() >= 2, "the message and the reply");
}
