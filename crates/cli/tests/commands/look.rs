//! `append`, `show`, `sessions`, `rewind`: the shapes that programs read.

use serde_json::{Value, json};

use crate::bench::Bench;

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_receipt_says_where_a_line_stands_and_a_retry_answers_with_the_same() {
    let bench = Bench::new();
    let line = r#"{"role":"user","content":"Later","key":"k"}"#;
    let pending = bench
        .run_with(&["append", "main"], line)
        .ended_with(0)
        .json();
    assert_eq!(
        pending,
        json!({ "key": "k", "state": "pending", "level": "synced" })
    );
    bench.begun();
    let also = r#"{"type":"label","targetId":"x","label":"l","key":"l"}"#;
    let next = r#"{"role":"user","content":"And this","key":"k2"}"#;
    let receipts = bench
        .run_with(&["append", "main"], &format!("{also}\n\n{next}\n"))
        .ended_with(0)
        .json_lines();
    let (label, placed) = (&receipts[0], &receipts[1]);
    assert_eq!(keys(placed), ["key", "state", "id", "parentId", "level"]);
    assert_eq!(
        (&placed["state"], &placed["parentId"]),
        (&json!("placed"), &label["id"])
    );
    let again = bench
        .run_with(&["append", "main"], next)
        .ended_with(0)
        .json();
    assert_eq!(
        (&again["id"], &again["duplicate"]),
        (&placed["id"], &json!(true))
    );
    let answered = bench
        .run_with(&["append", "main"], line)
        .ended_with(0)
        .json();
    assert_eq!(
        (&answered["state"], &answered["duplicate"]),
        (&json!("placed"), &json!(true))
    );
}

#[test]
fn a_line_without_a_key_gets_one_and_a_bad_line_costs_only_itself() {
    let bench = Bench::new();
    bench.begun();
    let input = "{\"role\":\"user\",\"content\":\"a\"}\nnonsense\n{\"type\":\"session\",\"id\":\"s\"}\n{\"role\":\"user\",\"content\":\"b\"}";
    let done = bench.run_with(&["append", "main"], input).ended_with(1);
    let receipts = done.json_lines();
    assert_eq!(receipts.len(), 4);
    assert_ne!(receipts[0]["key"], receipts[3]["key"]);
    assert_eq!(
        (&receipts[1]["line"], &receipts[2]["line"]),
        (&json!(2), &json!(3))
    );
    assert!(receipts[1]["error"].as_str().unwrap().contains("not JSON"));
    assert!(done.stderr.contains("2 of 4 lines"), "{}", done.stderr);
}

#[test]
fn the_context_has_exactly_the_fields_that_pi_is_compared_by() {
    let bench = Bench::new();
    bench.begun();
    let shown = bench
        .run(&["show", "main", "--context", "--json"])
        .ended_with(0)
        .json();
    assert_eq!(
        keys(&shown),
        ["leafId", "name", "labels", "entryCount", "context"]
    );
    assert_eq!(
        keys(&shown["context"]),
        ["messages", "thinkingLevel", "model"]
    );
    let messages = shown["context"]["messages"].as_array().unwrap();
    assert_eq!(
        messages
            .iter()
            .map(|m| m["role"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["user", "assistant"]
    );
}

#[test]
fn a_session_is_shown_as_words_as_a_tree_and_as_json() {
    let bench = Bench::new();
    bench.begun();
    let words = bench.run(&["show", "main"]).ended_with(0).stdout;
    assert!(
        words.starts_with("session main\n")
            && words.contains("restored")
            && words.contains("Hello yourself."),
        "{words}"
    );
    let tree = bench.run(&["show", "main", "--tree"]).ended_with(0).stdout;
    assert_eq!(tree.matches("<- head").count(), 1, "{tree}");
    let shown = bench.run(&["show", "main", "--json"]).ended_with(0).json();
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!(entries.last().unwrap()["id"], shown["leafId"]);
    assert_eq!(
        (&shown["session"], &shown["waiting"]),
        (&json!("main"), &json!([]))
    );
    let tree = bench
        .run(&["show", "main", "--tree", "--json"])
        .ended_with(0)
        .json();
    assert_eq!(
        tree["entries"].as_array().unwrap().len() as u64,
        shown["entryCount"].as_u64().unwrap()
    );
}

#[test]
fn what_is_not_there_is_said_and_what_waits_is_shown() {
    let bench = Bench::new();
    let refused = bench.run(&["show", "nobody"]).ended_with(1);
    assert!(
        refused.stderr.contains("does not exist") && refused.stderr.contains("hint: "),
        "{}",
        refused.stderr
    );
    assert!(
        bench
            .run(&["sessions"])
            .ended_with(0)
            .stdout
            .starts_with("no sessions in ")
    );
    bench
        .run_with(
            &["append", "Our Talk"],
            r#"{"role":"user","content":"x","key":"k"}"#,
        )
        .ended_with(0);
    let listed = bench.run(&["sessions", "--json"]).ended_with(0).json();
    assert!(listed["session"].as_str().unwrap().starts_with("our-talk-"));
    assert_eq!(listed["waiting"], 1);
    assert!(
        bench
            .run(&["show", "Our Talk"])
            .ended_with(0)
            .stdout
            .contains("waiting: message k")
    );
}

#[test]
fn a_rewind_moves_the_head_and_keeps_every_entry() {
    let bench = Bench::new();
    bench.begun();
    let shown =
        |name: &str| bench.run(&["show", "main", "--json"]).ended_with(0).json()[name].clone();
    let first = shown("entries")[0]["id"].as_str().unwrap().to_owned();
    let before = shown("entryCount").as_u64().unwrap();
    let receipt = bench
        .run(&["rewind", "main", &first, "--why", "too fast", "--json"])
        .ended_with(0)
        .json();
    assert_eq!(
        (&receipt["to"], &receipt["why"]),
        (&json!(first), &json!("too fast"))
    );
    let context = bench
        .run(&["show", "main", "--context", "--json"])
        .ended_with(0)
        .json();
    assert!(
        !context.to_string().contains("Hello yourself."),
        "{context}"
    );
    assert!(shown("entryCount").as_u64().unwrap() > before);
    let refused = bench.run(&["rewind", "main", "nosuch"]).ended_with(1);
    assert!(
        refused.stderr.contains("nosuch") && refused.stderr.contains("--tree"),
        "{}",
        refused.stderr
    );
    bench.run(&["rewind", "main", "root"]).ended_with(0);
}
