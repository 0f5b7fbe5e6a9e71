//! What is measured of locks and claims, seen by a recorder of the `metrics` crate.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

use std::time::Duration;

use latchwork_filelock::{Latches, Options, Site, meter};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::System;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Every value of these names with its labels, in order, since the last look; of a histogram, how many it holds.
fn seen(snapshot: &Snapshotter, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (key, _, _, value) in snapshot.snapshot().into_vec() {
        let key = key.key();
        if !names.contains(&key.name()) {
            continue;
        }
        let mut line = key.name().to_owned();
        for label in key.labels() {
            line += &format!(" {}={}", label.key(), label.value());
        }
        line += &match value {
            DebugValue::Counter(count) => format!(" {count}"),
            DebugValue::Gauge(value) => format!(" {value}"),
            DebugValue::Histogram(values) => format!(" {}", values.len()),
        };
        found.push(line);
    }
    found.sort();
    found
}

// The recorder is the process's, so this is one test.
#[tokio::test]
async fn waits_holds_waiters_revocations_and_take_overs_are_measured_each_by_its_phase() {
    let recorder = DebuggingRecorder::new();
    let snapshot = recorder.snapshotter();
    recorder.install().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("s.jsonl"), "{}\n").unwrap();
    let site = Site::new(dir.path(), "s", "s.jsonl").unwrap();
    let options = Options {
        max_hold_ms: 50,
        ..Options::default()
    };
    let latches = Latches::new(System::real(), options);

    let held = latches
        .latch(&site, Phase::RECORD, Wait::Never)
        .await
        .unwrap();
    let other = Latches::new(System::real(), Options::default());
    other
        .latch(&site, Phase::SIDE, Wait::Never)
        .await
        .unwrap_err();
    {
        let mut waits = std::pin::pin!(other.latch(&site, Phase::SIDE, Wait::Forever));
        let early = tokio::time::timeout(Duration::from_millis(1), &mut waits).await;
        assert!(early.is_err());
        let waiting = seen(&snapshot, &[meter::WAITERS, meter::WAIT]);
        let busy = "latchwork_lock_wait_seconds phase=side outcome=busy 1";
        let granted = "latchwork_lock_wait_seconds phase=record outcome=granted 1";
        assert_eq!(waiting, [granted, busy, "latchwork_lock_waiters 1"]);
    }
    assert_eq!(
        seen(&snapshot, &[meter::WAITERS, meter::HOLD]),
        ["latchwork_lock_waiters -1"],
        "since the last look: a request that was dropped waits no more, and nothing was given back yet"
    );
    while held.begin().is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(held);
    // The watchdog, whose thread gives it back, notes the end of the hold after that.
    let mut ended = Vec::new();
    for _ in 0..400 {
        ended.extend(seen(&snapshot, &[meter::HOLD, meter::REVOCATIONS]));
        if ended.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ended.sort();
    assert_eq!(
        ended,
        [
            "latchwork_lock_hold_seconds phase=record 1",
            "latchwork_lock_revocations_total phase=record 1",
        ]
    );
    let claim = latches.claim(&site, "first", Wait::Never).await.unwrap();
    let second = latches.take_over(&site, "second", "because").unwrap();
    drop((claim, second));

    assert_eq!(
        seen(&snapshot, &[meter::TAKE_OVERS]),
        ["latchwork_claim_take_overs_total how=taken_over 1"]
    );
}
