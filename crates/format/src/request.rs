//! A conversation as a model can be asked with it: whatever the context holds, the projection is valid.
//!
//! What providers refuse cannot be expressed: a call carries its result, a turn has something in it, text is
//! not blank, ids are unique, a seal stands only where it came from. [`project`] makes one of any context and
//! reports what it had to change ([`ProjectionReport`]).
//!
//! [`wire`] makes a provider's JSON of it. How to open and to end is decided there: a conversation may begin and end with
//! an assistant's turn, if the branch does.
//!
//! A seal is opaque: what it depends on is not known. So it is kept only for the provider, model and protocol that set it,
//! and only if the conversation before it is, to the byte, the one that the model was shown ([`Conversation::prefix`], which
//! the writer of a reply notes in the message as `latchwork.prefix`). A reply without the note is a peer's; for it pi's
//! rule holds, which asks for provider, model and protocol.
//!
//! Not here: how long a conversation may be, and how large an image.

mod part;
mod prefix;
mod project;
mod report;
mod system;
mod turn;
pub mod wire;
mod words;

use serde_json::value::RawValue;

use crate::id::EntryId;

pub use part::{NonEmpty, Part, Words};
pub use prefix::Prefix;
pub use project::project;
pub use report::{Adjustment, Change, ProjectionReport};

/// Who is to be asked. Seals of any other are foreign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The protocol, in pi's names, such as `openai-completions`.
    pub api: String,
    /// Whether it takes images. Where it does not, a sentence stands for each.
    pub images: bool,
}

impl Target {
    /// A target that takes images.
    pub fn new(
        provider: impl Into<String>,
        model: impl Into<String>,
        api: impl Into<String>,
    ) -> Self {
        Target {
            provider: provider.into(),
            model: model.into(),
            api: api.into(),
            images: true,
        }
    }

    /// Whether it takes an image of that form; a protocol that we do not know is trusted to take any.
    #[must_use]
    pub fn takes(&self, mime_type: &str) -> bool {
        self.images && wire::images_of(&self.api).is_none_or(|forms| forms.contains(&mime_type))
    }

    /// Whether what it marks as its own may depend on what came before. Chat Completions have no seals: what stands
    /// there in a seal's place is the name of the field that thinking came in.
    #[must_use]
    pub fn seals_a_prefix(&self) -> bool {
        self.api != "openai-completions"
    }
}

/// A valid conversation.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The standing instructions that the session itself holds.
    pub system: Option<String>,
    /// What was said, in order.
    pub exchanges: Vec<Exchange>,
}

/// One turn of the conversation.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// Something told to the model. Several may follow each other.
    User(UserTurn),
    /// Something the model said or did, with what came of it.
    Assistant(AssistantTurn),
}

/// Something told to the model.
#[derive(Clone, Debug)]
pub struct UserTurn {
    /// What was said.
    pub parts: NonEmpty<Part>,
    /// The entry that it comes from.
    pub source: Option<EntryId>,
}

/// Something the model said or did. Holds at least one text or call.
#[derive(Clone, Debug)]
pub struct AssistantTurn {
    items: NonEmpty<Item>,
    /// The entry that it comes from.
    pub source: Option<EntryId>,
}

impl AssistantTurn {
    /// A turn of these items; `None` if there is neither a text nor a call among them.
    #[must_use]
    pub fn new(items: Vec<Item>, source: Option<EntryId>) -> Option<Self> {
        let substantial = items
            .iter()
            .any(|item| !matches!(item, Item::Block(Block::Thinking(_))));
        let items = NonEmpty::new(items).filter(|_| substantial)?;
        Some(AssistantTurn { items, source })
    }

    /// Everything in the order in which it was said.
    #[must_use]
    pub fn items(&self) -> &NonEmpty<Item> {
        &self.items
    }

    /// Text and thinking, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.items.iter().filter_map(|item| match item {
            Item::Block(block) => Some(block),
            Item::Call(_) => None,
        })
    }

    /// The calls with their results, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.items.iter().filter_map(|item| match item {
            Item::Call(call) => Some(call),
            Item::Block(_) => None,
        })
    }
}

/// One thing in an assistant's turn.
#[derive(Clone, Debug)]
pub enum Item {
    /// Something said or thought.
    Block(Block),
    /// Something done.
    Call(Call),
}

/// Something said or thought.
#[derive(Clone, Debug)]
pub enum Block {
    /// Text for the user.
    Text {
        /// The text.
        text: Words,
        /// The target's own mark on it.
        signature: Option<String>,
    },
    /// Reasoning.
    Thinking(Thinking),
}

/// Reasoning: readable, sealed, or both.
#[derive(Clone, Debug)]
pub enum Thinking {
    /// Readable only; it comes from another model, or carries no seal.
    Plain(Words),
    /// Sealed by the target itself, to be handed back as it is.
    Sealed {
        /// What is readable of it; may be empty.
        text: String,
        /// The seal.
        signature: Words,
        /// Whether the text is withheld.
        redacted: bool,
    },
}

/// A tool call and what came of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The id; unique in the conversation.
    pub id: Words,
    /// The tool.
    pub name: Words,
    /// The arguments: a JSON object that every reader accepts.
    pub arguments: Arguments,
    /// The target's own mark on the call.
    pub signature: Option<String>,
    /// What came of it.
    pub result: CallResult,
}

/// A tool call's arguments: the text of one JSON object without lone surrogates, infinite numbers or bottomless nesting.
#[derive(Clone, Debug)]
pub struct Arguments(Box<RawValue>);

impl Arguments {
    /// The object's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The object as it can be embedded into a request.
    #[must_use]
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// What the tool said.
    pub content: NonEmpty<Part>,
    /// Whether it failed.
    pub is_error: bool,
    /// Whether it is recorded at all.
    pub outcome: Outcome,
    /// The entry that it comes from.
    pub source: Option<EntryId>,
}

/// Whether a call's outcome is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Known,
    /// It is not: the call may or may not have run.
    Unknown,
}
