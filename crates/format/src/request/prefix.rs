//! What a model was shown before it replied, as a short digest.
//!
//! Digested is what was told, said, called and returned, in order. Left out are seals and thinking, which come and go with the
//! model that is asked, and the standing instructions, which a program may change between two turns. Limit: 64 bits; it tells
//! an honest change apart, and is no defence against a forger.

use std::fmt;

use super::{AssistantTurn, Block, Conversation, Exchange, Item, Part};
use crate::json::Raw;
use crate::mark::Mark;
use crate::message::MessageView;

/// The field of our note that holds it.
const FIELD: &str = "prefix";

/// A digest of the conversation before a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix([u8; 8]);

impl Prefix {
    /// What the writer of a reply noted in its message.
    pub(super) fn noted(message: &MessageView<'_>) -> Option<Self> {
        let note = message.fields().get(Mark::FIELD).and_then(Raw::fields)?;
        Prefix::read(&note.str(FIELD)?)
    }

    /// Reads the sixteen digits that [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit();
        let digits = (text.len() == 16 && text.bytes().all(is_digit)).then_some(text)?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        Some(Prefix(number.to_be_bytes()))
    }

    /// The note for the message of a reply to this conversation: a field and its value.
    #[must_use]
    pub fn note(self) -> (&'static str, serde_json::Value) {
        (Mark::FIELD, serde_json::json!({ FIELD: self.to_string() }))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl Conversation {
    /// The digest of everything in it: what the next reply will have been shown.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        let mut shown = Shown::default();
        for exchange in &self.exchanges {
            shown.exchange(exchange);
        }
        shown.prefix()
    }
}

/// The digest of a conversation as it grows.
#[derive(Default)]
pub(super) struct Shown(blake3::Hasher);

impl Shown {
    pub(super) fn prefix(&self) -> Prefix {
        let digest = self.0.finalize();
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        Prefix([a, b, c, d, e, f, g, h])
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange) {
        match exchange {
            Exchange::User(turn) => {
                self.tag(b'u');
                self.parts(turn.parts.as_slice());
            }
            Exchange::Assistant(turn) => {
                self.tag(b'a');
                self.turn(turn);
            }
        }
    }

    fn turn(&mut self, turn: &AssistantTurn) {
        for item in turn.items() {
            match item {
                Item::Block(Block::Text { text, .. }) => {
                    self.tag(b't');
                    self.text(text.as_str());
                }
                Item::Block(Block::Thinking(_)) => {}
                Item::Call(call) => {
                    self.tag(b'c');
                    self.text(call.id.as_str());
                    self.text(call.name.as_str());
                    self.text(call.arguments.as_str());
                    self.tag(if call.result.is_error { b'e' } else { b'r' });
                    self.parts(call.result.content.as_slice());
                }
            }
        }
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.tag(b'p');
                    self.text(text.as_str());
                }
                Part::Image { mime_type, data } => {
                    self.tag(b'i');
                    self.text(mime_type);
                    self.text(data);
                }
            }
        }
    }

    fn tag(&mut self, tag: u8) {
        self.0.update(&[tag]);
    }

    /// A text with its length, so that no two sequences of texts read alike.
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }
}
