//! A conversation as the JSON that a provider takes: one renderer for each protocol.
//!
//! A rendered body holds what the conversation and the target decide: model, instructions, messages. Tools, limits and
//! sampling are for whoever sends it to add. Every body keeps its provider's published rules of form, whatever the
//! conversation: who opens and who ends, whose turn follows whose, where results stand, which letters and how many an id
//! may have, which images are taken. Only a conversation without a word in it cannot be rendered ([`Empty`]).
//!
//! What a protocol cannot say is left out: seals that are not of its form, readable thinking of other models, and thinking
//! that nothing follows. Where a provider wants a user to open or to end, a sentence of ours does.
//!
//! Deliberately absent: limits of size, and the choice whether the model thinks. Anthropic refuses `thinking` while the last
//! calls of the conversation stand in a reply without a seal: whoever asks for it must look at the body first.

pub mod anthropic;
pub mod chat;
pub mod gemini;
mod ids;
pub mod responses;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Call, Conversation, Part, words};

/// Nothing was said that a model could be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing to ask the model: no message of the branch says anything; add one first")]
pub struct Empty;

/// What browsers show, and OpenAI and Anthropic take.
const WEB_IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];
/// What Google takes.
const GOOGLE_IMAGES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
];

/// The forms of images that a protocol takes, by pi's name of it; `None` if we do not know the protocol.
pub(super) fn images_of(api: &str) -> Option<&'static [&'static str]> {
    match api {
        "openai-completions"
        | "openai-responses"
        | "openai-codex-responses"
        | "azure-openai-responses"
        | "anthropic-messages" => Some(WEB_IMAGES),
        "google-generative-ai" | "google-vertex" => Some(GOOGLE_IMAGES),
        _ => None,
    }
}

/// A part as the protocol can say it: a conversation may have been made for another one.
enum Sayable<'p> {
    Text(&'p str),
    Image { mime_type: &'p str, data: &'p str },
}

fn sayable<'p>(part: &'p Part, taken: &[&str]) -> Sayable<'p> {
    match part {
        Part::Text(text) => Sayable::Text(text.as_str()),
        Part::Image { mime_type, data }
            if taken.contains(&mime_type.as_str()) && super::turn::is_base64(data) =>
        {
            Sayable::Image { mime_type, data }
        }
        Part::Image { .. } => Sayable::Text(words::IMAGE_UNREADABLE),
    }
}

fn data_url(mime_type: &str, data: &str) -> String {
    format!("data:{mime_type};base64,{data}")
}

/// A tool's name with the letters that a provider takes, and at most 64 of them.
fn name<'c>(call: &'c Call, takes: fn(u8) -> bool) -> Cow<'c, str> {
    const LONGEST: usize = 64;
    let name = call.name.as_str();
    if name.len() <= LONGEST && name.bytes().all(takes) {
        return Cow::Borrowed(name);
    }
    let tidy = |letter: char| match u8::try_from(letter) {
        Ok(byte) if takes(byte) => letter,
        _ => '_',
    };
    Cow::Owned(name.chars().map(tidy).take(LONGEST).collect())
}

/// The letters that OpenAI and Anthropic take in names and ids.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The arguments as an object inside the body. Numbers beyond a float's precision lose it, as they would at the provider.
fn arguments(call: &Call) -> Value {
    serde_json::from_str(call.arguments.as_str()).unwrap_or_else(|_| Value::Object(Map::new()))
}

/// The standing instructions, if they say anything.
fn system(conversation: &Conversation) -> Option<&str> {
    let system = conversation.system.as_deref()?;
    (!system.trim().is_empty()).then_some(system)
}

#[cfg(test)]
mod tests;
