//! Google's `generateContent`.
//!
//! Turns alternate, a user opens and a user ends. A turn of calls is answered by a turn of as many responses and nothing else;
//! images of results follow as the user's. Gemini 3 and later refuse calls without a seal, so where ours is gone, or the call
//! is another model's, the sentence stands there that Google gives for this.

use serde_json::{Value, json};

use super::ids::{Ids, Rule};
use super::{Empty, GOOGLE_IMAGES, Sayable, arguments, is_plain, name, sayable, system};
use crate::request::turn::is_base64;
use crate::request::{
    AssistantTurn, Block, Call, Conversation, Exchange, Item, Part, Target, Thinking, words,
};

/// What Google takes in the place of a seal that is not to be had.
const NO_SEAL: &str = "skip_thought_signature_validator";

const IDS: Rule = Rule {
    longest: 64,
    takes: is_plain,
    own: |id| id,
};

/// The body of a request: `systemInstruction` and `contents`. The model is named in the address.
///
/// # Errors
/// [`Empty`].
pub fn render(conversation: &Conversation, target: &Target) -> Result<Value, Empty> {
    if conversation.exchanges.is_empty() {
        return Err(Empty);
    }
    let ids = Ids::of(conversation, IDS);
    let wants_seals = wants_seals(&target.model);
    let mut contents = Contents::default();
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => {
                contents.add(Role::User, parts(turn.parts.as_slice()));
            }
            Exchange::Assistant(turn) => {
                contents.add(Role::Model, said(turn, &ids, wants_seals));
                let mut images = Vec::new();
                let responses = turn.calls().map(|call| response(call, &ids, &mut images));
                contents.add(Role::Function, responses.collect());
                contents.add(Role::User, images);
            }
        }
    }
    let mut body = json!({ "contents": contents.finish() });
    if let (Some(text), Some(fields)) = (system(conversation), body.as_object_mut()) {
        let instruction = json!({ "parts": [{ "text": text }] });
        fields.insert("systemInstruction".into(), instruction);
    }
    Ok(body)
}

/// Whether the model insists on seals: Gemini does from its third version on.
fn wants_seals(model: &str) -> bool {
    let (_, version) = model.rsplit_once("gemini-").unwrap_or_default();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().is_ok_and(|version: u32| version >= 3)
}

/// Whose turn it is; responses are a turn of their own.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    User,
    Model,
    Function,
}

#[derive(Default)]
struct Contents(Vec<(Role, Vec<Value>)>);

impl Contents {
    fn add(&mut self, role: Role, parts: Vec<Value>) {
        if parts.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some((last, so_far)) if *last == role => so_far.extend(parts),
            None if role == Role::Model => {
                self.0
                    .push((Role::User, vec![json!({ "text": words::OPENING })]));
                self.0.push((role, parts));
            }
            _ => self.0.push((role, parts)),
        }
    }

    fn finish(mut self) -> Vec<Value> {
        if self.0.last().is_some_and(|(role, _)| *role == Role::Model) {
            self.add(Role::User, vec![json!({ "text": words::GO_ON })]);
        }
        let contents = self.0.into_iter().map(|(role, parts)| {
            let role = if role == Role::Model { "model" } else { "user" };
            json!({ "role": role, "parts": parts })
        });
        contents.collect()
    }
}

fn parts(parts: &[Part]) -> Vec<Value> {
    parts
        .iter()
        .map(|part| said_part(&sayable(part, GOOGLE_IMAGES)))
        .collect()
}

fn said_part(part: &Sayable<'_>) -> Value {
    match part {
        Sayable::Text(text) => json!({ "text": text }),
        Sayable::Image { mime_type, data } => {
            json!({ "inlineData": { "mimeType": mime_type, "data": data } })
        }
    }
}

fn said(turn: &AssistantTurn, ids: &Ids<'_>, wants_seals: bool) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut first_call = true;
    for item in turn.items() {
        let (mut part, seal) = match item {
            Item::Block(Block::Text { text, signature }) => {
                (json!({ "text": text.as_str() }), signature.as_deref())
            }
            Item::Block(Block::Thinking(Thinking::Sealed {
                text, signature, ..
            })) if is_base64(signature.as_str()) => (
                json!({ "text": text, "thought": true }),
                Some(signature.as_str()),
            ),
            Item::Block(Block::Thinking(_)) => continue,
            Item::Call(call) => {
                let seal = call.signature.as_deref().filter(|seal| is_base64(seal));
                let wanted = wants_seals && std::mem::take(&mut first_call);
                (
                    json!({ "functionCall": { "id": ids.get(call), "name": tool(call), "args": arguments(call) } }),
                    seal.or_else(|| wanted.then_some(NO_SEAL)),
                )
            }
        };
        let seal = seal.filter(|seal| *seal == NO_SEAL || is_base64(seal));
        if let (Some(seal), Some(fields)) = (seal, part.as_object_mut()) {
            fields.insert("thoughtSignature".into(), seal.into());
        }
        parts.push(part);
    }
    parts
}

fn response(call: &Call, ids: &Ids<'_>, images: &mut Vec<Value>) -> Value {
    let mut texts = Vec::new();
    let mut pictures = Vec::new();
    for part in &call.result.content {
        match sayable(part, GOOGLE_IMAGES) {
            Sayable::Text(text) => texts.push(text),
            picture @ Sayable::Image { .. } => pictures.push(said_part(&picture)),
        }
    }
    if !pictures.is_empty() {
        texts.push(words::IMAGES_FOLLOW);
        images.push(json!({ "text": words::images_of(call.name.as_str(), ids.get(call)) }));
        images.extend(pictures);
    }
    let outcome = if call.result.is_error {
        "error"
    } else {
        "output"
    };
    let response = json!({ outcome: texts.join("\n") });
    json!({ "functionResponse": { "id": ids.get(call), "name": tool(call), "response": response } })
}

/// A name begins with a letter or an underscore, and may hold dots and colons.
fn tool(call: &Call) -> String {
    let takes = |byte: u8| is_plain(byte) || byte == b'.' || byte == b':';
    let name = name(call, takes);
    if name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return name.into_owned();
    }
    name.chars()
        .take(63)
        .fold(String::from("_"), |mut name, letter| {
            name.push(letter);
            name
        })
}
