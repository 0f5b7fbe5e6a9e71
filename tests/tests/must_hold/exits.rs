//! A provider that fails ends the program with the number that `--help` names for it, and costs no message.

use std::io::Write as _;

use latchwork_testkit::endpoint::{Reply, refused_base_url};
use latchwork_testkit::program::Finished;
use serde_json::json;

use crate::bench::Bench;

/// "The model's provider failed or refused", in the table of `latchwork --help`.
const PROVIDER: i32 = 69;

/// A clear error, and the same message answered once by the next run.
fn told_and_answered_once(bench: &Bench, failed: Finished, word: &str) {
    let failed = failed.expect_refusal().expect_code(PROVIDER);
    for word in ["openai", "hint:", word] {
        assert!(failed.stderr.contains(word), "{word:?} in {failed}");
    }
    bench.report().assert_settled();
    bench.endpoint.push(Reply::text("better now"));
    bench.run(&[]).run().expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("question"), 1);
    assert_eq!(report.count_user_text("question"), 1);
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(asked.texts_of("user"), ["hello", "question"]);
    bench.run(&[]).run().expect_success();
    assert!(bench.endpoint.take_failures().is_empty(), "nothing waits");
}

#[test]
fn the_number_for_a_provider_is_documented() {
    let bench = Bench::empty();
    let help = bench.home.latchwork(["--help"]).run().expect_success();
    assert!(help.stdout.contains("69   the model's provider"), "{help}");
}

#[test]
fn every_way_in_which_an_endpoint_fails_ends_with_that_number_and_a_word_of_why() {
    let call = || Reply::tool_call("c1", "ls", &json!({ "path": "a/long/path/that/is/cut" }));
    let cases = [
        (Reply::unauthorized(), "OPENAI_API_KEY"),
        (Reply::rate_limited(7), "try again in 7 s"),
        (Reply::server_error(), "500"),
        (Reply::web_page(), "OPENAI_BASE_URL"),
        (
            Reply::stream().raw("data: {\"choices\": [{]}\n\n"),
            "cannot be read",
        ),
        (Reply::text("half a ").cut_at(300), "broke off"),
        (call().cut_at(500), "broke off"),
        (call().ends_early(), "broke off"),
    ];
    for (reply, word) in cases {
        let bench = Bench::begun();
        bench.endpoint.push(reply);
        let failed = bench.run(&["question"]).run();
        told_and_answered_once(&bench, failed, word);
    }
}

#[test]
fn a_stall_in_the_middle_of_a_tool_call_is_given_up_and_leaves_no_call_on_disk() {
    let bench = Bench::begun();
    let settings = bench.home.home().join(".config/latchwork");
    std::fs::create_dir_all(&settings).unwrap();
    let mut file = std::fs::File::create(settings.join("config.toml")).unwrap();
    writeln!(file, "[models.openai]\nidle_timeout_ms = 300").unwrap();
    let begun_call = json!({ "tool_calls": [
        { "index": 0, "id": "c1", "type": "function", "function": { "name": "ls", "arguments": "{\"pa" } }
    ] });
    bench
        .endpoint
        .push(Reply::text("some words ").delta(begun_call).stall());
    let failed = bench.run(&["question"]).run();
    told_and_answered_once(&bench, failed, "sent nothing for 0.3 s");
    let file = std::fs::read_to_string(bench.talk()).unwrap();
    assert!(!file.contains("\"toolCall\""), "no call on disk: {file}");
    assert!(file.contains("some words"), "what was said is kept: {file}");
}

#[test]
fn a_missing_key_and_a_refused_connection_end_with_that_number_and_the_message_is_answered_once() {
    for (key, url, word) in [
        (None, None, "OPENAI_API_KEY"),
        (Some("k"), Some(refused_base_url()), "cannot be reached"),
    ] {
        let bench = Bench::begun();
        let talk = bench.talk();
        let talk = talk.to_str().unwrap();
        let mut run = bench
            .home
            .latchwork(["run", "--file", talk, "--model", "openai/m", "question"]);
        if let Some(key) = key {
            run = run.env("OPENAI_API_KEY", key);
        }
        if let Some(url) = url {
            run = run.env("OPENAI_BASE_URL", url);
        }
        told_and_answered_once(&bench, run.run(), word);
    }
}
