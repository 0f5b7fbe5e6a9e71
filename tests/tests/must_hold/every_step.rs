//! SIGKILL at each step of a turn in turn: the first, the second, and so on until the turn outlives its killer.
//!
//! The campaign in `tests/torture` draws its moments; this one leaves none out. A message whose record was durable at the
//! kill is there exactly once afterwards.

use std::rc::Rc;

use latchwork_testkit::endpoint::{Reply, Request, ToolCall};
use latchwork_testkit::program::Invocation;
use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::json;

use crate::bench::Bench;
use crate::tool::run_with_bash;

/// No turn has so many steps; one that is killed at this one never ends.
const STEPS_MAX: u32 = 1_000;
/// After this step the message is accepted, whatever was or was not told.
const ACCEPTED: &str = "inbox:synced";
/// How the outcome begins that says that nobody knows.
const UNKNOWN: &str = "Outcome unknown";

/// Two tools in parallel, then words.
fn answer(request: &Request) -> Reply {
    if request
        .messages()
        .last()
        .is_some_and(|last| last["role"] == "tool")
    {
        return Reply::text("all done").usage(10, 2);
    }
    Reply::text("looking ").tool_calls(&[
        ToolCall::new("c1", "ls", &json!({ "path": "." })),
        ToolCall::new("c2", "bash", &json!({ "command": "echo x" })),
    ])
}

fn keyed<'a>(bench: &'a Bench, text: &'a str) -> Invocation {
    run_with_bash(bench, &["--wait", "60s", "--key", text, text])
}

/// What the kills of a campaign left behind, in numbers.
#[derive(Default)]
struct Seen {
    killed: u32,
    unknown: u32,
}

/// One kill at the n-th step and the run after it; false when the turn ended before.
fn kill_at(bench: &Bench, nth: u32, seen: &mut Seen) -> bool {
    let steps = StepDir::new();
    let message = format!("message {nth}");
    let turn = keyed(bench, &message).env(VARIABLE, steps.value_with_kill_at(nth));
    let ended = turn.run();
    let trace = steps
        .traces()
        .pop_last()
        .map_or(Vec::new(), |(_, trace)| trace);
    let last = trace.last().cloned().unwrap_or_default();
    let moment = format!("killed at step {nth}, {last}: {ended}");
    let killed = ended.signal() == Some(9);
    assert!(killed || ended.code() == Some(0), "{moment}");
    seen.killed += u32::from(killed);

    let next = format!("after {nth}");
    let again = keyed(bench, &next).run();
    assert_eq!(again.code(), Some(0), "{moment}\nand then {again}");
    let report = bench.report();
    assert!(
        report.problems.is_empty(),
        "{moment}: {:?}",
        report.problems
    );
    assert!(
        report.unpaired().is_empty(),
        "{moment}: {:?}",
        report.unpaired()
    );
    let accepted = trace.iter().any(|step| step == ACCEPTED);
    let there = report.count_user_text(&message);
    assert!(
        there == 1 || (there == 0 && !accepted),
        "{moment}: {there} times"
    );
    assert_eq!(report.count_user_text(&next), 1, "{moment}");
    let unknown = report
        .texts_on_path("toolResult")
        .iter()
        .filter(|text| text.starts_with(UNKNOWN))
        .count();
    seen.unknown += u32::from(unknown > 0);
    // The reply was durable and no outcome was: then nobody may claim to know one.
    if last == "turn:recorded" && trace.iter().all(|step| step != "turn:tool-ended") {
        assert!(unknown >= 2, "{moment}: {unknown} unknown outcomes");
    }
    killed
}

fn campaign(mut bench_for: impl FnMut(u32) -> Rc<Bench>) {
    let mut seen = Seen::default();
    for nth in 1..STEPS_MAX {
        let bench = bench_for(nth);
        if !kill_at(&bench, nth, &mut seen) {
            crate::aloud(&format!(
                "{} kills, {} left outcomes unknown",
                seen.killed, seen.unknown
            ));
            assert!(
                seen.killed > 50,
                "a turn has more steps than {}",
                seen.killed
            );
            assert!(seen.unknown > 0, "some kill must have met a running tool");
            return;
        }
    }
    panic!("a turn of {STEPS_MAX} steps never ends");
}

fn bench() -> Rc<Bench> {
    let bench = Bench::empty();
    bench.endpoint.otherwise(answer);
    Rc::new(bench)
}

#[test]
fn killed_at_each_step_of_its_first_turn_a_session_goes_on_with_the_message_once() {
    campaign(|_| bench());
}

#[test]
fn killed_at_each_step_of_a_turn_an_ageing_session_goes_on_with_each_message_once() {
    let mut ageing = bench();
    campaign(|nth| {
        if nth % 25 == 0 {
            ageing = bench();
        }
        ageing.clone()
    });
}
