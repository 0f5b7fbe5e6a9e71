//! A typed look at one message: role, content blocks, usage, and what each role carries besides.
//!
//! Views decode what they are asked for and nothing else; a field of the wrong type reads as absent. Tool calls, results and
//! withheld thinking are known by every name that OpenClaw keeps them under, besides pi's.

use std::borrow::Cow;

use crate::json::{Fields, Raw};
use crate::kind::Role;

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<'a> {
    /// Nothing, `null`, or nothing readable.
    None,
    /// A plain string.
    Text(Cow<'a, str>),
    /// A list of blocks.
    Blocks(Vec<Block<'a>>),
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Block<'a> {
    /// Text.
    Text {
        /// The text.
        text: Cow<'a, str>,
        /// Provider-opaque identity of the block.
        signature: Option<Cow<'a, str>>,
    },
    /// An image.
    Image {
        /// Base64.
        data: Cow<'a, str>,
        /// Such as `image/png`.
        mime_type: Cow<'a, str>,
    },
    /// The model's reasoning.
    Thinking {
        /// What it thought, as far as it is shown.
        text: Cow<'a, str>,
        /// The provider's seal, valid for the same model only.
        signature: Option<Cow<'a, str>>,
        /// Whether the text is withheld and only the seal is there.
        redacted: bool,
    },
    /// A request to run a tool.
    ToolCall(ToolCall<'a>),
    /// A block we do not know.
    Other(Raw<'a>),
}

/// A request to run a tool, as written: parts may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall<'a> {
    /// The id that its result names.
    pub id: Option<Cow<'a, str>>,
    /// The tool.
    pub name: Option<Cow<'a, str>>,
    /// The arguments as written: an object, or the text of one.
    pub arguments: Option<Raw<'a>>,
    /// The provider's seal, valid for the same model only.
    pub thought_signature: Option<Cow<'a, str>>,
}

/// Tokens that a reply took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Put into the provider's cache.
    pub cache_write: u64,
    /// All of them.
    pub total_tokens: u64,
    /// The price in US dollars, if it is known.
    pub cost_total: Option<f64>,
}

/// A command that the user ran beside the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct BashExecution<'a> {
    /// The command line.
    pub command: Cow<'a, str>,
    /// What it printed.
    pub output: Cow<'a, str>,
    /// How it ended, if it did.
    pub exit_code: Option<i64>,
    /// Whether it was stopped.
    pub cancelled: bool,
    /// Whether the output is cut.
    pub truncated: bool,
    /// Where all of the output is.
    pub full_output_path: Option<Cow<'a, str>>,
    /// Whether the model is not to see it.
    pub exclude_from_context: bool,
}

/// One message, looked into on demand.
#[derive(Clone, Debug)]
pub struct MessageView<'a> {
    raw: Raw<'a>,
    fields: Fields<'a>,
    role: Role,
}

impl<'a> MessageView<'a> {
    /// A view of `raw`, if that is an object.
    #[must_use]
    pub fn new(raw: Raw<'a>) -> Option<Self> {
        let fields = raw.fields()?;
        let role = Role::of(&fields.str("role").unwrap_or_default());
        Some(MessageView { raw, fields, role })
    }

    /// The role is what the entry's version makes of it.
    pub(crate) fn with_role(self, role: Role) -> Self {
        MessageView { role, ..self }
    }

    /// The message's JSON as written.
    #[must_use]
    pub fn raw(&self) -> Raw<'a> {
        self.raw
    }

    /// The message's fields.
    #[must_use]
    pub fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// Who it is from.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// What it says.
    #[must_use]
    pub fn content(&self) -> Content<'a> {
        match self.fields.get("content") {
            None => Content::None,
            Some(raw) => content(raw),
        }
    }

    /// All text of the content, blocks joined by a newline.
    #[must_use]
    pub fn text(&self) -> String {
        match self.content() {
            Content::None => String::new(),
            Content::Text(text) => text.into_owned(),
            Content::Blocks(blocks) => {
                let texts = blocks.iter().filter_map(|block| match block {
                    Block::Text { text, .. } => Some(text.as_ref()),
                    _ => None,
                });
                texts.collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// The tool calls of the content, in order.
    #[must_use]
    pub fn tool_calls(&self) -> Vec<ToolCall<'a>> {
        let Content::Blocks(blocks) = self.content() else {
            return Vec::new();
        };
        let calls = blocks.into_iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        });
        calls.collect()
    }

    /// Why the model stopped: `stop`, `length`, `toolUse`, `error`, `aborted`.
    #[must_use]
    pub fn stop_reason(&self) -> Option<Cow<'a, str>> {
        self.fields.str("stopReason")
    }

    /// Whether the reply broke off: stop reason `error` or `aborted`.
    #[must_use]
    pub fn broke_off(&self) -> bool {
        matches!(self.stop_reason().as_deref(), Some("error" | "aborted"))
    }

    /// What went wrong, on a reply that broke off.
    #[must_use]
    pub fn error_message(&self) -> Option<Cow<'a, str>> {
        self.fields.str("errorMessage")
    }

    /// The provider that answered.
    #[must_use]
    pub fn provider(&self) -> Option<Cow<'a, str>> {
        self.fields.str("provider")
    }

    /// The model that answered.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'a, str>> {
        self.fields.str("model")
    }

    /// The protocol it was asked through.
    #[must_use]
    pub fn api(&self) -> Option<Cow<'a, str>> {
        self.fields.str("api")
    }

    /// Whether it is a copy of something that was delivered elsewhere: an assistant's message that no model said here, and that
    /// no model is to be told it said.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        *self.role() == Role::Assistant
            && self.provider().as_deref() == Some("openclaw")
            && matches!(
                self.model().as_deref(),
                Some("delivery-mirror" | "gateway-injected")
            )
    }

    /// The tokens that the reply took.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.fields.get("usage").and_then(Usage::read)
    }

    /// The call that a tool result answers; OpenClaw names it `toolUseId` as well.
    #[must_use]
    pub fn tool_call_id(&self) -> Option<Cow<'a, str>> {
        first_said(&self.fields, &["toolCallId", "toolUseId"])
            .or_else(|| self.fields.str("toolCallId"))
    }

    /// The tool that a result comes from.
    #[must_use]
    pub fn tool_name(&self) -> Option<Cow<'a, str>> {
        self.fields.str("toolName")
    }

    /// Whether a tool result is a failure.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.fields.get("isError").is_some_and(Raw::truthy)
    }

    /// The key under which OpenClaw names a message.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<Cow<'a, str>> {
        self.fields.str("idempotencyKey")
    }

    /// The message's own time, in Unix milliseconds.
    #[must_use]
    pub fn timestamp_millis(&self) -> Option<i64> {
        let number = self.fields.get("timestamp")?.as_f64()?;
        number.is_finite().then_some(number as i64)
    }

    /// The text of a summary message.
    #[must_use]
    pub fn summary(&self) -> Option<Cow<'a, str>> {
        self.fields.str("summary")
    }

    /// The command, if this message is one that the user ran.
    #[must_use]
    pub fn bash_execution(&self) -> Option<BashExecution<'a>> {
        if self.role != Role::BashExecution {
            return None;
        }
        let flag = |key| self.fields.get(key).is_some_and(Raw::truthy);
        Some(BashExecution {
            command: self.fields.str("command").unwrap_or_default(),
            output: self.fields.str("output").unwrap_or_default(),
            exit_code: self
                .fields
                .get("exitCode")
                .and_then(Raw::as_f64)
                .map(|code| code as i64),
            cancelled: flag("cancelled"),
            truncated: flag("truncated"),
            full_output_path: self.fields.str("fullOutputPath"),
            exclude_from_context: flag("excludeFromContext"),
        })
    }
}

