//! The lock worker, as a stranger's harness would use it; and the judges of exclusion, shown to find a lock that is none.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test are tests too; clippy knows only the functions marked as such"
)]

use std::path::{Path, PathBuf};

use latchwork_testkit::program::{Home, Live};
use latchwork_tests::measure::{Contention, Op, contention};
use serde_json::Value;

const WORKER: &str = env!("CARGO_BIN_EXE_lock-worker");

fn worker(home: &Home, file: &Path, id: usize, arguments: &[&str]) -> Live {
    let invocation = home.program(WORKER, arguments);
    let invocation = invocation.arg("--file").arg(file);
    let mut worker = invocation.arg("--id").arg(id.to_string()).spawn();
    assert_eq!(worker.next_line().as_deref(), Some("ready"));
    worker
}

fn ask(worker: &mut Live, command: &str) -> String {
    worker.send(format!("{command}\n"));
    answer(worker)
}

#[track_caller]
fn answer(worker: &mut Live) -> String {
    match worker.next_line() {
        Some(line) => line,
        None => panic!("the worker ended:\n{}", worker.stderr_so_far()),
    }
}

/// The numbers after a word.
#[track_caller]
fn moments(line: &str, word: &str) -> Vec<u64> {
    let rest = line
        .strip_prefix(word)
        .unwrap_or_else(|| panic!("{line:?} is no `{word}`"));
    rest.split_ascii_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

#[track_caller]
fn operations(line: &str) -> (Vec<Op>, Value) {
    let done: Value = serde_json::from_str(line.strip_prefix("done ").unwrap()).unwrap();
    let ops = serde_json::from_value(done["ops"].clone()).unwrap();
    (ops, done["errs"].clone())
}

/// Four processes with three operations of 100 ms each, all from the beginning of time on.
fn crowd(home: &Home, arguments: &[&str]) -> Contention {
    let file: PathBuf = home.path(format!("{}.jsonl", arguments.join("")));
    let mut crowd: Vec<Live> = (0..4)
        .map(|id| worker(home, &file, id, arguments))
        .collect();
    for worker in &mut crowd {
        worker.send("contend 0 3 0 100000 0\n");
    }
    let mut all = Vec::new();
    for worker in &mut crowd {
        let (ops, errors) = operations(&answer(worker));
        assert_eq!(errors, serde_json::json!({}));
        assert_eq!(ops.len(), 3);
        assert!(ops.iter().all(|op| op.is_sorted()), "{ops:?}");
        all.push(ops);
    }
    for mut worker in crowd {
        worker.send("exit\n");
        worker.wait().expect_success();
    }
    contention(&all, &std::fs::read_to_string(&file).unwrap())
}

#[test]
fn what_one_worker_has_acquired_another_gets_only_after_its_release() {
    let home = Home::new();
    for arguments in [
        ["--impl", "ours", "--peer-lock", "always"],
        ["--impl", "ours", "--peer-lock", "never"],
        ["--impl", "flock", "--runtime", "multi"],
    ] {
        let file = home.path(format!("{}.jsonl", arguments.join("")));
        let [mut one, mut two] = [0, 1].map(|id| worker(&home, &file, id, &arguments));
        assert_eq!(moments(&ask(&mut one, "acquire"), "acquired").len(), 1);
        two.send("acquire\n");
        let released = moments(&ask(&mut one, "release"), "released");
        let acquired = moments(&answer(&mut two), "acquired");
        assert!(released[0] <= acquired[0] && released[0] <= released[1]);
        two.send("release\nexit\n");
        moments(&answer(&mut two), "released");
        two.wait().expect_success();
        one.send("exit\n");
        one.wait().expect_success();
    }
}

#[test]
fn a_crowd_of_each_kind_excludes_and_one_that_takes_no_lock_is_found_broken() {
    let home = Home::new();
    for arguments in [
        vec!["--impl", "ours"],
        vec!["--peer-lock", "never"],
        vec!["--impl", "flock"],
    ] {
        let found = crowd(&home, &arguments);
        assert!(!found.is_broken(), "{arguments:?}: {found:?}");
    }
    let found = crowd(&home, &["--impl", "none"]);
    assert!(found.overlaps > 0 && found.lost > 0, "{found:?}");
}

#[test]
fn the_commands_of_the_benchmark_count_what_they_did_and_leave_nothing_behind() {
    let home = Home::new();
    let mut worker = worker(&home, &home.path("s.jsonl"), 0, &["--runtime", "multi"]);
    let cycled = ask(&mut worker, "cycle 5");
    let took: Vec<u64> = serde_json::from_str(cycled.strip_prefix("cycled ").unwrap()).unwrap();
    assert_eq!(took.len(), 5);

    let told = ask(&mut worker, "tasks 4 5 1000");
    let told: Vec<Value> = serde_json::from_str(told.strip_prefix("tasks ").unwrap()).unwrap();
    let ops = |task: &Value| serde_json::from_value(task["ops"].clone()).unwrap();
    let all: Vec<Vec<Op>> = told.iter().map(ops).collect();
    let file = std::fs::read_to_string(home.path("s.jsonl")).unwrap();
    let found = contention(&all, &file);
    assert_eq!((found.ops, found.is_broken()), (20, false), "{found:?}");

    worker.send("sessions 10 30\n");
    let told = worker.line_where("sessions", |line| line.starts_with("sessions "));
    let told: Value = serde_json::from_str(told.strip_prefix("sessions ").unwrap()).unwrap();
    assert_eq!(told["left"], 0);
    assert_eq!(told["idle"]["descriptors"], told["after"]["descriptors"]);
}

#[test]
fn a_line_or_an_argument_that_is_no_command_ends_the_worker_with_words() {
    let home = Home::new();
    let mut live = worker(&home, &home.path("s.jsonl"), 0, &[]);
    live.send("dance\n");
    let finished = live.wait();
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("\"dance\""), "{}", finished.stderr);
    let finished = home
        .program(WORKER, ["--file", "s.jsonl", "--impl", "hope"])
        .run();
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("hope"), "{}", finished.stderr);
}
