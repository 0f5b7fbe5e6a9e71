//! What comes in while a tool runs, and turns that are interrupted or taken over at a bad moment.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::Signal;
use latchwork_testkit::steps::StepDir;
use serde_json::Value;

use crate::bench::{Bench, user, with_steps};
use crate::tool::{let_go, run_with_bash, wait_started, wants_waiting_tool};

/// The number of the first line of the file that holds this text.
fn line_of(bench: &Bench, text: &str) -> usize {
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    let found = file.lines().position(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("{text:?} is not in\n{file}"))
}

fn outcome_of<'r>(entries: &[&'r Value], call: &str) -> &'r Value {
    let found = entries
        .iter()
        .find(|entry| entry["message"]["toolCallId"] == call);
    &found.unwrap_or_else(|| panic!("{call} has an outcome"))["message"]
}

#[test]
fn messages_of_two_processes_that_come_in_while_a_tool_runs_are_answered_by_the_request_after_it() {
    let bench = Bench::begun();
    bench.endpoint.push(wants_waiting_tool());
    bench.endpoint.push(Reply::text("done with all three"));
    let turn = run_with_bash(&bench, &["work"]).spawn();
    wait_started(&bench);
    for text in ["first", "second"] {
        let receipt = bench.append(&[user(text)]).run().expect_success().json();
        assert_eq!(receipt["level"], "synced", "{receipt}");
    }
    let_go(&bench);
    turn.wait().expect_success();

    let all = ["hello", "work", "first", "second"];
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), all, "each once, in order");
    let roles: Vec<&str> = asked
        .messages()
        .iter()
        .filter_map(|message| message["role"].as_str())
        .skip_while(|role| *role == "system")
        .collect();
    let order = [
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
        "user",
        "user",
    ];
    assert_eq!(roles, order, "the outcome stands by its call");
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), all);
    assert_eq!(bench.context("user"), all);

    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), 3, "nothing waits any more");
}

#[test]
fn an_interrupt_in_the_middle_of_a_commit_lets_it_end_whole_and_ends_the_turn_with_130() {
    let bench = Bench::begun();
    let (held, seen) = (StepDir::new(), StepDir::new());
    let gate = Gate::new();
    bench.endpoint.push(wants_waiting_tool().held(&gate));
    let mut turn = with_steps(run_with_bash(&bench, &["work"]), &held).spawn();
    gate.wait_reached();
    held.hold("commit:before-write");
    gate.open();
    held.wait_reached("commit:before-write");
    let before = std::fs::read(bench.talk()).unwrap();
    turn.signal(Signal::INT);

    let mut writer = with_steps(bench.append(&[user("later")]), &seen).spawn();
    writer.close_stdin();
    let pid = writer.pid();
    eventually("the other writer in the queue", || {
        let trace = seen.trace(pid);
        trace
            .iter()
            .any(|step| step == "latch:queued")
            .then_some(())
    });
    assert!(!seen.trace(pid).contains(&"latch:granted".to_owned()));
    assert_eq!(std::fs::read(bench.talk()).unwrap(), before);

    held.release("commit:before-write");
    turn.wait().expect_code(130);
    writer.wait().expect_success();
    assert!(line_of(&bench, "\"toolCall\"") < line_of(&bench, "later"));
    let report = bench.report();
    report.assert_settled();
    let outcome = outcome_of(&report.active_entries(), "waits");
    assert_eq!(outcome["details"]["outcome"], "aborted", "{outcome}");
    assert_eq!(report.texts_on_path("user"), ["hello", "work", "later"]);
}

#[test]
fn a_take_over_while_a_tool_runs_leaves_no_call_open_on_any_branch() {
    let bench = Bench::begun();
    bench.endpoint.push(wants_waiting_tool());
    let first = run_with_bash(&bench, &["work"]).spawn();
    wait_started(&bench);
    bench.endpoint.push(Reply::text("new answer"));
    bench
        .run(&["--take-over", "it took too long", "second"])
        .run()
        .expect_success();
    let_go(&bench);
    let ended = first.wait().expect_code(75);
    assert!(ended.stderr.contains("it took too long"), "{ended}");

    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["hello", "work", "second"]);
    let last = report.texts_on_path("assistant").pop();
    assert_eq!(last.as_deref(), Some("new answer"));
    assert_eq!(bench.context("user"), ["hello", "work", "second"]);
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), 3, "nothing waits any more");
}

#[test]
fn a_take_over_in_a_new_session_answers_both_messages_once_and_keeps_what_the_first_turn_said() {
    let bench = Bench::empty();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("late answer").held(&gate));
    bench.endpoint.push(Reply::text("new answer"));
    let first = bench.run(&["first"]).spawn();
    gate.wait_reached();
    bench
        .run(&["--take-over", "it took too long", "second"])
        .run()
        .expect_success();
    gate.open();
    first.wait().expect_code(75);

    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["first", "second"]);
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["first", "second"]);
    assert_eq!(report.texts_on_path("assistant"), ["new answer"]);
    assert_eq!(bench.context("user"), ["first", "second"]);
    line_of(&bench, "late answer");
}
