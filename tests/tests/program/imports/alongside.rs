//! Imports while others are at work: another import, a person who went on, a turn under way.

use latchwork_testkit::endpoint::{Gate, Reply};

use super::{Stage, rollout, texts};
use crate::bench::Bench;

#[test]
fn two_imports_of_one_source_at_once_write_every_entry_once() {
    let stage = Stage::new();
    stage.source("r.jsonl", &rollout(400));
    let begin = || {
        stage
            .home
            .latchwork([
                "sessions",
                "import",
                "r.jsonl",
                "--into",
                "into.jsonl",
                "--json",
            ])
            .spawn()
    };
    let both = [begin(), begin()].map(|live| live.wait().expect_success().json());
    let count = |field: &str| {
        both.iter()
            .map(|one| one[field].as_u64().unwrap())
            .sum::<u64>()
    };
    let items = both[0]["entries"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum::<u64>();
    assert_eq!((count("written"), count("already")), (items, items));
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("user"), texts(400, "question"));
    stage.proven("r.jsonl");
}

#[test]
fn a_conversation_that_somebody_went_on_with_is_not_taken_away() {
    let bench = Bench::empty();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let whole = rollout(3);
    let cut = whole.find("question 2").unwrap();
    let cut = whole[..cut].rfind('\n').unwrap() + 1;
    let source = bench.home.write("r.jsonl", &whole[..cut]);
    let source = source.to_str().unwrap();
    let import = || {
        bench
            .home
            .latchwork(["sessions", "import", source, "--into", talk, "--json"])
            .run()
            .expect_success()
            .json()
    };
    import();
    bench.endpoint.push(Reply::text("my answer"));
    bench.run(&["my question"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("user"),
        ["question 0", "question 1", "my question"]
    );
    std::fs::write(source, &whole).unwrap();
    let done = import();
    assert!(done["aside"].as_u64().unwrap() > 0, "{done}");
    let report = bench.report();
    report.assert_sound();
    assert_eq!(
        report.texts_on_path("user"),
        ["question 0", "question 1", "my question"]
    );
    assert_eq!(report.count_user_text_anywhere("question 2"), 1);
    bench
        .home
        .latchwork(["sessions", "import", "--diff", source, talk])
        .run()
        .expect_success();
    // The way there is told.
    bench.rewind(done["leaf"].as_str().unwrap());
    assert_eq!(bench.context("user"), texts(3, "question"));
}

#[test]
fn an_import_into_a_session_whose_turn_is_under_way_disturbs_neither() {
    let bench = Bench::begun();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let source = bench.home.write("r.jsonl", rollout(2));
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let turn = bench.run(&["question"]).spawn();
    gate.wait_reached();
    bench
        .home
        .latchwork([
            "sessions",
            "import",
            source.to_str().unwrap(),
            "--into",
            talk,
        ])
        .run()
        .expect_success();
    gate.open();
    turn.wait().expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["hello", "question"]);
    assert_eq!(report.texts_on_path("assistant"), ["hi", "the answer"]);
    assert_eq!(report.count_user_text_anywhere("question 1"), 1);
    bench
        .home
        .latchwork([
            "sessions",
            "import",
            "--diff",
            source.to_str().unwrap(),
            talk,
        ])
        .run()
        .expect_success();
}
