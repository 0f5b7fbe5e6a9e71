//! Whatever call of the disk fails, once or for ever, the store is the old one or the new one, whole.

use std::sync::Arc;

use latchwork_openclaw::SessionsJson;
use latchwork_sys::{Fault, FaultOutcome, Operation, RealDisk, sweep};

use crate::bench::*;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const OLD: &str = "{\n  \"a\": {\n    \"sessionId\": \"a\"\n  }\n}";

#[test]
fn a_failing_call_leaves_the_old_store_or_the_new_one() {
    for outcome in [
        FaultOutcome::Errno(EIO),
        FaultOutcome::DoneButFailed(EIO),
        FaultOutcome::Short(2),
        FaultOutcome::Torn {
            bytes: 3,
            errno: ENOSPC,
        },
    ] {
        let once = Fault::any(outcome.clone());
        let for_ever = matches!(outcome, FaultOutcome::Errno(_)).then(|| once.clone().sticky());
        for fault in std::iter::once(once).chain(for_ever) {
            let met = sweep(
                &fault,
                || Arc::new(RealDisk),
                |run| {
                    let bench = Bench::with(OLD);
                    let index = bench.index_on(system_on(Arc::new(run.disk.clone())));
                    let wait = latchwork_lock::Wait::at_most(std::time::Duration::from_millis(30));
                    let updated = block_on(index.update(wait, |rows| put(rows, "b", "b", 1)));
                    let text = bench.text();
                    let rows = SessionsJson::parse(&text)
                        .unwrap_or_else(|error| panic!("call {}: {error}: {text}", run.nth));
                    let is_new = rows.get("b").is_some() && rows.get("a").is_some();
                    assert!(is_new || text == OLD, "call {}: {text}", run.nth);
                    if updated.is_ok() {
                        assert!(
                            is_new,
                            "call {} of {outcome:?} lost an acknowledged row",
                            run.nth
                        );
                    }
                    // Whoever comes next works on, whatever was left.
                    let next = bench.index();
                    block_on(next.update(WAIT, |rows| put(rows, "c", "c", 1))).unwrap();
                    let rows = SessionsJson::parse(&bench.text()).unwrap();
                    assert!(
                        rows.get("a").is_some() && rows.get("c").is_some(),
                        "call {}",
                        run.nth
                    );
                    assert!(rows.get("b").is_some() == is_new, "call {}", run.nth);
                },
            );
            let calls: Vec<_> = met.iter().map(|fired| fired.operation).collect();
            assert!(
                calls.contains(&Operation::Rename) && calls.contains(&Operation::SyncDir),
                "{calls:?}"
            );
        }
    }
}

#[test]
fn an_update_makes_the_new_file_durable_before_it_gets_its_name_and_the_name_before_it_is_told() {
    let bench = Bench::with(OLD);
    let disk = latchwork_sys::FaultDisk::new(Arc::new(RealDisk));
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let store = bench.path();
    disk.watch(move |operation, path| {
        let of_store = path.parent() == store.parent() || Some(path) == store.parent();
        if of_store {
            told.lock().unwrap().push((operation, path.to_owned()));
        }
        None
    });
    let index = bench.index_on(system_on(Arc::new(disk)));
    block_on(index.update(WAIT, |rows| put(rows, "b", "b", 1))).unwrap();
    let asked = asked.lock().unwrap();
    let at = |wanted: Operation| {
        asked
            .iter()
            .rposition(|(operation, _)| *operation == wanted)
    };
    let (sync, rename, names) = (
        at(Operation::Sync),
        at(Operation::Rename),
        at(Operation::SyncDir),
    );
    assert!(
        sync.is_some() && sync < rename && rename < names,
        "{asked:?}"
    );
}
