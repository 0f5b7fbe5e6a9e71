//! A cleanup beside sessions that live: none of them is removed, and what is idle goes.
//!
//! Sessions are old by their rows and files, so everything is due. Processes take turns of them and look at the end of each whether
//! transcript and row were left alone, while one cleanup after the other runs here.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use latchwork_filelock::{Latches, Options, PeerLock};
use latchwork_lock::Wait;
use latchwork_openclaw::maintenance::{Cleanup, MaintenanceMode};
use latchwork_openclaw::{STORE_NAME, SessionIndex, StoreOptions};
use latchwork_sys::System;

use super::WORKER;
use crate::choice;
use crate::seeded::Numbers;

const WORKERS: usize = 2;
/// Long ago, in seconds since 1970.
const LONG_AGO: u64 = 1_700_000_000;
const CLEANUPS: usize = 3;

fn ids(worker: usize, sessions: usize) -> Vec<String> {
    (0..sessions)
        .map(|number| format!("s{worker}-{number}"))
        .collect()
}

/// Sessions that nobody used for long.
fn fill(folder: &Path, sessions: usize) {
    let mut rows = Vec::new();
    for id in (0..WORKERS).flat_map(|worker| ids(worker, sessions)) {
        let path = folder.join(format!("{id}.jsonl"));
        let header = format!(
            "{{\"type\":\"session\",\"version\":3,\"id\":\"{id}\",\"timestamp\":\"2023-01-01T00:00:00.000Z\",\"cwd\":\"/\"}}\n"
        );
        std::fs::write(&path, header).expect("a transcript");
        let file = std::fs::File::options()
            .append(true)
            .open(&path)
            .expect("it");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(LONG_AGO))
            .expect("its time");
        rows.push(format!(
            "\"agent:main:{id}\":{{\"sessionId\":\"{id}\",\"updatedAt\":{}}}",
            LONG_AGO * 1_000
        ));
    }
    std::fs::write(folder.join(STORE_NAME), format!("{{{}}}", rows.join(","))).expect("the store");
}

fn start(folder: &Path, worker: usize, sessions: usize, seed: u64) -> Child {
    Command::new(WORKER)
        .args([
            "live",
            "--ids",
            &ids(worker, sessions).join(","),
            "--seed",
            &seed.to_string(),
            "--folder",
        ])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a worker")
}

/// What came of a round: how many sessions were put away, how many turns were taken, what was lost.
fn round(sessions: usize, seed: u64) -> (usize, u64, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path(), sessions);
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            start(
                folder.path(),
                worker,
                sessions,
                seed.wrapping_add(worker as u64),
            )
        })
        .map(|mut child| {
            let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
            let ready = lines.next().expect("a line").expect("a line");
            assert_eq!(ready, "ready");
            (child, lines)
        })
        .collect();
    let gone = clean_up(folder.path());
    let (mut turns, mut lost) = (0, Vec::new());
    for (child, lines) in &mut workers {
        drop(child.stdin.take());
        for line in lines {
            let line = line.expect("a line");
            match line.strip_prefix("done ") {
                Some(number) => turns += number.parse::<u64>().expect("a number"),
                None => lost.push(line),
            }
        }
        assert!(child.wait().expect("a worker").success());
    }
    (gone, turns, lost)
}

fn clean_up(folder: &Path) -> usize {
    let options = Options {
        peer_lock: PeerLock::Auto,
        ..Options::default()
    };
    let latches = Latches::new(System::real(), options);
    let index = SessionIndex::new(latches, folder.join(STORE_NAME), StoreOptions::default());
    let index = index.expect("a store");
    let mut cleanup = Cleanup::default();
    cleanup.options.mode = MaintenanceMode::Enforce;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime.expect("a runtime").block_on(async {
        let mut gone = 0;
        for _ in 0..CLEANUPS {
            let report = index.cleanup(Wait::Forever, &cleanup).await?;
            gone += report
                .rows
                .iter()
                .filter(|row| row.stayed.is_none())
                .count();
        }
        Ok::<_, latchwork_openclaw::maintenance::CleanupError>(gone)
    });
    done.expect("a cleanup")
}

#[test]
fn an_index_cleaned_up_beside_live_sessions_keeps_every_one_of_them() {
    let rounds = choice::runs(24);
    // The long form has a hundred sessions in each round.
    let sessions = if rounds > 100 { 50 } else { 8 };
    let mut numbers = Numbers(choice::seed());
    let (mut gone, mut turns) = (0, 0);
    for number in 0..rounds {
        let (went, took, lost) = round(sessions, numbers.next());
        assert!(lost.is_empty(), "round {number}: {lost:?}");
        gone += went;
        turns += took;
    }
    // Both took part, or nothing was shown.
    assert!(gone > 0 && turns > rounds, "{gone} gone, {turns} turns");
}
