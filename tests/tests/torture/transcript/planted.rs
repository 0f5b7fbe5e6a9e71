//! What a session begins with: nothing, a conversation, damage of every kind that is left in place, an old version.

use std::path::Path;

use latchwork_tests::workload::Numbers;
use serde_json::json;

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

/// Puts a session `s` into a folder, or nothing.
pub(crate) fn put(sessions: &Path, bytes: Option<Vec<u8>>) {
    if let Some(bytes) = bytes {
        std::fs::create_dir_all(sessions).unwrap();
        std::fs::write(sessions.join("s.jsonl"), bytes).unwrap();
    }
}

/// What is planted by chance, and its bytes.
pub(crate) fn draw(numbers: &mut Numbers) -> (&'static str, Option<Vec<u8>>) {
    kind(numbers.below(9))
}

/// What is planted under this number, below 9, and its bytes.
pub(crate) fn kind(number: u64) -> (&'static str, Option<Vec<u8>>) {
    let text = |lines: &[String]| Some(format!("{HEADER}\n{}", lines.concat()).into_bytes());
    let talk = [
        message("p1", None, "hello"),
        message("p2", Some("p1"), "there"),
    ];
    match number {
        0..=2 => ("nothing", None),
        3 => ("a conversation", text(&talk)),
        4 => {
            let half = talk[1][..talk[1].len() / 2].to_owned();
            ("a torn end", text(&[talk[0].clone(), half]))
        }
        5 => {
            let damage = "{\"type\":\"message\",\"id\":\"p0\",\"par\n".to_owned();
            (
                "damage in the middle",
                text(&[damage, talk[0].clone(), talk[1].clone()]),
            )
        }
        6 => {
            let nul = format!("{}\n", "\0".repeat(700));
            (
                "a run of NUL",
                text(&[talk[0].clone(), nul, talk[1].clone()]),
            )
        }
        7 => ("version 1", Some(version_1())),
        _ => ("version 2", Some(version_2())),
    }
}

fn message(id: &str, parent: Option<&str>, words: &str) -> String {
    let entry = json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
        "message": { "role": "user", "content": words, "timestamp": 1 } });
    format!("{entry}\n")
}

fn version_1() -> Vec<u8> {
    let mut text = String::from(
        "{\"type\":\"session\",\"id\":\"s\",\"timestamp\":\"2025-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n",
    );
    for number in 0..5 {
        text += &format!(
            "{{\"type\":\"message\",\"timestamp\":\"2025-01-01T00:00:0{number}.000Z\",\"message\":{{\"role\":\"user\",\"content\":\"old {number}\",\"timestamp\":{number}}}}}\n"
        );
    }
    text.into_bytes()
}

fn version_2() -> Vec<u8> {
    let mut text = String::from(
        "{\"type\":\"session\",\"version\":2,\"id\":\"s\",\"timestamp\":\"2025-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n",
    );
    let mut parent = "null".to_owned();
    for number in 0..5 {
        text += &format!(
            "{{\"type\":\"message\",\"id\":\"o{number}\",\"parentId\":{parent},\"timestamp\":\"2025-01-01T00:00:0{number}.000Z\",\"message\":{{\"role\":\"user\",\"content\":\"old {number}\",\"timestamp\":{number}}}}}\n"
        );
        parent = format!("\"o{number}\"");
    }
    text.into_bytes()
}
