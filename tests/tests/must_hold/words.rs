//! What a model says and what a provider says, in pieces meant for a terminal; and a reader that leaves in the middle.

use latchwork_testkit::endpoint::{Reply, ToolCall};
use latchwork_testkit::program::{Finished, latchwork};
use serde_json::json;

use crate::bench::Bench;

/// The pieces of attacks, each harmless alone.
const PIECES: [&str; 8] = [
    "\u{1b}",
    "]52;c;ZXZpbA==",
    "\u{7}",
    "\u{9b}",
    "2J",
    "\u{9d}",
    "\u{202e}",
    "\r",
];

fn steers_nothing(ended: &Finished) {
    for output in [&ended.stdout, &ended.stderr] {
        let found = output
            .chars()
            .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(found, None, "{ended:?}");
    }
}

#[test]
fn an_escape_that_comes_in_pieces_steers_no_terminal_whatever_the_output() {
    for args in [&["question"][..], &["--json", "question"]] {
        let bench = Bench::begun();
        let said = PIECES.iter().fold(Reply::stream(), |reply, piece| {
            reply.delta(json!({ "content": piece }))
        });
        bench.endpoint.push(said);
        let ended = bench.run(args).run().expect_success();
        steers_nothing(&ended);
        let kept = bench.report().texts_on_path("assistant").pop();
        assert_eq!(
            kept,
            Some(PIECES.concat()),
            "the transcript keeps what was said"
        );
    }
}

#[test]
fn the_words_of_a_refusal_and_the_name_of_a_tool_steer_no_terminal() {
    let evil = PIECES.concat();
    let bench = Bench::begun();
    bench
        .endpoint
        .push(Reply::error(500, "server_error", &evil));
    steers_nothing(&bench.run(&["question"]).run().expect_refusal());
    for args in [&["question"][..], &["--json", "question"]] {
        let call = ToolCall::new(&evil, &format!("ls{evil}"), &json!({ "path": evil }));
        bench.endpoint.push(Reply::stream().tool_calls(&[call]));
        bench.endpoint.push(Reply::text("so it goes"));
        steers_nothing(&bench.run(args).run().expect_success());
    }
    bench.report().assert_settled();
}

#[test]
fn a_reader_of_events_that_leaves_after_one_line_breaks_no_turn() {
    let bench = Bench::begun();
    bench.endpoint.push(Reply::text(&"many words ".repeat(500)));
    let (program, talk) = (latchwork().display(), bench.talk());
    let talk = talk.display();
    let script =
        format!("{program} run --file {talk} --model openai/m --json question | head -n 1");
    let ended = bench
        .home
        .program("sh", ["-c", &script])
        .endpoint(&bench.endpoint)
        .run()
        .expect_success();
    assert_eq!(ended.json_lines().len(), 1, "{ended}");
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    // The shell waits for `head` and the program alike.
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text("question"), 1);
    assert_eq!(
        report.texts_on_path("assistant").len(),
        2,
        "the reply is kept"
    );
}
