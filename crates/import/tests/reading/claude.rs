//! Claude Code's project files.

use latchwork_format::{Block, Content};
use latchwork_import::{ItemKind, SourceKind};
use serde_json::{Value, json};

use crate::placed::{branch, held, placed, read, shown_all};

fn line(uuid: &str, parent: Option<&str>, name: &str, message: Value) -> Value {
    json!({ "parentUuid": parent, "isSidechain": false, "sessionId": "cc1", "cwd": "/work", "version": "2.1.0",
        "type": name, "uuid": uuid, "timestamp": "2026-01-01T10:00:00.000Z", "message": message })
}

fn user(uuid: &str, parent: Option<&str>, content: Value) -> Value {
    line(
        uuid,
        parent,
        "user",
        json!({ "role": "user", "content": content }),
    )
}

fn said(uuid: &str, parent: &str, id: &str, block: Value) -> Value {
    let message = json!({ "id": id, "type": "message", "role": "assistant", "model": "claude-x", "content": [block],
        "stop_reason": null, "usage": { "input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1 } });
    line(uuid, Some(parent), "assistant", message)
}

fn answered(uuid: &str, parent: &str, call: &str, text: &str) -> Value {
    user(
        uuid,
        Some(parent),
        json!([{ "type": "tool_result", "tool_use_id": call, "content": text }]),
    )
}

fn call(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "Bash", "input": { "command": "ls" } })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn source(lines: &[Value]) -> Vec<u8> {
    lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .into_bytes()
}

/// A question, a reply in four lines with two calls at once, their outcomes in a fork, and the answer.
fn parallel() -> Vec<Value> {
    vec![
        user("u1", None, json!("look")),
        said(
            "a1",
            "u1",
            "m1",
            json!({ "type": "thinking", "thinking": "hm", "signature": "seal" }),
        ),
        said("a2", "a1", "m1", text("I look")),
        said("a3", "a2", "m1", call("c1")),
        said("a4", "a3", "m1", call("c2")),
        answered("r1", "a3", "c1", "one"),
        answered("r2", "a4", "c2", "two"),
        said("b1", "r2", "m2", text("done")),
    ]
}

#[test]
fn lines_of_one_reply_are_one_message_and_outcomes_that_fork_stand_in_a_row() {
    let (items, summary) = read(SourceKind::ClaudeCode, &source(&parallel()));
    let entries = placed(&items);
    let shown = shown_all(&branch(&entries));
    assert_eq!(
        shown,
        [
            "user: look",
            "assistant: I lookBash(c1),Bash(c2)",
            "toolResult<c1>: one",
            "toolResult<c2>: two",
            "assistant: done"
        ]
    );
    let branch = branch(&entries);
    let reply = branch[1].message().unwrap();
    let Content::Blocks(blocks) = reply.content() else {
        panic!("blocks")
    };
    assert!(
        matches!(&blocks[0], Block::Thinking { text, signature: Some(seal), .. } if text == "hm" && seal == "seal")
    );
    assert_eq!(
        (
            reply.usage().unwrap().input,
            reply.usage().unwrap().cache_write
        ),
        (3, 1)
    );
    assert_eq!(
        branch[2].message().unwrap().tool_name().as_deref(),
        Some("Bash")
    );
    assert_eq!(summary.session, "cc1");
    assert!(held(SourceKind::ClaudeCode, "cc1", &items, &entries).is_proof());
}

#[test]
fn an_outcome_that_came_before_the_reply_was_whole_loses_no_call() {
    let mut lines = parallel();
    lines.swap(4, 5);
    lines[5]["parentUuid"] = json!("a3");
    let entries = placed(&read(SourceKind::ClaudeCode, &source(&lines)).0);
    assert_eq!(
        shown_all(&branch(&entries)),
        [
            "user: look",
            "assistant: I lookBash(c1)",
            "toolResult<c1>: one",
            "assistant: Bash(c2)",
            "toolResult<c2>: two",
            "assistant: done"
        ]
    );
}

#[test]
fn a_fork_that_a_person_made_stays_a_fork() {
    let mut lines = parallel();
    lines.push(user("u2", Some("u1"), json!("other")));
    lines.push(said("d1", "u2", "m3", text("else")));
    let entries = placed(&read(SourceKind::ClaudeCode, &source(&lines)).0);
    assert_eq!(
        shown_all(&branch(&entries)),
        ["user: look", "user: other", "assistant: else"]
    );
}

#[test]
fn a_summary_behind_a_boundary_is_a_compaction_of_what_was_before_it() {
    let mut lines = parallel();
    lines.push(json!({ "parentUuid": null, "logicalParentUuid": "b1", "sessionId": "cc1", "type": "system", "subtype": "compact_boundary",
        "uuid": "x1", "compactMetadata": { "preTokens": 1234 } }));
    let mut summary = user("u3", Some("x1"), json!("all of it"));
    summary["isCompactSummary"] = json!(true);
    lines.push(summary);
    lines.push(said("e1", "u3", "m4", text("on")));
    let (items, report) = read(SourceKind::ClaudeCode, &source(&lines));
    let compaction = items
        .iter()
        .find(|item| item.kind == ItemKind::Compaction)
        .unwrap();
    let latchwork_format::Body::Compaction {
        summary,
        tokens_before,
        ..
    } = &compaction.body
    else {
        panic!("a compaction")
    };
    assert_eq!((summary.as_str(), *tokens_before), ("all of it", 1234));
    assert_eq!(report.report.raw["system compact_boundary"], 1);
    let entries = placed(&items);
    assert_eq!(
        shown_all(&branch(&entries)).len(),
        6,
        "it hangs below what it sums up"
    );
}

#[test]
fn a_helpers_conversation_is_beside_the_main_one_and_a_helpers_file_is_one_by_itself() {
    let mut lines = parallel();
    let mut helper = user("h1", None, json!("help"));
    helper["isSidechain"] = json!(true);
    lines.insert(5, helper.clone());
    let (items, _) = read(SourceKind::ClaudeCode, &source(&lines));
    let sides: Vec<bool> = items.iter().map(|item| item.side).collect();
    assert_eq!(sides.iter().filter(|side| **side).count(), 1);
    let (items, _) = read(SourceKind::ClaudeCode, &source(&[helper]));
    assert!(!items[0].side);
}

#[test]
fn a_line_that_was_copied_counts_once_and_one_whose_parent_is_lost_follows_the_one_before() {
    let mut lines = parallel();
    lines.insert(1, lines[0].clone());
    lines.remove(7);
    let (items, summary) = read(SourceKind::ClaudeCode, &source(&lines));
    assert_eq!(summary.report.left_out.values().sum::<u64>(), 1);
    assert_eq!(
        summary.report.notes.values().sum::<u64>(),
        1,
        "{:?}",
        summary.report.notes
    );
    assert_eq!(
        shown_all(&branch(&placed(&items))).last().unwrap(),
        "assistant: done"
    );
}

#[test]
fn what_has_no_place_is_kept_and_what_fails_says_so() {
    let mut failed = said("a1", "u1", "m1", text("API Error: 529"));
    failed["isApiErrorMessage"] = json!(true);
    let lines = [
        json!({ "type": "summary", "summary": "a talk", "leafUuid": "b1" }),
        user(
            "u1",
            None,
            json!([text("see"), { "type": "document", "source": {} }]),
        ),
        failed,
        json!({ "type": "file-history-snapshot", "messageId": "u1", "snapshot": {} }),
    ];
    let (items, summary) = read(SourceKind::ClaudeCode, &source(&lines));
    let entries = placed(&items);
    assert_eq!(summary.title.as_deref(), Some("a talk"));
    assert!(summary.report.raw.contains_key("user with unknown parts"));
    assert!(summary.report.raw.contains_key("file-history-snapshot"));
    let branch = branch(&entries);
    let reply = branch.last().unwrap().message().unwrap();
    assert_eq!(
        (
            reply.stop_reason().as_deref(),
            reply.error_message().as_deref()
        ),
        (Some("error"), Some("API Error: 529"))
    );
}
