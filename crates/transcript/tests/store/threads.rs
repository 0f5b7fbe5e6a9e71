//! Where a store does its work: on a thread of its own, or, when a program says so, on the one that asks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use latchwork_session::{Head, Inbox, Incoming, Key, Level, SessionLocks, TranscriptStore};
use latchwork_sys::{FaultDisk, System};
use latchwork_transcript::FileStore;
use serde_json::json;

use crate::bench::*;

/// On which threads a store touches the disk while it writes, acknowledges, reads, lists, accepts and is asked who holds it.
async fn touched_on(way: impl FnOnce(FileStore) -> FileStore) -> HashSet<ThreadId> {
    let (bench, real) = (Bench::new(), System::real());
    let disk = FaultDisk::new(real.disk.clone());
    let threads: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    let seen = threads.clone();
    disk.watch(move |_, _| {
        seen.lock().unwrap().insert(std::thread::current().id());
        None
    });
    let disk = Arc::new(disk);
    let store = way(bench.store_on(System { disk, ..real }));
    let receipt = commit(&store, &Head::default(), at_head(vec![user("x")])).await;
    receipt.unwrap().reached(Level::Synced).await.unwrap();
    open(&store).await;
    store.list().await.unwrap();
    store.held(&id()).await.unwrap();
    store.nobody_is_in_a_turn(&id()).await.unwrap();
    store.lock_view(&id()).await.unwrap();
    let message = json!({ "role": "user", "content": "x" });
    let message = Incoming {
        key: Key::new("k").unwrap(),
        message: serde_json::value::to_raw_value(&message).unwrap(),
        at_ms: 1,
        session_key: None,
    };
    store.accept(&id(), message).await.unwrap();
    let seen = threads.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn a_store_on_this_thread_touches_the_disk_on_no_other_and_an_ordinary_one_does() {
    let here = HashSet::from([std::thread::current().id()]);
    assert_eq!(touched_on(FileStore::on_this_thread).await, here);
    assert_ne!(touched_on(|store| store).await, here);
}
