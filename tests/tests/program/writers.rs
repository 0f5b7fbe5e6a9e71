//! Others write while a model is asked: nothing is lost, the turn finishes, and what came in is answered next.

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::steps::StepDir;
use serde_json::json;

use crate::bench::{Bench, user, with_steps};

#[test]
fn two_processes_append_during_a_model_call_and_their_messages_are_answered_next() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let turn = bench.run(&["question"]).spawn();
    gate.wait_reached();
    for text in ["first", "second"] {
        let receipt = bench.append(&[user(text)]).run().expect_success().json();
        assert_eq!(
            (&receipt["state"], &receipt["level"]),
            (&json!("placed"), &json!("synced")),
            "{receipt}"
        );
    }
    gate.open();
    turn.wait().expect_success();
    bench.report().assert_settled();
    let path = bench.report();
    assert_eq!(path.texts_on_path("assistant"), ["hi", "the answer"]);
    assert_eq!(
        path.texts_on_path("user"),
        ["hello", "question", "first", "second"]
    );
    assert_eq!(
        bench.context("user"),
        ["hello", "question", "first", "second"],
        "each stands once"
    );

    bench.endpoint.push(Reply::text("to both"));
    bench.run(&[]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("user"),
        ["hello", "question", "first", "second"]
    );
    assert_eq!(asked.texts_of("assistant"), ["hi", "the answer"]);
    assert_eq!(
        bench.report().texts_on_path("assistant"),
        ["hi", "the answer", "to both"]
    );
    // Nothing waits any more.
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), 3);
    bench.report().assert_settled();
}

#[test]
fn a_message_that_comes_in_before_tools_ran_is_seen_by_the_same_turns_next_request() {
    let bench = Bench::begun();
    let gate = Gate::new();
    bench
        .endpoint
        .push(Reply::tool_call("c1", "ls", &json!({ "path": "." })).held(&gate));
    bench.endpoint.push(Reply::text("done"));
    let turn = bench.run(&["look"]).spawn();
    gate.wait_reached();
    bench.append(&[user("and hurry")]).run().expect_success();
    gate.open();
    turn.wait().expect_success();
    bench.report().assert_settled();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["hello", "look", "and hurry"]);
    assert_eq!(
        bench.report().texts_on_path("user"),
        ["hello", "look", "and hurry"]
    );
    bench.run(&[]).run().expect_success();
    assert_eq!(bench.endpoint.requests().len(), 3, "it was answered");
}

#[test]
fn a_commit_that_was_interrupted_midway_ends_whole_before_the_next_writer_begins() {
    let bench = Bench::begun();
    let (held, seen) = (StepDir::new(), StepDir::new());
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let mut turn = with_steps(bench.run(&["question"]), &held).spawn();
    gate.wait_reached();
    held.hold("commit:before-write");
    gate.open();
    held.wait_reached("commit:before-write");
    turn.signal(latchwork_testkit::program::Signal::INT);
    seen.hold("latch:queued");
    let mut writer = with_steps(bench.append(&[user("later")]), &seen).spawn();
    writer.close_stdin();
    seen.wait_reached("latch:queued");
    seen.release("latch:queued");
    assert_eq!(
        bench.report().count_user_text_anywhere("later"),
        0,
        "the commit keeps its session"
    );
    held.release("commit:before-write");
    turn.wait();
    writer.wait().expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("assistant"), ["hi", "the answer"]);
    assert_eq!(report.texts_on_path("user"), ["hello", "question", "later"]);
}

#[test]
fn a_rewind_during_a_turn_keeps_the_old_reply_beside_and_the_head_where_the_user_put_it() {
    let bench = Bench::begun();
    let to = bench.report().active_path().last().unwrap().to_string();
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("old answer").held(&gate));
    let turn = bench.run(&["question"]).spawn();
    gate.wait_reached();
    bench.rewind(&to);
    bench
        .append(&[user("better question")])
        .run()
        .expect_success();
    gate.open();
    turn.wait();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(
        report.texts_on_path("user"),
        ["hello", "better question"],
        "by the rule of pi: the last line"
    );
    assert_eq!(
        bench.context("user"),
        ["hello", "better question"],
        "and by ours"
    );
    let kept = report
        .entries
        .iter()
        .filter(|entry| entry.to_string().contains("old answer"))
        .count();
    assert_eq!(kept, 1, "the old reply is kept");
    bench.endpoint.push(Reply::text("better answer"));
    bench.run(&[]).run().expect_success();
    assert_eq!(
        bench.endpoint.requests().pop().unwrap().texts_of("user"),
        ["hello", "better question"]
    );
}

#[test]
fn with_the_sidecars_deleted_under_a_commit_no_two_of_ours_write() {
    let bench = Bench::begun();
    let (held, seen) = (StepDir::new(), StepDir::new());
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let turn = with_steps(bench.run(&["question"]), &held).spawn();
    gate.wait_reached();
    held.hold("commit:before-write");
    gate.open();
    held.wait_reached("commit:before-write");
    std::fs::remove_dir_all(bench.sidecars()).unwrap();
    seen.hold("commit:before-write");
    let mut writer = with_steps(bench.append(&[user("beside")]), &seen).spawn();
    writer.close_stdin();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(
        seen.waiting_at("commit:before-write").is_empty(),
        "nobody else is about to write"
    );
    seen.release("commit:before-write");
    held.release("commit:before-write");
    turn.wait();
    writer.wait().expect_success();
    let report = bench.report();
    report.assert_sound();
    assert_eq!(report.count_user_text_anywhere("beside"), 1);
    assert!(
        report
            .texts_on_path("assistant")
            .contains(&"the answer".to_owned())
    );
}

#[test]
fn a_fragment_is_blanked_and_a_line_glued_to_it_is_rescued() {
    let bench = Bench::begun();
    let leaf = bench.report().active_path().last().unwrap().to_string();
    let before = std::fs::read(bench.talk()).unwrap();
    let peer = json!({ "type": "label", "id": "0badcafe", "parentId": leaf, "timestamp": "2026-01-01T00:00:00.000Z",
        "targetId": leaf, "label": "rescued" });
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(bench.talk())
        .unwrap();
    std::io::Write::write_all(
        &mut file,
        format!("{{\"type\":\"mess{peer}\n{{\"type\":\"custo").as_bytes(),
    )
    .unwrap();
    let broken = std::fs::read(bench.talk()).unwrap();
    bench.endpoint.push(Reply::text("fine"));
    bench.run(&["go on"]).run().expect_success();
    let after = std::fs::read(bench.talk()).unwrap();
    assert!(
        after.len() > broken.len() && after.starts_with(&before),
        "nothing is truncated"
    );
    bench.report().assert_settled();
    assert!(
        bench.report().entry("0badcafe").is_some(),
        "the peer's line is rescued"
    );
    let quarantine = bench.sidecars().join("talk.quarantine");
    let mut kept: Vec<Vec<u8>> = std::fs::read_dir(quarantine)
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    kept.sort();
    assert_eq!(
        kept,
        [b"{\"type\":\"custo".to_vec(), b"{\"type\":\"mess".to_vec()]
    );
}
