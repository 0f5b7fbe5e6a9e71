//! Eight processes of ours and one of OpenClaw's write one store: no row of ours is lost.
//!
//! OpenClaw's is its own `updateSessionStore`, which reads, changes and renames with no lock held. What it undoes is made again by ours; the
//! oracle is the store itself, read as plain JSON when all have ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use latchwork_testkit::peers::Peers;
use latchwork_testkit::program::Home;
use serde_json::Value;

use super::WORKER;
use crate::choice;

const WORKERS: u64 = 8;
const STORE: &str = "sessions.json";
/// A row that nobody changes, spelled as no program spells one.
const UNTOUCHED: &str = r#"{"sessionId":"u","updatedAt":4e3,"unknown":[1.50,{"a":"é"}]}"#;

/// Runs the workers to their end and answers how many ended well.
fn write(folder: &Path, rounds: u64) {
    let workers = (0..WORKERS).map(|number| {
        let rounds = rounds.to_string();
        Command::new(WORKER)
            .args(["rows", "--name", &format!("w{number}"), "--rounds", &rounds])
            .arg("--folder")
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a worker")
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        let ended = worker.wait_with_output().expect("a worker");
        assert!(ended.status.success(), "{ended:?}");
    }
}

fn rows(folder: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(folder.join(STORE)).expect("the store");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What of ours is not there.
fn lost(folder: &Path, rounds: u64) -> Vec<String> {
    let rows = rows(folder);
    let mut lost = Vec::new();
    for worker in 0..WORKERS {
        let count = format!("agent:main:w{worker}:count");
        if rows.get(&count).map(|row| row["label"].clone()) != Some(rounds.to_string().into()) {
            lost.push(count);
        }
        for round in 0..rounds {
            let key = format!("agent:main:w{worker}:{round}");
            if rows.get(&key).map(|row| row["sessionId"].clone())
                != Some(format!("w{worker}-{round}").into())
            {
                lost.push(key);
            }
        }
    }
    lost
}

fn begin(folder: &Path) {
    let text = format!("{{\n  \"agent:main:main\": {UNTOUCHED}\n}}");
    std::fs::write(folder.join(STORE), text).expect("the store");
}

#[test]
fn an_index_hammered_by_eight_of_ours_has_every_row_and_the_others_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let rounds = choice::runs(25);
    begin(folder.path());
    write(folder.path(), rounds);
    assert_eq!(lost(folder.path(), rounds), Vec::<String>::new());
    let text = std::fs::read_to_string(folder.path().join(STORE)).expect("the store");
    assert!(text.contains(UNTOUCHED));
}

#[test]
fn an_index_hammered_by_eight_of_ours_and_openclaw_loses_no_row_of_ours() {
    let home = Home::new();
    let folder = home.cwd();
    let script = |peers: &Peers| peers.openclaw_script(&home, &[], "session-store.mjs");
    let Some(script) = Peers::or_skip(script) else {
        return;
    };
    let rounds = choice::runs(4);
    begin(&folder);
    let mut openclaw = script.arg(folder.join(STORE)).spawn();
    // It has written once, so it is there.
    let ready = openclaw.next_line();
    assert_eq!(ready.as_deref().map(str::trim), Some("ready"));
    write(&folder, rounds);
    openclaw.close_stdin();
    let theirs = openclaw.wait().expect_success();
    let wrote: u64 = theirs
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("wrote "))
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{theirs}"));
    assert!(wrote > rounds, "OpenClaw took part: {wrote}");
    // It wrote after the last of ours had looked; the next of ours looks again.
    settle(&folder);
    assert_eq!(
        lost(&folder, rounds),
        Vec::<String>::new(),
        "beside {wrote} writes of OpenClaw's"
    );
}

/// What the next process of ours does first.
fn settle(folder: &Path) {
    let ended = Command::new(WORKER)
        .args(["rows", "--name", "last", "--rounds", "1", "--folder"])
        .arg(folder)
        .status();
    assert!(ended.expect("a worker").success());
}
