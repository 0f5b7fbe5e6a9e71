//! `.latchwork` deleted under a holder: no two of ours write, and what is in hand is not lost.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::Live;
use latchwork_testkit::steps::StepDir;
use serde_json::json;

use crate::bench::{Bench, user, with_steps};

/// How often a second writer is seen to try before it counts as kept out.
const ROUNDS: usize = 3;

/// A turn whose reply is about to be written, held at this step; then the sidecars go.
fn held_turn(bench: &Bench, held: &StepDir, step: &str) -> Live {
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let turn = with_steps(bench.run(&["question"]), held).spawn();
    gate.wait_reached();
    held.hold(step);
    gate.open();
    held.wait_reached(step);
    std::fs::remove_dir_all(bench.sidecars()).unwrap();
    turn
}

/// A second writer that found a latch of its own, and is kept out all the same, again and again.
fn kept_out(bench: &Bench, seen: &StepDir) -> Live {
    let before = std::fs::read(bench.talk()).unwrap();
    let mut writer = with_steps(bench.append(&[user("beside")]), seen).spawn();
    writer.close_stdin();
    let pid = writer.pid();
    reached(seen, pid, "latch:taken", ROUNDS);
    assert!(!seen.trace(pid).contains(&"latch:granted".to_owned()));
    assert_eq!(std::fs::read(bench.talk()).unwrap(), before);
    writer
}

/// Waits until the process has come to the step so often.
fn reached(seen: &StepDir, pid: u32, step: &str, times: usize) {
    eventually(&format!("{step}, {times} times"), || {
        let trace = seen.trace(pid);
        (trace.iter().filter(|name| *name == step).count() >= times).then_some(())
    });
}

fn both_are_there(bench: &Bench) {
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("assistant"), ["hi", "the answer"]);
    assert_eq!(
        report.texts_on_path("user"),
        ["hello", "question", "beside"]
    );
    bench.endpoint.push(Reply::text("to what came in"));
    bench.run(&[]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["hello", "question", "beside"]);
    bench.report().assert_settled();
}

#[test]
fn with_the_sidecars_deleted_under_a_write_nobody_else_is_let_in_before_it_ends() {
    let bench = Bench::begun();
    let (held, seen) = (StepDir::new(), StepDir::new());
    let turn = held_turn(&bench, &held, "commit:before-write");
    let writer = kept_out(&bench, &seen);
    held.release("commit:before-write");
    turn.wait().expect_success();
    writer.wait().expect_success();
    both_are_there(&bench);
}

#[test]
fn with_the_sidecars_deleted_under_a_guard_its_holder_does_not_write_under_it_and_loses_nothing() {
    let bench = Bench::begun();
    let (held, seen) = (StepDir::new(), StepDir::new());
    let turn = held_turn(&bench, &held, "latch:granted");
    let writer = kept_out(&bench, &seen);
    held.release("latch:granted");
    turn.wait().expect_success();
    writer.wait().expect_success();
    both_are_there(&bench);
}

#[test]
fn with_the_sidecars_deleted_under_the_birth_of_a_session_both_writers_are_in_one_file() {
    let bench = Bench::empty();
    let held = StepDir::new();
    let turn = held_turn(&bench, &held, "commit:before-write");
    let seen = StepDir::new();
    let exchange = [
        user("beside"),
        json!({ "role": "assistant", "content": [{ "type": "text", "text": "told" }], "stopReason": "stop" }),
    ];
    let mut writer = with_steps(bench.append(&exchange), &seen).spawn();
    writer.close_stdin();
    let pid = writer.pid();
    // It has a latch of its own, and there is no transcript to lock: the lock file of the peers still stands.
    reached(&seen, pid, "latch:inode-locked", 1);
    assert!(!seen.trace(pid).contains(&"latch:granted".to_owned()));
    assert!(!bench.talk().exists());
    held.release("commit:before-write");
    turn.wait().expect_success();
    writer.wait().expect_success();

    let report = bench.report();
    report.assert_settled();
    for text in ["question", "beside"] {
        // A message that came in between is placed again; on the path it stands once.
        assert_eq!(report.count_user_text(text), 1, "{text}");
    }
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    assert!(
        file.contains("the answer") && file.contains("told"),
        "{file}"
    );
}
