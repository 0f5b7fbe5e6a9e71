//! What is printed comes back: in order, within limits, with the exit code.

use latchwork_session::ToolStatus;
use latchwork_tools::SandboxKind;
use serde_json::json;

use crate::common::{call, details, every_bash, text};

#[tokio::test]
async fn both_streams_come_in_their_order_with_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": "echo a; echo b >&2; echo c; exit 3" }),
        )
        .await;
        let note = if kind == SandboxKind::Any {
            "[not sandboxed]\n"
        } else {
            ""
        };
        assert_eq!(text(&outcome), format!("{note}a\nb\nc\n\n[exit code 3]"));
        assert_eq!(
            (outcome.status, &details(&outcome)["exitCode"]),
            (ToolStatus::Error, &json!(3))
        );
        assert_eq!(
            details(&outcome)["sandbox"].as_str(),
            toolbox.sandbox().as_deref()
        );
    }
}

#[tokio::test]
async fn silence_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for (_, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(&toolbox, "bash", json!({ "command": "true" })).await;
        assert!(
            text(&outcome).ends_with("[no output]\n\n[exit code 0]"),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn endless_output_is_capped_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |options| options.max_output_bytes = 4096) {
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": "echo first; yes", "timeout": 1.0 }),
        )
        .await;
        assert_eq!(details(&outcome)["timedOut"], true, "{kind:?}: {outcome:?}");
        assert!(
            text(&outcome).len() < 4096 + 300 && text(&outcome).contains("first\ny\n"),
            "{kind:?}"
        );
        assert!(
            details(&outcome)["omittedBytes"].as_u64().unwrap() > 100_000,
            "{kind:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_beginning_and_the_end_of_much_output_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |options| options.max_output_lines = 4) {
        let outcome = call(&toolbox, "bash", json!({ "command": "seq 1 100000" })).await;
        let shown = text(&outcome).trim_start_matches("[not sandboxed]\n");
        assert!(shown.starts_with("1\n2\n[... "), "{kind:?}: {shown}");
        assert!(
            shown.ends_with("left out ...]\n99999\n100000\n\n[exit code 0]"),
            "{kind:?}: {shown}"
        );
        assert_eq!(details(&outcome)["outputBytes"], 588_895);
    }
}

#[tokio::test]
async fn the_last_words_of_a_command_are_never_lost() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        for round in 0..20 {
            let outcome = call(
                &toolbox,
                "bash",
                json!({ "command": "seq 1 2000; echo the last words" }),
            )
            .await;
            assert!(
                text(&outcome).contains("the last words"),
                "{kind:?}, round {round}"
            );
        }
    }
}

#[tokio::test]
async fn a_command_too_long_for_the_system_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let command = format!(": {}", "x".repeat(1 << 20));
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        assert_eq!(outcome.status, ToolStatus::Error, "{kind:?}");
        assert!(
            text(&outcome).contains("put it into a file"),
            "{kind:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_command_that_begins_with_a_dash_is_a_command() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(&toolbox, "bash", json!({ "command": "-x; echo went on" })).await;
        assert!(text(&outcome).contains("went on"), "{kind:?}: {outcome:?}");
    }
}
