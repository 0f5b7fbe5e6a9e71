//! Lines as we write them: one compact JSON object and its newline, nothing that could not be read again.
//!
//! Keys come in one order: type, id, parentId, timestamp, our mark, then the payload. Ids, parents and times
//! are values that the caller brings.
//!
//! Not here: files, and the choice of parents.
//!
//! Invariants: a line holds exactly one newline, its last byte; [`RawLine::parse`] reads it back.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::entry::RawLine;
use crate::fault::LineFault;
use crate::header::Version;
use crate::id::EntryId;
use crate::json::{ObjectBuilder, Raw};
use crate::mark::Mark;
use crate::session_id::SessionId;

/// Why something cannot become a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A message must be an object with a role.
    #[error("a message is a JSON object with a string `role`; this is not one")]
    NotAMessage,
    /// A verbatim entry must say what it is.
    #[error("an entry has a string `type` that is not `session`; this one has not")]
    NoType,
    /// An entry must be referred to.
    #[error("an entry's id cannot be empty")]
    EmptyId,
    /// The line could not be read again.
    #[error("the line would not be read again")]
    Unreadable(#[source] LineFault),
}

/// What an entry says, without its id, parent and time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Body {
    /// A message; an object with a role.
    Message(Box<RawValue>),
    /// State of an extension.
    Custom {
        /// Whose it is.
        custom_type: String,
        /// The state.
        data: Option<Value>,
    },
    /// Text of an extension, shown to the model.
    CustomMessage {
        /// Whose it is.
        custom_type: String,
        /// A string or a list of blocks.
        content: Value,
        /// Whether a person is to see it.
        display: bool,
        /// More about it, for the extension.
        details: Option<Value>,
    },
    /// A summary that stands for what came before a boundary.
    Compaction {
        /// The summary.
        summary: String,
        /// The first entry that is still shown; `None` keeps nothing from before.
        first_kept: Option<EntryId>,
        /// The size of the context before, in tokens.
        tokens_before: u64,
        /// What the summariser notes.
        details: Option<Value>,
        /// The instructions and tools in force, where the session holds such.
        system_message: Option<Box<RawValue>>,
    },
    /// A summary of a branch that was left.
    BranchSummary {
        /// The entry where the branch began; `None` for the root.
        from: Option<EntryId>,
        /// The summary.
        summary: String,
        /// What the summariser notes.
        details: Option<Value>,
    },
    /// A name for an entry; `None` takes it away.
    Label {
        /// The entry.
        target: EntryId,
        /// The name.
        label: Option<String>,
    },
    /// The session's name; line breaks become spaces, an empty name clears it.
    SessionInfo {
        /// The name.
        name: String,
    },
    /// Which model answers from here on.
    ModelChange {
        /// The provider.
        provider: String,
        /// The model.
        model_id: String,
    },
    /// How hard the model is to think from here on.
    ThinkingLevelChange {
        /// Such as `off` or `high`.
        thinking_level: String,
    },
    /// A later change of what an earlier entry shows to the model.
    ContextEdit {
        /// The entry.
        target: EntryId,
        /// Its new content, a string or a list of blocks; `None` leaves the entry out.
        content: Option<Value>,
    },
    /// Tokens used outside the conversation.
    Usage {
        /// What for.
        kind: String,
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// The numbers, as on a message.
        usage: Value,
    },
    /// An entry of any type as it is; its own id, parent, time and mark are left out.
    Verbatim(Map<String, Value>),
}

/// Writes an entry's line, its newline included.
///
/// # Errors
/// See [`WriteError`].
pub fn line(
    id: &EntryId,
    parent: Option<&EntryId>,
    timestamp: &str,
    mark: Option<&Mark>,
    body: &Body,
) -> Result<Vec<u8>, WriteError> {
    if id.as_str().is_empty() {
        return Err(WriteError::EmptyId);
    }
    let mut object = ObjectBuilder::new();
    object.str("type", body.type_name()?).str("id", id.as_str());
    match parent {
        Some(parent) => object.str("parentId", parent.as_str()),
        None => object.raw("parentId", Raw::trusted("null")),
    };
    object.str("timestamp", timestamp);
    if let Some(mark) = mark {
        object.raw(Mark::FIELD, Raw::trusted(&mark.to_json()));
    }
    body.write(id, &mut object)?;
    ended(object.finish())
}

