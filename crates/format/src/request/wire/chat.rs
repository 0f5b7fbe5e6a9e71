//! OpenAI Chat Completions, and what speaks it.
//!
//! Thinking that this model said in a field of its own goes back in that field, which some servers insist on; other seals
//! have no place here. A tool message holds text only, so images in results follow the results as a user's message.

use serde_json::{Map, Value, json};

use super::ids::{Ids, Rule};
use super::{Empty, Sayable, WEB_IMAGES, data_url, is_plain, name, sayable, system};
use crate::request::{
    AssistantTurn, Block, Call, Conversation, Exchange, Item, Part, Target, Thinking, words,
};

/// The fields in which servers tell what a model thought. Its name is the seal of what came in it.
pub const THINKING_FIELDS: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_text"];

/// OpenAI takes 40 letters; Kimi's ids hold dots and colons, and it wants them back.
const IDS: Rule = Rule {
    longest: 40,
    takes: |byte| is_plain(byte) || byte == b'.' || byte == b':',
    own: |id| id,
};

/// The body of a request: `model` and `messages`.
///
/// # Errors
/// [`Empty`].
pub fn render(conversation: &Conversation, target: &Target) -> Result<Value, Empty> {
    if conversation.exchanges.is_empty() {
        return Err(Empty);
    }
    Ok(json!({ "model": target.model, "messages": messages(conversation) }))
}

/// The messages alone; none but the instructions if nothing was said.
#[must_use]
pub fn messages(conversation: &Conversation) -> Vec<Value> {
    let ids = Ids::of(conversation, IDS);
    let mut messages = Vec::with_capacity(conversation.exchanges.len() + 1);
    messages.extend(system(conversation).map(|text| json!({ "role": "system", "content": text })));
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => {
                messages.push(json!({ "role": "user", "content": content(turn.parts.as_slice()) }));
            }
            Exchange::Assistant(turn) => assistant(turn, &ids, &mut messages),
        }
    }
    messages
}

/// Words alone as a string, which every server takes; with images, as parts.
fn content(parts: &[Part]) -> Value {
    let parts: Vec<_> = parts.iter().map(|part| sayable(part, WEB_IMAGES)).collect();
    let words: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Sayable::Text(text) => Some(*text),
            Sayable::Image { .. } => None,
        })
        .collect();
    match words {
        Some(words) => words.join("\n").into(),
        None => parts.iter().map(part).collect(),
    }
}

fn part(part: &Sayable<'_>) -> Value {
    match part {
        Sayable::Text(text) => json!({ "type": "text", "text": text }),
        Sayable::Image { mime_type, data } => {
            json!({ "type": "image_url", "image_url": { "url": data_url(mime_type, data) } })
        }
    }
}

/// One message of the assistant, the results of its calls right after it, then the images among those results.
fn assistant(turn: &AssistantTurn, ids: &Ids<'_>, messages: &mut Vec<Value>) {
    let mut text = Vec::new();
    let mut thoughts: Vec<(&str, &str)> = Vec::new();
    let mut calls = Vec::new();
    let (mut results, mut images) = (Vec::new(), Vec::new());
    for item in turn.items() {
        match item {
            Item::Block(Block::Text { text: words, .. }) => text.push(words.as_str()),
            Item::Block(Block::Thinking(Thinking::Sealed {
                text, signature, ..
            })) => thoughts.push((signature.as_str(), text)),
            Item::Block(Block::Thinking(Thinking::Plain(_))) => {}
            Item::Call(call) => {
                let id = ids.get(call);
                calls.push(json!({
                    "id": id,
                    "type": "function",
                    "function": { "name": name(call, is_plain), "arguments": call.arguments.as_str() },
                }));
                results.push(result(call, id, &mut images));
            }
        }
    }
    let mut message = Map::from_iter([("role".to_owned(), Value::from("assistant"))]);
    let said = (!text.is_empty()).then(|| text.join("\n"));
    message.insert("content".into(), said.into());
    for field in THINKING_FIELDS {
        let said = thoughts.iter().filter(|(seal, _)| *seal == field);
        let said: Vec<&str> = said.map(|(_, text)| *text).collect();
        if !said.is_empty() {
            message.insert(field.into(), said.join("\n").into());
        }
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    messages.push(message.into());
    messages.extend(results);
    if !images.is_empty() {
        messages.push(json!({ "role": "user", "content": images }));
    }
}

fn result(call: &Call, id: &str, images: &mut Vec<Value>) -> Value {
    let mut texts = Vec::new();
    let mut pictures = Vec::new();
    for said in &call.result.content {
        match sayable(said, WEB_IMAGES) {
            Sayable::Text(text) => texts.push(text),
            picture @ Sayable::Image { .. } => pictures.push(part(&picture)),
        }
    }
    if !pictures.is_empty() {
        texts.push(words::IMAGES_FOLLOW);
        let heading = words::images_of(call.name.as_str(), id);
        images.push(json!({ "type": "text", "text": heading }));
        images.extend(pictures);
    }
    json!({ "role": "tool", "tool_call_id": id, "content": texts.join("\n") })
}
