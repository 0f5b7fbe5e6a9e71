//! A model's reply that a source keeps in several lines, put together again.
//!
//! What comes between those lines and belongs to nothing waits behind the reply, so that the order stays the same
//! however far the source had been written when it was read.

use latchwork_format::Body;
use latchwork_format::json::Raw;

use crate::build::{List, Obj, Tokens};
use crate::item::{Follows, Item, ItemKind};
use crate::key::digits;
use crate::out::{From, Out, Said, message};

/// A reply is closed when it has grown beyond this, so that it fits an entry.
const REPLY_BYTES_MAX: usize = 32 << 20;
/// As much may wait behind it.
const BEHIND_MAX: usize = 64;

/// A reply that may still grow.
pub(crate) struct Reply {
    /// What the source calls it, if it does.
    pub(crate) name: Option<String>,
    pub(crate) number: u64,
    pub(crate) follows: Follows,
    pub(crate) side: bool,
    pub(crate) api: &'static str,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) at_ms: Option<i64>,
    pub(crate) usage: Option<Tokens>,
    pub(crate) stop: Option<&'static str>,
    /// What went wrong, where the reply is but that.
    pub(crate) error: Option<String>,
    /// Where its first line and its last line stand, by the source's names.
    first: String,
    last: String,
    lines: (u64, u64),
    content: Option<blake3::Hasher>,
    blocks: List,
    calls: usize,
    behind: Vec<(Item, String)>,
}

impl Reply {
    /// A reply that begins at a line of this name. `by_content`: its content is part of its key.
    pub(crate) fn new(number: u64, follows: Follows, first: &From) -> Self {
        Self {
            name: None,
            number,
            follows,
            side: false,
            api: "",
            provider: String::new(),
            model: String::new(),
            at_ms: None,
            usage: None,
            stop: None,
            error: None,
            first: first.place.clone(),
            last: first.place.clone(),
            lines: first.lines,
            content: first.content.as_ref().map(|_| blake3::Hasher::new()),
            blocks: List::default(),
            calls: 0,
            behind: Vec::new(),
        }
    }

    /// A line of the source belongs to it.
    pub(crate) fn add_line(&mut self, from: &From) {
        self.last.clone_from(&from.place);
        self.lines.1 = from.lines.1;
        if let (Some(hash), Some(content)) = (&mut self.content, &from.content) {
            hash.update(content.as_bytes());
        }
    }

    pub(crate) fn add_block(&mut self, block: &str) {
        self.blocks.push(block);
    }

    pub(crate) fn add_call(&mut self, block: &str) {
        self.calls += 1;
        self.blocks.push(block);
    }

    /// Whether it has grown enough.
    pub(crate) fn is_full(&self) -> bool {
        self.blocks.bytes() > REPLY_BYTES_MAX || self.behind.len() >= BEHIND_MAX
    }

    /// Whether tools are called in it.
    pub(crate) const fn has_calls(&self) -> bool {
        self.calls > 0
    }

    /// Something that belongs to nothing came in between.
    pub(crate) fn keep_behind(&mut self, item: Option<Item>, name: &str) {
        self.behind.extend(item.map(|item| (item, name.to_owned())));
    }

    /// It is whole.
    pub(crate) fn close(self, out: &mut Out) {
        let place = match self.first == self.last {
            true => self.first.clone(),
            false => format!("{}/{}", self.first, self.last),
        };
        let content = self.content.as_ref().map(|hash| digits(&hash.finalize()));
        let from = From {
            place,
            content,
            lines: self.lines,
        };
        if let Some(body) = self.body() {
            let said = Said {
                kind: ItemKind::Assistant,
                number: self.number,
                follows: self.follows,
                side: self.side,
                body,
            };
            out.say(&from, said);
        }
        for (item, name) in self.behind {
            out.give_kept(Some(item), &name);
        }
    }

    fn body(&self) -> Option<Body> {
        let stop = self.stop.unwrap_or(match self.calls {
            0 => "stop",
            _ => "toolUse",
        });
        let mut reply = Obj::new()
            .str("role", "assistant")
            .raw("content", &self.blocks.end())
            .str("api", self.api)
            .str("provider", &self.provider)
            .str("model", &self.model)
            .raw("usage", &self.usage.unwrap_or_default().to_json())
            .str("stopReason", stop);
        if let Some(error) = &self.error {
            reply = reply.str("errorMessage", error);
        }
        message(reply.time(self.at_ms).end())
    }
}

/// A block of what a model thought, with its seal.
pub(crate) fn thinking_block(text: &str, seal: Option<&str>) -> String {
    let block = Obj::of("thinking").raw("thinking", text);
    match seal {
        Some(seal) => block.raw("thinkingSignature", seal).end(),
        None => block.end(),
    }
}

/// A block of what a model thought and that is withheld: only the seal is there.
pub(crate) fn withheld_block(seal: Raw<'_>) -> String {
    Obj::of("thinking")
        .str("thinking", "")
        .raw("thinkingSignature", seal.text())
        .raw("redacted", "true")
        .end()
}
