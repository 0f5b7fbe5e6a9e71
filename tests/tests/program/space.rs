//! `du` as a whole program: what eats the space, of one session and of the home, beside a writer, over damage, and over hostile text.

use std::fs;
use std::path::{Path, PathBuf};

use latchwork_testkit::program::Home;
use serde_json::Value;

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#;

fn sessions(home: &Home) -> PathBuf {
    let folder = home.home().join(".local/share/latchwork/sessions");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn entry(id: &str, parent: Option<&str>, message: &str) -> String {
    let parent = serde_json::json!(parent);
    format!(
        r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z","message":{message}}}"#
    )
}

/// A question, an image of 30 kB that a tool gave, an answer left behind, another one that is active, a torn line and a torn end.
fn put(folder: &Path, stem: &str) -> u64 {
    let image = "A".repeat(30_000);
    let long = "x".repeat(9_000);
    let lines = [
        HEADER.to_owned(),
        entry("q", None, r#"{"role":"user","content":"look"}"#),
        entry(
            "pic",
            Some("q"),
            &format!(
                r#"{{"role":"toolResult","toolCallId":"c","content":[{{"type":"image","data":"{image}","mimeType":"image/png"}}]}}"#
            ),
        ),
        "{\"type\":\"message\",\"id\":".to_owned(),
        entry(
            "left",
            Some("pic"),
            &format!(r#"{{"role":"assistant","content":"{long}"}}"#),
        ),
        entry(
            "taken",
            Some("pic"),
            r#"{"role":"assistant","content":"ok"}"#,
        ),
    ];
    let text = lines.join("\n") + "\n{\"torn";
    fs::write(folder.join(format!("{stem}.jsonl")), &text).unwrap();
    text.len() as u64
}

fn du(home: &Home, args: &[&str]) -> Value {
    let all = [&["du", "--json"], args].concat();
    home.latchwork(all).run().expect_success().json()
}

fn kind<'a>(found: &'a Value, kind: &str) -> &'a Value {
    let kinds = found["kinds"].as_array().unwrap();
    kinds.iter().find(|one| one["kind"] == kind).unwrap()
}

#[test]
fn du_says_what_eats_a_session_counts_each_byte_once_and_leaves_everything_as_it_was() {
    let home = Home::new();
    let folder = sessions(&home);
    let bytes = put(&folder, "s");
    let before = fs::read(folder.join("s.jsonl")).unwrap();
    let found = du(&home, &["s", "--largest", "2"]);
    let number = |value: &Value| value.as_u64().unwrap();
    assert_eq!(number(&found["bytes"]), bytes);
    let parts = [
        &found["total"]["bytes"],
        &found["frameBytes"],
        &found["damaged"]["bytes"],
        &found["fragmentBytes"],
    ];
    assert_eq!(parts.map(number).iter().sum::<u64>(), bytes, "{found}");
    assert!(number(&kind(&found, "image")["inContext"]) > 30_000);
    assert!(number(&kind(&found, "assistant")["dead"]) > 9_000);
    assert_eq!(found["damaged"]["lines"], 1);
    let largest = found["largest"].as_array().unwrap();
    let ids: Vec<_> = largest
        .iter()
        .map(|one| one["entryId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["pic", "left"]);
    assert_eq!(
        (&largest[0]["shown"], &largest[1]["shown"]),
        (&"inContext".into(), &"dead".into())
    );
    assert_eq!(fs::read(folder.join("s.jsonl")).unwrap(), before);
    assert!(
        !folder.join(".latchwork").exists(),
        "nothing was written beside it"
    );
}

#[test]
fn du_of_the_home_adds_its_sessions_up_names_the_largest_and_what_is_no_sessions_own() {
    let home = Home::new();
    let folder = sessions(&home);
    let each = put(&folder, "small");
    put(&folder, "large");
    let more = entry("more", Some("taken"), r#"{"role":"user","content":"more"}"#);
    let text = fs::read_to_string(folder.join("large.jsonl")).unwrap();
    let text = text.replace("{\"torn", &format!("{more}\n{{\"torn"));
    fs::write(folder.join("large.jsonl"), &text).unwrap();
    fs::create_dir(folder.join("../archive")).unwrap();
    fs::write(folder.join("../archive/file"), "12345").unwrap();
    let found = du(&home, &[]);
    assert_eq!(found["bytes"].as_u64().unwrap(), each + text.len() as u64);
    assert_eq!(found["sessions"][0]["session"], "large");
    assert_eq!(found["damaged"]["lines"], 2);
    let elsewhere = found["elsewhere"].as_array().unwrap();
    let archive = elsewhere
        .iter()
        .find(|one| one["what"] == "archive")
        .unwrap();
    assert_eq!(
        (&archive["files"], &archive["bytes"]),
        (&1.into(), &5.into())
    );
    assert!(found["unread"].as_array().unwrap().is_empty());
}

#[test]
fn du_shows_no_control_character_and_a_session_that_is_not_there_is_named() {
    let home = Home::new();
    let folder = sessions(&home);
    let odd = entry("\\u001b[2Jx", None, r#"{"role":"user","content":"y"}"#);
    fs::write(folder.join("s.jsonl"), format!("{HEADER}\n{odd}\n")).unwrap();
    let shown = home.latchwork(["du", "s"]).run().expect_success().stdout;
    assert!(
        !shown.contains('\u{1b}') && shown.contains("\\x1b[2Jx"),
        "{shown}"
    );
    let failed = home.latchwork(["du", "nowhere"]).run().expect_code(1);
    assert!(failed.stderr.contains("nowhere"), "{failed}");
}
