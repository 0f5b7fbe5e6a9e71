//! A disk that fails: nothing acknowledged is lost, nothing is acknowledged that may be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use latchwork_lock::{LockScope, Phase};
use latchwork_session::{
    AppendError, GuardAsk, Head, Inbox, Incoming, Key, Level, NewEntry, Receipt, SessionLocks,
    SyncError, TranscriptStore,
};
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation, System};
use latchwork_transcript::FileStore;
use serde_json::json;

use crate::bench::*;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn sick(bench: &Bench) -> (latchwork_transcript::FileStore, FaultDisk) {
    let real = System::real();
    let disk = FaultDisk::new(real.disk.clone());
    (
        bench.store_on(System {
            disk: Arc::new(disk.clone()),
            ..real
        }),
        disk,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_disk_cut_short_is_an_error_and_the_next_one_goes_well() {
    for outcome in [
        FaultOutcome::Short(9),
        FaultOutcome::Torn {
            bytes: 17,
            errno: ENOSPC,
        },
    ] {
        let bench = Bench::new();
        let (store, disk) = sick(&bench);
        let base = begun(&store).await;
        disk.add(Fault::on(Operation::Append, outcome).at("s.jsonl"));
        let refused = commit(&store, &base, going_on(vec![keyed("lost?")])).await;
        assert!(
            matches!(refused, Err(AppendError::NoSpace { .. })),
            "{refused:?}"
        );
        disk.heal();
        assert_eq!(said(&store).await, ["hello", "hi"]);
        commit(&store, &base, going_on(vec![keyed("lost?")]))
            .await
            .unwrap();
        assert_eq!(said(&store).await, ["hello", "hi", "lost?"]);
        assert!(bench.text().ends_with('\n'));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_commit_that_was_cut_behind_any_byte_nothing_stands_when_it_is_refused() {
    let three = || vec![user("one"), user("two"), user("three")];
    let bench = Bench::new();
    let base = begun(&bench.store()).await;
    let before = bench.text().len();
    commit(&bench.store(), &base, going_on(three()))
        .await
        .unwrap();
    let len = bench.text().len() - before;
    for bytes in (0..len).step_by(7).chain([len - 1]) {
        for errno in [None, Some(ENOSPC), Some(EIO)] {
            let bench = Bench::new();
            let (store, disk) = sick(&bench);
            let base = begun(&store).await;
            let outcome = match errno {
                Some(errno) => FaultOutcome::Torn { bytes, errno },
                None => FaultOutcome::Short(bytes),
            };
            disk.add(Fault::on(Operation::Append, outcome).at("s.jsonl"));
            let refused = commit(&store, &base, going_on(three())).await;
            disk.heal();
            match refused {
                Err(AppendError::Unknown { .. }) => {
                    assert!(bytes < 60 && errno.is_some(), "{bytes}, {errno:?}");
                    let latched = commit(&store, &base, going_on(three())).await;
                    assert!(
                        matches!(latched, Err(AppendError::Latched { .. })),
                        "{latched:?}"
                    );
                }
                Err(AppendError::NoSpace { .. } | AppendError::Backend { .. }) => {}
                other => panic!("{bytes}, {errno:?}: {other:?}"),
            }
            assert_eq!(said(&store).await, ["hello", "hi"], "{bytes}, {errno:?}");
            commit(&store, &base, going_on(three())).await.unwrap();
            assert_eq!(said(&store).await, ["hello", "hi", "one", "two", "three"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_cannot_be_read_back_or_taken_back_is_unknown_and_latched_until_it_is_opened_again()
 {
    let cut = Fault::on(Operation::Append, FaultOutcome::Short(200)).at("s.jsonl");
    let no_blanking = Fault::on(Operation::WriteAt, FaultOutcome::Errno(EIO)).at("s.jsonl");
    let written = Arc::new(AtomicU64::new(0));
    for faults in [vec![cut, no_blanking], vec![]] {
        let bench = Bench::new();
        let (store, disk) = sick(&bench);
        let base = begun(&store).await;
        if faults.is_empty() {
            // Nothing can be seen of the file any more, once it is written.
            written.store(0, Ordering::SeqCst);
            let written = written.clone();
            disk.watch(move |operation, path| {
                if !path.ends_with("s.jsonl") {
                    return None;
                }
                if operation == Operation::Append {
                    written.store(1, Ordering::SeqCst);
                }
                let looks = matches!(operation, Operation::Read | Operation::Facts);
                let fails = looks && written.load(Ordering::SeqCst) == 1;
                fails.then_some(FaultOutcome::Errno(EIO))
            });
        }
        let whole = faults.is_empty();
        for fault in faults {
            disk.add(fault);
        }
        let entries = || vec![keyed("one"), keyed("two"), keyed("three")];
        let unknown = commit(&store, &base, going_on(entries())).await;
        assert!(
            matches!(unknown, Err(AppendError::Unknown { .. })),
            "{unknown:?}"
        );
        disk.heal();
        let latched = commit(&store, &base, going_on(entries())).await;
        assert!(
            matches!(latched, Err(AppendError::Latched { .. })),
            "{latched:?}"
        );
        assert_eq!(
            said(&store).await.len(),
            if whole {
                5
            } else {
                2 + usize::from(stands(&bench, "one"))
            }
        );
        commit(&store, &base, going_on(entries())).await.unwrap();
        assert_eq!(said(&store).await, ["hello", "hi", "one", "two", "three"]);
    }
}

fn stands(bench: &Bench, what: &str) -> bool {
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    bench
        .text()
        .lines()
        .any(|line| whole(line) && line.contains(what))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_is_acknowledged_until_the_session_was_read_again() {
    let bench = Bench::new();
    let (store, disk) = sick(&bench);
    let base = begun(&store).await;
    let session = id();
    let mut scope = LockScope::open();
    let mut guard = store
        .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .unwrap();
    let receipt = store
        .append(&mut guard, &base, going_on(vec![keyed("a")]))
        .await
        .unwrap();
    disk.add(Fault::on(Operation::Sync, FaultOutcome::Errno(EIO)).at("s.jsonl"));
    drop(guard);
    assert!(matches!(
        receipt.reached(Level::Synced).await,
        Err(SyncError::Unknown { .. })
    ));
    assert!(
        matches!(
            receipt.reached(Level::Synced).await,
            Err(SyncError::Unknown { .. })
        ),
        "a second sync is not believed"
    );
    let refused = commit(&store, &base, going_on(vec![keyed("b")])).await;
    assert!(
        matches!(refused, Err(AppendError::Latched { .. })),
        "{refused:?}"
    );
    assert_eq!(
        said(&store).await,
        ["hello", "hi", "a"],
        "it is written all the same"
    );
    let again = commit(&store, &base, going_on(vec![keyed("a")]))
        .await
        .unwrap();
    assert!(
        again.placed[0].duplicate,
        "the same key is safe to send again"
    );
    assert_eq!(said(&store).await, ["hello", "hi", "a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_operation_fails_once_the_session_opens_and_the_retry_stands_once() {
    let operations = [
        Operation::Open,
        Operation::Append,
        Operation::WriteAt,
        Operation::Sync,
        Operation::Rename,
    ];
    for operation in operations {
        for nth in 1..6 {
            let bench = Bench::new();
            let (store, disk) = sick(&bench);
            let base = begun(&store).await;
            bench.append_raw(b"{\"type\":\"mess");
            disk.add(Fault::on(operation, FaultOutcome::Errno(EIO)).nth(nth));
            let session = id();
            let first = {
                let mut scope = LockScope::open();
                match store
                    .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
                    .await
                {
                    Ok(mut guard) => store
                        .append(&mut guard, &base, going_on(vec![keyed("a")]))
                        .await
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            };
            if let Ok(receipt) = first {
                let _ = receipt.reached(Level::Synced).await;
            }
            disk.heal();
            assert_eq!(
                said(&store).await.first().map(String::as_str),
                Some("hello"),
                "{operation:?} {nth}"
            );
            commit(&store, &base, going_on(vec![keyed("a")]))
                .await
                .unwrap();
            assert_eq!(
                said(&store).await,
                ["hello", "hi", "a"],
                "{operation:?} {nth}"
            );
        }
    }
}

/// Deletes the sidecars before the n-th operation of a disk, counted from 1; the counter tells how many there were.
fn deleting(bench: &Bench, disk: &FaultDisk, nth: u64) -> Arc<AtomicU64> {
    let (seen, sidecars) = (Arc::new(AtomicU64::new(0)), bench.sidecars());
    let count = seen.clone();
    disk.watch(move |_, _| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            let _not_there_yet = std::fs::remove_dir_all(&sidecars);
        }
        None
    });
    seen
}

/// A session with one exchange, by its bytes: a commit for each case would take long.
async fn exchange() -> Vec<u8> {
    let bench = Bench::new();
    begun(&bench.store()).await;
    bench.text().into_bytes()
}

/// A disk that can be made to fail, on a session of these bytes.
fn sick_with(bench: &Bench, text: &[u8]) -> (FileStore, FaultDisk) {
    std::fs::create_dir(bench.sessions()).unwrap();
    std::fs::write(bench.transcript(), text).unwrap();
    sick(bench)
}

/// One guard and one commit; what the guard says where it could not be had is a failure.
async fn append(store: &FileStore, entry: NewEntry) -> Result<Receipt, AppendError> {
    let (session, head) = (id(), Head::default());
    let mut scope = LockScope::open();
    let mut guard = store
        .guard(&mut scope, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .unwrap();
    store.append(&mut guard, &head, at_head(vec![entry])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sidecars_deleted_before_any_operation_of_a_commit_cost_the_guard_at_most() {
    let exchange = exchange().await;
    for torn in [false, true] {
        let (mut lost, mut nth) = (0, 0);
        loop {
            nth += 1;
            let bench = Bench::new();
            let (store, disk) = sick_with(&bench, &exchange);
            if torn {
                bench.append_raw(b"{\"type\":\"mess");
            }
            let seen = deleting(&bench, &disk, nth);
            match append(&store, keyed("a")).await {
                Ok(_) => {}
                Err(AppendError::GuardLost { .. }) => lost += 1,
                Err(other) => panic!("torn: {torn}, at operation {nth}: {other:?}"),
            }
            disk.heal();
            drop(append(&store, keyed("a")).await.unwrap());
            assert_eq!(said(&store).await, ["hello", "hi", "a"], "{nth}");
            if seen.load(Ordering::SeqCst) < nth {
                break;
            }
        }
        assert!(lost > 3, "{lost} guards were lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sidecars_deleted_before_any_operation_of_an_inbox_make_no_error() {
    let (exchange, mut nth) = (exchange().await, 0);
    loop {
        nth += 1;
        let bench = Bench::new();
        let (store, disk) = sick_with(&bench, &exchange);
        let seen = deleting(&bench, &disk, nth);
        let message = Incoming {
            key: Key::new("k").unwrap(),
            message: serde_json::value::to_raw_value(&json!({ "role": "user", "content": "hi" }))
                .unwrap(),
            at_ms: 1,
            session_key: None,
        };
        let accepted = store.accept(&id(), message).await;
        accepted.unwrap_or_else(|error| panic!("at operation {nth}: {error:?}"));
        disk.heal();
        let operations = seen.load(Ordering::SeqCst);
        if operations < nth {
            break;
        }
        // Between the last look and the word that it is accepted nobody can notice any more.
        let waiting = store.waiting(&id()).await.unwrap();
        assert!(
            waiting.len() == 1 || nth == operations,
            "accepted, and gone at operation {nth} of {operations}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_birth_that_may_stand_nobody_is_told_that_it_failed() {
    for fault in [
        // The name is given, and the answer is an error.
        Fault::on(Operation::Rename, FaultOutcome::DoneButFailed(EIO)).at("s.jsonl"),
        // The name is given, and what stands there cannot be read back.
        Fault::on(Operation::Read, FaultOutcome::Errno(EIO)).at(".tmp"),
    ] {
        let bench = Bench::new();
        let (store, disk) = sick(&bench);
        disk.add(fault.clone());
        let birth = || at_head(vec![keyed("there?")]);
        let done = commit(&store, &Head::default(), birth()).await;
        assert_eq!(disk.fired().len(), 1, "{fault:?}");
        assert!(
            matches!(done, Err(AppendError::Unknown { .. })),
            "{fault:?}: {done:?}"
        );
        disk.heal();
        assert_eq!(said(&store).await, ["there?"]);
        let again = commit(&store, &Head::default(), birth()).await.unwrap();
        assert!(again.placed[0].duplicate, "{again:?}");
    }
}
