//! A turn that is asked for heeds that at its next boundary, wherever it stands, and at no other place: in a call of its model it
//! is waited for until the grace is over, and superseded then. Its late words are refused their place and kept beside.

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::{Finished, Live, Signal};
use latchwork_testkit::steps::StepDir;
use serde_json::Value;

use crate::bench::{Bench, with_steps};
use crate::hand_over::asks;
use crate::tool::{STARTED, let_go, run_with_bash, wants_waiting_tool};

/// What `run` says that handed its turn over to this process.
fn assert_handed_over(ended: &Finished, to: u32) {
    for word in ["handed over", "I moved", &format!("process {to} on ")] {
        assert!(ended.stderr.contains(word), "{word}: {ended}");
    }
}

/// A turn that stands at the step `at` when another process asks for it, and goes on only then; its model was to be asked
/// `requests` times by then.
fn yields_at(at: &str, requests: usize) -> Bench {
    let bench = Bench::begun();
    let steps = StepDir::new();
    steps.hold(at);
    let first = with_steps(run_with_bash(&bench, &["work"]), &steps).spawn();
    if requests > 0 {
        bench.endpoint.push(wants_waiting_tool());
    }
    let_go(&bench);
    steps.wait_reached(at);
    let asked_before = bench.endpoint.requests().len();
    assert_eq!(asked_before, 1 + requests, "{at}");
    let second = asks(&bench, "mine");
    let pid = second.pid();
    bench.endpoint.push(Reply::text("answer to all"));
    steps.release(at);
    let stood = first.pid();
    assert_handed_over(&first.wait().expect_code(75), pid);
    let trace = steps.trace(stood);
    let mut turn = trace.iter().filter(|step| step.starts_with("turn:"));
    let next = turn.by_ref().skip_while(|step| *step != at).nth(1);
    assert_eq!(next.map(String::as_str), Some("turn:yields"), "{trace:?}");
    second.wait().expect_success();

    let asked = bench.endpoint.requests();
    assert_eq!(asked.len(), asked_before + 1, "{at}: it asked no model");
    assert_eq!(
        asked[asked_before].texts_of("user"),
        ["hello", "work", "mine"]
    );
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["hello", "work", "mine"]);
    let last = report.texts_on_path("assistant").pop();
    assert_eq!(last.as_deref(), Some("answer to all"), "{at}");
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), asked_before + 1);
    bench
}

#[test]
fn a_turn_that_is_asked_for_before_its_model_is_yields_at_once_and_its_message_is_answered_by_the_asker()
 {
    for at in ["turn:prepared", "turn:assembled"] {
        yields_at(at, 0);
    }
}

#[test]
fn a_turn_that_is_asked_for_before_its_tools_run_runs_none_says_so_and_yields_at_once() {
    let bench = yields_at("turn:recorded", 1);
    assert!(!bench.home.path(STARTED).exists(), "no tool was run");
    let report = bench.report();
    let messages = report.active_entries().into_iter();
    let messages = messages.map(|entry| &entry["message"]);
    let is_outcome = |message: &&Value| message["role"] == "toolResult";
    let outcome: Vec<&Value> = messages.filter(is_outcome).collect();
    assert_eq!(outcome.len(), 1);
    assert_eq!(outcome[0]["details"]["outcome"], "aborted", "{outcome:?}");
    assert!(
        outcome[0]["content"]
            .to_string()
            .contains("was handed over"),
        "{outcome:?}"
    );
}

#[test]
fn a_turn_that_is_asked_for_after_its_tools_keeps_their_outcome_and_yields_before_its_model_is_asked_again()
 {
    let bench = yields_at("turn:acted", 1);
    assert!(bench.home.path(STARTED).exists());
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    assert!(file.contains("went"), "the outcome is kept");
}

const GRACE: [&str; 4] = ["--hand-over", "the deadline", "--grace", "50ms"];

