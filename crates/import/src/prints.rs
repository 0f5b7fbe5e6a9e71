//! Fingerprints of what an entry says, part by part, so that a difference can be named without keeping the texts.
//!
//! Both sides are read from a line of the transcript: the entry that stands there, and the one that the source gives now. Ids,
//! parents, times of writing, marks and keys are no part of what an entry says.

use std::fmt;

use latchwork_format::json::Raw;
use latchwork_format::{Block, Content, Mark, MessageView, RawEntry, Role};

/// A part of what an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Part {
    /// Who says it, or what sort of entry it is.
    Role,
    /// Its text.
    Text,
    /// What the model thought, with its seals.
    Thinking,
    /// Its images.
    Images,
    /// The calls of tools: names, arguments, ids.
    Calls,
    /// Of an outcome: which call it answers, and whether it failed.
    Outcome,
    /// The order of its parts.
    Order,
    /// The model and the provider.
    Model,
    /// The tokens that it took.
    Usage,
    /// Why the model stopped.
    Stop,
    /// When it was said.
    Time,
    /// Anything else.
    Else,
}

const PARTS: [Part; 12] = [
    Part::Role,
    Part::Text,
    Part::Thinking,
    Part::Images,
    Part::Calls,
    Part::Outcome,
    Part::Order,
    Part::Model,
    Part::Usage,
    Part::Stop,
    Part::Time,
    Part::Else,
];

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "who says it",
            Self::Text => "the text",
            Self::Thinking => "the thinking",
            Self::Images => "the images",
            Self::Calls => "the calls",
            Self::Outcome => "the outcome",
            Self::Order => "the order of its parts",
            Self::Model => "the model",
            Self::Usage => "the usage",
            Self::Stop => "why the model stopped",
            Self::Time => "the time",
            Self::Else => "something else",
        })
    }
}

/// The fingerprints of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prints([u64; PARTS.len()]);

impl Prints {
    pub(crate) fn of(entry: &RawEntry) -> Self {
        let mut said = Parts::default();
        said.add(Part::Role, &entry.kind().to_string());
        match entry.message() {
            Some(message) => said.message(&message),
            None => said.fields(entry),
        }
        Self(said.0.each_ref().map(|part| short(part)))
    }

    /// The parts that differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<Part> {
        let pairs = self.0.iter().zip(other.0.iter()).zip(PARTS);
        let differ = pairs.filter(|((ours, theirs), _)| ours != theirs);
        differ.map(|(_, part)| part).collect()
    }
}

fn short(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    let mut short = [0; 8];
    for (to, from) in short.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u64::from_le_bytes(short)
}

/// What an entry says, part by part, each piece behind its length.
#[derive(Default)]
struct Parts([Vec<u8>; PARTS.len()]);

impl Parts {
    fn add(&mut self, part: Part, text: &str) {
        if let Some(bytes) = self.0.get_mut(part as usize) {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }

    fn add_opt(&mut self, part: Part, text: Option<&str>) {
        match text {
            Some(text) => self.add(part, text),
            None => self.add(part, "\0none"),
        }
    }

    fn message(&mut self, message: &MessageView<'_>) {
        self.content(message.content());
        self.add_opt(Part::Model, message.provider().as_deref());
        self.add_opt(Part::Model, message.model().as_deref());
        self.add_opt(Part::Model, message.api().as_deref());
        self.add_opt(Part::Stop, message.stop_reason().as_deref());
        self.add_opt(Part::Stop, message.error_message().as_deref());
        if *message.role() == Role::ToolResult {
            self.add_opt(Part::Outcome, message.tool_call_id().as_deref());
            self.add_opt(Part::Outcome, message.tool_name().as_deref());
            self.add(
                Part::Outcome,
                if message.is_error() { "failed" } else { "" },
            );
        }
        for (name, value) in message.fields().iter() {
            match name {
                "usage" => self.add(Part::Usage, value.text()),
                "timestamp" => self.add(Part::Time, value.text()),
                "role" | "content" | "provider" | "model" | "api" | "stopReason"
                | "errorMessage" | "toolCallId" | "toolName" | "isError" | "idempotencyKey" => {}
                name => {
                    self.add(Part::Else, name);
                    self.add(Part::Else, value.text());
                }
            }
        }
    }

    fn content(&mut self, content: Content<'_>) {
        match content {
            Content::None => self.add(Part::Order, "nothing"),
            Content::Text(text) => self.add(Part::Text, &text),
            Content::Blocks(blocks) => blocks.iter().for_each(|block| self.block(block)),
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        match block {
            Block::Text { text, signature } => {
                self.add(Part::Order, "text");
                self.add(Part::Text, text);
                self.add_opt(Part::Else, signature.as_deref());
            }
            Block::Image { data, mime_type } => {
                self.add(Part::Order, "image");
                self.add(Part::Images, data);
                self.add(Part::Images, mime_type);
            }
            Block::Thinking {
                text,
                signature,
                redacted,
            } => {
                self.add(Part::Order, "thinking");
                self.add(Part::Thinking, text);
                self.add_opt(Part::Thinking, signature.as_deref());
                self.add(Part::Thinking, if *redacted { "withheld" } else { "" });
            }
            Block::ToolCall(call) => {
                self.add(Part::Order, "call");
                self.add_opt(Part::Calls, call.id.as_deref());
                self.add_opt(Part::Calls, call.name.as_deref());
                self.add_opt(Part::Calls, call.arguments.map(Raw::text));
                self.add_opt(Part::Calls, call.thought_signature.as_deref());
            }
            Block::Other(raw) => {
                self.add(Part::Order, "else");
                self.add(Part::Else, raw.text());
            }
            _ => self.add(Part::Order, "unknown"),
        }
    }

    /// An entry that is no message: all its fields but its frame and the ids that it names.
    fn fields(&mut self, entry: &RawEntry) {
        for (name, value) in entry.fields().iter() {
            match name {
                "type"
                | "id"
                | "parentId"
                | "timestamp"
                | "firstKeptEntryId"
                | "targetId"
                | "fromId"
                | Mark::FIELD => {}
                "summary" | "content" | "name" => self.add(Part::Text, value.text()),
                name => {
                    self.add(Part::Else, name);
                    self.add(Part::Else, value.text());
                }
            }
        }
    }
}
