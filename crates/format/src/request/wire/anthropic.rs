//! Anthropic Messages.
//!
//! Roles alternate, a user opens and a user ends. Results come first in the message right after their calls, all of them
//! in one. In a reply, calls come last, as a result must follow its call with nothing between; thinking is never last.

use serde_json::{Value, json};

use super::ids::{Ids, Rule};
use super::{Empty, Sayable, WEB_IMAGES, arguments, is_plain, name, sayable, system};
use crate::request::{
    AssistantTurn, Block, Call, Conversation, Exchange, Item, Part, Target, Thinking, words,
};

const IDS: Rule = Rule {
    longest: 64,
    takes: is_plain,
    own: |id| id,
};

/// The body of a request: `model`, `system`, `messages`. The provider also wants `max_tokens`.
///
/// # Errors
/// [`Empty`].
pub fn render(conversation: &Conversation, target: &Target) -> Result<Value, Empty> {
    if conversation.exchanges.is_empty() {
        return Err(Empty);
    }
    let ids = Ids::of(conversation, IDS);
    let mut messages = Messages::default();
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => messages.told(blocks(turn.parts.as_slice())),
            Exchange::Assistant(turn) => {
                messages.said(said(turn, &ids));
                messages.told(results(turn, &ids));
            }
        }
    }
    let mut body = json!({ "model": target.model, "messages": messages.finish() });
    if let (Some(text), Some(fields)) = (system(conversation), body.as_object_mut()) {
        fields.insert("system".into(), text.into());
    }
    Ok(body)
}

/// Messages of alternating roles, the user's first: what one role says in a row is one message.
#[derive(Default)]
struct Messages {
    user: Option<Vec<Value>>,
    assistant: Option<Vec<Value>>,
    whole: Vec<Value>,
}

impl Messages {
    fn told(&mut self, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        if let Some(said) = self.assistant.take() {
            self.whole
                .push(json!({ "role": "assistant", "content": said }));
        }
        self.user.get_or_insert_default().extend(blocks);
    }

    fn said(&mut self, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        if self.user.is_none() && self.assistant.is_none() {
            self.told(vec![json!({ "type": "text", "text": words::OPENING })]);
        }
        if let Some(told) = self.user.take() {
            self.whole.push(json!({ "role": "user", "content": told }));
        }
        self.assistant.get_or_insert_default().extend(blocks);
    }

    fn finish(mut self) -> Vec<Value> {
        if self.assistant.is_some() {
            self.told(vec![json!({ "type": "text", "text": words::GO_ON })]);
        }
        let last = self.user.take();
        self.whole
            .extend(last.map(|told| json!({ "role": "user", "content": told })));
        self.whole
    }
}

fn blocks(parts: &[Part]) -> Vec<Value> {
    parts
        .iter()
        .map(|part| block(&sayable(part, WEB_IMAGES)))
        .collect()
}

fn block(part: &Sayable<'_>) -> Value {
    match part {
        Sayable::Text(text) => json!({ "type": "text", "text": text }),
        Sayable::Image { mime_type, data } => json!({
            "type": "image",
            "source": { "type": "base64", "media_type": mime_type, "data": data },
        }),
    }
}

/// What was said, then the calls.
fn said(turn: &AssistantTurn, ids: &Ids<'_>) -> Vec<Value> {
    let mut blocks = Vec::new();
    // Thinking that is not followed by anything yet.
    let mut thinking = Vec::new();
    for item in turn.blocks() {
        match item {
            Block::Thinking(thought) => thinking.extend(sealed(thought)),
            Block::Text { text, .. } => {
                blocks.append(&mut thinking);
                blocks.push(json!({ "type": "text", "text": text.as_str() }));
            }
        }
    }
    let calls: Vec<Value> = turn
        .items()
        .iter()
        .filter_map(|item| match item {
            Item::Call(call) => Some(json!({
                "type": "tool_use",
                "id": ids.get(call),
                "name": name(call, is_plain),
                "input": arguments(call),
            })),
            Item::Block(_) => None,
        })
        .collect();
    if !calls.is_empty() {
        blocks.append(&mut thinking);
    }
    blocks.extend(calls);
    blocks
}

fn sealed(thinking: &Thinking) -> Option<Value> {
    match thinking {
        Thinking::Plain(_) => None,
        Thinking::Sealed {
            signature,
            redacted: true,
            ..
        } => Some(json!({ "type": "redacted_thinking", "data": signature.as_str() })),
        Thinking::Sealed {
            text, signature, ..
        } => Some(json!({ "type": "thinking", "thinking": text, "signature": signature.as_str() })),
    }
}

/// The results of a reply's calls, then the images that a result could not hold: a failure is told in text.
fn results(turn: &AssistantTurn, ids: &Ids<'_>) -> Vec<Value> {
    let mut images = Vec::new();
    let mut results: Vec<Value> = turn
        .calls()
        .map(|call| result(call, ids.get(call), &mut images))
        .collect();
    results.append(&mut images);
    results
}

fn result(call: &Call, id: &str, images: &mut Vec<Value>) -> Value {
    let mut content = Vec::new();
    let mut pictures = Vec::new();
    for part in &call.result.content {
        match sayable(part, WEB_IMAGES) {
            picture @ Sayable::Image { .. } if call.result.is_error => {
                pictures.push(block(&picture));
            }
            part => content.push(block(&part)),
        }
    }
    if !pictures.is_empty() {
        content.push(json!({ "type": "text", "text": words::IMAGES_FOLLOW }));
        let heading = words::images_of(call.name.as_str(), id);
        images.push(json!({ "type": "text", "text": heading }));
        images.extend(pictures);
    }
    json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": call.result.is_error })
}
