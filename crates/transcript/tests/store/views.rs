//! Whatever a view leaves out, what it gives is what all lines give: to a process that knows the session and to one that does not.

use std::collections::BTreeSet;

use latchwork_format::{Body, EntryId, RawEntry, Role, context};
use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    Commit, GuardAsk, Head, Key, Level, NewEntry, Position, SessionLocks, Snapshot,
    TranscriptStore, View,
};
use latchwork_transcript::FileStore;
use proptest::prelude::*;
use serde_json::json;

use crate::bench::*;

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Event {
    Say(u8),
    Answer,
    Keyed(u8),
    KeyedAgain(u8),
    Compact(u8),
    Rewind(u8),
    /// A peer continues the last line, or an older one.
    Peer(u8),
    PeerName(u8),
    /// It says how hard the model is to think, or which one it is.
    PeerSets(u8),
    /// What stands behind the last newline.
    Tail(&'static str),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<u8>().prop_map(Event::Say),
        3 => Just(Event::Answer),
        3 => (0..3_u8).prop_map(Event::Keyed),
        1 => (0..3_u8).prop_map(Event::KeyedAgain),
        2 => any::<u8>().prop_map(Event::Compact),
        1 => any::<u8>().prop_map(Event::Rewind),
        2 => any::<u8>().prop_map(Event::Peer),
        1 => any::<u8>().prop_map(Event::PeerName),
        2 => any::<u8>().prop_map(Event::PeerSets),
        1 => prop_oneof![
            Just("{\"type\":\"message\",\"id\":\"torn"),
            Just("{\"type\":\"message\",\"id\":\"whole\",\"parentId\":null,\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"message\":{\"role\":\"user\",\"content\":\"w\"}}"),
            Just("rubbish\n"),
        ].prop_map(Event::Tail),
    ]
}

/// An entry of the branch, counted from its end.
fn back(snapshot: &Snapshot, by: u8) -> Option<EntryId> {
    let branch = snapshot.transcript.branch(snapshot.head.leaf.as_ref()?)?;
    let at = branch
        .len()
        .checked_sub(1 + usize::from(by) % branch.len())?;
    branch.get(at).map(|entry| entry.id().clone())
}

async fn happen(bench: &Bench, store: &FileStore, event: &Event, number: usize) {
    let there = open(store).await;
    let say = |entry: NewEntry| at_head(vec![entry]);
    let new: Commit = match event {
        Event::Say(by) => say(user(&format!("word {by}"))),
        Event::Answer => say(assistant("an answer")),
        Event::Keyed(key) => say(keyed(&format!("key {key}"))),
        Event::KeyedAgain(key) => say(NewEntry {
            again: true,
            ..keyed(&format!("key {key}"))
        }),
        Event::Compact(by) => say(NewEntry::new(Body::Compaction {
            summary: "what was said".to_owned(),
            first_kept: back(&there, *by),
            tokens_before: 7,
            details: None,
            system_message: None,
        })),
        Event::Rewind(by) => {
            let to = back(&there, *by);
            let session = id();
            let mut scope = LockScope::open();
            let ask = GuardAsk::side(&session, Phase::SIDE, soon());
            let mut guard = store.guard(&mut scope, ask).await.unwrap();
            if there.exists && there.report.read_only.is_none() {
                store
                    .move_head(&mut guard, to.as_ref(), "back")
                    .await
                    .unwrap();
            }
            return guard.release().await.unwrap();
        }
        Event::Peer(by) | Event::PeerName(by) | Event::PeerSets(by) => {
            if !there.exists {
                return;
            }
            let lines = there.transcript.lines();
            let at = lines.len().saturating_sub(1 + usize::from(*by) % 3);
            let parent = lines.get(at).map(|line| line.entry.id().as_str());
            let id = format!("peer{number}");
            bench.append_raw(
                match event {
                    Event::Peer(_) => pi_user(&id, parent, "of a peer"),
                    Event::PeerSets(by) if by % 2 == 0 => pi_line(
                        &id,
                        parent,
                        &json!({ "type": "thinking_level_change", "thinkingLevel": id }),
                    ),
                    Event::PeerSets(_) => pi_line(
                        &id,
                        parent,
                        &json!({ "type": "model_change", "provider": "p", "modelId": id }),
                    ),
                    _ => pi_name(&id, parent),
                }
                .as_bytes(),
            );
            return;
        }
        Event::Tail(text) => {
            if there.exists {
                bench.append_raw(text.as_bytes());
            }
            return;
        }
    };
    commit(store, &Head::default(), new).await.unwrap();
}

fn texts(entries: Vec<&RawEntry>) -> Vec<&str> {
    entries.into_iter().map(RawEntry::text).collect()
}

