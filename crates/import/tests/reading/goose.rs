//! goose's older files.

use latchwork_import::{ItemKind, SourceKind};

use crate::placed::{branch, held, placed, read, shown_all};

const TALK: &str = r#"{"working_dir":"/work","description":"a talk","message_count":4}
{"role":"user","created":1767261600,"content":[{"type":"text","text":"look"}]}
{"role":"assistant","created":1767261601,"content":[{"type":"thinking","thinking":"hm","signature":"seal"},{"type":"toolRequest","id":"c1","toolCall":{"status":"success","value":{"name":"shell","arguments":{"command":"ls"}}}},{"type":"toolRequest","id":"c2","toolCall":{"status":"error","error":"bad"}}]}
{"role":"user","created":1767261602,"content":[{"type":"toolResponse","id":"c1","toolResult":{"status":"success","value":[{"type":"text","text":"a b"}]}},{"type":"toolResponse","id":"c2","toolResult":{"status":"error","error":"bad call"}},{"type":"text","text":"and?"}]}
{"role":"assistant","created":1767261603,"content":[{"type":"text","text":"there"},{"type":"toolConfirmationRequest","id":"x"}]}
"#;

#[test]
fn a_talk_becomes_a_conversation_with_outcomes_of_their_own() {
    let (items, summary) = read(SourceKind::Goose, TALK.as_bytes());
    let entries = placed(&items);
    assert_eq!(
        shown_all(&branch(&entries)),
        [
            "user: look",
            "assistant: shell(c1),invalid(c2)",
            "toolResult<c1>: a b",
            "toolResult<c2>: bad call",
            "user: and?",
            "assistant: there"
        ]
    );
    assert_eq!(
        (summary.cwd.as_deref(), summary.title.as_deref()),
        (Some("/work"), Some("a talk"))
    );
    assert!(summary.session.starts_with("unnamed-"));
    assert_eq!(summary.report.raw["message with unknown parts"], 1);
    assert!(held(SourceKind::Goose, &summary.session, &items, &entries).is_proof());
}

#[test]
fn a_summary_for_the_model_alone_is_a_compaction_if_nothing_before_it_is_shown() {
    let line = |role: &str, text: &str, user: bool, agent: bool| {
        format!(
            "{{\"role\":\"{role}\",\"created\":1,\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}],\"metadata\":{{\"userVisible\":{user},\"agentVisible\":{agent}}}}}\n"
        )
    };
    let hidden = format!(
        "{}{}{}",
        line("user", "a", true, false),
        line("assistant", "b", true, false),
        line("user", "so far", false, true)
    );
    let (items, _) = read(SourceKind::Goose, hidden.as_bytes());
    assert_eq!(items.last().unwrap().kind, ItemKind::Compaction);
    let shown = hidden.replacen("\"agentVisible\":false", "\"agentVisible\":true", 1);
    let (again, _) = read(SourceKind::Goose, shown.as_bytes());
    assert_eq!(again.last().unwrap().kind, ItemKind::User);
    let keys = |items: &[latchwork_import::Item]| {
        items
            .iter()
            .map(|item| item.key.clone())
            .collect::<Vec<_>>()
    };
    let place = |keys: Vec<String>| {
        keys.iter()
            .map(|key| key.rsplit(':').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        place(keys(&items)),
        place(keys(&again)),
        "what goose changes of a row changes no key"
    );
}
