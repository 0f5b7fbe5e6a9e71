//! `blobs out`, `in` and `gc` as a whole program: what a model and an export get, what is lost, and killed at every step.
//!
//! Among the steps are `blob:before-write`, `blob:written` and `blob:removed`.

use std::fs;
use std::path::{Path, PathBuf};

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::program::{Finished, Home};
use latchwork_testkit::steps::{StepDir, VARIABLE, kill_at};
use serde_json::Value;

use crate::bench::Bench;

/// More than any of the commands here has.
const STEPS_MAX: u32 = 120;

/// What a tool answered: 80,000 bytes that end with a word of their own.
fn long() -> String {
    format!("{}the very end", "output ".repeat(11_428))
}

fn image() -> String {
    "QUJD".repeat(25_000)
}

/// A question, a call, its long outcome with an image, and an answer, in the bytes that pi writes.
fn transcript() -> String {
    let entry = |id: &str, parent: &str, message: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z","message":{message}}}"#
        )
    };
    let (long, image) = (long(), image());
    let result = format!(
        r#"{{"role":"toolResult","toolCallId":"c","toolName":"ls","content":[{{"type":"text","text":"{long}"}},{{"type":"image","data":"{image}","mimeType":"image/png"}}],"isError":false,"timestamp":3}}"#
    );
    let call = r#"{"role":"assistant","content":[{"type":"toolCall","id":"c","name":"ls","arguments":{}}],"api":"a","provider":"p","model":"m","stopReason":"toolUse","timestamp":2}"#;
    let answer = r#"{"role":"assistant","content":[{"type":"text","text":"seen"}],"api":"a","provider":"p","model":"m","stopReason":"stop","timestamp":4}"#;
    [
        r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#.to_owned(),
        entry("00000001", "null", r#"{"role":"user","content":"look","timestamp":1}"#),
        entry("00000002", "\"00000001\"", call),
        entry("00000003", "\"00000002\"", &result),
        entry("00000004", "\"00000003\"", answer),
        String::new(),
    ]
    .join("\n")
}

struct Kept {
    home: Home,
    data: PathBuf,
}

impl Kept {
    fn new() -> Self {
        let home = Home::new();
        let data = home.home().join(".local/share/latchwork");
        fs::create_dir_all(data.join("sessions")).unwrap();
        let kept = Self { home, data };
        fs::write(kept.file(), transcript()).unwrap();
        kept
    }

    fn file(&self) -> PathBuf {
        self.data.join("sessions/s.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn does(&self, line: &str) -> Finished {
        self.home.latchwork(line.split(' ')).run()
    }

    fn json(&self, line: &str) -> Value {
        self.does(&format!("{line} --json")).expect_success().json()
    }

    fn exported(&self) -> String {
        let line = "sessions export s --format md --inline-images";
        self.does(line).expect_success().stdout
    }

    /// Somebody removes every transcript by hand.
    fn lose_transcripts(&self) {
        for file in fs::read_dir(self.data.join("sessions")).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|ending| ending == "jsonl") {
                fs::remove_file(file).unwrap();
            }
        }
    }

    fn blobs(&self) -> Vec<PathBuf> {
        blobs_in(&self.data.join("blobs"))
    }
}

fn blobs_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(folder).into_iter().flatten() {
        let shard = shard.unwrap().path();
        if shard.is_dir() {
            found.extend(
                fs::read_dir(shard)
                    .unwrap()
                    .map(|blob| blob.unwrap().path()),
            );
        }
    }
    found
}

