//! A program without a lock writes while the file is made anew, again and again: each time it is done or refused, and no line is lost that was
//! written while the file had its name. One that was written to a file without a name, opened before and written to when nobody looks at it
//! any more, can be lost, and only a lock could keep it; the peer sees of each line whether that may be so, and how many went that way is told.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork_tests::workload::Numbers;
use serde_json::json;

use super::operations::{ALL, Operation};
use super::stage::Stage;
use crate::transcript::figures::{Done, say};

/// How often each operation is tried beside one peer.
const TRIES: u64 = 6;
/// What is said where somebody wrote meanwhile.
const REFUSED: &str = "nothing was changed; try again";
/// The longest pause of a peer between two lines, in microseconds.
const PAUSE_US_MAX: u64 = 8_000;

/// So many rounds of both operations.
pub(crate) fn run(seed: u64, rounds: u64) -> Done {
    let mut done = Done::begin(seed);
    let mut numbers = Numbers(seed);
    let both = ALL
        .iter()
        .filter(|one| matches!(one.name, "redact" | "vacuum"));
    let both: Vec<(&Operation, Stage)> = both.map(|one| (one, Stage::prepared(one))).collect();
    for round in 0..rounds {
        for (operation, prepared) in &both {
            let stage = prepared.copied();
            let at = format!("{}, round {round}", operation.name);
            one(operation, &stage, numbers.draw(), &mut done, &at);
        }
    }
    done.end()
}

fn one(operation: &Operation, stage: &Stage, seed: u64, done: &mut Done, at: &str) {
    let path = stage.sessions().join("main.jsonl");
    let over = AtomicBool::new(false);
    let mut answers = Vec::new();
    let lines = std::thread::scope(|scope| {
        let peer = scope.spawn(|| peer(&path, Numbers(seed), &over));
        for _ in 0..TRIES {
            let said = stage.run(operation.words, operation.input);
            done.faults += 1;
            match said.code() {
                Some(0) => {
                    done.acknowledgements += 1;
                    answers.push(said.stdout);
                }
                Some(_) if said.stderr.contains(REFUSED) => done.torn += 1,
                _ => done.found([format!("neither done nor refused: {said}")], at),
            }
        }
        over.store(true, Ordering::SeqCst);
        peer.join().unwrap()
    });
    done.calls += lines.len();
    let text = std::fs::read_to_string(&path).unwrap();
    for Line {
        text: line,
        named,
        when,
    } in &lines
    {
        let times = text.lines().filter(|there| there == line).count();
        if times == 0 && !named {
            say(&format!(
                "{at}: a line went into a file without a name: {when}"
            ));
        } else if times != 1 {
            let what =
                format!("a line of the peer is there {times} times: {line}, {when}; {answers:?}");
            done.found([what], at);
        }
    }
    if let Some(error) = text
        .lines()
        .find_map(|line| serde_json::from_str::<serde_json::Value>(line).err())
    {
        done.found([format!("a line does not read: {error}")], at);
    }
}

/// What the peer wrote, and how the file stood then.
struct Line {
    text: String,
    /// Whether the file had its name still when it was written.
    named: bool,
    when: String,
}

/// Appends as pi does, each line with an open, a write and a close. What it wrote.
fn peer(path: &Path, mut numbers: Numbers, over: &AtomicBool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut parent = "000000b2".to_owned();
    while !over.load(Ordering::SeqCst) {
        let id = format!("{:08x}", 0xe000_0000_u64 + lines.len() as u64);
        let line = json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
            "message": { "role": "user", "content": "a peer's words", "timestamp": 1 } })
        .to_string();
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        let names = |file: &std::fs::File| file.metadata().unwrap().nlink();
        let before = names(&file);
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
        let behind = names(&file);
        let when = format!("the file had {before} names before it and {behind} behind it");
        let named = behind > 0;
        lines.push(Line {
            text: line,
            named,
            when,
        });
        parent = id;
        std::thread::sleep(Duration::from_micros(numbers.below(PAUSE_US_MAX)));
    }
    lines
}
