//! A transcript repaired: what can be read stays, whatever shares its line.

use latchwork_format::EntryId;
use latchwork_lock::{LockScope, Phase};
use latchwork_session::{GuardAsk, SessionLocks};
use latchwork_transcript::{FileStore, Repair};

use crate::bench::*;

async fn repair(store: &FileStore) -> Option<Repair> {
    let (session, mut scope) = (id(), LockScope::open());
    let ask = GuardAsk::side(&session, Phase::SIDE, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let done = store.repair(&mut guard).await.unwrap();
    guard.release().await.unwrap();
    done
}

#[tokio::test]
async fn a_repair_leaves_no_entry_out_that_a_peer_glued_to_a_fragment() {
    let bench = Bench::new();
    let store = bench.store();
    begun(&store).await;
    let last = open(&store).await.transcript.leaf().cloned();
    let parent = last.as_ref().map(EntryId::as_str);
    let torn = pi_user("f", parent, "cut off");
    bench.append_raw(&torn.as_bytes()[..torn.len() / 2]);
    bench.append_raw(pi_user("g", parent, "glued").as_bytes());
    let before = bench.text();
    let done = repair(&bench.store()).await.unwrap();
    assert_eq!((done.left_out, done.gaps), (1, 0), "{done:?}");
    assert_eq!(std::fs::read_to_string(&done.kept_in).unwrap(), before);
    let there = open(&store).await;
    assert!(there.transcript.entry(&EntryId::new("g")).is_some());
    assert!(there.report.damage.is_empty(), "{:?}", there.report);
    assert!(repair(&store).await.is_none());
}
