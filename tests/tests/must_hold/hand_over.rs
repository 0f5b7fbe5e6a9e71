//! A turn that is asked for, by another process: it yields at a boundary, or is superseded; nothing that was said or sent
//! is lost, and who reads or writes beside the turn is not held up.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::Live;
use latchwork_testkit::steps::StepDir;
use latchwork_testkit::verify::Report;

use crate::bench::{Bench, user, with_steps};
use crate::tool::{let_go, run_with_bash, wait_started, wants_waiting_tool};

/// The request for the second turn of the session.
fn request(bench: &Bench) -> std::path::PathBuf {
    bench.sidecars().join("talk.claim.2.ask")
}

/// A process that asks for the turn and has longer than any test to wait for it.
pub(crate) fn asks(bench: &Bench, words: &str) -> Live {
    let args = ["--hand-over", "I moved", "--grace", "1h", "--json", words];
    let asker = bench.run(&args).spawn();
    eventually("its request", || request(bench).exists().then_some(()));
    asker
}

#[test]
fn a_turn_that_is_asked_for_while_a_tool_runs_yields_after_it_and_holds_up_nobody_beside_it() {
    let bench = Bench::begun();
    bench.endpoint.push(wants_waiting_tool());
    bench.endpoint.push(Reply::text("answer to all"));
    let first = run_with_bash(&bench, &["work"]).spawn();
    wait_started(&bench);
    let second = asks(&bench, "mine");
    let pid = second.pid();
    let receipt = bench
        .append(&[user("beside")])
        .run()
        .expect_success()
        .json();
    assert_eq!(receipt["level"], "synced", "a side writer goes on");
    let shown = bench.shown(&[]);
    assert!(shown["claim"].is_string(), "a reader goes on: {shown}");
    assert!(request(&bench).exists(), "all that while it is asked for");

    let_go(&bench);
    let ended = first.wait().expect_code(75);
    assert!(
        ended.stderr.contains("handed over")
            && ended.stderr.contains("I moved")
            && ended.stderr.contains(&format!("process {pid}")),
        "{ended}"
    );
    second.wait().expect_success();
    let requests = bench.endpoint.requests();
    assert_eq!(requests.len(), 3, "the first turn asked no model again");
    let all = ["hello", "work", "beside", "mine"];
    assert_eq!(requests[2].texts_of("user"), all);
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), all);
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    assert!(file.contains("went"), "the outcome of the tool is kept");
    assert!(
        file.contains("\"handedOver\"") && file.contains("I moved"),
        "to whom and why stands in the transcript"
    );
    assert!(!request(&bench).exists());
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), 3, "nothing waits any more");
}

#[test]
fn a_turn_that_reaches_no_boundary_is_superseded_after_the_grace_and_told_who_when_and_why() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("late answer").held(&gate));
    bench.endpoint.push(Reply::text("new answer"));
    let first = bench.run(&["first"]).spawn();
    gate.wait_reached();
    let args = ["--hand-over", "the deadline", "--grace", "50ms", "second"];
    let second = bench.run(&args).spawn();
    let pid = second.pid();
    second.wait().expect_success();
    gate.open();
    let ended = first.wait().expect_code(75);
    assert!(
        ended.stderr.contains("the deadline")
            && ended.stderr.contains(&format!("process {pid}"))
            && ended.stderr.contains("since 20"),
        "{ended}"
    );
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("assistant"), ["hi", "new answer"]);
    assert_eq!(report.texts_on_path("user"), ["hello", "first", "second"]);
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    assert!(file.contains("late answer"), "it is kept");
}

#[test]
fn a_turn_does_not_yield_to_an_asker_that_was_killed_whose_message_is_answered_all_the_same() {
    let bench = Bench::begun();
    bench.endpoint.push(wants_waiting_tool());
    bench.endpoint.push(Reply::text("done"));
    let first = run_with_bash(&bench, &["work"]).spawn();
    wait_started(&bench);
    asks(&bench, "mine").kill();
    assert!(request(&bench).exists(), "its request outlives it");
    let_go(&bench);
    first.wait().expect_success();
    assert_eq!(
        bench.report().texts_on_path("assistant").last().unwrap(),
        "done"
    );

    bench.endpoint.push(Reply::text("to the killed one"));
    bench.run(&[]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["hello", "work", "mine"]);
    bench.report().assert_settled();
}

