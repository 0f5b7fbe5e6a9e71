//! Removals: gone from every file, a receipt, refusals, and killed at every step.
//!
//! Among the steps are `away:folder-made`, `away:transcript-moved`, `away:inbox-moved`, `away:moved`, `erase:begun` and `erase:removed`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use latchwork_testkit::endpoint::{Endpoint, Gate, Reply};
use serde_json::Value;

use super::{Kept, STEPS_MAX, WORDS};

#[test]
fn what_is_removed_is_gone_from_every_file_of_the_home_and_a_receipt_without_a_word_of_it_stays() {
    let kept = Kept::with("main");
    assert!(
        kept.places_of(WORDS).len() >= 2,
        "the list's cache has a title"
    );
    let dry = kept.run("sessions rm main --dry-run").expect_success();
    assert!(dry.stdout.contains("main.jsonl"), "{dry}");
    assert!(kept.transcript("main").exists());
    let receipt = kept.run("sessions rm main --json").expect_success().json();
    assert_eq!(kept.places_of(WORDS), Vec::<PathBuf>::new());
    let of_it = |path: &PathBuf| path.display().to_string().contains("main");
    assert!(!kept.files().keys().any(of_it), "{:?}", kept.files().keys());
    assert_eq!(kept.receipts(), std::slice::from_ref(&receipt));
    assert_eq!(receipt["sha256"].as_str().unwrap().len(), 64, "{receipt}");
    let mode = std::fs::metadata(kept.data().join("removed.jsonl"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let again = kept.run("sessions rm main").expect_code(1);
    assert!(again.stderr.contains("there is no session main"), "{again}");
    // The name is free.
    kept.append("main", "a new beginning").expect_success();
}

#[test]
fn a_session_whose_turn_is_under_way_is_neither_removed_nor_archived_and_it_is_said_by_whom() {
    let kept = Kept::with("main");
    let endpoint = Endpoint::start();
    let gate = Gate::new();
    endpoint.push(Reply::text("done").held(&gate));
    let ask = ["run", "--session", "main", "--model", "openai/m", "more"];
    let turn = kept.home.latchwork(ask).endpoint(&endpoint).spawn();
    gate.wait_reached();
    for command in [
        "sessions rm main --with-waiting",
        "sessions archive main --with-waiting",
    ] {
        let refused = kept.run(command).expect_code(75);
        assert!(
            refused.stderr.contains(&format!("process {}", turn.pid()))
                || refused.stderr.contains(&turn.pid().to_string()),
            "{refused}"
        );
    }
    let tidied = kept.run("sessions cleanup --keep 0 --floor 0 --enforce --delete --json");
    assert_eq!(tidied.expect_success().json()["sessions"][0]["why"], "live");
    gate.open();
    turn.wait().expect_success();
    assert_eq!(kept.receipts(), Vec::<Value>::new());
    kept.run("sessions rm main").expect_success();
}

#[test]
fn a_message_that_waits_keeps_its_session_until_it_is_said_that_it_may_go() {
    let kept = Kept::with("main");
    let endpoint = Endpoint::start();
    let gate = Gate::new();
    endpoint.push(Reply::text("never sent").held(&gate));
    let ask = [
        "run",
        "--session",
        "main",
        "--model",
        "openai/m",
        "will you?",
    ];
    let turn = kept.home.latchwork(ask).endpoint(&endpoint).spawn();
    gate.wait_reached();
    turn.kill();
    gate.open();
    let shown = kept
        .run("sessions show main --json")
        .expect_success()
        .json();
    assert_eq!(shown["waiting"].as_array().unwrap().len(), 1, "{shown}");
    for command in ["sessions rm main", "sessions archive main"] {
        let refused = kept.run(command).expect_code(1);
        assert!(refused.stderr.contains("wait to be answered"), "{refused}");
    }
    let moved = kept
        .run("sessions archive main --with-waiting --json")
        .expect_success()
        .json();
    kept.run(&format!(
        "sessions restore {}",
        moved["name"].as_str().unwrap()
    ))
    .expect_success();
    let shown = kept
        .run("sessions show main --json")
        .expect_success()
        .json();
    assert_eq!(
        shown["waiting"].as_array().unwrap().len(),
        1,
        "it came back: {shown}"
    );
    kept.run("sessions rm main --with-waiting").expect_success();
    assert_eq!(kept.places_of("will you?"), Vec::<PathBuf>::new());
}

#[test]
fn a_session_that_was_forked_goes_only_when_it_is_said_what_becomes_of_the_forks() {
    let kept = Kept::with("main");
    kept.run("fork main one").expect_success();
    kept.run("fork one two").expect_success();
    let refused = kept.run("sessions rm main").expect_code(1);
    assert!(refused.stderr.contains("one"), "{refused}");
    kept.run("sessions rm main --keep-forks").expect_success();
    assert!(kept.transcript("one").exists() && !kept.transcript("main").exists());
    let receipts = kept
        .run("sessions rm one --with-forks --json")
        .expect_success();
    let gone: Vec<Value> = receipts
        .json_lines()
        .iter()
        .map(|one| one["session"].clone())
        .collect();
    assert_eq!(gone, ["two", "one"]);
    assert_eq!(kept.places_of(WORDS), Vec::<PathBuf>::new());
}

#[test]
fn a_home_that_was_moved_knows_its_forks_whatever_stands_at_the_old_place() {
    for replaced in [false, true] {
        let kept = Kept::with("main");
        kept.run("fork main one").expect_success();
        let elsewhere = kept.home.path("moved");
        std::fs::rename(kept.data(), &elsewhere).unwrap();
        if replaced {
            kept.append("main", "another session of that name")
                .expect_success();
        }
        let run = |words: &str| {
            let invocation = kept.home.latchwork(words.split(' '));
            invocation.env("LATCHWORK_HOME", &elsewhere).run()
        };
        let shown = |session: &str| {
            let line = format!("sessions show {session} --json");
            run(&line).expect_success().json()
        };
        assert_eq!(shown("main")["forks"], serde_json::json!(["one"]));
        assert_eq!(shown("one")["parentSession"], "main");
        let refused = run("sessions rm main").expect_code(1);
        assert!(refused.stderr.contains("parent of one"), "{refused}");
        let path = elsewhere.join("sessions/main.jsonl");
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let long_ago = std::time::Duration::from_secs(40 * 86_400);
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - long_ago).unwrap();
        let plan = run("sessions cleanup --older-than 30d --json").expect_success();
        let plan = plan.json();
        let of_main = plan["sessions"].as_array().unwrap().iter();
        let of_main: Vec<_> = of_main.filter(|row| row["session"] == "main").collect();
        assert_eq!(of_main[0]["why"], "parent", "{plan}");
        // What pi reads stays as it was written: the absolute path of the old place.
        let text = std::fs::read_to_string(elsewhere.join("sessions/one.jsonl")).unwrap();
        let written = serde_json::json!(kept.transcript("main"));
        assert!(
            text.contains(&format!("\"parentSession\":{written}")),
            "{text}"
        );
    }
}

#[test]
fn a_removal_that_is_killed_at_any_step_leaves_the_session_whole_or_gone_and_the_next_one_ends_it()
{
    let mut was_there = false;
    let mut was_gone = false;
    for step in 1..STEPS_MAX {
        let kept = Kept::with("main");
        let before = std::fs::read(kept.transcript("main")).unwrap();
        let done = kept.killed_at("sessions rm main", step);
        if done.signal().is_none() {
            done.expect_success();
            assert!(was_there && was_gone, "both sides of the move were met");
            return;
        }
        let listed = kept.run("sessions --json").expect_success();
        if kept.transcript("main").exists() {
            was_there = true;
            assert_eq!(
                std::fs::read(kept.transcript("main")).unwrap(),
                before,
                "step {step}"
            );
            kept.append("main", "it goes on").expect_success();
        } else {
            was_gone = true;
            assert_eq!(listed.stdout, "", "step {step}");
        }
        let again = kept.run("sessions rm main");
        // Where nothing was left, there is nothing to end.
        assert!(
            [Some(0), Some(1)].contains(&again.code()),
            "step {step}: {again}"
        );
        assert_eq!(kept.places_of(WORDS), Vec::<PathBuf>::new(), "step {step}");
        let ids: BTreeSet<String> = kept
            .receipts()
            .iter()
            .map(|one| one["id"].to_string())
            .collect();
        assert_eq!(
            ids.len(),
            kept.receipts().len(),
            "written down twice at step {step}"
        );
        assert_eq!(ids.len(), 1, "step {step}: {:?}", kept.receipts());
    }
    panic!("it never came to its end");
}
