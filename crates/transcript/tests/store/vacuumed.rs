//! Dead branches dropped: what can still be come back to stays, whatever the tree.

use latchwork_format::{Body, EntryId};
use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    AppendError, GuardAsk, Head, Level, NewEntry, SessionLocks, TranscriptStore,
};
use latchwork_transcript::{FileStore, Stays, Sweep, Swept};
use proptest::prelude::*;

use crate::bench::*;

const ALL: Sweep = Sweep { orphans: true };

async fn vacuum(store: &FileStore, sweep: Sweep) -> Result<Swept, AppendError> {
    let (session, mut scope) = (id(), LockScope::open());
    let ask = GuardAsk::side(&session, Phase::MAINTAIN, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let done = store.vacuum(&mut guard, sweep).await;
    guard.release().await.unwrap();
    if let Ok(Swept {
        receipt: Some(receipt),
        ..
    }) = &done
    {
        receipt.reached(Level::Synced).await.unwrap();
    }
    done
}

async fn rewind(store: &FileStore, to: Option<&EntryId>) {
    let (session, mut scope) = (id(), LockScope::open());
    let ask = GuardAsk::side(&session, Phase::SIDE, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    store.move_head(&mut guard, to, "test").await.unwrap();
    guard.release().await.unwrap();
}

async fn say(store: &FileStore, words: &[&str]) -> Vec<EntryId> {
    let entries = words.iter().map(|text| user(text)).collect();
    let receipt = commit(store, &Head::default(), at_head(entries))
        .await
        .unwrap();
    receipt.placed.into_iter().map(|placed| placed.id).collect()
}

async fn name(store: &FileStore, target: &EntryId, label: Option<&str>) {
    let entry = NewEntry::new(Body::Label {
        target: target.clone(),
        label: label.map(str::to_owned),
    });
    commit(store, &Head::default(), at_head(vec![entry]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_branch_that_was_left_goes_and_one_that_has_a_label_stays() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let trunk = say(&store, &["trunk"]).await;
    let labelled = say(&store, &["kept one", "kept two"]).await;
    rewind(&store, trunk.last()).await;
    say(&store, &["left one", "left two"]).await;
    rewind(&store, trunk.last()).await;
    say(&store, &["now"]).await;
    name(&store, &labelled[1], Some("mine")).await;
    let before = bench.text();
    let planned = store
        .dead_branches(&id(), Sweep::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bench.text(), before, "looking changes nothing");
    let done = vacuum(&store, Sweep::default()).await.unwrap();
    let after = bench.text();
    assert_eq!(planned.branches, done.branches);
    assert_eq!(
        (planned.entries, planned.stored_bytes_delta),
        (done.entries, done.stored_bytes_delta)
    );
    let shrunk = i64::try_from(after.len()).unwrap() - i64::try_from(before.len()).unwrap();
    assert_eq!(done.stored_bytes_delta, shrunk);
    assert!(after.contains("kept two") && after.contains("kept one"));
    assert!(!after.contains("left one") && !after.contains("left two"));
    let why: Vec<_> = done
        .branches
        .iter()
        .map(|branch| (branch.entries > 0, branch.stays))
        .collect();
    assert_eq!(why, [(false, Some(Stays::Labelled)), (true, None)]);
    for store in [&store, &bench.store()] {
        assert_eq!(said(store).await, ["hello", "hi", "trunk", "now"]);
        assert!(open(store).await.report.damage.is_empty());
    }
    let found = vacuum(&store, Sweep::default()).await.unwrap();
    assert!(found.entries == 0 && found.receipt.is_none(), "{found:?}");
    // The label taken away, nothing keeps it.
    name(&store, &labelled[1], None).await;
    vacuum(&store, Sweep::default()).await.unwrap();
    assert!(!bench.text().contains("kept two"));
    say(&store, &["on"]).await;
    assert_eq!(
        said(&bench.store()).await,
        ["hello", "hi", "trunk", "now", "on"]
    );
}

#[tokio::test]
async fn what_another_program_said_goes_only_when_that_is_asked_for() {
    let bench = Bench::new();
    let store = bench.store();
    let base = begun(&store).await;
    say(&store, &["ours"]).await;
    bench.append_raw(
        pi_user("theirs", base.leaf.as_ref().map(EntryId::as_str), "theirs").as_bytes(),
    );
    let done = vacuum(&store, Sweep::default()).await.unwrap();
    assert_eq!(
        (done.entries, done.branches[0].stays),
        (0, Some(Stays::Orphaned))
    );
    assert!(bench.text().contains("theirs"));
    let done = vacuum(&store, ALL).await.unwrap();
    assert_eq!((done.entries, done.branches[0].stays), (1, None));
    assert!(!bench.text().contains("theirs"));
    assert_eq!(said(&bench.store()).await, ["hello", "hi", "ours"]);
}

#[tokio::test]
async fn the_head_is_found_without_anything_saved_though_the_last_line_is_of_another_branch() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let trunk = say(&store, &["trunk"]).await;
    let side = say(&store, &["side"]).await;
    rewind(&store, trunk.last()).await;
    say(&store, &["left"]).await;
    rewind(&store, side.last()).await;
    // A peer's line on the branch that was left is the last of the file.
    vacuum(&store, ALL).await.unwrap();
    for entry in std::fs::read_dir(bench.sidecars()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(said(&bench.store()).await, ["hello", "hi", "trunk", "side"]);
    assert_eq!(
        said_for_pi(&bench.store()).await,
        ["hello", "hi", "trunk", "side"]
    );
}

#[tokio::test]
async fn a_damaged_transcript_is_repaired_before_anything_of_it_is_dropped() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    bench.append_raw(b"{\"type\":\"mess\n");
    say(&store, &["on"]).await;
    bench.append_raw(b"rubbish\n");
    let before = bench.text();
    let refused = store.dead_branches(&id(), ALL).await;
    assert!(refused.is_err(), "{refused:?}");
    let text = std::fs::read(bench.transcript()).unwrap();
    assert_eq!(before.as_bytes(), text);
}

/// One move of a writer of a tree.
#[derive(Clone, Debug)]
enum Move {
    Say,
    Rewind(prop::sample::Index),
    Label(prop::sample::Index),
    Unlabel(prop::sample::Index),
    Name,
    Peer(prop::sample::Index),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let any_entry = any::<prop::sample::Index>;
    prop::collection::vec(
        prop_oneof![
            4 => Just(Move::Say),
            2 => any_entry().prop_map(Move::Rewind),
            1 => any_entry().prop_map(Move::Label),
            1 => any_entry().prop_map(Move::Unlabel),
            1 => Just(Move::Name),
            1 => any_entry().prop_map(Move::Peer),
        ],
        1..24,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever tree was written: the active branch, the labels, the name and, unless asked for, what peers said are there
    /// afterwards as before, for us and for one who finds nothing saved; each line that stays stays to the byte, in its place.
    #[test]
    fn whatever_is_dropped_what_can_be_come_back_to_stays(moves in moves(), orphans in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let bench = Bench::new();
            let store = bench.store();
            begun(&store).await;
            let mut labels = std::collections::BTreeMap::new();
            for (number, next) in moves.iter().enumerate() {
                let snapshot = open(&store).await;
                let ids: Vec<EntryId> = snapshot.transcript.entries()
                    .filter(|entry| entry.kind().is_conversational()).map(|entry| entry.id().clone()).collect();
                let one = |index: &prop::sample::Index| ids[index.index(ids.len())].clone();
                match next {
                    Move::Say => drop(say(&store, &[&format!("word {number}")]).await),
                    Move::Rewind(to) => rewind(&store, Some(&one(to))).await,
                    Move::Label(on) => {
                        name(&store, &one(on), Some("l")).await;
                        labels.insert(one(on), true);
                    }
                    Move::Unlabel(on) => {
                        name(&store, &one(on), None).await;
                        labels.insert(one(on), false);
                    }
                    Move::Name => {
                        let entry = NewEntry::new(Body::SessionInfo { name: format!("n{number}") });
                        commit(&store, &Head::default(), at_head(vec![entry])).await.unwrap();
                    }
                    Move::Peer(on) => bench.append_raw(pi_user(&format!("p{number}"), Some(one(on).as_str()), "peer").as_bytes()),
                }
            }
            let before = open(&store).await;
            let (text, words) = (bench.text(), said(&store).await);
            let planned = store.dead_branches(&id(), Sweep { orphans }).await.unwrap().unwrap();
            let done = vacuum(&store, Sweep { orphans }).await.unwrap();
            assert_eq!(planned.branches, done.branches);
            let after = open(&store).await;
            assert_eq!(said(&store).await, words);
            assert_eq!(said(&bench.store()).await, words);
            assert_eq!(after.report.damage, before.report.damage);
            let new_name = |snapshot: &latchwork_session::Snapshot| snapshot.transcript.entries().filter_map(latchwork_format::RawEntry::session_name).next_back();
            assert_eq!(new_name(&after), new_name(&before));
            for (label, has) in &labels {
                assert!(!has || after.transcript.entry(label).is_some(), "{label} has a label");
            }
            if !orphans {
                assert_eq!(bench.text().matches("\"peer\"").count(), text.matches("\"peer\"").count());
            }
            // What is there was there, in that order, but for a word on where the head is.
            let new = bench.text();
            let mut old = text.lines();
            let lines: Vec<&str> = new.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                let is_there = old.any(|old| old == *line);
                assert!(is_there || number + 1 == lines.len() && line.contains("written anew"), "{line}");
            }
            for entry in after.transcript.entries() {
                assert_eq!(after.transcript.parent_of(entry.id()).map(latchwork_format::RawEntry::id),
                    entry.parent().filter(|parent| after.transcript.entry(parent).is_some()));
                assert!(entry.parent().is_none_or(|parent| after.transcript.entry(parent).is_some()), "{} lost its parent", entry.id());
            }
            let again = vacuum(&store, Sweep { orphans }).await.unwrap();
            assert_eq!(again.entries, 0);
        });
    }
}
