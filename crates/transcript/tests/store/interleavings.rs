//! Two writers at once, with the order of their steps forced.

use std::sync::Arc;
use std::sync::mpsc;

use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    AppendError, GuardAsk, Outcome, Replacement, SessionLocks, TranscriptStore,
};
use latchwork_sys::ScriptedSteps;

use crate::bench::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_future_is_dropped_midway_ends_whole_before_the_next_writer_begins() {
    let bench = Bench::new();
    let steps = Arc::new(ScriptedSteps::new());
    let first = bench.store_with(steps.clone());
    let base = begun(&first).await;

    let (reached, midway) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    steps.on("commit:before-write", move || {
        reached.send(()).unwrap();
        gate.recv().unwrap();
    });
    let (store, session) = (first.clone(), id());
    let dropped = tokio::spawn(async move {
        let mut scope = LockScope::open();
        let mut guard = store
            .guard(&mut scope, GuardAsk::side(&session, Phase::RECORD, soon()))
            .await
            .unwrap();
        let _never = store
            .append(
                &mut guard,
                &base,
                going_on(vec![user("one"), assistant("two")]),
            )
            .await;
    });
    tokio::task::spawn_blocking(move || midway.recv().unwrap())
        .await
        .unwrap();
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());

    let other = bench.store();
    let session = id();
    let mut scope = LockScope::open();
    let refused = other
        .guard(
            &mut scope,
            GuardAsk::side(&session, Phase::SIDE, Wait::Never),
        )
        .await
        .map(drop);
    assert!(
        refused.is_err(),
        "a commit that has begun keeps its session"
    );
    let waiter = tokio::spawn({
        let other = other.clone();
        async move {
            commit(&other, &Default::default(), at_head(vec![user("three")]))
                .await
                .unwrap()
        }
    });
    go.send(()).unwrap();
    waiter.await.unwrap();
    assert_eq!(said(&other).await, ["hello", "hi", "one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_guard_starts_no_write() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let session = id();
    let mut scope = LockScope::open();
    let mut guard = store
        .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .unwrap();
    guard.revoke("the operator said so");
    let refused = store
        .append(&mut guard, &base, going_on(vec![user("late")]))
        .await;
    assert!(matches!(refused, Err(AppendError::GuardLost { why, .. }) if why.contains("operator")));
    assert_eq!(said(&store).await, ["hello", "hi"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_sidecars_deleted_under_a_holder_no_two_of_ours_write() {
    let bench = Bench::new();
    let (one, two) = (bench.store(), bench.store());
    let base = begun(&one).await;
    let session = id();
    let mut scope = LockScope::open();
    let mut guard = one
        .guard(&mut scope, GuardAsk::side(&session, Phase::RECORD, soon()))
        .await
        .unwrap();
    std::fs::remove_dir_all(bench.sidecars()).unwrap();
    {
        let mut other = LockScope::open();
        let beside = two
            .guard(
                &mut other,
                GuardAsk::side(&session, Phase::SIDE, Wait::Never),
            )
            .await
            .map(drop);
        assert!(beside.is_err(), "the transcript itself is still locked");
    }
    let lost = one
        .append(&mut guard, &base, going_on(vec![user("unguarded")]))
        .await;
    assert!(
        matches!(lost, Err(AppendError::GuardLost { .. })),
        "{lost:?}"
    );
    drop(guard);
    commit(&two, &base, going_on(vec![user("guarded")]))
        .await
        .unwrap();
    assert_eq!(said(&one).await, ["hello", "hi", "guarded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_knew_a_damaged_line_sees_the_entry_that_another_process_rescued_there() {
    let bench = Bench::new();
    let (reader, writer) = (bench.store(), bench.store());
    let base = begun(&reader).await;
    let leaf = base.leaf.clone().unwrap();
    bench.append_raw(b"{\"type\":\"message\",\"id\":\"torn");
    bench.append_raw(pi_user("11111111", Some(leaf.as_str()), "glued").as_bytes());
    bench.append_raw(pi_user("22222222", Some(leaf.as_str()), "later").as_bytes());
    let seen = open(&reader).await.transcript;
    assert_eq!((seen.damage().len(), seen.entry_count()), (1, 3));

    commit(&writer, &base, at_head(vec![user("next")]))
        .await
        .unwrap();
    let seen = open(&reader).await.transcript;
    assert_eq!((seen.damage().len(), seen.entry_count()), (0, 5));
    let rescued = latchwork_session::EntryId::new("11111111");
    assert_eq!(seen.entry(&rescued).unwrap().parent(), Some(&leaf));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_pi_that_renames_the_session_takes_no_message_off_the_branch() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let old_leaf = base.leaf.clone().unwrap();
    let placed = commit(&store, &base, going_on(vec![user("question")]))
        .await
        .unwrap();
    bench.append_raw(pi_name("11111111", Some(old_leaf.as_str())).as_bytes());
    let reply = commit(&store, &placed.head, going_on(vec![assistant("answer")]))
        .await
        .unwrap();
    assert_eq!(
        reply.outcome,
        Outcome::Clean,
        "the name stands beside the branch"
    );
    let all = ["hello", "hi", "question", "answer"];
    assert_eq!(said(&store).await, all);
    assert_eq!(said_for_pi(&store).await, all);
    assert_eq!(open(&store).await.transcript.name(), Some("renamed"));
    // And a rename after the reply: ours stays where it is, and a fresh process of ours sees the same.
    bench.append_raw(pi_name("22222222", Some(old_leaf.as_str())).as_bytes());
    assert_eq!(said(&store).await, all);
    assert_eq!(said(&bench.store()).await, all);
    assert_eq!(
        said_for_pi(&store).await,
        ["hello", "hi"],
        "pi goes by the last line"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_says_during_a_turn_is_kept_on_its_branch_and_reported() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    let leaf = base.leaf.clone().unwrap();
    bench.append_raw(pi_user("11111111", Some(leaf.as_str()), "from pi").as_bytes());
    let reply = commit(
        &store,
        &base,
        going_on(vec![user("ours"), assistant("answer")]),
    )
    .await
    .unwrap();
    assert!(
        matches!(&reply.outcome, Outcome::Diverged { kept, .. } if kept.len() == 1),
        "{:?}",
        reply.outcome
    );
    assert_eq!(said(&store).await, ["hello", "hi", "ours", "answer"]);
    let snapshot = open(&store).await;
    assert!(
        snapshot
            .transcript
            .entries()
            .any(|entry| entry.id().as_str() == "11111111"),
        "it is kept"
    );
    let reported = &snapshot.report.divergent;
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].leaf.as_str(), "11111111");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_waits_for_no_writer_not_even_in_its_own_process() {
    let bench = Bench::new();
    let steps = Arc::new(ScriptedSteps::new());
    let store = bench.store_with(steps.clone());
    let base = begun(&store).await;
    let (reached, midway) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    steps.on("commit:written", move || {
        reached.send(()).unwrap();
        gate.recv().unwrap();
    });
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            commit(&store, &base, going_on(vec![user("held up")]))
                .await
                .unwrap()
        }
    });
    tokio::task::spawn_blocking(move || midway.recv().unwrap())
        .await
        .unwrap();
    assert_eq!(said(&store).await, ["hello", "hi", "held up"]);
    go.send(()).unwrap();
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewind_during_a_turn_keeps_the_old_reply_aside_for_us_and_for_pi() {
    let bench = Bench::new();
    let (turn, user_side) = (bench.store(), bench.store());
    let base = begun(&turn).await;
    let asked = commit(&turn, &base, going_on(vec![user("question")]))
        .await
        .unwrap();
    let session = id();
    let mut scope = LockScope::open();
    let mut guard = user_side
        .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .unwrap();
    user_side
        .move_head(&mut guard, base.leaf.as_ref(), "rewound by the user")
        .await
        .unwrap();
    drop(guard);
    commit(
        &user_side,
        &Default::default(),
        at_head(vec![keyed("better question")]),
    )
    .await
    .unwrap();
    let late = commit(&turn, &asked.head, going_on(vec![assistant("old answer")]))
        .await
        .unwrap();
    assert_eq!(
        late.outcome,
        Outcome::Aside {
            because: Replacement::Moved("rewound by the user".into())
        }
    );
    let now = ["hello", "hi", "better question"];
    assert_eq!(said(&turn).await, now);
    assert_eq!(said_for_pi(&turn).await, now);
    let snapshot = open(&turn).await;
    let old: Vec<String> = snapshot
        .transcript
        .branch(&late.placed[0].id)
        .unwrap()
        .iter()
        .filter_map(|entry| entry.message())
        .map(|message| message.text())
        .collect();
    assert_eq!(old, ["hello", "hi", "question", "old answer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fragment_behind_the_saved_head_is_mended_though_a_peer_has_gone_on_and_an_older_one_is_left()
 {
    let bench = Bench::new();
    let first = bench.store();
    begun(&first).await;
    let pi = |id: &str| pi_name(id, None);
    // Closed by a peer that ends each line first, and one that went on behind it.
    bench.append_raw(format!("{{\"type\":\"mess\n{}", pi("0000000a")).as_bytes());
    commit(&first, &Default::default(), at_head(vec![user("a")]))
        .await
        .unwrap();
    assert!(!bench.text().contains("\"mess\n"), "{}", bench.text());
    let kept = std::fs::read_dir(bench.sidecars().join("s.quarantine")).unwrap();
    assert_eq!(kept.count(), 1);

    let older = Bench::new();
    std::fs::create_dir(older.sessions()).unwrap();
    let text = bench.text().replacen(
        "{\"type\":\"session_info\"",
        "{\"type\":\"mess\n{\"type\":\"session_info\"",
        1,
    );
    std::fs::write(older.transcript(), &text).unwrap();
    commit(
        &older.store(),
        &Default::default(),
        at_head(vec![user("b")]),
    )
    .await
    .unwrap();
    assert!(
        older.text().contains("\"mess\n"),
        "it is older than anything of ours here"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_a_mended_line_moves_off_the_branch_does_not_put_a_reply_aside() {
    let bench = Bench::new();
    let store = bench.store();
    let leaf = begun(&store).await.leaf.unwrap().to_string();
    // A pi that died, and one that goes on with what it had read: its first line is glued to the fragment.
    bench.append_raw(b"{\"type\":\"message\",\"id\":\"torn");
    bench.append_raw(pi_name("0000000a", Some(&leaf)).as_bytes());
    bench.append_raw(pi_name("0000000b", Some(&leaf)).as_bytes());
    let base = open(&store).await.head;
    let done = commit(&store, &base, going_on(vec![assistant("reply")]))
        .await
        .unwrap();
    assert!(
        !matches!(done.outcome, Outcome::Aside { .. }),
        "{:?}",
        done.outcome
    );
    assert_eq!(said(&store).await, ["hello", "hi", "reply"]);
}
