//! Trouble with a provider: a clear error that names it and says what to do, and a session that is usable at once.

use latchwork_testkit::endpoint::{Reply, refused_base_url};
use serde_json::json;

use crate::bench::Bench;

/// The turn fails with these words on standard error; the next one answers the message once.
fn fails_and_goes_on(bench: &Bench, failed: latchwork_testkit::program::Finished, words: &[&str]) {
    let failed = failed.expect_refusal();
    for word in ["openai", "hint:"].iter().chain(words) {
        assert!(failed.stderr.contains(word), "{word:?} in {failed}");
    }
    bench.report().assert_settled();
    bench.endpoint.push(Reply::text("better now"));
    bench.run(&[]).run().expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text("question"), 1);
    assert_eq!(
        report.texts_on_path("assistant").last().map(String::as_str),
        Some("better now")
    );
}

#[test]
fn a_provider_that_refuses_is_named_and_the_session_goes_on() {
    let cases: Vec<(Reply, &[&str])> = vec![
        (
            Reply::unauthorized(),
            &["Incorrect API key", "OPENAI_API_KEY"],
        ),
        (Reply::rate_limited(7), &["429", "7 s"]),
        (Reply::server_error(), &["500"]),
        (Reply::web_page(), &["cannot be read"]),
        (Reply::hang_up(), &[]),
    ];
    for (reply, words) in cases {
        let bench = Bench::begun();
        bench.endpoint.push(reply);
        let failed = bench.run(&["question"]).run();
        fails_and_goes_on(&bench, failed, words);
    }
}

#[test]
fn a_stream_that_goes_wrong_leaves_no_call_without_an_outcome() {
    let call = || {
        Reply::tool_call(
            "c1",
            "ls",
            &json!({ "path": "a rather long path to be cut" }),
        )
    };
    let cases = vec![
        Reply::stream().raw("data: {\"choices\": [{]}\n\n"),
        Reply::text("some words").ends_early(),
        call().ends_early(),
        call().cut_at(120),
        Reply::stream().raw("data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"ls\",\"arguments\":\"{\\\"pa\"}}]}}]}\n\n").finish("tool_calls"),
    ];
    for (case, reply) in cases.into_iter().enumerate() {
        let bench = Bench::begun();
        bench.endpoint.push(reply);
        let failed = bench.run(&["question"]).run();
        fails_and_goes_on(&bench, failed, &[]);
        let report = bench.report();
        let calls = report
            .entries
            .iter()
            .filter(|entry| entry.to_string().contains("\"type\":\"toolCall\""))
            .count();
        assert_eq!(calls, 0, "case {case}: {:#?}", report.entries);
    }
}

#[test]
fn a_stream_that_stalls_is_given_up() {
    let bench = Bench::begun();
    let settings = bench.home.home().join(".config/latchwork");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(
        settings.join("config.toml"),
        "[models.openai]\nidle_timeout_ms = 400\n",
    )
    .unwrap();
    bench.endpoint.push(Reply::text("some words ").stall());
    let failed = bench.run(&["question"]).run();
    fails_and_goes_on(&bench, failed, &["nothing"]);
}

#[test]
fn a_missing_key_and_a_refused_connection_are_told_apart() {
    let bench = Bench::begun();
    let talk = bench.talk();
    let run = || {
        bench.home.latchwork([
            "run",
            "--file",
            talk.to_str().unwrap(),
            "--model",
            "openai/m",
            "question",
        ])
    };
    let keyless = run().run().expect_refusal();
    assert!(keyless.stderr.contains("OPENAI_API_KEY"), "{keyless}");
    let refused = run()
        .env("OPENAI_BASE_URL", refused_base_url())
        .env("OPENAI_API_KEY", "k")
        .run();
    assert!(refused.stderr.contains("cannot be reached"), "{refused}");
    refused.expect_refusal();
    let unset = bench
        .home
        .latchwork(["run", "--file", talk.to_str().unwrap(), "question"])
        .run()
        .expect_refusal();
    assert!(unset.stderr.contains("--model"), "{unset}");
    bench.endpoint.push(Reply::text("at last"));
    bench.run(&[]).run().expect_success();
    bench.report().assert_settled();
}