impl Usage {
    /// Reads a usage object; missing numbers are 0.
    #[must_use]
    pub fn read(raw: Raw<'_>) -> Option<Self> {
        let fields = raw.fields()?;
        let number = |key| fields.get(key).and_then(Raw::as_u64).unwrap_or_default();
        let cost = fields.get("cost").and_then(Raw::fields);
        Some(Usage {
            input: number("input"),
            output: number("output"),
            cache_read: number("cacheRead"),
            cache_write: number("cacheWrite"),
            total_tokens: number("totalTokens"),
            cost_total: cost
                .and_then(|cost| cost.get("total")?.as_f64())
                .filter(|cost| cost.is_finite()),
        })
    }
}

impl<'a> Content<'a> {
    /// Reads the value of a `content`, of a message or of anything else that has one.
    #[must_use]
    pub fn read(raw: Raw<'a>) -> Self {
        content(raw)
    }
}

pub(crate) fn content(raw: Raw<'_>) -> Content<'_> {
    if let Some(text) = raw.as_str() {
        return Content::Text(text);
    }
    match raw.items() {
        Some(items) => Content::Blocks(items.into_iter().map(block).collect()),
        None => Content::None,
    }
}

fn block(raw: Raw<'_>) -> Block<'_> {
    known_block(raw).unwrap_or(Block::Other(raw))
}

fn known_block(raw: Raw<'_>) -> Option<Block<'_>> {
    let fields = raw.fields()?;
    let block = match fields.str("type")?.as_ref() {
        "text" => Block::Text {
            text: fields.str("text")?,
            signature: fields.str("textSignature"),
        },
        "image" => Block::Image {
            data: fields.str("data")?,
            mime_type: fields.str("mimeType")?,
        },
        "thinking" => Block::Thinking {
            text: fields.str("thinking").unwrap_or_default(),
            signature: fields.str("thinkingSignature"),
            redacted: fields.get("redacted").is_some_and(Raw::truthy),
        },
        "redacted_thinking" => Block::Thinking {
            text: Cow::Borrowed(""),
            signature: first_said(&fields, &["thinkingSignature", "data"]),
            redacted: true,
        },
        "toolCall" | "toolUse" | "functionCall" | "tool_call" | "tool_use" => {
            Block::ToolCall(tool_call(&fields, &CALL_IDS))
        }
        // OpenAI's own item: its `id` names the item, and results name the `call_id`.
        "function_call" => Block::ToolCall(tool_call(&fields, &["call_id", "id"])),
        _ => return None,
    };
    Some(block)
}

/// What a call's id is called.
const CALL_IDS: [&str; 6] = [
    "id",
    "call_id",
    "toolCallId",
    "toolUseId",
    "tool_call_id",
    "tool_use_id",
];

fn tool_call<'a>(fields: &Fields<'a>, ids: &[&str]) -> ToolCall<'a> {
    let given = |key| fields.get(key).filter(|value: &Raw<'_>| !value.is_null());
    ToolCall {
        id: first_said(fields, ids),
        name: fields.str("name"),
        arguments: given("arguments")
            .or_else(|| given("input"))
            .or_else(|| fields.get("arguments")),
        thought_signature: fields.str("thoughtSignature"),
    }
}

/// The first of these fields that says something.
fn first_said<'a>(fields: &Fields<'a>, keys: &[&str]) -> Option<Cow<'a, str>> {
    let mut said = keys.iter().filter_map(|key| fields.str(key));
    said.find(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
