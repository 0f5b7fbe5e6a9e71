//! The rules that turn a branch into a context. Each function is one of pi's rules.

use std::collections::HashMap;

use super::{Context, ContextMessage};
use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::json::{ObjectBuilder, Raw};
use crate::kind::{Kind, Role};
use crate::transcript::as_custom;
use crate::views::{ModelRef, Replacement};

pub(super) fn build(above: &[&RawEntry], branch: &[&RawEntry]) -> Context {
    let (thinking_level, model) = settings(above, branch);
    let shown = shown_entries(branch);
    let edits: HashMap<EntryId, &RawEntry> = shown
        .iter()
        .filter_map(|entry| entry.context_edit().map(|edit| (edit.target, *entry)))
        .collect();
    let mut messages = Vec::with_capacity(shown.len());
    for (place, entry) in shown.iter().enumerate() {
        // An older compaction may lie within what the newest one keeps; its summary is part of the newer.
        if place > 0 && *entry.kind() == Kind::Compaction {
            continue;
        }
        let own = entry_messages(entry);
        match edits.get(entry.id()).and_then(|edit| edit.context_edit()) {
            Some(edit) => edited(own, edit.replacement, &mut messages),
            None => messages.extend(own),
        }
    }
    Context {
        messages,
        thinking_level,
        model,
    }
}

/// The last thinking level and the last model, wherever they stand on the branch.
fn settings(above: &[&RawEntry], branch: &[&RawEntry]) -> (String, Option<ModelRef>) {
    let upwards = || branch.iter().rev().chain(above.iter().rev());
    let level = upwards().find_map(|entry| entry.thinking_level());
    let model = upwards().find_map(|entry| match entry.kind() {
        Kind::ModelChange => entry.model_change(),
        Kind::Message(Role::Assistant) => entry.message().map(|message| ModelRef {
            provider: message.provider().unwrap_or_default().into_owned(),
            model_id: message.model().unwrap_or_default().into_owned(),
        }),
        _ => None,
    });
    (
        level.map_or_else(|| String::from("off"), std::borrow::Cow::into_owned),
        model,
    )
}

/// The last compaction, then what it keeps, then what follows it; everything if there is none.
fn shown_entries<'a>(branch: &[&'a RawEntry]) -> Vec<&'a RawEntry> {
    let Some(at) = branch
        .iter()
        .rposition(|entry| *entry.kind() == Kind::Compaction)
    else {
        return branch.to_vec();
    };
    let first_kept = branch[at]
        .compaction()
        .and_then(|compaction| compaction.first_kept);
    let kept_from = branch[..at]
        .iter()
        .position(|entry| Some(entry.id()) == first_kept.as_ref())
        .unwrap_or(at);
    // Instructions from before the boundary are carried by the compaction itself.
    let kept = branch[kept_from..at]
        .iter()
        .filter(|entry| entry.role() != Some(&Role::System));
    std::iter::once(&branch[at])
        .chain(kept)
        .chain(&branch[at + 1..])
        .copied()
        .collect()
}

/// The messages that an entry contributes.
fn entry_messages(entry: &RawEntry) -> Vec<ContextMessage> {
    match entry.kind() {
        Kind::Message(_) => message(entry).into_iter().collect(),
        Kind::CustomMessage => vec![custom_message(entry)],
        Kind::BranchSummary => branch_summary(entry).into_iter().collect(),
        Kind::Compaction => compaction(entry),
        _ => Vec::new(),
    }
}

fn message(entry: &RawEntry) -> Option<ContextMessage> {
    let json = entry.message_json()?;
    if entry.legacy().hook_message {
        return Some(ContextMessage::own(
            Some(entry.id().clone()),
            as_custom(json),
        ));
    }
    let empty = match entry.role()? {
        Role::System => "\"\"",
        Role::User | Role::Assistant | Role::ToolResult => "[]",
        _ => return Some(ContextMessage::part(entry, json)),
    };
    let missing = !plainly_has_content(json.text())
        && entry
            .message()?
            .fields()
            .get("content")
            .is_none_or(Raw::is_null);
    let whole = ContextMessage::part(entry, json);
    Some(if missing {
        with_content(&whole, Raw::trusted(empty))
    } else {
        whole
    })
}

/// Whether a message's content stands behind its role, as programs write it, and no other field may be called so.
fn plainly_has_content(message: &str) -> bool {
    const CONTENT: &str = "\"content\"";
    let rest = message.strip_prefix("{\"role\":\"");
    let rest = rest.and_then(|rest| rest.split_once('"'));
    let rest = rest.and_then(|(_, rest)| rest.strip_prefix(",\"content\":"));
    rest.is_some_and(|rest| {
        rest.starts_with(['[', '"'])
            && memchr::memmem::find(rest.as_bytes(), CONTENT.as_bytes()).is_none()
            && !rest.contains("\\u00")
    })
}

fn custom_message(entry: &RawEntry) -> ContextMessage {
    let fields = entry.fields();
    let content = fields.get("content").filter(|content| !content.is_null());
    let mut object = ObjectBuilder::new();
    object
        .str("role", "custom")
        .opt_raw("customType", fields.get("customType"))
        .raw("content", content.unwrap_or(Raw::trusted("[]")))
        .opt_raw("display", fields.get("display"))
        .opt_raw("details", fields.get("details"))
        .i64_or_null("timestamp", entry.timestamp_millis());
    ContextMessage::own(Some(entry.id().clone()), object.finish())
}

