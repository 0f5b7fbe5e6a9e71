//! `read` and `ls` through the host, and calls that never reach a tool.

mod common;

use common::{call, call_with, options, text};
use latchwork_session::{ContentPart, ToolHost, ToolStatus};
use latchwork_tools::{Options, Toolbox};
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn read_and_ls_answer_through_the_host() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes"), "one\ntwo\n").unwrap();
    let toolbox = Toolbox::new(options(dir.path())).unwrap();
    let listed = call(&toolbox, "ls", json!({})).await;
    assert_eq!(
        (listed.status, text(&listed)),
        (ToolStatus::Ok, "file\t8\tnotes\n")
    );
    let read = call(&toolbox, "read", json!({ "path": "notes" })).await;
    assert_eq!((read.status, text(&read)), (ToolStatus::Ok, "one\ntwo\n"));
}

#[tokio::test]
async fn what_lies_outside_is_refused_with_a_sentence_and_a_fifo_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("root")).unwrap();
    std::fs::write(dir.path().join("canary"), "canary").unwrap();
    std::os::unix::fs::symlink("../canary", dir.path().join("root/link")).unwrap();
    common::fifo(&dir.path().join("root/fifo"));
    let toolbox = Toolbox::new(options(&dir.path().join("root"))).unwrap();
    let absolute = dir.path().join("canary").display().to_string();
    for path in ["../canary", "link", absolute.as_str()] {
        let outcome = call(&toolbox, "read", json!({ "path": path })).await;
        assert_eq!(outcome.status, ToolStatus::Error);
        assert!(
            text(&outcome).contains("is outside of the working directory"),
            "{outcome:?}"
        );
        assert!(!text(&outcome).ends_with("canary"), "{outcome:?}");
    }
    let outcome = call(&toolbox, "ls", json!({ "path": ".." })).await;
    assert!(
        text(&outcome).contains("is outside of the working directory"),
        "{outcome:?}"
    );
    let outcome = call(&toolbox, "read", json!({ "path": "fifo" })).await;
    assert!(
        text(&outcome).contains("is a FIFO, not a file"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_an_outcome_that_names_those_that_are() {
    let dir = tempfile::tempdir().unwrap();
    let toolbox = Toolbox::new(options(dir.path())).unwrap();
    assert_eq!(toolbox.sandbox(), None);
    for name in ["bash", "write\u{1b}[2J"] {
        let outcome = call(&toolbox, name, json!({ "command": "touch acted" })).await;
        assert_eq!(outcome.status, ToolStatus::Error);
        assert!(
            text(&outcome).ends_with("Tools: read, ls.") && !text(&outcome).contains('\u{1b}'),
            "{outcome:?}"
        );
    }
    assert!(!dir.path().join("acted").exists());
}

#[tokio::test]
async fn wrong_arguments_are_told_in_full_and_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        tools: vec!["bash".into()],
        ..options(dir.path())
    };
    let toolbox = Toolbox::new(options).unwrap();
    let outcome = call(
        &toolbox,
        "bash",
        json!({ "command": "touch acted", "cwd": "/" }),
    )
    .await;
    let expected = "Bad arguments for bash: unknown field `cwd`, expected `command` or `timeout`. Nothing was done.";
    assert_eq!(
        (outcome.status, text(&outcome)),
        (ToolStatus::Error, expected)
    );
    let long = call(
        &toolbox,
        "bash",
        json!({ "command": { "x".repeat(10_000): 1 } }),
    )
    .await;
    assert!(text(&long).len() < 1_000, "{long:?}");
    assert!(!dir.path().join("acted").exists());
}

#[tokio::test]
async fn a_call_that_is_cancelled_before_it_begins_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        tools: vec!["read".into(), "bash".into()],
        ..options(dir.path())
    };
    let toolbox = Toolbox::new(options).unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    for (name, arguments) in [
        ("bash", json!({ "command": "touch acted" })),
        ("read", json!({ "path": "x" })),
    ] {
        let outcome = call_with(&toolbox, name, arguments, cancel.clone()).await;
        assert_eq!(outcome.status, ToolStatus::Aborted);
    }
    assert!(!dir.path().join("acted").exists());
}

#[tokio::test]
async fn an_image_is_a_part_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dot"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    let toolbox = Toolbox::new(options(dir.path())).unwrap();
    let outcome = call(&toolbox, "read", json!({ "path": "dot" })).await;
    assert!(
        matches!(&outcome.content[1], ContentPart::Image { mime_type, .. } if mime_type == "image/png")
    );
}

#[test]
fn specs_come_in_the_order_of_the_options() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        tools: vec!["ls".into(), "read".into()],
        ..options(dir.path())
    };
    let names: Vec<_> = Toolbox::new(options)
        .unwrap()
        .specs()
        .into_iter()
        .map(|spec| spec.name)
        .collect();
    assert_eq!(names, ["ls", "read"]);
}

#[test]
fn a_root_that_is_no_directory_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for name in ["file", "absent"] {
        let error = Toolbox::new(options(&dir.path().join(name))).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
