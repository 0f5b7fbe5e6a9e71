//! OpenClaw's events.

use latchwork_import::SourceKind;

use crate::placed::{branch, held, placed, read, shown_all};

const EVENTS: &str = r#"{"type":"session","version":3,"id":"oc1","cwd":"/work"}
{"type":"message","id":"a","parentId":null,"timestamp":"2026-01-01T10:00:00.000Z","message":{"role":"user","content":"hello","odd":"\ud800","idempotencyKey":"own"}}
{"type":"message","id":"b","parentId":"a","timestamp":"T","message":{"role":"assistant","content":[{"type":"text","text":"hi"}],"provider":"p","model":"m"}}
{"type":"label","id":"l","parentId":"b","timestamp":"2026-01-01T10:00:01.000Z","targetId":"b","label":"here"}
{"type":"message","id":"c","parentId":"a","timestamp":"T","message":{"role":"assistant","content":[{"type":"text","text":"other"}],"provider":"p","model":"m"}}
{"type":"compaction","id":"d","parentId":"c","timestamp":"T","summary":"s","firstKeptEntryId":"c","tokensBefore":9,"unknown":1e999}
{"type":"compaction","id":"e","parentId":"d","timestamp":"T","summary":"s","firstKeptEntryId":"gone","tokensBefore":9}
{"type":"message","id":"f","parentId":"e","timestamp":"T","message":{"role":"user","content":"on"}}
{"type":"message","id":"a","parentId":"f","timestamp":"T","message":{"role":"user","content":"again"}}
{"type":"message","id":"g","parentId":"f","timestamp":"T","message":{"content":"nobody"}}
"#;

#[test]
fn entries_come_as_they_are_with_their_tree_and_what_they_refer_to() {
    let (items, summary) = read(SourceKind::OpenClaw, EVENTS.as_bytes());
    let entries = placed(&items);
    assert_eq!(
        shown_all(&branch(&entries)),
        ["user: hello", "assistant: other", "user: on"]
    );
    let text_of = |part: &str| {
        entries
            .iter()
            .find(|entry| entry.text().contains(part))
            .unwrap()
    };
    assert!(
        text_of("hello")
            .text()
            .contains(r#""odd":"\ud800","idempotencyKey":"own""#)
    );
    let id = |part: &str| text_of(part).id().as_str().to_owned();
    let label = text_of("\"here\"");
    assert!(
        label
            .text()
            .contains(&format!("\"targetId\":\"{}\"", id("\"hi\"")))
    );
    assert!(
        label
            .text()
            .contains("\"sourceTimestamp\":\"2026-01-01T10:00:01.000Z\"")
    );
    let compaction = text_of("1e999");
    assert!(
        compaction
            .text()
            .contains(&format!("\"firstKeptEntryId\":\"{}\"", id("\"other\"")))
    );
    for kept in ["session", "event that does not fit", "event with a used id"] {
        assert!(
            summary.report.raw.contains_key(kept),
            "{kept}: {:?}",
            summary.report.raw
        );
    }
    assert_eq!(
        summary.report.raw["event that does not fit"], 2,
        "what refers to nothing, and a message of nobody"
    );
    assert!(held(SourceKind::OpenClaw, "oc1", &items, &entries).is_proof());
}
