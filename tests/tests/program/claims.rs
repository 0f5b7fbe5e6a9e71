//! Two clients want one turn.

use latchwork_testkit::endpoint::{Gate, Reply};

use crate::bench::Bench;

#[test]
fn a_second_client_is_told_whose_turn_it_is_and_may_leave_its_message() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("first answer").held(&gate));
    let first = bench.run(&["first"]).spawn();
    gate.wait_reached();
    let told = bench
        .run(&["--key", "second", "second"])
        .run()
        .expect_code(75);
    assert!(
        told.stderr.contains(&format!("process {}", first.pid())),
        "{told}"
    );
    assert!(
        told.stderr.contains("--wait") && told.stderr.contains("--queue"),
        "{told}"
    );
    bench.run(&["--queue", "third"]).run().expect_success();
    gate.open();
    first.wait().expect_success();
    bench.endpoint.push(Reply::text("answer to both"));
    bench.run(&[]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("user"),
        ["hello", "first", "second", "third"]
    );
    bench.report().assert_settled();
}

#[test]
fn a_client_that_waits_has_the_next_turn() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("first answer").held(&gate));
    bench.endpoint.push(Reply::text("second answer"));
    let first = bench.run(&["first"]).spawn();
    gate.wait_reached();
    let mut second = bench.run(&["--wait", "2min", "--json", "second"]).spawn();
    second.event_where("its claim", |event| {
        event["type"] == "phaseStarted" && event["phase"] == "claim"
    });
    gate.open();
    first.wait().expect_success();
    second.wait().expect_success();
    assert_eq!(
        bench.report().texts_on_path("assistant"),
        ["hi", "first answer", "second answer"]
    );
    bench.report().assert_settled();
}

#[test]
fn a_take_over_ends_the_other_turn_with_its_reason_and_keeps_what_that_said() {
    let bench = Bench::begun();
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
    let ended = first.wait().expect_code(75);
    assert!(ended.stderr.contains("it took too long"), "{ended}");
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("assistant"), ["hi", "new answer"]);
    assert!(
        report
            .entries
            .iter()
            .any(|entry| entry.to_string().contains("late answer")),
        "it is kept"
    );
}
