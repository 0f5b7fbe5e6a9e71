//! Mirrors while others are at work: a turn under way, another mirror of the same source.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::steps::{StepDir, VARIABLE};

use super::{Stage, next, rollout, texts};
use crate::bench::Bench;

#[test]
fn a_turn_that_is_under_way_is_named_waited_for_and_not_disturbed() {
    let bench = Bench::begun();
    let source = bench.home.write("r.jsonl", rollout(1));
    let (source, talk) = (source.to_str().unwrap().to_owned(), bench.talk());
    let mirror = |wait: &str| {
        let talk = talk.to_str().unwrap();
        bench.home.latchwork([
            "mirror",
            "codex",
            &source,
            "--once",
            "--json",
            "--session",
            talk,
            "--wait",
            wait,
        ])
    };
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("my answer").held(&gate));
    let turn = bench.run(&["my question"]).spawn();
    gate.wait_reached();
    let before = std::fs::read(bench.talk()).unwrap();
    let refused = mirror("100ms").run().expect_code(75);
    assert!(
        refused.stderr.contains(&turn.pid().to_string())
            || refused.stdout.contains(&turn.pid().to_string()),
        "{refused}"
    );
    assert_eq!(
        std::fs::read(bench.talk()).unwrap(),
        before,
        "nothing was written"
    );

    let steps = StepDir::new();
    steps.hold("mirror:before-write");
    let patient = mirror("1h").env(VARIABLE, steps.value()).spawn();
    eventually("the wait", || {
        let told = patient.stderr_so_far();
        told.contains("waiting for the turn").then_some(())
    });
    gate.open();
    turn.wait().expect_success();
    steps.wait_reached("mirror:before-write");
    steps.release("mirror:before-write");
    patient.wait().expect_success();
    let report = bench.report();
    report.assert_sound();
    assert_eq!(
        report.texts_on_path("user"),
        ["hello", "my question", "question 0"]
    );
    let answers = report.texts_on_path("assistant");
    assert_eq!(
        (&*answers[1], answers.last().unwrap().as_str()),
        ("my answer", "answer 0")
    );

    // A later turn goes on from what was mirrored.
    bench.endpoint.push(Reply::text("after it"));
    bench.run(&["and now"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("user"),
        ["hello", "my question", "question 0", "and now"]
    );
}

#[test]
fn two_mirrors_of_one_source_at_once_write_every_message_once() {
    let stage = Stage::new();
    std::fs::write(stage.source(), rollout(200)).unwrap();
    let begin = || stage.mirror(&["--once", "--json", "r.jsonl"]).spawn();
    let both =
        [begin(), begin()].map(|live| live.wait().expect_success().json_lines().pop().unwrap());
    let count = |field: &str| {
        both.iter()
            .map(|one| one[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((count("written"), count("already")), (1_000, 1_000));
    stage.assert_whole(200, "two at once");
}

#[test]
fn a_mirror_that_cut_a_reply_makes_another_one_cut_it_there() {
    let stage = Stage::new();
    let said = |text: &str| {
        super::item(
            &serde_json::json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] }),
        )
    };
    // The first one follows, with the reply open; meanwhile another one takes it for whole, and it goes on.
    std::fs::write(stage.source(), rollout(1) + &said("one")).unwrap();
    let mut follows = stage.mirror(&["--json", "r.jsonl"]).spawn();
    next(&mut follows, "mirrored");
    assert_eq!(stage.once()["written"], 1);
    super::grow(&stage.source(), &(said("two") + &super::round(1)));
    eventually("the second turn", || {
        (stage.report().texts_on_path("toolResult").len() == 4).then_some(())
    });
    assert_eq!(stage.once()["waiting"], 0);
    follows.kill();
    let answers = stage.report().texts_on_path("assistant");
    let answers: Vec<_> = answers.iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(answers, ["answer 0", "one", "two", "answer 1"]);
    assert_eq!(stage.report().texts_on_path("user"), texts(2, "question"));
}
