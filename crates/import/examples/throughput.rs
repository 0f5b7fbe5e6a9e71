//! How fast sources are read: prints MB/s for each program, over as many MiB as are asked for (64).
//!
//! `cargo run --release -p latchwork-import --example throughput -- 256`
#![allow(clippy::print_stdout, reason = "it prints")]

use std::time::Instant;

use latchwork_import::{Reader, SourceKind};
use serde_json::json;

fn main() {
    let megabytes = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let bytes = megabytes.unwrap_or(64_usize) << 20;
    for kind in [SourceKind::Codex, SourceKind::ClaudeCode, SourceKind::Goose] {
        let source = source(kind, bytes);
        let begun = Instant::now();
        let mut reader = Reader::lines(kind, source.as_bytes());
        let mut items = 0_u64;
        while let Ok(Some(_)) = reader.advance() {
            items += 1;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let speed = source.len() as f64 / seconds / 1e6;
        let lines = reader.summary().lines;
        println!(
            "{kind}: {speed:.0} MB/s ({lines} lines, {items} items, {:.0} MB)",
            source.len() as f64 / 1e6
        );
    }
}

/// A conversation with tools, about so long.
fn source(kind: SourceKind, bytes: usize) -> String {
    let mut source = String::new();
    let words = "what a model says, with \"quotes\" and a line\nbreak; ".repeat(20);
    let output = "one line of what a program printed\n".repeat(60);
    let mut turn = 0_u64;
    while source.len() < bytes {
        turn += 1;
        for line in lines(kind, turn, &words, &output) {
            source.push_str(&line.to_string());
            source.push('\n');
        }
    }
    source
}

fn lines(kind: SourceKind, turn: u64, words: &str, output: &str) -> Vec<serde_json::Value> {
    let call = format!("call-{turn}");
    match kind {
        SourceKind::Codex => {
            let item = |payload| json!({ "timestamp": "2026-01-01T10:00:00.000Z", "type": "response_item", "payload": payload });
            vec![
                item(
                    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": words }] }),
                ),
                item(
                    json!({ "type": "reasoning", "summary": [], "encrypted_content": "gAAA".repeat(400) }),
                ),
                item(
                    json!({ "type": "function_call", "name": "shell", "arguments": "{\"command\":[\"ls\"]}", "call_id": call }),
                ),
                item(json!({ "type": "function_call_output", "call_id": call, "output": output })),
                item(
                    json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": words }] }),
                ),
            ]
        }
        SourceKind::ClaudeCode => {
            let uuid = |part: u64| format!("{turn:08x}-0000-4000-8000-{part:012x}");
            let parent = |part: u64| {
                if part == 0 {
                    json!(null)
                } else {
                    json!(uuid(part - 1))
                }
            };
            let around = |part, name, message| json!({ "parentUuid": parent(part), "isSidechain": false, "sessionId": "s", "cwd": "/work", "type": name, "uuid": uuid(part), "timestamp": "2026-01-01T10:00:00.000Z", "message": message });
            vec![
                around(0, "user", json!({ "role": "user", "content": words })),
                around(
                    1,
                    "assistant",
                    json!({ "id": call, "role": "assistant", "model": "m", "content": [{ "type": "text", "text": words }], "usage": { "input_tokens": 1 } }),
                ),
                around(
                    2,
                    "assistant",
                    json!({ "id": call, "role": "assistant", "model": "m", "content": [{ "type": "tool_use", "id": call, "name": "Bash", "input": { "command": "ls" } }] }),
                ),
                around(
                    3,
                    "user",
                    json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": call, "content": output }] }),
                ),
            ]
        }
        _ => vec![
            json!({ "role": "user", "created": 1_767_261_600, "content": [{ "type": "text", "text": words }] }),
            json!({ "role": "assistant", "created": 1_767_261_600, "content": [{ "type": "text", "text": words }, { "type": "toolRequest", "id": call, "toolCall": { "status": "success", "value": { "name": "shell", "arguments": { "command": "ls" } } } }] }),
            json!({ "role": "user", "created": 1_767_261_600, "content": [{ "type": "toolResponse", "id": call, "toolResult": { "status": "success", "value": [{ "type": "text", "text": output }] } }] }),
        ],
    }
}
