//! A session's file made another by hand: dead branches dropped, messages replaced where they stand.

use latchwork_testkit::endpoint::{Gate, Reply};
use serde_json::{Value, json};

use crate::bench::Bench;

impl Bench {
    fn file(&self) -> String {
        std::fs::read_to_string(self.talk()).unwrap()
    }

    fn vacuumed(&self, flags: &[&str]) -> Value {
        self.does(&[&["vacuum", "TALK"], flags].concat()).remove(0)
    }

    fn redacted(&self, lines: &str) -> latchwork_testkit::program::Invocation {
        let talk = self.talk();
        self.home
            .latchwork(["redact", talk.to_str().unwrap(), "--json"])
            .stdin(lines)
    }
}

#[test]
fn a_branch_that_was_left_is_dropped_and_the_next_turn_goes_on_as_if_it_were_there() {
    let bench = Bench::talked(3);
    let to = bench.id_of("answer 0");
    bench.does(&["rewind", "TALK", &to]);
    let before = bench.file();
    let planned = bench.vacuumed(&["--dry-run"]);
    assert_eq!(bench.file(), before);
    let done = bench.vacuumed(&[]);
    assert_eq!(done["entries"], planned["entries"]);
    assert_eq!(
        (&done["branches"], planned["dryRun"].as_bool()),
        (&planned["branches"], Some(true))
    );
    let after = bench.file();
    let grown = i64::try_from(after.len()).unwrap() - i64::try_from(before.len()).unwrap();
    assert_eq!(done["storedBytesDelta"], grown);
    assert!(
        !after.contains("answer 1") && !after.contains("answer 2") && after.contains("answer 0")
    );
    bench.endpoint.push(Reply::text("another way"));
    bench.run(&["go on"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap().body.to_string();
    assert!(
        asked.contains("answer 0") && !asked.contains("answer 1"),
        "{asked}"
    );
    bench.report().assert_settled();
}

#[test]
fn a_secret_is_gone_from_the_file_and_from_what_the_model_is_shown_though_a_turn_is_under_way() {
    let bench = Bench::talked(2);
    let secret = bench.id_of("answer 0");
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("held up").held(&gate));
    let turn = bench.run(&["go on"]).spawn();
    gate.wait_reached();
    let line = format!("{}\n", json!({ "id": secret, "text": "(removed)" }));
    let done = bench.redacted(&line).run().expect_success().json();
    assert_eq!(
        (done["entries"].as_u64(), done["reason"].is_null()),
        (Some(1), true)
    );
    assert!(!bench.file().contains("answer 0"));
    gate.open();
    turn.wait().expect_success();
    assert!(bench.file().contains("held up"));
    bench.endpoint.push(Reply::text("and on"));
    bench.run(&["go on"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap().body.to_string();
    assert!(
        asked.contains("(removed)") && asked.contains("held up") && !asked.contains("answer 0"),
        "{asked}"
    );
    bench.report().assert_settled();
}

#[test]
fn what_cannot_be_replaced_is_refused_with_its_line_and_nothing_is_changed() {
    let bench = Bench::talked(1);
    let there = bench.id_of("answer 0");
    let before = bench.file();
    for (lines, word) in [
        ("rubbish\n".to_owned(), "line 1"),
        (
            "\n{\"id\":\"nosuch\",\"text\":\"x\"}\n".to_owned(),
            "line 2",
        ),
        (format!("{{\"id\":\"{there}\"}}\n"), "neither or both"),
        (
            format!("{{\"id\":\"{there}\",\"text\":\"x\",\"message\":{{}}}}\n"),
            "neither or both",
        ),
        (
            format!("{{\"id\":\"{there}\",\"message\":{{\"content\":\"no role\"}}}}\n"),
            "cannot be stored",
        ),
        (
            format!(
                "{{\"id\":\"{there}\",\"text\":\"x\"}}\n{{\"id\":\"\\u001b[2J\",\"text\":\"x\"}}\n"
            ),
            "line 2",
        ),
    ] {
        let done = bench.redacted(&lines).run();
        assert!(
            done.code() != Some(0) && done.stderr.contains(word),
            "{lines:?}: {}",
            done.stderr
        );
        assert!(!done.stderr.contains('\u{1b}'), "{:?}", done.stderr);
        assert_eq!(bench.file(), before, "{lines:?}");
    }
}

#[test]
fn a_reply_that_comes_after_its_branch_was_dropped_is_kept_aside_and_its_question_waits_again() {
    let bench = Bench::talked(1);
    let gate = Gate::new();
    let late = Reply::text("came too late");
    bench.endpoint.push(late.held(&gate));
    let turn = bench.run(&["slow question"]).spawn();
    gate.wait_reached();
    bench.does(&["rewind", "TALK", &bench.id_of("answer 0")]);
    // The branch that the turn was begun on was left; nobody knows yet that something comes there.
    assert_eq!(bench.vacuumed(&[])["entries"], 2);
    assert!(!bench.file().contains("slow question"));
    gate.open();
    let ended = turn.wait().expect_success();
    assert!(
        ended.stderr.contains("was replaced") && ended.stderr.contains("1 message waits"),
        "{ended}"
    );
    let branches = bench.does(&["branches", "TALK"]);
    let orphan = branches
        .iter()
        .find(|branch| branch["origin"] == "orphaned");
    let text = orphan.unwrap()["text"].as_str().unwrap();
    assert!(text.contains("came too late"), "{branches:?}");
    assert!(!bench.context("assistant").concat().contains("too late"));
    bench.report().assert_sound();
}
