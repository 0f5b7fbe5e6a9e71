//! The program that takes figures of transcripts, as the benchmark and a stranger's harness use it; and the peers' script,
//! which must look at the same.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test are tests too; clippy knows only the functions marked as such"
)]

use std::fs;
use std::path::{Path, PathBuf};

use latchwork_format::Transcript;
use latchwork_testkit::peers::Peers;
use latchwork_testkit::program::{Home, Invocation};
use latchwork_tests::conversations::{self, Plan, Shape};
use latchwork_tests::measure::{Answer, Ask, Show, Who, names};
use serde_json::Value;

const FIGURES: &str = env!("CARGO_BIN_EXE_transcript-figures");

fn session(folder: &Path, name: &str, shape: Shape, entries: u64) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let plan = Plan {
        seed: 7,
        entries,
        shape,
    };
    let file = folder.join(format!("{name}.jsonl"));
    conversations::write_file(plan, &file).unwrap();
    file
}

fn messages(home: &Home, count: usize) -> PathBuf {
    home.write(
        "messages",
        conversations::messages(1, count).join("\n") + "\n",
    )
}

#[track_caller]
fn answer(program: Invocation, ask: &Ask) -> Answer {
    let finished = program.arg(serde_json::to_string(ask).unwrap()).run();
    let finished = finished.expect_success();
    // Before it, a peer may say what it does.
    let last = finished.stdout.lines().next_back();
    serde_json::from_str(last.unwrap()).unwrap()
}

#[track_caller]
fn measure(home: &Home, ask: &Ask) -> Answer {
    answer(home.program(FIGURES, ["measure"]), ask)
}

#[test]
fn an_append_that_is_measured_is_made_one_commit_or_several_a_message() {
    let home = Home::new();
    for (who, batch) in [(Who::Ours, 1), (Who::OursOfValues, 16), (Who::Raw, 16)] {
        let file = session(&home.path(format!("{who:?}")), "s", Shape::Mixed, 50);
        let ask = Ask::Append {
            who,
            file: file.clone(),
            messages: messages(&home, 43),
            warm_up: 3,
            batch,
        };
        let answer = measure(&home, &ask);
        let after = fs::read(&file).unwrap();
        let lines: Vec<&[u8]> = after.split_inclusive(|byte| *byte == b'\n').collect();
        let timed: usize = lines[lines.len() - 40..]
            .iter()
            .map(|line| line.len())
            .sum();
        let grown = answer[names::GROWN] * 40.0;
        assert!((grown - timed as f64).abs() < 0.5, "{timed}: {answer:?}");
        assert!(answer[names::PER_SECOND] > 0.0 && answer[names::P99_US] >= answer[names::P50_US]);
        if who != Who::Raw {
            let transcript = Transcript::parse(&after);
            assert_eq!(transcript.entry_count(), 93);
            assert!(transcript.damage().is_empty());
            let leaf = transcript.leaf().unwrap();
            assert!(
                transcript.branch(leaf).unwrap().len() > 60,
                "the messages follow each other"
            );
        }
    }
}

#[test]
fn what_is_brought_to_the_device_is_measured_against_one_line_and_one_sync() {
    let home = Home::new();
    let file = home.path("s.jsonl");
    for writers in [1, 8] {
        let ask = Ask::Device {
            file: file.clone(),
            messages: messages(&home, 100),
            writers,
            rounds: 2,
        };
        let answer = measure(&home, &ask);
        for name in [
            names::BARE_US,
            names::HELD_US,
            names::BARE_BATCH_US,
            names::CYCLE_US,
        ] {
            assert!(answer[name] > 0.0, "{name}: {answer:?}");
        }
    }
    // Three rounds to warm up and two that count; each under one guard and with a guard each.
    let transcript = Transcript::parse(&fs::read(&file).unwrap());
    assert_eq!(transcript.entry_count(), 5 * 2 * (1 + 8));
}

