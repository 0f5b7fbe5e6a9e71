//! What the program prints.

use latchwork_testkit::endpoint::Reply;
use serde_json::json;

use crate::bench::{Bench, user};

#[test]
fn json_is_one_event_a_line_and_ends_with_the_report() {
    let bench = Bench::begun();
    bench.endpoint.push(Reply::text("two words").usage(10, 2));
    let events = bench
        .run(&["--json", "question"])
        .run()
        .expect_success()
        .json_lines();
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0]["seq"].as_u64().unwrap() + 1 == pair[1]["seq"].as_u64().unwrap())
    );
    let place = |kind: &str| {
        events
            .iter()
            .position(|event| event["type"] == kind)
            .unwrap()
    };
    assert!(
        place("accepted") < place("text"),
        "the message is durable before the model is asked"
    );
    let report = &events.last().unwrap()["report"];
    assert_eq!(
        (report["text"].as_str(), report["usage"]["output"].as_u64()),
        (Some("two words"), Some(2))
    );
}

#[test]
fn nothing_from_a_model_or_a_file_steers_the_terminal() {
    let bench = Bench::begun();
    let evil = "\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J\u{202e}x\r";
    bench.endpoint.push(Reply::text(evil));
    let shown = bench.run(&["question"]).run().expect_success();
    bench
        .append(&[json!({ "role": "user", "content": evil })])
        .run()
        .expect_success();
    let talk = bench.talk();
    let path = talk.to_str().unwrap();
    let mut outputs = vec![shown.stdout, shown.stderr];
    for args in [
        vec!["show", path],
        vec!["show", path, "--tree"],
        vec!["show", path, "--context"],
        vec!["show", path, "--context", "--json"],
    ] {
        outputs.push(bench.home.latchwork(args).run().expect_success().stdout);
    }
    for output in outputs {
        assert!(
            !output.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\r']),
            "{output:?}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bench = Bench::begun();
    let program = latchwork_testkit::program::latchwork()
        .display()
        .to_string();
    let talk = bench.talk();
    let script = format!(
        "{program} show {} --tree | head -n 0; echo ended",
        talk.display()
    );
    let ended = bench
        .home
        .program("sh", ["-c", &script])
        .run()
        .expect_success();
    assert!(
        ended.stdout.ends_with("ended\n") && !ended.stderr.contains("panicked"),
        "{ended}"
    );
}

#[test]
fn a_bad_line_is_answered_by_its_number_and_the_others_go_on() {
    let bench = Bench::begun();
    let lines = format!("{}\nnot json\n{}\n", user("a"), user("b"));
    let ended = bench
        .home
        .latchwork(["append", bench.talk().to_str().unwrap()])
        .stdin(lines)
        .run()
        .expect_code(1);
    let receipts = ended.json_lines();
    assert_eq!(receipts.len(), 3);
    assert_eq!(receipts[1]["line"], 2);
    assert!(
        receipts[1]["error"].is_string()
            && receipts[0]["id"].is_string()
            && receipts[2]["id"].is_string()
    );
    let again = bench.append(&[user("a")]).run().expect_success().json();
    assert_eq!(
        (&again["id"], again["duplicate"].as_bool()),
        (&receipts[0]["id"], Some(true))
    );
    assert_eq!(bench.report().count_user_text_anywhere("a"), 1);
}

#[test]
fn the_demo_verifies_what_it_did() {
    let bench = Bench::empty();
    let demo = bench
        .home
        .latchwork(["demo", "--pace", "300ms"])
        .run()
        .expect_success();
    for words in [
        "guard held for",
        "longest wait of a writer",
        "entries verified",
        "transcript: ",
    ] {
        assert!(demo.stdout.contains(words), "{words:?} in {demo}");
    }
}
