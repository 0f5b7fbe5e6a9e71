//! Killed at a bad moment: the accepted message is there once, and the next run works.

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::Signal;
use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_message_accepted_in_a_new_session_and_killed_before_any_reply_is_answered_once() {
    let bench = Bench::empty();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("never sent").held(&gate));
    let turn = bench.run(&["remember me"]).spawn();
    gate.wait_reached();
    turn.kill();
    gate.open();
    assert!(!bench.talk().exists(), "no transcript without a reply");
    bench.endpoint.push(Reply::text("here you are"));
    bench.run(&[]).run().expect_success();
    assert_eq!(
        bench.endpoint.requests().pop().unwrap().texts_of("user"),
        ["remember me"]
    );
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("remember me"), 1);
    assert_eq!(report.texts_on_path("assistant"), ["here you are"]);
}

#[test]
fn a_tool_that_was_running_when_the_program_was_killed_has_an_honest_outcome() {
    let bench = Bench::begun();
    bench.endpoint.push(Reply::tool_call(
        "c1",
        "bash",
        &json!({ "command": "sleep 600" }),
    ));
    let mut turn = bench
        .run(&["--tools", "read,ls,bash", "--json", "work"])
        .spawn();
    turn.event_where("the tool's start", |event| event["type"] == "toolStarted");
    turn.kill();
    assert_eq!(
        bench.report().unpaired().len(),
        1,
        "the call is on disk without an outcome"
    );
    bench
        .endpoint
        .push(Reply::text("I do not know how it went."));
    bench.run(&[]).run().expect_success();
    let report = bench.report();
    report.assert_settled();
    let told = bench.endpoint.requests().pop().unwrap().texts_of("tool");
    assert!(told[0].starts_with("Outcome unknown"), "{told:?}");
    assert_eq!(report.count_user_text_anywhere("work"), 1);
}

#[test]
fn an_interrupt_keeps_what_was_said_and_ends_with_130() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench
        .endpoint
        .push(Reply::text("the first half ").gate(&gate).and_text("never"));
    let mut turn = bench.run(&["--json", "talk"]).spawn();
    turn.event_where("the last of the first words", |event| {
        event["text"] == "half "
    });
    gate.wait_reached();
    turn.signal(Signal::INT);
    turn.wait().expect_code(130);
    gate.open();
    let report = bench.report();
    report.assert_settled();
    let last = report
        .active_entries()
        .into_iter()
        .rfind(|entry| entry["message"]["role"] == "assistant")
        .unwrap()
        .clone();
    assert_eq!(last["message"]["stopReason"], "aborted");
    assert_eq!(report.texts_on_path("assistant"), ["hi", "the first half "]);
}

#[test]
fn an_interrupt_during_a_tool_records_that_it_was_aborted() {
    let bench = Bench::begun();
    bench.endpoint.push(Reply::tool_call(
        "c1",
        "bash",
        &json!({ "command": "sleep 600" }),
    ));
    let mut turn = bench.run(&["--tools", "bash", "--json", "work"]).spawn();
    turn.event_where("the tool's start", |event| event["type"] == "toolStarted");
    turn.signal(Signal::INT);
    turn.wait().expect_code(130);
    let report = bench.report();
    report.assert_settled();
    let outcome = report
        .entries
        .iter()
        .find(|entry| entry["message"]["role"] == "toolResult")
        .unwrap();
    assert_eq!(
        outcome["message"]["details"]["outcome"], "aborted",
        "{outcome}"
    );
}

#[test]
fn where_entries_are_lost_a_person_sees_a_gap_and_so_after_the_repair_and_the_model_sees_none() {
    let bench = Bench::talked(2);
    // The middle of the conversation cannot be read any more.
    let text = std::fs::read_to_string(bench.talk()).unwrap();
    let lost = text
        .lines()
        .find(|line| line.contains("\"answer 0\""))
        .unwrap();
    let id = lost
        .split("\"id\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let damaged = text.replace(lost, &lost.replace("answer 0", "answer\u{0} 0"));
    std::fs::write(bench.talk(), damaged).unwrap();
    let talk = bench.talk();
    let show = || {
        let shown = bench
            .home
            .latchwork(["show", talk.to_str().unwrap()])
            .run()
            .expect_success();
        shown.stdout
    };
    let gap = format!("(something is lost here, the last of them {id})");
    let shown = show();
    let (before, after) = shown.split_once(&gap).unwrap();
    assert!(
        before.contains("question 0") && after.contains("question 1"),
        "{shown}"
    );
    bench
        .home
        .latchwork(["repair", talk.to_str().unwrap()])
        .run()
        .expect_success();
    let repaired = show();
    assert!(repaired.contains(&gap), "{repaired}");
    bench.endpoint.push(Reply::text("answer 2"));
    bench.run(&["question 2"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert!(!asked.body.to_string().contains("lost here"));
}
