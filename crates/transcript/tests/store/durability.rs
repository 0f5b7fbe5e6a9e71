//! What is acknowledged is durable: its bytes, its name, and the names that lead to it; whoever failed or died before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    Accepted, GuardAsk, Head, Inbox, InboxError, Incoming, Key, Level, Receipt, SessionLocks,
    SyncError, TranscriptStore,
};
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation, Steps, System};
use latchwork_transcript::FileStore;
use serde_json::json;

use crate::bench::*;

const EIO: i32 = 5;

/// A store that does not know of anybody else, on a disk that tells what is asked of it.
struct Watched {
    store: FileStore,
    disk: FaultDisk,
    asked: Arc<Mutex<Vec<(Operation, PathBuf)>>>,
}

impl Watched {
    fn on(bench: &Bench) -> Self {
        let real = System::real();
        let disk = FaultDisk::new(real.disk.clone());
        let asked: Arc<Mutex<Vec<_>>> = Arc::default();
        let told = asked.clone();
        disk.watch(move |operation, path| {
            told.lock().unwrap().push((operation, path.to_owned()));
            None
        });
        let system = System {
            disk: Arc::new(disk.clone()),
            ..real
        };
        Self {
            store: bench.store_on(system),
            disk,
            asked,
        }
    }

    fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }

    fn syncs(&self, operation: Operation, path: &Path) -> usize {
        let asked = self.asked.lock().unwrap();
        let same = |(what, at): &&(Operation, PathBuf)| *what == operation && at == path;
        asked.iter().filter(same).count()
    }
}

async fn accept(store: &FileStore, key: &str) -> Result<Accepted, InboxError> {
    let message = json!({ "role": "user", "content": key });
    let message = Incoming {
        key: Key::new(key).unwrap(),
        message: serde_json::value::to_raw_value(&message).unwrap(),
        at_ms: 1,
        session_key: None,
    };
    store.accept(&id(), message).await
}

