//! What an entry can say, and the fields that say it.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{RawObject, WriteError};
use crate::id::EntryId;
use crate::json::splice::Object;
use crate::json::{MAX_FIELDS, ObjectBuilder, Raw};
use crate::mark::Mark;

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
    /// An entry of any type byte for byte; its own id, parent, time and mark are left out.
    Raw(RawObject),
}

impl Body {
    /// A message that serialises as JSON.
    ///
    /// # Errors
    /// The value does not serialise.
    pub fn message(message: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(message).map(Body::Message)
    }

    /// Whether a message is one: an object that says who speaks. Bodies of other types are not looked at.
    ///
    /// # Errors
    /// [`WriteError::NotAMessage`].
    pub fn check_message(&self) -> Result<(), WriteError> {
        match self {
            Body::Message(message) => check_message(Raw::of(message)),
            _ => Ok(()),
        }
    }

    /// The line's `type`.
    pub(super) fn type_name(&self) -> Result<&str, WriteError> {
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
            // It brings its own type.
            Body::Raw(_) => "",
            Body::Verbatim(map) => match map.get("type").and_then(Value::as_str) {
                None | Some("session" | "") => return Err(WriteError::NoType),
                Some(name) => name,
            },
        })
    }

    /// About how many bytes it takes, where that is plain.
    pub(super) fn size(&self) -> usize {
        match self {
            Body::Message(message) => message.get().len(),
            Body::Compaction { summary, .. } | Body::BranchSummary { summary, .. } => summary.len(),
            _ => 0,
        }
    }

    pub(super) fn write(&self, id: &EntryId, object: &mut ObjectBuilder) -> Result<(), WriteError> {
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
    check_message(raw)?;
    object.raw("message", raw);
    Ok(())
}

/// A message is an object that says who speaks.
fn check_message(raw: Raw<'_>) -> Result<(), WriteError> {
    let role = Object::read(raw.text().as_bytes())
        .filter(|object| raw.is_object() && object.fields().count() <= MAX_FIELDS)
        .and_then(|object| object.str("role"));
    match role.is_some_and(|role| !role.is_empty()) {
        true => Ok(()),
        false => Err(WriteError::NotAMessage),
    }
}

fn write_verbatim(map: &Map<String, Value>, object: &mut ObjectBuilder) -> Result<(), WriteError> {
    super::narrow(map.len())?;
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
