//! What is taken over from another branch, and how it stands there. Pure.

use std::collections::HashSet;

use latchwork_format::{Body, EntryId, Kind, RawEntry, RawObject, Role, SessionId, Transcript};
use latchwork_session::{AppendError, Key, NewEntry};
use serde_json::json;

/// The custom type of the entry that says what was taken over from where.
const MERGE: &str = "latchwork.merge";

/// The entries and what belongs to them, in the order of the file.
pub(super) fn chosen<'t>(
    transcript: &'t Transcript,
    wanted: &[EntryId],
) -> Result<Vec<&'t RawEntry>, AppendError> {
    let mut ids = HashSet::new();
    for (index, id) in wanted.iter().enumerate() {
        let bad = |why: String| AppendError::BadEntry { index, why };
        let entry = transcript
            .entry(id)
            .ok_or_else(|| bad(format!("there is no entry {:?}", id.as_str())))?;
        if !matches!(
            entry.kind(),
            Kind::Message(_) | Kind::CustomMessage | Kind::BranchSummary
        ) {
            let why = format!(
                "entry {:?} says nothing that could be taken over",
                id.as_str()
            );
            return Err(bad(why));
        }
        ids.insert(id.clone());
        ids.extend(results(transcript, entry));
    }
    if ids.is_empty() {
        let why = "no entry is named".to_owned();
        return Err(AppendError::BadEntry { index: 0, why });
    }
    let entries = transcript.entries();
    Ok(entries.filter(|entry| ids.contains(entry.id())).collect())
}

/// The results of the calls of a reply, where they stand below it.
fn results(transcript: &Transcript, reply: &RawEntry) -> Vec<EntryId> {
    let calls = reply
        .message()
        .map(|message| message.tool_calls())
        .unwrap_or_default();
    if calls.is_empty() {
        return Vec::new();
    }
    let answers = |entry: &&RawEntry| {
        let message = entry
            .message()
            .filter(|message| *message.role() == Role::ToolResult);
        let named = message.and_then(|message| message.tool_call_id());
        named.is_some_and(|named| calls.iter().any(|call| call.id.as_deref() == Some(&*named)))
            && transcript.is_ancestor(reply.id(), entry.id())
    };
    let results = transcript.entries().filter(answers);
    results.map(|entry| entry.id().clone()).collect()
}

/// A note of where they are from, and the entries, each of which stands once however often it is taken over.
pub(super) fn taken_over(
    source: &SessionId,
    chosen: &[&RawEntry],
) -> Result<Vec<NewEntry>, AppendError> {
    let ids: Vec<&EntryId> = chosen.iter().map(|entry| entry.id()).collect();
    let note = Body::Custom {
        custom_type: MERGE.to_owned(),
        data: Some(json!({ "from": source, "entries": ids })),
    };
    let name = |what: &str| {
        let name = format!("merge:{source}:{what}");
        Key::new(name).map_err(|error| AppendError::BadEntry {
            index: 0,
            why: error.to_string(),
        })
    };
    let all: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let sum = blake3::hash(all.join("\n").as_bytes()).to_hex();
    let mut entries = vec![NewEntry::keyed(note, name(&sum[..16])?)];
    for entry in chosen {
        let body = Body::Raw(RawObject::of(entry));
        entries.push(NewEntry::keyed(body, name(entry.id().as_str())?));
    }
    Ok(entries)
}