/// A turn whose model has said a part of its reply and goes on when the gate is opened; superseded since, by another process
/// which had its answer.
fn superseded(rest: impl FnOnce(Reply) -> Reply) -> (Bench, Live, Gate, u32) {
    let bench = Bench::begun();
    let gate = Gate::new();
    let part = Reply::stream().and_text("the first half").gate(&gate);
    bench.endpoint.push(rest(part));
    let mut first = bench.run(&["--json", "first"]).spawn();
    let mut told = String::new();
    while told != "the first half" {
        let event = first.event_where("its words", |event| event["type"] == "text");
        told.push_str(event["text"].as_str().unwrap());
    }
    bench.endpoint.push(Reply::text("new answer"));
    let mut args = GRACE.to_vec();
    args.push("second");
    let second = bench.run(&args).spawn();
    let pid = second.pid();
    second.wait().expect_success();
    assert!(first.is_running(), "it is still in its call");
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["hello", "first", "second"]);
    (bench, first, gate, pid)
}

/// The turn ended as contention, told by whom, when and why; its words `kept` stand beside the active path with this reason
/// to stop, and nothing else has changed.
fn assert_kept_beside(bench: &Bench, ended: &Finished, by: u32, kept: &str, stop: &str) {
    let last = ended.json_lines().pop().unwrap();
    assert_eq!(last["type"], "ended", "{ended}");
    assert_eq!(last["report"]["end"]["how"], "failed", "{last}");
    assert_eq!(last["report"]["outcome"], "aside", "{last}");
    let error = last["error"].as_str().unwrap();
    for word in [
        "kept as entry",
        "the deadline",
        &format!("process {by} on "),
        "since 20",
    ] {
        assert!(error.contains(word), "{word}: {last}");
        assert!(ended.stderr.contains(word), "{word}: {ended}");
    }
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["hello", "first", "second"]);
    assert_eq!(report.texts_on_path("assistant"), ["hi", "new answer"]);
    let is_kept = |entry: &&Value| entry["message"]["content"][0]["text"] == kept;
    let all: Vec<&Value> = report.entries.iter().filter(is_kept).collect();
    assert_eq!(all.len(), 1, "once, and whole");
    assert_eq!(all[0]["message"]["stopReason"], stop);
    assert!(error.contains(all[0]["id"].as_str().unwrap()), "{last}");
    assert_eq!(bench.context("assistant"), ["hi", "new answer"]);

    // The next turn goes on from there, and nothing waits any more.
    let asked = bench.endpoint.requests().len();
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), asked);
}

#[test]
fn a_turn_in_a_model_call_longer_than_the_grace_is_superseded_and_its_late_reply_is_kept_beside() {
    let (bench, first, gate, by) = superseded(|part| part.and_text(" and the second"));
    let before = std::fs::read(bench.talk()).unwrap();
    gate.open();
    let ended = first.wait().expect_code(75);
    let kept = "the first half and the second";
    assert_kept_beside(&bench, &ended, by, kept, "stop");
    let after = std::fs::read(bench.talk()).unwrap();
    assert!(after.starts_with(&before), "the newer turn's lines stand");
}

#[test]
fn what_a_superseded_turns_model_had_said_when_it_broke_off_or_was_interrupted_is_kept_beside() {
    let (bench, first, gate, by) = superseded(Reply::ends_early);
    gate.open();
    let ended = first.wait().expect_code(75);
    assert_kept_beside(&bench, &ended, by, "the first half", "error");

    let (bench, mut first, _gate, by) = superseded(|part| part);
    first.signal(Signal::INT);
    let ended = first.wait().expect_code(75);
    assert_kept_beside(&bench, &ended, by, "the first half", "aborted");
}

#[test]
fn the_calls_of_a_superseded_turns_late_reply_are_not_run_and_say_so() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(wants_waiting_tool().held(&gate));
    bench.endpoint.push(Reply::text("new answer"));
    let first = run_with_bash(&bench, &["first"]).spawn();
    gate.wait_reached();
    let mut args = GRACE.to_vec();
    args.push("second");
    bench.run(&args).run().expect_success();
    let_go(&bench);
    gate.open();
    first.wait().expect_code(75);
    assert!(!bench.home.path(STARTED).exists(), "no tool was run");
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("assistant"), ["hi", "new answer"]);
    let outcome = report
        .entries
        .iter()
        .find(|entry| entry["message"]["toolCallId"] == "waits");
    let outcome = outcome.expect("its outcome");
    assert!(
        outcome.to_string().contains("another turn took over"),
        "{outcome}"
    );
}
