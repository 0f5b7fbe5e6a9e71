//! Updates: whoever listens is told of each commit, and holds nobody up.

use crate::*;

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

    // Of two lines of one key the second writes nothing, and is not told.
    let line = json!({ "type": "note", "key": "k" }).to_string();
    let mut appender = bench.session.appender("/");
    for _ in 0..2 {
        appender.append(&mut scope, &line).await.unwrap();
    }
    let other = json!({ "type": "note", "key": "l" }).to_string();
    let placed = appender.append(&mut scope, &other).await.unwrap();
    next();
    let latchwork::Stands::Placed { id, .. } = placed.stands else {
        panic!("{placed:?}")
    };
    assert_eq!(next().entries, [id]);

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