async fn views_agree(store: &FileStore, all: &Snapshot) {
    let (whole, leaf) = (&all.transcript, all.head.leaf.as_ref());
    let keys: Vec<Key> = (0..4)
        .map(|key| Key::new(format!("key {key}")).unwrap())
        .collect();
    for keys in [None, Some(&keys)] {
        for view in [View::Context, View::Branch, View::Last(1), View::Last(5)] {
            let seen = match keys {
                None => store.open(&id(), view).await.unwrap(),
                Some(keys) => store.open_for(&id(), view, keys).await.unwrap(),
            };
            let part = &seen.transcript;
            assert_eq!(seen.head, all.head, "{view:?}");
            assert_eq!(seen.exists, all.exists);
            assert_eq!(seen.report.read_only, all.report.read_only);
            let Some(leaf) = leaf else { continue };
            let (short, long) = (part.branch(leaf).unwrap(), whole.branch(leaf).unwrap());
            let count = match view {
                View::Last(count) => count.min(long.len()),
                View::Branch => long.len(),
                _ => 1,
            };
            assert!(short.len() >= count);
            assert_eq!(
                texts(short.clone()),
                texts(long[long.len() - short.len()..].to_vec())
            );
            if view != View::Last(1) && view != View::Last(5) {
                assert_eq!(
                    context(part, Some(leaf)),
                    context(whole, Some(leaf)),
                    "{view:?}"
                );
            }
            if let Some(keys) = keys {
                for_keys_agree(&seen, all, keys);
            }
        }
    }
}

/// What a turn asks of a part.
fn for_keys_agree(seen: &Snapshot, all: &Snapshot, keys: &[Key]) {
    let (part, whole) = (&seen.transcript, &all.transcript);
    assert_eq!(part.leaf(), whole.leaf());
    assert_eq!(part.file_entry_count(), Some(whole.entry_count()));
    assert_eq!(
        (seen.report.restored, seen.report.of),
        (all.report.restored, all.report.of)
    );
    let spoke = |role: &Role| whole.entries().any(|entry| entry.role() == Some(role));
    assert_eq!(
        part.has_message_from(&Role::Assistant),
        spoke(&Role::Assistant)
    );
    let moves = |seen: &Snapshot| {
        seen.transcript
            .entries()
            .rev()
            .find_map(RawEntry::head_move)
    };
    assert_eq!(moves(seen), moves(all));
    for entry in whole.entries() {
        for other in whole.entries() {
            assert_eq!(
                part.is_ancestor(entry.id(), other.id()),
                whole.is_ancestor(entry.id(), other.id())
            );
        }
    }
    for key in keys {
        let carries = |entry: &&RawEntry| entry.key().as_deref() == Some(key.as_str());
        let number = |entry: &RawEntry| entry.mark().map_or(1, |mark| mark.placement.max(1));
        let newest = whole
            .entries()
            .filter(carries)
            .max_by_key(|entry| number(entry));
        let Some(newest) = newest else { continue };
        assert!(part.entry(newest.id()).is_some());
        let behind = whole
            .entries()
            .skip_while(|entry| entry.id() != newest.id());
        for entry in behind.filter(|entry| entry.role() == Some(&Role::Assistant)) {
            assert!(part.entry(entry.id()).is_some());
        }
    }
}

async fn pages_agree(store: &FileStore, all: &Snapshot, limit: usize) {
    let mut read = Vec::new();
    let mut from = Position(0);
    loop {
        let page = store.read(&id(), from, limit).await.unwrap();
        assert!(page.entries.len() <= limit && page.next >= from);
        read.extend(page.entries.into_iter().map(|(at, entry)| (at.0, entry)));
        from = page.next;
        if !page.more {
            break;
        }
    }
    let lines = all.transcript.lines().iter();
    let lines: Vec<_> = lines
        .map(|line| (line.offset, line.entry.clone()))
        .collect();
    assert_eq!(read, lines);
    let again = store.read(&id(), from, limit).await.unwrap();
    assert!(again.entries.is_empty(), "nothing is told twice: {again:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_view_gives_what_all_lines_give(events in prop::collection::vec(event(), 1..14), limit in 1..6_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let store = bench.store();
            for (number, event) in events.iter().enumerate() {
                happen(&bench, &store, event, number).await;
                let all = open(&store).await;
                views_agree(&store, &all).await;
                // Each of these knows nothing yet.
                let cold = bench.store();
                let context = cold.open(&id(), View::Context).await.unwrap();
                assert_eq!(context.head, all.head);
                views_agree(&bench.store(), &all).await;
                pages_agree(&bench.store(), &all, limit).await;
                pages_agree(&store, &all, limit).await;
            }
        });
    }
}

#[tokio::test]
async fn the_end_of_a_session_that_is_not_known_is_read_and_no_more() {
    let bench = Bench::new();
    let store = bench.store();
    let mut head = begun(&store).await;
    for number in 0..40 {
        let said = vec![
            user(&"x".repeat(20_000)),
            assistant(&format!("answer {number}")),
        ];
        head = commit(&store, &head, going_on(said)).await.unwrap().head;
    }
    let cold = bench.store();
    let last = cold.open(&id(), View::Last(3)).await.unwrap();
    assert_eq!(
        last.transcript.file_entry_count(),
        None,
        "nobody has counted"
    );
    assert_eq!(last.transcript.entry_count(), 3);
    assert_eq!(last.head, head);
    // And it is a base to write on.
    let next = commit(&cold, &last.head, going_on(vec![user("next")]))
        .await
        .unwrap();
    assert!(next.reached(Level::Synced).await.is_ok());
    let held: BTreeSet<_> = said(&store).await.into_iter().collect();
    assert!(held.contains("next") && held.contains("answer 39"));
}