#[test]
fn what_is_moved_out_is_told_short_exported_whole_and_comes_back_to_the_byte() {
    let kept = Kept::new();
    let exported = kept.exported();
    assert!(exported.contains("the very end"));
    let dry = kept.json("blobs out s --dry-run");
    assert_eq!(
        (&dry["pieces"], kept.text() == transcript()),
        (&2.into(), true)
    );
    assert!(kept.blobs().is_empty());
    let out = kept.json("blobs out s");
    assert_eq!((&out["entries"], &out["pieces"]), (&1.into(), &2.into()));
    let moved = kept.text();
    assert!(
        moved.len() < 4_000 && !moved.contains("the very end"),
        "{}",
        moved.len()
    );
    assert!(moved.contains("output output") && moved.contains("latchworkBlob"));
    assert_eq!(kept.blobs().len(), 2);
    assert_eq!(kept.exported(), exported);
    assert_eq!(kept.json("blobs out s")["pieces"], 0);
    kept.does("verify s").expect_success();
    let du = kept.json("du");
    let elsewhere = du["elsewhere"].as_array().unwrap();
    assert!(
        elsewhere
            .iter()
            .any(|one| one["what"] == "blobs" && one["bytes"].as_u64().unwrap() > 180_000),
        "{du}"
    );
    assert_eq!(kept.json("blobs in s")["pieces"], 2);
    assert_eq!(kept.text(), transcript());
}

