//! One entry to be: its key, what it follows, and what it says.

use latchwork_format::{Body, EntryId};

/// The custom type of an entry that keeps what has no place in the format. No model is shown it.
pub const RAW: &str = "latchwork.import.raw";

/// What an item is, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ItemKind {
    /// A user's message.
    User,
    /// A model's reply.
    Assistant,
    /// What a tool answered.
    ToolResult,
    /// A summary that stands for what came before.
    Compaction,
    /// A model, a level of thinking or a name that was set.
    Setting,
    /// An entry that the source keeps in this very format.
    Entry,
    /// Kept, and shown to no model.
    Raw,
}

impl ItemKind {
    /// Its name in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::ToolResult => "toolResult",
            Self::Compaction => "compaction",
            Self::Setting => "setting",
            Self::Entry => "entry",
            Self::Raw => "raw",
        }
    }
}

/// What an item stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing: it begins a conversation.
    Nothing,
    /// The item of this number.
    Item(u64),
    /// Wherever it is put: it says nothing in the conversation, and nothing follows it.
    Anything,
}

/// One entry to be.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name: the same whenever this source is read, and no other item's.
    pub key: String,
    /// What it is.
    pub kind: ItemKind,
    /// The number that others follow it by; from 0, in the order of the source.
    pub number: Option<u64>,
    /// What it stands behind.
    pub follows: Follows,
    /// It belongs to a conversation beside the main one, such as a helper's.
    pub side: bool,
    /// The lines (or rows) of the source that it is made of, the first and the last.
    pub lines: (u64, u64),
    /// What it says.
    pub body: Body,
    /// Fields of `body` that name other items, and the numbers of those.
    pub(crate) refers: Vec<(&'static str, u64)>,
}

impl Item {
    /// What it says, with the ids of the entries that it names. `None` where one of them is not known.
    pub fn body_with(&self, mut id_of: impl FnMut(u64) -> Option<EntryId>) -> Option<Body> {
        let mut body = self.body.clone();
        for (field, number) in &self.refers {
            let id = id_of(*number)?;
            if let Body::Raw(object) = &body {
                body = Body::Raw(object.with_str(field, id.as_str()));
            }
        }
        Some(body)
    }

    /// The source's own name for what is kept raw; `None` for anything else.
    #[must_use]
    pub fn raw_name(&self) -> Option<String> {
        match (&self.body, self.kind) {
            (Body::Raw(object), ItemKind::Raw) => object.object("data")?.str("type"),
            _ => None,
        }
    }

    /// The numbers of the items that it names.
    pub fn refers(&self) -> impl Iterator<Item = u64> {
        self.refers.iter().map(|(_, number)| *number)
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        256 + match &self.body {
            Body::Message(message) => message.get().len(),
            Body::Raw(object) => object.text().len(),
            Body::Compaction { summary, .. } => summary.len(),
            _ => 0,
        }
    }
}
