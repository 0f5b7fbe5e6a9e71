//! The parts of an entry: words, reasoning, calls, output, images, and what is left out.

use std::borrow::Cow;

use latchwork_format::message::{BashExecution, ToolCall};
use latchwork_format::{Block, Raw};

use super::{Teller, Voice};
use crate::options::Images;

/// Images that any browser shows as pictures and as nothing else; SVG is a document, and stays out.
const PICTURES: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
];

/// One part of an entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part<'e> {
    /// What somebody said.
    Text(Cow<'e, str>),
    /// What a model thought; empty where the provider withheld it.
    Thinking(Cow<'e, str>),
    /// A request to run a tool.
    Call {
        id: Cow<'e, str>,
        name: Cow<'e, str>,
        /// JSON, as written; `None` where it is left out.
        arguments: Option<Cow<'e, str>>,
    },
    /// A command of the user's.
    Command(Cow<'e, str>),
    /// What a tool or a command printed.
    Output(Cow<'e, str>),
    /// A picture.
    Image {
        mime: Cow<'e, str>,
        /// How large it is, in bytes.
        bytes: usize,
        /// Base64 and nothing else; `None` where it is only named.
        data: Option<Cow<'e, str>>,
    },
    /// Something that we do not understand, as the JSON that it is.
    Json {
        what: &'static str,
        text: Cow<'e, str>,
    },
    /// How something went, in our words.
    Note(String),
    /// Something is not in this export.
    LeftOut { what: &'static str, bytes: usize },
}

impl Teller<'_> {
    pub(super) fn text<'e>(self, voice: Voice, text: Cow<'e, str>) -> Part<'e> {
        match voice {
            Voice::Tool if !self.options.tools => Part::LeftOut {
                what: "the output of a tool",
                bytes: text.len(),
            },
            Voice::Tool => Part::Output(self.clean(text)),
            _ => Part::Text(self.clean(text)),
        }
    }

    pub(super) fn block<'e>(self, voice: Voice, block: Block<'e>) -> Option<Part<'e>> {
        Some(match block {
            Block::Text { text, .. } => self.text(voice, text),
            Block::Thinking { text, .. } if self.options.thinking => {
                Part::Thinking(self.clean(text))
            }
            Block::Thinking { .. } => return None,
            Block::ToolCall(call) => self.call(call),
            Block::Image { data, mime_type } => self.image(voice, data, mime_type),
            Block::Other(raw) => self.json("block", raw),
            _ => return None,
        })
    }

    fn call(self, call: ToolCall<'_>) -> Part<'_> {
        let arguments = call.arguments.filter(|_| self.options.tools);
        Part::Call {
            id: self.clean(call.id.unwrap_or_default()),
            name: self.clean(call.name.unwrap_or_default()),
            arguments: arguments.map(|arguments| self.json_text(arguments)),
        }
    }

    pub(super) fn command<'e>(self, run: &BashExecution<'e>, parts: &mut Vec<Part<'e>>) {
        if !self.options.tools {
            parts.push(Part::LeftOut {
                what: "a command and its output",
                bytes: run.command.len() + run.output.len(),
            });
            return;
        }
        parts.push(Part::Command(self.clean(run.command.clone())));
        parts.push(Part::Output(self.clean(run.output.clone())));
        let how = match run.exit_code {
            _ if run.cancelled => Some("It was cancelled.".to_owned()),
            Some(code) if code != 0 => Some(format!("It ended with exit code {code}.")),
            _ => None,
        };
        parts.extend(how.map(Part::Note));
        if run.truncated {
            parts.push(Part::Note("The output is shortened.".to_owned()));
        }
        if run.exclude_from_context {
            parts.push(Part::Note("The model was not shown it.".to_owned()));
        }
    }

    fn image<'e>(self, voice: Voice, data: Cow<'e, str>, mime: Cow<'e, str>) -> Part<'e> {
        let bytes = data.len() / 4 * 3;
        if voice == Voice::Tool && !self.options.tools {
            return Part::LeftOut {
                what: "an image from a tool",
                bytes,
            };
        }
        let inline = self.options.images == Images::Inline
            && PICTURES.contains(&mime.as_ref())
            && is_base64(&data);
        Part::Image {
            mime: if inline { mime } else { self.clean(mime) },
            bytes,
            data: inline.then_some(data),
        }
    }

    /// What we do not understand may be anything, an image or a tool's output too.
    pub(super) fn json<'e>(self, what: &'static str, raw: Raw<'e>) -> Part<'e> {
        // Only what would be told in full is told: an image in an unknown block is not one that was named.
        if self.options.restricts(what != "data") {
            return Part::LeftOut {
                what,
                bytes: raw.text().len(),
            };
        }
        Part::Json {
            what,
            text: self.json_text(raw),
        }
    }

    /// JSON as it stands; where secrets are taken out, of its strings as they read.
    fn json_text(self, raw: Raw<'_>) -> Cow<'_, str> {
        if self.options.redact.is_none() {
            return Cow::Borrowed(raw.text());
        }
        Cow::Owned(self.cleaned(raw.to_value()).to_string())
    }

    fn cleaned(self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.clean(text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.cleaned(item)).collect(),
            Value::Object(fields) => {
                let pairs = fields
                    .into_iter()
                    .map(|(key, value)| (self.clean(key).into_owned(), self.cleaned(value)));
                Value::Object(pairs.collect())
            }
            other => other,
        }
    }
}

/// Whether it can stand in a `data:` URL as it is.
fn is_base64(data: &str) -> bool {
    data.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