#[test]
fn a_take_over_between_a_turns_check_and_its_write_leaves_that_commit_and_its_guard_alone() {
    let bench = Bench::begun();
    let held = StepDir::new();
    let gate = Gate::new();
    bench.endpoint.push(wants_waiting_tool().held(&gate));
    bench.endpoint.push(Reply::text("new answer"));
    let_go(&bench);
    let first = with_steps(run_with_bash(&bench, &["work"]), &held).spawn();
    gate.wait_reached();
    held.hold("commit:before-write");
    gate.open();
    held.wait_reached("commit:before-write");
    let before = std::fs::read(bench.talk()).unwrap();

    let args = ["--take-over", "now", "--json", "second"];
    let mut second = bench.run(&args).spawn();
    second.event_where("its wait for the guard", |event| {
        event["type"] == "guardWaiting" && event["phase"] == "prepare"
    });
    assert!(
        bench.sidecars().join("talk.claim.3").exists(),
        "the turn is the second one's"
    );
    assert_eq!(std::fs::read(bench.talk()).unwrap(), before);
    held.release("commit:before-write");

    let ended = first.wait().expect_code(75);
    assert!(ended.stderr.contains("\"now\""), "{ended}");
    second.wait().expect_success();
    let report = bench.report();
    report.assert_settled();
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    let line = |text: &str| file.lines().position(|line| line.contains(text));
    assert!(
        line("\"toolCall\"").unwrap() < line("second").unwrap(),
        "what had passed its check stands, before anything of the newer turn"
    );
    let path = report.active_entries();
    assert!(
        path.iter()
            .any(|entry| entry.to_string().contains("\"toolCall\"")),
        "it is on the active path"
    );
    assert_eq!(report.texts_on_path("user"), ["hello", "work", "second"]);
    assert_eq!(
        report.texts_on_path("assistant").last().unwrap(),
        "new answer"
    );
}

#[test]
fn a_watcher_is_told_what_the_turn_adds_and_ends_with_it() {
    let bench = Bench::begun();
    bench.endpoint.push(wants_waiting_tool());
    bench.endpoint.push(Reply::text("the end"));
    let first = run_with_bash(&bench, &["work"]).spawn();
    wait_started(&bench);
    let talk = bench.talk();
    let args = ["watch", talk.to_str().unwrap(), "--json"];
    let watcher = bench.home.latchwork(args).spawn();
    eventually("the watcher", || {
        let told = watcher.stderr_so_far();
        told.contains(&format!("process {}", first.pid()))
            .then_some(())
    });
    let_go(&bench);
    first.wait().expect_success();
    let seen = watcher.wait().expect_success().json_lines();
    let roles: Vec<&str> = seen
        .iter()
        .filter_map(|entry| entry["message"]["role"].as_str())
        .collect();
    assert_eq!(roles, ["toolResult", "assistant"], "{seen:?}");
    let over = bench.home.latchwork(args).run().expect_success();
    assert_eq!(over.stdout, "", "without a turn it is over at once");
}

#[test]
fn a_fork_made_while_a_turn_is_under_way_disturbs_nobody_and_goes_on_by_itself() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("answer here").held(&gate));
    bench.endpoint.push(Reply::text("answer there"));
    let first = bench.run(&["first"]).spawn();
    gate.wait_reached();
    let (talk, mine) = (bench.talk(), bench.home.path("mine.jsonl"));
    let before = std::fs::read(&talk).unwrap();
    let fork = || {
        let args = [
            "fork",
            talk.to_str().unwrap(),
            mine.to_str().unwrap(),
            "--json",
        ];
        bench.home.latchwork(args)
    };
    let made = fork().run().expect_success().json();
    assert_eq!(made["session"], "mine");
    assert_eq!(
        std::fs::read(&talk).unwrap(),
        before,
        "the source is only read"
    );

    let args = [
        "run",
        "--file",
        mine.to_str().unwrap(),
        "--model",
        "openai/m",
        "mine",
    ];
    let run = bench.home.latchwork(args).endpoint(&bench.endpoint);
    run.run().expect_success();
    gate.open();
    first.wait().expect_success();

    let here = bench.report();
    here.assert_settled();
    assert_eq!(here.texts_on_path("assistant"), ["hi", "answer here"]);
    let there = Report::read(&mine);
    there.assert_settled();
    assert_eq!(there.texts_on_path("assistant"), ["hi", "answer there"]);
    assert_eq!(there.texts_on_path("user"), ["hello", "first", "mine"]);
    let text = std::fs::read_to_string(&mine).unwrap();
    let header: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(header["parentSession"], talk.to_str().unwrap());
    assert_eq!(header["id"], "mine");

    let kept = std::fs::read(&mine).unwrap();
    let again = fork().run().expect_code(1);
    assert!(again.stderr.contains("exists already"), "{again}");
    assert_eq!(std::fs::read(&mine).unwrap(), kept);
}