/// Written, and not acknowledged yet.
async fn written(store: &FileStore, key: &str) -> Receipt {
    let session = id();
    let mut scope = LockScope::open();
    let ask = GuardAsk::side(&session, Phase::SIDE, soon());
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let commit = at_head(vec![keyed(key)]);
    store
        .append(&mut guard, &Head::default(), commit)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_message_is_acknowledged_only_when_every_name_that_leads_to_it_is_durable() {
    for made_before in [false, true] {
        let bench = Bench::new();
        if made_before {
            // By somebody who died before it was durable.
            std::fs::create_dir_all(bench.sidecars()).unwrap();
        }
        let at = Watched::on(&bench);
        accept(&at.store, "k").await.unwrap();
        for folder in [
            bench.sidecars(),
            bench.sessions(),
            bench.sessions().parent().unwrap().to_owned(),
        ] {
            assert!(
                at.syncs(Operation::SyncDir, &folder) > 0,
                "{folder:?}, made before: {made_before}"
            );
        }
        at.forget();
        accept(&at.store, "another").await.unwrap();
        assert_eq!(
            at.syncs(Operation::SyncDir, &bench.sessions()),
            0,
            "once is enough"
        );
    }
}

#[tokio::test]
async fn a_message_that_is_sent_again_after_a_failed_sync_is_written_again_before_it_is_acknowledged()
 {
    let bench = Bench::new();
    let at = Watched::on(&bench);
    accept(&at.store, "before").await.unwrap();
    let fault = Fault::on(Operation::Sync, FaultOutcome::Errno(EIO)).at("s.inbox.jsonl");
    at.disk.add(fault);
    assert!(accept(&at.store, "k").await.is_err());
    at.forget();
    let inbox = bench.sidecars().join("s.inbox.jsonl");
    // The kernel may have dropped what it could not write, and says nothing of it a second time.
    assert!(accept(&at.store, "k").await.unwrap().already);
    assert_eq!(at.syncs(Operation::Append, &inbox), 1);
    assert_eq!(at.syncs(Operation::Sync, &inbox), 1);
    assert_eq!(at.store.waiting(&id()).await.unwrap().len(), 2);
    // And the same from a process that knows nothing of it.
    let other = Watched::on(&bench);
    assert!(accept(&other.store, "k").await.unwrap().already);
    assert_eq!(other.syncs(Operation::Append, &inbox), 1);
    assert_eq!(other.store.waiting(&id()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_first_acknowledgement_makes_the_transcripts_name_durable_whoever_made_it() {
    let bench = Bench::new();
    begun(&bench.store()).await;
    let at = Watched::on(&bench);
    let receipt = written(&at.store, "a").await;
    at.forget();
    receipt.reached(Level::Synced).await.unwrap();
    assert_eq!(at.syncs(Operation::Sync, &bench.transcript()), 1);
    assert!(at.syncs(Operation::SyncDir, &bench.sessions()) > 0);
    let receipt = written(&at.store, "b").await;
    at.forget();
    receipt.reached(Level::Synced).await.unwrap();
    assert_eq!(
        at.syncs(Operation::SyncDir, &bench.sessions()),
        0,
        "once is enough"
    );
    // Another file at its path has another name.
    let text = bench.text();
    std::fs::remove_file(bench.transcript()).unwrap();
    std::fs::write(bench.transcript(), text).unwrap();
    let receipt = written(&at.store, "c").await;
    at.forget();
    receipt.reached(Level::Synced).await.unwrap();
    assert_eq!(at.syncs(Operation::Sync, &bench.transcript()), 1);
    assert!(at.syncs(Operation::SyncDir, &bench.sessions()) > 0);
}

#[tokio::test]
async fn a_name_that_could_not_be_made_durable_is_not_acknowledged() {
    let bench = Bench::new();
    begun(&bench.store()).await;
    let at = Watched::on(&bench);
    let receipt = written(&at.store, "a").await;
    at.disk
        .add(Fault::on(Operation::SyncDir, FaultOutcome::Errno(EIO)).at("sessions"));
    let unknown = receipt.reached(Level::Synced).await;
    assert!(
        matches!(unknown, Err(SyncError::Unknown { .. })),
        "{unknown:?}"
    );
    at.disk.heal();
    let unknown = receipt.reached(Level::Synced).await;
    assert!(unknown.is_err(), "a second sync is not believed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_that_nobody_waits_for_any_more_is_not_forgotten() {
    let bench = Bench::new();
    let real = System::real();
    let disk = FaultDisk::new(real.disk.clone());
    let held = Arc::new(Held::default());
    let store = bench.store_on(System {
        disk: Arc::new(disk.clone()),
        steps: held.clone(),
        ..real
    });
    begun(&store).await;
    let receipt = written(&store, "a").await;
    disk.add(Fault::on(Operation::Sync, FaultOutcome::Errno(EIO)).at("s.jsonl"));
    held.hold();
    let asked = receipt.clone();
    let waits = tokio::spawn(async move { asked.reached(Level::Synced).await });
    held.reached();
    waits.abort();
    assert!(waits.await.is_err());
    held.let_go();
    let unknown = receipt.reached(Level::Synced).await;
    assert!(
        matches!(unknown, Err(SyncError::Unknown { .. })),
        "{unknown:?}"
    );
}

/// Holds whoever syncs.
#[derive(Debug, Default)]
struct Held {
    state: Mutex<(bool, bool)>,
    changed: std::sync::Condvar,
}

impl Held {
    fn hold(&self) {
        *self.state.lock().unwrap() = (true, false);
    }
    fn reached(&self) {
        let state = self.state.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |(_, there)| !*there)
                .unwrap(),
        );
    }
    fn let_go(&self) {
        self.state.lock().unwrap().0 = false;
        self.changed.notify_all();
    }
}

impl Steps for Held {
    fn reach(&self, step: &str) {
        if step != "sync:before" {
            return;
        }
        let mut state = self.state.lock().unwrap();
        state.1 = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(held, _)| *held).unwrap());
    }
}

#[tokio::test]
async fn what_is_written_to_a_new_file_is_not_acknowledged_by_a_sync_of_the_old_one() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let bench = Bench::new();
    let disk = latchwork_sys::FaultDisk::new(latchwork_sys::System::real().disk);
    let appended = Arc::new(AtomicBool::new(false));
    let (armed, seen) = (Arc::new(AtomicBool::new(false)), appended.clone());
    let arm = armed.clone();
    disk.watch(move |operation, path| {
        let ours = arm.load(Ordering::SeqCst) && path.ends_with("s.jsonl");
        match operation {
            latchwork_sys::Operation::Append if ours => seen.store(true, Ordering::SeqCst),
            // No descriptor is left for the sync.
            latchwork_sys::Operation::Open if ours && seen.load(Ordering::SeqCst) => {
                return Some(latchwork_sys::FaultOutcome::Errno(24));
            }
            _ => {}
        }
        None
    });
    let store = bench.store_on(latchwork_sys::System {
        disk: Arc::new(disk),
        ..latchwork_sys::System::real()
    });
    let base = begun(&store).await;
    // Another file stands there now, as after a repair by another process.
    let copy = bench.sessions().join("copy");
    std::fs::copy(bench.transcript(), &copy).unwrap();
    std::fs::rename(&copy, bench.transcript()).unwrap();
    armed.store(true, Ordering::SeqCst);
    let session = id();
    let mut scope = latchwork_lock::LockScope::open();
    let ask = latchwork_session::GuardAsk::side(&session, latchwork_lock::Phase::SIDE, soon());
    let mut guard = latchwork_session::SessionLocks::guard(&store, &mut scope, ask)
        .await
        .unwrap();
    let receipt = latchwork_session::TranscriptStore::append(
        &store,
        &mut guard,
        &base,
        going_on(vec![user("new")]),
    )
    .await
    .unwrap();
    guard.release().await.unwrap();
    let unknown = receipt.reached(latchwork_session::Level::Synced).await;
    assert!(unknown.is_err(), "{unknown:?}");
}