/// Writes a header's line, its newline included, in the present version.
///
/// # Errors
/// [`WriteError::Unreadable`] if the paths are beyond all measure.
pub fn header_line(
    id: &SessionId,
    timestamp: &str,
    cwd: &str,
    parent_session: Option<&str>,
) -> Result<Vec<u8>, WriteError> {
    let mut object = ObjectBuilder::new();
    object
        .str("type", "session")
        .u64("version", Version::CURRENT)
        .str("id", id.as_str());
    object
        .str("timestamp", timestamp)
        .str("cwd", cwd)
        .opt_str("parentSession", parent_session);
    ended(object.finish())
}

/// What we would not read again, we do not write.
fn ended(text: String) -> Result<Vec<u8>, WriteError> {
    let mut bytes = text.into_bytes();
    RawLine::parse(&bytes).map_err(WriteError::Unreadable)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Body {
    /// A message that serialises as JSON.
    ///
    /// # Errors
    /// The value does not serialise.
    pub fn message(message: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(message).map(Body::Message)
    }

    /// The line's `type`.
    fn type_name(&self) -> Result<&str, WriteError> {
        Ok(match self {
            Body::Message(_) => "message",
            Body::Custom { .. } => "custom",
            Body::CustomMessage { .. } => "custom_message",
            Body::Compaction { .. } => "compaction",
            Body::BranchSummary { .. } => "branch_summary",
            Body::Label { .. } => "label",
            Body::SessionInfo { .. } => "session_info",
            Body::ModelChange { .. } => "model_change",
            Body::ThinkingLevelChange { .. } => "thinking_level_change",
            Body::ContextEdit { .. } => "context_edit",
            Body::Usage { .. } => "usage",
            Body::Verbatim(map) => match map.get("type").and_then(Value::as_str) {
                None | Some("session" | "") => return Err(WriteError::NoType),
                Some(name) => name,
            },
        })
    }

    fn write(&self, id: &EntryId, object: &mut ObjectBuilder) -> Result<(), WriteError> {
        match self {
            Body::Message(message) => write_message(message, object)?,
            Body::Verbatim(map) => write_verbatim(map, object)?,
            Body::Compaction {
                summary,
                first_kept,
                tokens_before,
                details,
                system_message,
            } => {
                object.str("summary", summary);
                // A compaction that keeps nothing names itself, as in pi.
                object.str(
                    "firstKeptEntryId",
                    first_kept.as_ref().unwrap_or(id).as_str(),
                );
                object.u64("tokensBefore", *tokens_before);
                value(object, "details", details.as_ref());
                object.opt_raw("systemMessage", system_message.as_deref().map(Raw::of));
            }
            Body::BranchSummary {
                from,
                summary,
                details,
            } => {
                object
                    .str("fromId", from.as_ref().map_or("root", EntryId::as_str))
                    .str("summary", summary);
                value(object, "details", details.as_ref());
            }
            Body::Custom { custom_type, data } => {
                object.str("customType", custom_type);
                value(object, "data", data.as_ref());
            }
            Body::CustomMessage {
                custom_type,
                content,
                display,
                details,
            } => {
                object.str("customType", custom_type);
                value(object, "content", Some(content));
                object.bool("display", *display);
                value(object, "details", details.as_ref());
            }
            simple => simple.write_simple(object),
        }
        Ok(())
    }

    /// The bodies that only set something.
    fn write_simple(&self, object: &mut ObjectBuilder) {
        match self {
            Body::Label { target, label } => {
                object
                    .str("targetId", target.as_str())
                    .opt_str("label", label.as_deref());
            }
            Body::SessionInfo { name } => {
                let line = name
                    .split(['\r', '\n'])
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ");
                object.str("name", crate::json::js_trim(&line));
            }
            Body::ModelChange { provider, model_id } => {
                object.str("provider", provider).str("modelId", model_id);
            }
            Body::ThinkingLevelChange { thinking_level } => {
                object.str("thinkingLevel", thinking_level);
            }
            Body::ContextEdit { target, content } => {
                object.str("targetId", target.as_str());
                let replacement = content
                    .as_ref()
                    .map(|content| serde_json::json!({ "content": content }));
                value(
                    object,
                    "replacement",
                    Some(&replacement.unwrap_or(Value::Null)),
                );
            }
            Body::Usage {
                kind,
                provider,
                model,
                usage,
            } => {
                object
                    .str("kind", kind)
                    .str("provider", provider)
                    .str("model", model);
                value(object, "usage", Some(usage));
            }
            _ => {}
        }
    }
}

fn write_message(message: &RawValue, object: &mut ObjectBuilder) -> Result<(), WriteError> {
    let raw = Raw::of(message);
    let role = raw
        .fields()
        .and_then(|fields| fields.str("role").map(|role| !role.is_empty()));
    if role != Some(true) {
        return Err(WriteError::NotAMessage);
    }
    object.raw("message", raw);
    Ok(())
}

fn write_verbatim(map: &Map<String, Value>, object: &mut ObjectBuilder) -> Result<(), WriteError> {
    for (key, field) in map {
        match key.as_str() {
            "type" | "id" | "parentId" | "timestamp" | Mark::FIELD => {}
            "message" if map.get("type").and_then(Value::as_str) == Some("message") => {
                let message =
                    serde_json::value::to_raw_value(field).map_err(|_| WriteError::NotAMessage)?;
                write_message(&message, object)?;
            }
            _ => value(object, key, Some(field)),
        }
    }
    Ok(())
}

fn value(object: &mut ObjectBuilder, key: &str, value: Option<&Value>) {
    if let Some(value) = value {
        object.raw(key, Raw::trusted(&value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn text(parent: Option<&str>, mark: Option<&Mark>, body: &Body) -> String {
        let parent = parent.map(EntryId::from);
        String::from_utf8(line(&"a1".into(), parent.as_ref(), "T", mark, body).unwrap()).unwrap()
    }

    #[test]
    fn keys_come_in_one_order() {
        let body = Body::message(&serde_json::json!({ "role": "user", "content": "hi" })).unwrap();
        assert_eq!(
            text(Some("p"), Some(&Mark::keyed("k")), &body),
            "{\"type\":\"message\",\"id\":\"a1\",\"parentId\":\"p\",\"timestamp\":\"T\",\
             \"latchwork\":{\"key\":\"k\",\"placement\":1},\"message\":{\"role\":\"user\",\"content\":\"hi\"}}\n"
        );
    }

    #[test]
    fn a_pretty_printed_message_becomes_one_line() {
        let pretty = RawValue::from_string(
            "{\n  \"role\": \"user\",\r\n \"content\": \"a \\n b\"\n}".to_owned(),
        )
        .unwrap();
        let written = text(None, None, &Body::Message(pretty));
        assert_eq!(written.matches('\n').count(), 1);
        assert!(written.ends_with("\"message\":{\"role\":\"user\",\"content\":\"a \\n b\"}}\n"));
    }

    #[test]
    fn a_compaction_that_keeps_nothing_names_itself() {
        let body = Body::Compaction {
            summary: "s".into(),
            first_kept: None,
            tokens_before: 7,
            details: None,
            system_message: None,
        };
        assert!(text(None, None, &body).contains("\"firstKeptEntryId\":\"a1\",\"tokensBefore\":7"));
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let no_role = Body::message(&serde_json::json!({ "content": "hi" })).unwrap();
        let id = EntryId::from("a");
        assert_eq!(
            line(&id, None, "T", None, &no_role),
            Err(WriteError::NotAMessage)
        );
        assert_eq!(
            line(&"".into(), None, "T", None, &no_role),
            Err(WriteError::EmptyId)
        );
        let header = serde_json::json!({ "type": "session", "id": "x" });
        let Value::Object(header) = header else {
            unreachable!()
        };
        assert_eq!(
            line(&id, None, "T", None, &Body::Verbatim(header)),
            Err(WriteError::NoType)
        );
        let deep = format!(
            "{{\"role\":\"user\",\"content\":{}{}}}",
            "[".repeat(600),
            "]".repeat(600)
        );
        let deep = Body::Message(RawValue::from_string(deep).unwrap());
        assert!(matches!(
            line(&id, None, "T", None, &deep),
            Err(WriteError::Unreadable(_))
        ));
    }

    #[test]
    fn a_verbatim_entry_cannot_forge_its_frame() {
        let map = serde_json::json!({ "type": "message", "id": "x", "parentId": "y", "timestamp": "z", "latchwork": { "key": "k" },
            "message": { "role": "user", "content": "hi" }, "extra": 1 });
        let Value::Object(map) = map else {
            unreachable!()
        };
        let written = text(None, None, &Body::Verbatim(map));
        assert_eq!(
            written,
            "{\"type\":\"message\",\"id\":\"a1\",\"parentId\":null,\"timestamp\":\"T\",\"message\":{\"role\":\"user\",\"content\":\"hi\"},\"extra\":1}\n"
        );
    }

    #[test]
    fn a_session_name_is_one_line() {
        let written = text(
            None,
            None,
            &Body::SessionInfo {
                name: " a\r\n\nb ".into(),
            },
        );
        let Ok(RawLine::Entry(entry)) = RawLine::parse(written.trim_end().as_bytes()) else {
            panic!("{written}")
        };
        assert_eq!(*entry.kind(), Kind::SessionInfo);
        assert_eq!(entry.session_name(), Some(Some("a b".into())));
    }
}
