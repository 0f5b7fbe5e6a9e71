//! The bodies of entries. Each has a nonce, by which it is found again, and some have what is hard to keep.

use latchwork_format::Body;
use latchwork_session::{Key, NewEntry};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::numbers::Numbers;

/// An entry and what the story says of it.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub nonce: String,
    pub body: Body,
    pub text: String,
    pub key: Option<Key>,
}

/// How long words are that are not short: half as many bytes, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    seldom: u64,
    at_times: u64,
}

impl Size {
    /// Some pages now and then, which a kill may tear.
    pub(super) const PAGES: Self = Self {
        seldom: 40_000,
        at_times: 6_000,
    };
    /// Some sectors, which a loss of power may tear; so that a state costs little.
    pub(super) const SECTORS: Self = Self {
        seldom: 1_500,
        at_times: 400,
    };
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    User,
    Calls,
    Result,
    Answer,
    Custom,
}

/// Texts that are hard to keep: escapes, half a surrogate pair, something that looks like an entry.
const HARD: &[&str] = &[
    "plain",
    "\\\"quoted\\\" \\\\ and \\n new",
    "\\ud800 half",
    "{\\\"type\\\":\\\"message\\\",\\\"id\\\":\\\"x\\\",\\\"parentId\\\":null}",
    "\u{1F512} \u{2028} wide",
];

impl Words {
    pub(super) fn new(sort: Sort, nonce: String, numbers: &mut Numbers, size: Size) -> Self {
        let filler = filler(numbers, size);
        let text = match sort {
            Sort::User => {
                format!(r#"{{"role":"user","content":"{filler}","timestamp":1,"nonce":"{nonce}"}}"#)
            }
            Sort::Calls => format!(
                r#"{{"role":"assistant","content":[{{"type":"text","text":"{filler}"}},{{"type":"toolCall","id":"a{nonce}","name":"ls","arguments":{{}}}},{{"type":"toolCall","id":"b{nonce}","name":"cat","arguments":{{"path":"x"}}}}],"api":"t","provider":"p","model":"m","stopReason":"toolUse","timestamp":2,"nonce":"{nonce}"}}"#
            ),
            Sort::Result => format!(
                r#"{{"role":"toolResult","toolCallId":"a{nonce}","toolName":"ls","content":[{{"type":"text","text":"{filler}"}}],"isError":false,"timestamp":3,"nonce":"{nonce}"}}"#
            ),
            Sort::Answer => format!(
                r#"{{"role":"assistant","content":[{{"type":"text","text":"{filler}"}}],"api":"t","provider":"p","model":"m","stopReason":"stop","timestamp":4,"nonce":"{nonce}"}}"#
            ),
            Sort::Custom => json!({ "filler": filler.len(), "nonce": nonce }).to_string(),
        };
        Self {
            body: body(sort, &text),
            nonce,
            text,
            key: None,
        }
    }

    pub(super) fn keyed(self, key: Key) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// A message that waits in the inbox.
    pub(super) fn waiting(key: Key, message: Box<RawValue>) -> Self {
        Self {
            nonce: key.as_str().to_owned(),
            text: message.get().to_owned(),
            body: Body::Message(message),
            key: Some(key),
        }
    }

    pub(super) fn entry(&self, again: bool) -> NewEntry {
        NewEntry {
            body: self.body.clone(),
            key: self.key.clone(),
            again,
        }
    }

    pub(super) fn told(&self) -> Value {
        json!({ "nonce": self.nonce, "body": self.text, "key": self.key.as_ref().map(Key::as_str) })
    }
}

fn body(sort: Sort, text: &str) -> Body {
    let raw = RawValue::from_string(text.to_owned());
    match (sort, raw) {
        (Sort::Custom, _) => Body::Custom {
            custom_type: "campaign".to_owned(),
            data: serde_json::from_str(text).ok(),
        },
        (_, Ok(raw)) => Body::Message(raw),
        (_, Err(_)) => Body::Custom {
            custom_type: "campaign.unreadable".to_owned(),
            data: None,
        },
    }
}

/// Mostly short; now and then longer.
fn filler(numbers: &mut Numbers, size: Size) -> String {
    let hard = numbers.of(HARD).copied().unwrap_or_default();
    let more = match numbers.below(16) {
        0 => size.seldom,
        1 | 2 => size.at_times,
        _ => 10,
    };
    format!(
        "{hard} {}",
        "x ".repeat(usize::try_from(numbers.below(more)).unwrap_or(0))
    )
}
