//! OpenAI Responses, without storage on its side: the whole conversation is sent.
//!
//! A seal here is the reasoning item itself, as pi keeps it: its JSON in the place of the signature. The item goes back only
//! with what it was followed by, and only with its encrypted content, since nothing is stored that it could name. The
//! ids of the items that follow it are given then, and only then: the server remembers which belonged together.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::ids::{Ids, Rule};
use super::{Empty, Sayable, WEB_IMAGES, data_url, is_plain, name, sayable, system};
use crate::request::{
    AssistantTurn, Block, Call, Conversation, Exchange, Item, Part, Target, Thinking,
};

/// The longest id that is taken.
const ID_LETTERS: usize = 64;

/// pi writes a call's id and its item's id as one, with a bar between.
const IDS: Rule = Rule {
    longest: ID_LETTERS,
    takes: is_plain,
    own: |id| id.split_once('|').map_or(id, |(call, _)| call),
};

/// The body of a request: `model`, `instructions`, `input`, `store`.
///
/// # Errors
/// [`Empty`].
pub fn render(conversation: &Conversation, target: &Target) -> Result<Value, Empty> {
    if conversation.exchanges.is_empty() {
        return Err(Empty);
    }
    let mut input = Input {
        ids: Ids::of(conversation, IDS),
        items: Vec::new(),
        item_ids: HashSet::new(),
    };
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => input.items.push(json!({
                "type": "message", "role": "user", "content": content(turn.parts.as_slice()),
            })),
            Exchange::Assistant(turn) => input.assistant(turn),
        }
    }
    let mut body = json!({ "model": target.model, "input": input.items, "store": false });
    if let (Some(text), Some(fields)) = (system(conversation), body.as_object_mut()) {
        fields.insert("instructions".into(), text.into());
    }
    Ok(body)
}

struct Input<'c> {
    ids: Ids<'c>,
    items: Vec<Value>,
    /// The ids that items have so far; the server refuses a second of one.
    item_ids: HashSet<String>,
}

impl Input<'_> {
    fn assistant(&mut self, turn: &AssistantTurn) {
        let mut reasoning = Vec::new();
        let mut sealed = false;
        let mut outputs = Vec::new();
        for item in turn.items() {
            let (mut item, id) = match item {
                Item::Block(Block::Thinking(thinking)) => {
                    reasoning.extend(reasoning_item(thinking));
                    continue;
                }
                Item::Block(Block::Text { text, signature }) => (
                    json!({ "type": "message", "role": "assistant",
                        "content": [{ "type": "output_text", "text": text.as_str(), "annotations": [] }] }),
                    signature.as_deref().and_then(message_id),
                ),
                Item::Call(call) => {
                    let call_id = self.ids.get(call);
                    outputs.push(json!({ "type": "function_call_output", "call_id": call_id, "output": output(call) }));
                    (
                        json!({ "type": "function_call", "call_id": call_id,
                            "name": name(call, is_plain), "arguments": call.arguments.as_str() }),
                        call.id
                            .as_str()
                            .split_once('|')
                            .map(|(_, id)| id.to_owned())
                            .filter(|id| is_item_id(id, "fc_")),
                    )
                }
            };
            for (id, reasoning) in reasoning.drain(..) {
                if self.item_ids.insert(id) {
                    self.items.push(reasoning);
                    sealed = true;
                }
            }
            let id = id.filter(|id| sealed && self.item_ids.insert(id.clone()));
            if let (Some(id), Some(fields)) = (id, item.as_object_mut()) {
                fields.insert("id".into(), id.into());
                fields.insert("status".into(), "completed".into());
            }
            self.items.push(item);
        }
        self.items.extend(outputs);
    }
}

fn is_item_id(id: &str, begins: &str) -> bool {
    id.len() > begins.len()
        && id.len() <= ID_LETTERS
        && id.starts_with(begins)
        && id.bytes().all(is_plain)
}

/// The id in a text's signature: bare, or in an object, as newer versions of pi write it.
fn message_id(signature: &str) -> Option<String> {
    let id = match serde_json::from_str::<Value>(signature) {
        Ok(Value::Object(fields)) => fields.get("id")?.as_str()?.to_owned(),
        _ => signature.to_owned(),
    };
    is_item_id(&id, "msg_").then_some(id)
}

/// The reasoning item that a seal holds, and its id.
fn reasoning_item(thinking: &Thinking) -> Option<(String, Value)> {
    let Thinking::Sealed { signature, .. } = thinking else {
        return None;
    };
    let item: Value = serde_json::from_str(signature.as_str()).ok()?;
    if item.get("type")? != "reasoning" {
        return None;
    }
    let id = item
        .get("id")?
        .as_str()
        .filter(|id| is_item_id(id, "rs_"))?;
    let sealed = item.get("encrypted_content")?.as_str()?;
    if sealed.is_empty() {
        return None;
    }
    let summary = item
        .get("summary")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let summary: Vec<Value> = summary
        .filter_map(|part| part.get("text")?.as_str())
        .map(|text| json!({ "type": "summary_text", "text": text }))
        .collect();
    let item =
        json!({ "type": "reasoning", "id": id, "summary": summary, "encrypted_content": sealed });
    Some((id.to_owned(), item))
}

fn content(parts: &[Part]) -> Value {
    let parts = parts.iter().map(|part| match sayable(part, WEB_IMAGES) {
        Sayable::Text(text) => json!({ "type": "input_text", "text": text }),
        Sayable::Image { mime_type, data } => {
            json!({ "type": "input_image", "detail": "auto", "image_url": data_url(mime_type, data) })
        }
    });
    parts.collect()
}

/// Words alone as a string; with images, as a list.
fn output(call: &Call) -> Value {
    let parts = call.result.content.as_slice();
    let words: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match sayable(part, WEB_IMAGES) {
            Sayable::Text(text) => Some(text),
            Sayable::Image { .. } => None,
        })
        .collect();
    words.map_or_else(|| content(parts), |words| words.join("\n").into())
}