#[test]
fn what_is_replaced_branched_and_forked_stands_in_the_file() {
    let home = Home::new();
    let folder = home.path("sessions");
    let file = session(&folder, "a", Shape::Linear, 200);
    let before = fs::read_to_string(&file).unwrap();
    let entries: Vec<Value> = before
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["type"] == "message")
        .collect();
    let replacement = |entry: &&&Value| {
        let mut message = entry["message"].clone();
        message["content"] = serde_json::json!([{ "type": "text", "text": "[taken out]" }]);
        serde_json::json!({ "entryId": entry["id"], "message": message })
    };
    let all: Vec<Value> = said
        .iter()
        .step_by(10)
        .take(7)
        .collect::<Vec<_>>()
        .iter()
        .map(replacement)
        .collect();
    let replacements = home.write("replacements", serde_json::to_string(&all).unwrap());
    let rewrite = |who, file: &Path| Ask::Rewrite {
        who,
        file: file.to_owned(),
        replacements: replacements.clone(),
    };
    let theirs = folder.join("theirs.jsonl");
    fs::copy(&file, &theirs).unwrap();
    let bare = measure(&home, &rewrite(Who::Raw, &file));
    assert!(bare[names::MS] > 0.0);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        before,
        "the bare calls change nothing"
    );
    let ours = measure(&home, &rewrite(Who::Ours, &file));
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(ours[names::ITEMS] as usize, 7);
    assert_eq!(ours[names::BYTES] as usize, after.len());
    assert_eq!(after.matches("[taken out]").count(), 7);
    assert_eq!(after.lines().count(), before.lines().count());
    if let Ok(peers) = Peers::find() {
        let script = peers
            .openclaw_script(&home, &[], "transcript-figures.mjs")
            .unwrap();
        let theirs_answer = answer(script, &rewrite(Who::Openclaw, &theirs));
        assert_eq!(theirs_answer[names::ITEMS] as usize, 7);
        assert!(
            fs::read_to_string(&theirs)
                .unwrap()
                .matches("[taken out]")
                .count()
                >= 7
        );
    }
    let to = said[said.len() / 2]["id"].as_str().unwrap().to_owned();
    let fork = Ask::Fork {
        who: Who::Ours,
        file: file.clone(),
        to: folder.join("fork.jsonl"),
    };
    measure(&home, &fork);
    let active = |bytes: &[u8]| {
        let transcript = Transcript::parse(bytes);
        let leaf = transcript.leaf().unwrap();
        transcript.branch(leaf).unwrap().len()
    };
    let forked = fs::read(folder.join("fork.jsonl")).unwrap();
    assert_eq!(active(&forked), active(after.as_bytes()));
    let branched = measure(
        &home,
        &Ask::Branch {
            file: file.clone(),
            to,
        },
    );
    assert!(branched[names::MS] > 0.0 && branched[names::AGAIN_MS] > 0.0);
    assert!(
        fs::read_to_string(&file).unwrap().len() > after.len(),
        "the branch was noted"
    );
}

#[test]
fn ours_and_the_peers_find_the_same_messages_and_the_same_sessions() {
    let home = Home::new();
    let folder = home.path("sessions");
    let file = session(&folder, "a", Shape::Mixed, 900);
    session(&folder, "b", Shape::Linear, 20);
    let open = |who, show| Ask::Open {
        who,
        file: file.clone(),
        show,
        again: 1,
    };
    let items = |answer: &Answer| answer[names::ITEMS];
    let shown = items(&measure(&home, &open(Who::Ours, Show::Context)));
    assert!(shown > 10.0);
    for show in [Show::Views, Show::Values] {
        assert_eq!(items(&measure(&home, &open(Who::Ours, show))), shown);
    }
    assert_eq!(items(&measure(&home, &open(Who::Ours, Show::Last))), 50.0);
    let list = |who| Ask::List {
        who,
        folder: folder.clone(),
    };
    assert_eq!(items(&measure(&home, &list(Who::Ours))), 2.0);

    let peer = |peers: &Peers| peers.openclaw_script(&home, &[], "transcript-figures.mjs");
    for (ask, found) in [
        (open(Who::Pi, Show::Context), shown),
        (open(Who::OpenclawState, Show::Context), shown),
        (open(Who::Pi, Show::Last), 50.0),
        (open(Who::Openclaw, Show::Last), 50.0),
        (list(Who::Pi), 2.0),
    ] {
        let Some(script) = Peers::or_skip(peer) else {
            return;
        };
        let answer = answer(script, &ask);
        assert_eq!(items(&answer), found, "{ask:?}");
        assert!(
            answer[names::MS] > 0.0 && answer[names::READ] > 10_000.0,
            "{answer:?}"
        );
    }
}

#[test]
fn a_guest_prints_the_lines_of_its_section_and_leaves_the_corpus_as_it_was() {
    let home = Home::new();
    let corpus = home.path("corpus");
    session(&corpus, "mixed-1000", Shape::Mixed, 1_000);
    session(&corpus.join("list"), "a", Shape::Mixed, 30);
    let before = files(&corpus);
    let lines = |section: &str| {
        let guest = home.program(FIGURES, [section]).env("RUNS", "1");
        guest.run().expect_success().json_lines()
    };
    let of = |lines: &[Value], name: &str, case: &str, metric: &str| {
        lines.iter().any(|line| {
            (&line["impl"], &line["case"], &line["metric"])
                == (&name.into(), &case.into(), &metric.into())
                && line["runs"]
                    .as_array()
                    .is_some_and(|runs| runs.len() == 1 && runs[0] == line["value"])
        })
    };
    let appended = lines("B");
    assert!(appended.iter().all(|line| line["bench"] == "B.append"));
    for name in ["latchwork", "latchwork-batch16", "latchwork+device"] {
        for case in ["0 entries", "1000 entries"] {
            assert!(
                of(&appended, name, case, "msgs"),
                "{name}, {case}: {appended:?}"
            );
        }
    }
    let opened = lines("C");
    assert!(
        of(&opened, "latchwork", "mixed 1000 entries, context", "total"),
        "{opened:?}"
    );
    assert!(
        of(
            &opened,
            "latchwork-index",
            "mixed 1000 entries, last50",
            "peak_rss"
        ),
        "{opened:?}"
    );
    assert!(of(
        &lines("E"),
        "latchwork",
        "1 sessions x 100 entries",
        "time"
    ));
    assert_eq!(lines("A"), [Value::Null; 0]);
    assert_eq!(files(&corpus), before);
    assert_eq!(files(&home.path("tmp")), []);
}

/// The files below a folder with their contents.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}