fn branch_summary(entry: &RawEntry) -> Option<ContextMessage> {
    let fields = entry.fields();
    let summary = fields.get("summary").filter(|summary| summary.truthy())?;
    let mut object = ObjectBuilder::new();
    object
        .str("role", "branchSummary")
        .raw("summary", summary)
        .opt_raw("fromId", fields.get("fromId"))
        .i64_or_null("timestamp", entry.timestamp_millis());
    Some(ContextMessage::own(
        Some(entry.id().clone()),
        object.finish(),
    ))
}

fn compaction(entry: &RawEntry) -> Vec<ContextMessage> {
    let fields = entry.fields();
    let mut object = ObjectBuilder::new();
    object
        .str("role", "compactionSummary")
        .opt_raw("summary", fields.get("summary"))
        .opt_raw("tokensBefore", fields.get("tokensBefore"))
        .i64_or_null("timestamp", entry.timestamp_millis());
    let summary = ContextMessage::own(Some(entry.id().clone()), object.finish());
    let system = fields
        .get("systemMessage")
        .filter(|message| message.is_object());
    let system = system.map(|message| ContextMessage::part(entry, message));
    system.into_iter().chain([summary]).collect()
}

/// Puts what an edit leaves of an entry's messages into `out`. Only roles that speak in the conversation are edited.
fn edited(own: Vec<ContextMessage>, replacement: Replacement<'_>, out: &mut Vec<ContextMessage>) {
    let content = match replacement {
        Replacement::Omit => return,
        Replacement::Unreadable => return out.extend(own),
        Replacement::Content(content) => content,
    };
    out.extend(own.into_iter().map(|message| match message.role() {
        Role::User | Role::Custom => with_content(&message, content),
        Role::Assistant | Role::ToolResult => match content.as_str() {
            Some(_) => with_content(&message, Raw::trusted(&text_blocks(content))),
            None => with_content(&message, content),
        },
        _ => message,
    }));
}

/// A string as a list of one text block.
fn text_blocks(string: Raw<'_>) -> String {
    let mut block = ObjectBuilder::new();
    block.str("type", "text").raw("text", string);
    format!("[{}]", block.finish())
}

/// The message with another content.
fn with_content(message: &ContextMessage, content: Raw<'_>) -> ContextMessage {
    let mut object = ObjectBuilder::new();
    let mut replaced = false;
    if let Some(fields) = message.json().fields() {
        for (key, value) in fields.effective() {
            replaced |= key == "content";
            object.raw(key, if key == "content" { content } else { value });
        }
    }
    if !replaced {
        object.raw("content", content);
    }
    ContextMessage::own(message.source.clone(), object.finish())
}

#[cfg(test)]
mod tests {
    use crate::transcript::Transcript;

    fn messages(lines: &[&str]) -> serde_json::Value {
        let header = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;
        let file = std::iter::once(header)
            .chain(lines.iter().copied())
            .collect::<Vec<_>>()
            .join("\n");
        let context = crate::context(&Transcript::parse(file.as_bytes()), None);
        serde_json::from_str::<serde_json::Value>(&serde_json::to_string(&context).unwrap())
            .unwrap()["messages"]
            .take()
    }

    const USER: &str = r#"{"type":"message","id":"u","parentId":null,"message":{"role":"user","content":null,"x":1}}"#;

    #[test]
    fn missing_content_becomes_an_empty_list() {
        assert_eq!(
            messages(&[USER]),
            serde_json::json!([{ "role": "user", "content": [], "x": 1 }])
        );
    }

    #[test]
    fn an_edit_that_omits_a_compaction_takes_its_instructions_too() {
        let compaction = r#"{"type":"compaction","id":"c","parentId":"u","timestamp":"2026-01-01T00:00:00.000Z","summary":"s","firstKeptEntryId":"u","tokensBefore":1,"systemMessage":{"role":"system","content":"x"}}"#;
        let shown = messages(&[USER, compaction]);
        assert_eq!(shown[0]["role"], "system");
        assert_eq!(shown[1]["timestamp"], 1_767_225_600_000_i64);
        assert_eq!(shown[2]["role"], "user");
        let edit =
            r#"{"type":"context_edit","id":"e","parentId":"c","targetId":"c","replacement":null}"#;
        assert_eq!(
            messages(&[USER, compaction, edit])
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn an_edit_with_a_string_becomes_blocks_where_the_role_wants_blocks() {
        let reply = r#"{"type":"message","id":"a","parentId":"u","message":{"role":"assistant","content":[]}}"#;
        let edit = |target: &str, id: &str, parent: &str| {
            format!(
                r#"{{"type":"context_edit","id":"{id}","parentId":"{parent}","targetId":"{target}","replacement":{{"content":"new"}}}}"#
            )
        };
        let shown = messages(&[USER, reply, &edit("u", "e1", "a"), &edit("a", "e2", "e1")]);
        assert_eq!(shown[0]["content"], "new");
        assert_eq!(
            shown[1]["content"],
            serde_json::json!([{ "type": "text", "text": "new" }])
        );
    }

    #[test]
    fn a_message_keeps_the_bytes_it_was_written_in() {
        let odd = r#"{"type":"message","id":"u","message":{"role":"user","content":"\ud800","n":1e999,"n":2}}"#;
        let transcript = Transcript::parse(odd.as_bytes());
        let context = crate::context(&transcript, None);
        let text = serde_json::to_string(&context).unwrap();
        assert!(
            text.contains(r#"{"role":"user","content":"\ud800","n":1e999,"n":2}"#),
            "{text}"
        );
    }
}
