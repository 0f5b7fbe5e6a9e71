//! Codex rollouts.

use latchwork_format::{Block, Content};
use latchwork_import::{ItemKind, SourceKind};

use crate::placed::{branch, held, placed, read, shown_all};

const ROLLOUT: &str = r#"{"timestamp":"2026-01-01T10:00:00Z","type":"session_meta","payload":{"id":"r1","cwd":"/work","model_provider":"openai"}}
{"timestamp":"2026-01-01T10:00:00Z","type":"response_item","payload":{"type":"message","role":"developer","content":[{"type":"input_text","text":"be brief"}]}}
{"timestamp":"2026-01-01T10:00:01Z","type":"turn_context","payload":{"model":"gpt-5","effort":"high"}}
{"timestamp":"2026-01-01T10:00:01Z","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]}}
{"timestamp":"2026-01-01T10:00:01Z","type":"event_msg","payload":{"type":"user_message","message":"look"}}
{"timestamp":"2026-01-01T10:00:02Z","type":"response_item","payload":{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sealed"}}
{"timestamp":"2026-01-01T10:00:02Z","type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"c1"}}
{"timestamp":"2026-01-01T10:00:02Z","type":"response_item","payload":{"type":"custom_tool_call","name":"patch","input":"***","call_id":"c2"}}
{"timestamp":"2026-01-01T10:00:03Z","type":"event_msg","payload":{"type":"token_count","info":{"last_token_usage":{"input_tokens":100,"cached_input_tokens":60,"output_tokens":7}}}}
{"timestamp":"2026-01-01T10:00:03Z","type":"response_item","payload":{"type":"function_call_output","call_id":"c1","output":"a b"}}
{"timestamp":"2026-01-01T10:00:03Z","type":"response_item","payload":{"type":"custom_tool_call_output","call_id":"c2","output":{"content":"no","success":false}}}
{"timestamp":"2026-01-01T10:00:04Z","type":"response_item","payload":{"type":"web_search_call","action":{"type":"search","query":"x"}}}
{"timestamp":"2026-01-01T10:00:04Z","type":"response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"there"}]}}
"#;

#[test]
fn a_rollout_becomes_a_conversation_with_typed_calls_and_their_outcomes() {
    let (items, summary) = read(SourceKind::Codex, ROLLOUT.as_bytes());
    let entries = placed(&items);
    let shown = shown_all(&branch(&entries));
    assert_eq!(
        shown,
        [
            "user: look",
            "assistant: shell(c1),patch(c2)",
            "toolResult<c1>: a b",
            "toolResult<c2>: no",
            "assistant: there",
        ]
    );
    assert_eq!(
        (summary.session.as_str(), summary.cwd.as_deref()),
        ("r1", Some("/work"))
    );
    assert_eq!(
        summary.hash,
        blake3::hash(ROLLOUT.as_bytes()).to_hex().as_str()
    );
    assert_eq!(summary.bytes, ROLLOUT.len() as u64);
    for kept in [
        "session_meta",
        "message of developer",
        "turn_context",
        "web_search_call",
    ] {
        assert_eq!(summary.report.raw.get(kept), Some(&1), "{kept}");
    }
    assert!(held(SourceKind::Codex, "r1", &items, &entries).is_proof());
}

#[test]
fn what_only_the_provider_can_read_is_kept_with_the_model_that_sealed_it() {
    let (items, _) = read(SourceKind::Codex, ROLLOUT.as_bytes());
    let entries = placed(&items);
    let branch = branch(&entries);
    let reply = branch[1].message().unwrap();
    let Content::Blocks(blocks) = reply.content() else {
        panic!("blocks")
    };
    let Block::Thinking {
        text, signature, ..
    } = &blocks[0]
    else {
        panic!("thinking first")
    };
    assert_eq!(text, "hm");
    assert!(
        signature
            .as_deref()
            .unwrap()
            .contains("\"encrypted_content\":\"sealed\"")
    );
    assert_eq!(
        (reply.provider().unwrap(), reply.model().unwrap()),
        ("openai".into(), "gpt-5".into())
    );
    let usage = reply.usage().unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (40, 60, 7));
    assert_eq!(reply.stop_reason().as_deref(), Some("toolUse"));
    assert_eq!(reply.timestamp_millis(), Some(1_767_261_602_000));
    let failed: Vec<bool> = branch[2..4]
        .iter()
        .map(|entry| entry.message().unwrap().is_error())
        .collect();
    assert_eq!(failed, [false, true]);
}

#[test]
fn a_damaged_line_is_named_by_its_number_and_everything_else_comes() {
    let mut source = ROLLOUT.as_bytes().to_vec();
    let cut = ROLLOUT.find("\"call_id\":\"c2\"}}").unwrap();
    source[cut] = 0xff;
    source.extend(b"[1]\n{\"timestamp\":\"2026");
    let (items, summary) = read(SourceKind::Codex, &source);
    let damaged: Vec<(u64, &str)> = summary
        .report
        .damaged
        .iter()
        .map(|fault| (fault.line, fault.why.as_str()))
        .collect();
    assert_eq!(damaged.len(), 3, "{damaged:?}");
    assert!(
        damaged[0].0 == 8 && damaged[0].1.contains("UTF-8"),
        "{damaged:?}"
    );
    assert!(
        damaged[1].0 == 14 && damaged[1].1.contains("JSON object"),
        "{damaged:?}"
    );
    assert!(
        damaged[2].0 == 15 && damaged[2].1.contains("ends within"),
        "{damaged:?}"
    );
    let shown = shown_all(&branch(&placed(&items)));
    assert_eq!(shown.len(), 5);
    assert_eq!(shown[1], "assistant: shell(c1)");
}

#[test]
fn a_summary_hides_what_came_before_and_a_sealed_one_hides_nothing() {
    let compacted = |payload: &str| {
        format!(
            "{ROLLOUT}{{\"timestamp\":\"2026-01-01T10:00:05Z\",\"type\":\"compacted\",\"payload\":{payload}}}\n"
        )
    };
    let (items, _) = read(
        SourceKind::Codex,
        compacted(r#"{"message":"all of it","replacement_history":[]}"#).as_bytes(),
    );
    assert_eq!(items.last().unwrap().kind, ItemKind::Compaction);
    let (items, summary) = read(SourceKind::Codex, compacted(r#"{"message":"","replacement_history":[{"type":"compaction","encrypted_content":"x"}]}"#).as_bytes());
    assert_eq!(items.last().unwrap().kind, ItemKind::Raw);
    assert_eq!(summary.report.raw["compacted (sealed)"], 1);
}

#[test]
fn the_older_form_of_bare_items_is_read_too() {
    let source = r#"{"id":"old","timestamp":"2025-05-01T10:00:00Z","instructions":null}
{"record_type":"state"}
{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}
{"type":"local_shell_call","call_id":"c1","status":"completed","action":{"type":"exec","command":["ls"]}}
{"type":"function_call_output","call_id":"c1","output":"a"}
"#;
    let (items, summary) = read(SourceKind::Codex, source.as_bytes());
    assert_eq!(summary.session, "old");
    let shown = shown_all(&branch(&placed(&items)));
    assert_eq!(
        shown,
        [
            "user: hello",
            "assistant: local_shell(c1)",
            "toolResult<c1>: a"
        ]
    );
}

#[test]
fn a_rollout_that_has_grown_keeps_the_keys_of_what_was_there() {
    for (cut, _) in ROLLOUT.match_indices('\n') {
        let (before, _) = read(SourceKind::Codex, &ROLLOUT.as_bytes()[..=cut]);
        let (after, _) = read(SourceKind::Codex, ROLLOUT.as_bytes());
        let lost: Vec<&str> = before
            .iter()
            .filter(|item| !after.iter().any(|after| after.key == item.key))
            .map(|item| item.key.as_str())
            .collect();
        // Only the reply that was still being written is another one by now, and begins where it began.
        assert!(lost.len() <= 1, "{lost:?}");
        for key in lost {
            let start = key.split(['/', '#']).next().unwrap();
            assert!(
                after.iter().any(|after| after.key.starts_with(start)),
                "{key}"
            );
        }
    }
}

#[test]
fn a_line_that_was_changed_and_taken_in_again_is_no_proof_while_what_follows_hangs_below_the_old_one()
 {
    let (old, _) = read(SourceKind::Codex, ROLLOUT.as_bytes());
    let (new, _) = read(SourceKind::Codex, ROLLOUT.replace("a b", "a c").as_bytes());
    let changed = new
        .iter()
        .position(|item| !old.iter().any(|old| old.key == item.key));
    let changed = &new[changed.unwrap()];
    // As an import writes it: the new line beside the old one, and nothing else moves.
    let mut both = old.clone();
    let mut beside = changed.clone();
    beside.number = None;
    both.push(beside);
    let report = held(SourceKind::Codex, "r1", &new, &placed(&both));
    assert_eq!((report.different, report.superseded), (1, 1), "{report:?}");
    let moved = &report.differences[0];
    assert!(
        matches!(moved, latchwork_import::Difference::Moved { .. }),
        "{moved:?}"
    );
    assert!(held(SourceKind::Codex, "r1", &old, &placed(&old)).is_proof());
}
