//! `latchwork append`: where lines go, what becomes of them when somebody else has written, what they survive.

use serde_json::{Value, json};

use crate::bench::{Bench, Done};

fn line(words: &str) -> String {
    json!({ "role": "user", "content": words, "key": words }).to_string() + "\n"
}

fn name(words: &str) -> String {
    json!({ "type": "session_info", "name": words }).to_string() + "\n"
}

fn append(bench: &Bench, args: &[&str], input: &str) -> Done {
    let args: Vec<&str> = ["append", "main"].iter().chain(args).copied().collect();
    bench.run_with(&args, input)
}

fn head(bench: &Bench) -> String {
    let shown = bench.run(&["show", "main", "--json"]).ended_with(0).json();
    shown["leafId"].as_str().unwrap().to_owned()
}

#[test]
fn lines_continue_the_base_one_after_the_other_and_say_what_had_come_in_between() {
    let bench = Bench::new();
    bench.begun();
    let base = head(&bench);
    let two = [line("a"), line("b")].concat();
    let receipts = append(&bench, &["--base", &base], &two)
        .ended_with(0)
        .json_lines();
    assert_eq!(receipts[0]["parentId"], base.as_str());
    assert_eq!(receipts[1]["parentId"], receipts[0]["id"]);
    assert!(
        receipts
            .iter()
            .all(|receipt| receipt["state"] == "placed" && receipt.get("outcome").is_none())
    );

    // Somebody has spoken since.
    let stale = |how: &str, words: &str| {
        append(
            &bench,
            &["--base", &base, "--on-conflict", how],
            &line(words),
        )
    };
    let refused = stale("fail", "c").ended_with(1).json_lines();
    assert!(
        refused[0]["error"]
            .as_str()
            .unwrap()
            .contains("has moved on"),
        "{refused:?}"
    );
    let kept = stale("branch", "d").ended_with(0).json_lines();
    assert_eq!(
        (&kept[0]["parentId"], &kept[0]["outcome"]),
        (&json!(base), &json!("diverged"))
    );
    let rebased = stale("rebase", "e").ended_with(0).json_lines();
    assert_eq!(rebased[0]["outcome"], "rebased");
    assert_eq!(head(&bench), rebased[0]["id"].as_str().unwrap());
    // A retry is answered with what stands.
    let again = stale("fail", "a").ended_with(0).json_lines();
    assert_eq!(
        (&again[0]["id"], &again[0]["duplicate"]),
        (&receipts[0]["id"], &json!(true))
    );
}

#[test]
fn a_line_that_is_refused_does_not_move_what_the_next_one_continues() {
    let bench = Bench::new();
    bench.begun();
    let base = head(&bench);
    let lines = [name("one"), "{}\n".to_owned(), name("two")].concat();
    let receipts = append(&bench, &["--on-conflict", "fail"], &lines)
        .ended_with(1)
        .json_lines();
    assert_eq!(receipts[0]["parentId"], base.as_str());
    assert_eq!(receipts[1]["line"], 2);
    assert_eq!(receipts[2]["parentId"], receipts[0]["id"]);
}

#[test]
fn an_unknown_base_is_told_and_a_level_is_answered_by_what_it_takes() {
    let bench = Bench::new();
    bench.begun();
    let unknown = append(&bench, &["--base", "ffffffff"], &line("a"))
        .ended_with(1)
        .json_lines();
    assert!(
        unknown[0]["error"]
            .as_str()
            .unwrap()
            .contains("no entry ffffffff"),
        "{unknown:?}"
    );
    let level = |asked: &str| -> Value {
        let receipts = append(&bench, &["--durability", asked], &name(asked))
            .ended_with(0)
            .json_lines();
        receipts[0]["level"].clone()
    };
    assert_eq!(
        [level("process"), level("os"), level("device")],
        ["buffered", "synced", "synced"]
    );
}