#[test]
fn a_model_is_shown_the_whole_piece_and_where_it_is_lost_it_is_told_so_and_the_turn_goes_on() {
    let bench = Bench::empty();
    fs::write(bench.talk(), transcript()).unwrap();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let out = bench.home.latchwork(["blobs", "out", talk]).run();
    out.expect_success();
    bench.endpoint.push(Reply::text("first"));
    bench.run(&["and?"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap().body.to_string();
    assert!(asked.contains("the very end") && asked.contains(&image()));
    assert!(!fs::read_to_string(talk).unwrap().contains("the very end"));

    let blobs = blobs_in(&bench.sidecars().join("blobs"));
    assert_eq!(blobs.len(), 2);
    let (text, picture) = match fs::read_to_string(&blobs[0]).unwrap().contains("output") {
        true => (&blobs[0], &blobs[1]),
        false => (&blobs[1], &blobs[0]),
    };
    fs::remove_file(text).unwrap();
    fs::write(picture, "something else").unwrap();
    bench.endpoint.push(Reply::text("second"));
    bench.run(&["and now?"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap().body.to_string();
    assert!(!asked.contains("the very end"));
    assert!(
        asked.contains("it is missing") && asked.contains("does not match its hash"),
        "{asked}"
    );
    let back = bench.home.latchwork(["blobs", "in", talk, "--json"]).run();
    assert_eq!(back.expect_success().json()["lost"], 2);
    bench.report().assert_settled();
}

#[test]
fn gc_removes_what_nobody_names_any_more_and_never_what_an_archived_session_names() {
    let kept = Kept::new();
    kept.json("blobs out s");
    kept.does("sessions archive s").expect_success();
    assert_eq!(kept.json("blobs gc --floor 0")["referenced"]["blobs"], 2);
    kept.does("sessions restore s").expect_success();
    kept.does("fork s t").expect_success();
    kept.does("sessions rm s --keep-forks").expect_success();
    assert_eq!(kept.json("blobs gc --floor 0")["referenced"]["blobs"], 2);
    kept.lose_transcripts();
    assert_eq!(kept.json("blobs gc")["young"]["blobs"], 2);
    assert_eq!(
        kept.json("blobs gc --floor 0 --dry-run")["gone"]["blobs"],
        2
    );
    assert_eq!(kept.blobs().len(), 2);
    assert_eq!(kept.json("blobs gc --floor 0")["gone"]["blobs"], 2);
    assert!(kept.blobs().is_empty());
}

#[test]
fn a_session_that_is_removed_takes_the_blobs_that_it_alone_names_and_its_receipt_counts_them() {
    let kept = Kept::new();
    kept.json("blobs out s");
    kept.does("fork s t").expect_success();
    let first = kept.json("sessions rm s --keep-forks");
    assert_eq!(
        (first["blobs"].as_u64(), kept.blobs().len()),
        (Some(0), 2),
        "{first}"
    );
    let done = kept.does("sessions rm t").expect_success();
    assert!(done.stdout.contains("and 2 out of line"), "{done}");
    assert!(kept.blobs().is_empty());
    let receipts = fs::read_to_string(kept.data.join("removed.jsonl")).unwrap();
    assert!(receipts.contains("\"blobs\":2"), "{receipts}");
}

#[test]
fn killed_at_any_step_of_a_removal_the_same_again_leaves_no_blob_of_it_and_every_one_of_others() {
    for nth in 1..STEPS_MAX {
        let kept = Kept::new();
        kept.json("blobs out s");
        fs::write(
            kept.data.join("sessions/t.jsonl"),
            transcript().replace("output", "OUTPUT"),
        )
        .unwrap();
        kept.json("blobs out t");
        let rm = "sessions rm t".split(' ');
        let done = kept.home.latchwork(rm).env(VARIABLE, kill_at(nth)).run();
        assert!(kept.exported().contains("the very end"), "step {nth}");
        // Where all of it was done, there is nothing to remove any more.
        kept.does("sessions rm t");
        assert_eq!(kept.blobs().len(), 2, "step {nth}");
        assert!(kept.exported().contains("the very end"), "step {nth}");
        if done.code() == Some(0) {
            assert!(nth > 1);
            return;
        }
    }
    panic!("it has more steps than {STEPS_MAX}");
}

#[test]
fn killed_at_any_step_of_moving_out_or_in_every_word_is_to_be_had_and_the_same_again_ends_it() {
    let exported = Kept::new().exported();
    for way in ["blobs out s", "blobs in s"] {
        let mut ended = false;
        for nth in 1..STEPS_MAX {
            let kept = Kept::new();
            if way == "blobs in s" {
                kept.json("blobs out s");
            }
            let done = kept
                .home
                .latchwork(way.split(' '))
                .env(VARIABLE, kill_at(nth))
                .run();
            assert_eq!(kept.exported(), exported, "{way}, step {nth}");
            if done.code() == Some(0) {
                ended = true;
                break;
            }
            // What nobody names is garbage, and nothing else is.
            kept.json("blobs gc --floor 0");
            assert_eq!(kept.exported(), exported, "{way}, step {nth}, collected");
            kept.json("blobs out s");
            assert_eq!(kept.exported(), exported, "{way}, step {nth}, out again");
            kept.json("blobs in s");
            assert_eq!(kept.text(), transcript(), "{way}, step {nth}, back in");
        }
        assert!(ended, "{way} has more steps than {STEPS_MAX}");
    }
}

#[test]
fn killed_while_it_collects_gc_has_removed_nothing_that_is_named_and_goes_on() {
    for nth in 1..STEPS_MAX {
        let kept = Kept::new();
        kept.json("blobs out s");
        fs::write(
            kept.data.join("sessions/t.jsonl"),
            transcript().replace("output", "OUTPUT"),
        )
        .unwrap();
        kept.json("blobs out t");
        fs::remove_file(kept.data.join("sessions/t.jsonl")).unwrap();
        assert_eq!(kept.blobs().len(), 3, "the image is kept once");
        let gc = "blobs gc --floor 0".split(' ');
        let done = kept.home.latchwork(gc).env(VARIABLE, kill_at(nth)).run();
        assert!(kept.exported().contains("the very end"));
        kept.json("blobs gc --floor 0");
        assert_eq!(kept.blobs().len(), 2);
        if done.code() == Some(0) {
            assert!(nth > 1);
            return;
        }
    }
    panic!("it has more steps than {STEPS_MAX}");
}

#[test]
fn a_blob_that_no_line_names_yet_is_not_collected_while_it_is_being_moved() {
    let kept = Kept::new();
    let steps = StepDir::new();
    steps.hold("rewrite:staged");
    let moving = kept
        .home
        .latchwork(["blobs", "out", "s"])
        .env(VARIABLE, steps.value())
        .spawn();
    steps.wait_reached("rewrite:staged");
    assert_eq!(kept.json("blobs gc --floor 0")["busy"], true);
    steps.release("rewrite:staged");
    moving.wait().expect_success();
    assert_eq!(kept.blobs().len(), 2);
    assert!(kept.exported().contains("the very end"));
}
