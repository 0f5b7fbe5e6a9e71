//! A home of thousands of sessions: what the list, a search and a plan of a cleanup need of memory and time.
//!
//! Each command is a process of its own, run by `peak`, which tells how much memory it had at most. Memory is judged, time is told.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use latchwork_testkit::program::{Home, latchwork};
use latchwork_tests::workload::Numbers;
use serde_json::{Value, json};

use crate::transcript::figures;

const PEAK: &str = env!("CARGO_BIN_EXE_peak");
/// No command may need more, in KiB.
const MEMORY_KIB_MAX: u64 = 100 * 1024;
/// The goal of the list, once it has been there, in milliseconds.
const LIST_MS: f64 = 50.0;
/// The mean size of a message, in bytes.
const MESSAGE: u64 = 4_000;
/// The commands, and what each is called.
const COMMANDS: [(&str, &[&str]); 6] = [
    ("list, cold", &["sessions", "--json"]),
    ("list, warm", &["sessions", "--json"]),
    (
        "search, the index made",
        &["sessions", "search", "--json", "heron"],
    ),
    (
        "search, the index there",
        &["sessions", "search", "--json", "heron"],
    ),
    (
        "cleanup, a plan",
        &[
            "sessions",
            "cleanup",
            "--dry-run",
            "--keep",
            "10",
            "--floor",
            "0",
            "--json",
        ],
    ),
    ("list, warm again", &["sessions", "--json"]),
];

/// How big a home.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) sessions: u64,
    /// The mean size of a session in bytes.
    pub(crate) bytes: u64,
}

/// Makes it, asks it, and answers what is wrong. It is gone afterwards.
pub(crate) fn run(seed: u64, size: Size) -> Vec<String> {
    let home = Home::new();
    let folder = home.home().join(".local/share/latchwork/sessions");
    std::fs::create_dir_all(&folder).unwrap();
    let bytes: u64 = (0..size.sessions)
        .map(|number| fill(&folder, number, seed, size.bytes))
        .sum();
    figures::say(&format!(
        "house, big: {} sessions, {bytes} bytes, seed {seed}",
        size.sessions
    ));
    let mut wrong = Vec::new();
    for (what, words) in COMMANDS {
        let (told, answers) = measured(&home, words);
        let (kib, ms) = (
            told["peakKib"].as_u64().unwrap(),
            told["ms"].as_f64().unwrap(),
        );
        let goal = match what.starts_with("list, warm") {
            true if ms <= LIST_MS => ", within the goal of 50 ms",
            true => ", NOT within the goal of 50 ms",
            false => "",
        };
        figures::say(&format!(
            "house, big: {what}: {kib} KiB at most, {ms:.1} ms{goal}"
        ));
        if let Some(path) = crate::choice::figures() {
            figures::add(
                &path,
                &json!({ "what": format!("big: {what}"), "sessions": size.sessions, "bytes": bytes, "kib": kib, "ms": ms }),
            );
        }
        if kib > MEMORY_KIB_MAX {
            wrong.push(format!("{what} needed {kib} KiB of {MEMORY_KIB_MAX}"));
        }
        wrong.extend(is_whole(what, &answers, size.sessions));
    }
    wrong
}

/// What is told, and what the command said.
fn measured(home: &Home, words: &[&str]) -> (Value, String) {
    let told = home.path("told");
    let told_at = told.to_str().unwrap();
    let program = latchwork().to_str().unwrap();
    let all = [&[told_at, program][..], words].concat();
    let finished = home.program(PEAK, all).run().expect_success();
    let text = std::fs::read_to_string(&told).unwrap();
    (serde_json::from_str(&text).unwrap(), finished.stdout)
}

/// It answered for all of them.
fn is_whole(what: &str, said: &str, sessions: u64) -> Option<String> {
    let well = if what.starts_with("list") {
        said.lines().count() as u64 == sessions
    } else if what.starts_with("search") {
        serde_json::from_str::<Value>(said)
            .is_ok_and(|said| said["hits"].as_array().is_some_and(|hits| !hits.is_empty()))
    } else {
        serde_json::from_str::<Value>(said)
            .is_ok_and(|said| said["due"].as_u64() == Some(sessions.saturating_sub(10)))
    };
    (!well).then(|| {
        format!(
            "{what} did not answer for all: {}",
            said.chars().take(300).collect::<String>()
        )
    })
}

/// One session, between half and one and a half of the mean.
fn fill(folder: &Path, number: u64, seed: u64, mean: u64) -> u64 {
    let mut numbers = Numbers(seed ^ number << 20);
    let name = format!("session{number}");
    let wanted = mean / 2 + numbers.below(mean.max(1));
    let mut file =
        BufWriter::new(std::fs::File::create(folder.join(format!("{name}.jsonl"))).unwrap());
    let header = json!({ "type": "session", "version": 3, "id": name, "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/" });
    let mut written = line(&mut file, &header);
    let mut parent = Value::Null;
    for entry in 0_u64.. {
        if written >= wanted && entry >= 2 {
            break;
        }
        let id = format!("{entry:08x}");
        let role = if entry % 2 == 0 { "user" } else { "assistant" };
        let said = json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
            "message": { "role": role, "content": [{ "type": "text", "text": words(&mut numbers) }], "timestamp": 1 } });
        written += line(&mut file, &said);
        parent = id.into();
    }
    file.flush().unwrap();
    written
}

fn line(file: &mut impl std::io::Write, value: &Value) -> u64 {
    let text = format!("{value}\n");
    file.write_all(text.as_bytes()).unwrap();
    text.len() as u64
}

/// Words of a small language, so that an index has something to do; a heron in one message of a thousand, and in each first one seldom.
fn words(numbers: &mut Numbers) -> String {
    let length = MESSAGE / 2 + numbers.below(MESSAGE);
    let mut text = String::new();
    if numbers.below(20) == 0 {
        text.push_str("heron ");
    }
    while (text.len() as u64) < length {
        text.push_str(&format!("w{} ", numbers.below(20_000)));
    }
    text
}
