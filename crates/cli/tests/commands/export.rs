//! `sessions export`: what it writes where, and what it refuses.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::bench::Bench;

const WORST: &str = "</script><b>\u{202e}\u{1b}[2J\u{0}&";

/// A session on two branches, of which the second is the head's.
fn talk(bench: &Bench) {
    let message = |id: &str, parent: Option<&str>, message: serde_json::Value| json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z", "message": message });
    let lines = [
        json!({ "type": "session", "version": 3, "id": "talk", "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/x" }),
        message(
            "a",
            None,
            json!({ "role": "user", "content": format!("first {WORST}") }),
        ),
        message(
            "b",
            Some("a"),
            json!({ "role": "assistant", "content": [{ "type": "text", "text": "left behind" }] }),
        ),
        message(
            "c",
            Some("a"),
            json!({ "role": "assistant", "content": [
                { "type": "thinking", "thinking": "PONDERED" },
                { "type": "image", "data": "SU1BR0U=", "mimeType": "image/png" },
                { "type": "toolCall", "id": "t", "name": "ls", "arguments": { "path": "/called" } },
            ] }),
        ),
        message(
            "d",
            Some("c"),
            json!({ "role": "toolResult", "toolCallId": "t", "toolName": "ls", "content": [{ "type": "text", "text": "RESULTED" }] }),
        ),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    bench.write("talk.jsonl", &text);
}

fn bench() -> Bench {
    let bench = Bench::new();
    talk(&bench);
    bench
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn markdown_goes_to_standard_output_and_steers_no_terminal() {
    let bench = bench();
    let done = bench
        .run(&["sessions", "export", "talk.jsonl"])
        .ended_with(0);
    for said in [
        "first &lt;/script>&lt;b>\\u{202e}\\x1b[2J\\x00&amp;",
        "PONDERED",
        "/called",
        "RESULTED",
        "(image: image/png, 6 B)",
    ] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("left behind") && !done.stdout.contains("SU1BR0U="));
    let page = bench
        .run(&["sessions", "export", "talk.jsonl", "--format", "html"])
        .ended_with(0)
        .stdout;
    for output in [&done.stdout, &page] {
        assert!(
            !output
                .chars()
                .any(|c| c == '\u{202e}' || (c.is_control() && c != '\n'))
        );
    }
    assert!(
        page.starts_with("<!DOCTYPE html>")
            && page.contains("SU1BR0U=")
            && page.ends_with("</html>\n")
    );
    assert!(
        names(&bench.path(""))
            .iter()
            .all(|name| !name.starts_with('.')),
        "nothing is made beside it"
    );
}

#[test]
fn what_is_left_out_is_not_in_the_file_and_what_is_asked_for_is() {
    let bench = bench();
    let export = |flags: &[&str]| {
        let command = [&["sessions", "export", "talk.jsonl"], flags].concat();
        bench.run(&command).ended_with(0).stdout
    };
    assert!(export(&["--all-branches"]).contains("left behind"));
    let other = export(&["--leaf", "b"]);
    assert!(other.contains("left behind") && !other.contains("PONDERED"));
    for format in ["md", "html"] {
        let without = export(&[
            "--format",
            format,
            "--no-thinking",
            "--no-tools",
            "--no-images",
            "--title",
            "A <title>",
        ]);
        for gone in ["PONDERED", "/called", "RESULTED", "SU1BR0U=", "<title>A <"] {
            assert!(!without.contains(gone), "{gone} in {format}");
        }
        assert!(without.contains("ls"), "the names of tools stay");
    }
    assert!(export(&["--inline-images"]).contains("data:image/png;base64,SU1BR0U="));
}

#[test]
fn a_file_is_made_whole_for_its_owner_alone_and_replaces_nothing_unasked() {
    let bench = bench();
    let out = bench.path("talk.html");
    let export = [
        "sessions",
        "export",
        "talk.jsonl",
        "--out",
        "talk.html",
        "--json",
    ];
    let receipt = bench.run(&export).ended_with(0).json();
    let bytes = std::fs::read(&out).unwrap();
    assert_eq!(
        (
            &receipt["format"],
            &receipt["entries"],
            &receipt["of"],
            &receipt["bytes"]
        ),
        (&json!("html"), &json!(3), &json!(4), &json!(bytes.len()))
    );
    assert_eq!(
        std::fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::write(&out, "mine").unwrap();
    let refused = bench.run(&export).ended_with(1);
    assert!(refused.stderr.contains("--force") && refused.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    bench
        .run(&[&export[..], &["--force"]].concat())
        .ended_with(0);
    assert_eq!(std::fs::read(&out).unwrap(), bytes);
    bench
        .run(&[
            "sessions",
            "export",
            "talk.jsonl",
            "--leaf",
            "zz",
            "--out",
            "new.md",
        ])
        .ended_with(1);
    assert_eq!(
        names(&bench.path("")),
        ["talk.html", "talk.jsonl"],
        "nothing half made stays"
    );
}

#[test]
fn what_is_not_there_is_said_with_what_there_is() {
    let bench = bench();
    let missing = bench
        .run(&["sessions", "export", "tolk.jsonl"])
        .ended_with(1)
        .stderr;
    assert!(
        missing.contains("does not exist") && missing.contains("did you mean"),
        "{missing}"
    );
    let leaf = bench
        .run(&["sessions", "export", "talk.jsonl", "--leaf", "zz"])
        .ended_with(1);
    assert!(
        leaf.stderr.contains("\"zz\"") && leaf.stdout.is_empty(),
        "{}",
        leaf.stderr
    );
    let folder = bench
        .run(&["sessions", "export", "talk.jsonl", "--out", "no/where.md"])
        .ended_with(1)
        .stderr;
    assert!(folder.contains("no/where.md"), "{folder}");
    assert_eq!(
        bench.run(&["sessions", "--json"]).ended_with(0).stdout,
        "",
        "without a word more it still lists"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bench = bench();
    let long = "words ".repeat(300_000);
    let line = json!({ "type": "message", "id": "e", "parentId": "d", "timestamp": "", "message": { "role": "user", "content": long } });
    let session = std::fs::read_to_string(bench.path("talk.jsonl")).unwrap();
    bench.write("talk.jsonl", &format!("{session}{line}\n"));
    let mut child = bench
        .command(&["sessions", "export", "talk.jsonl"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (
            ended.status.code(),
            String::from_utf8(ended.stderr).unwrap().as_str()
        ),
        (Some(0), "")
    );
}
