//! What the model is shown of a branch: messages in order, the model, the thinking level.
//!
//! Exactly what pi 0.87's `buildSessionContext` gives: the last compaction's summary stands for what came
//! before its boundary, later edits change what earlier entries show, extensions' messages and branch
//! summaries take their place. Messages keep the text they were written in.
//!
//! Not here: what a provider accepts. A context may hold calls without results; [`crate::request`] sees to that.

mod build;

use std::fmt;
use std::ops::Range;

use serde::ser::{Error as _, SerializeStruct as _};
use serde_json::value::RawValue;

use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::json::Raw;
use crate::kind::{Kind, Role};
use crate::message::MessageView;
use crate::transcript::Transcript;
use crate::views::ModelRef;

/// The context at `leaf`, or at the transcript's own leaf if none is given or there is no such entry.
#[must_use]
pub fn context(transcript: &Transcript, leaf: Option<&EntryId>) -> Context {
    let branch = leaf
        .or_else(|| transcript.leaf())
        .and_then(|leaf| transcript.branch(leaf));
    match branch.or_else(|| transcript.branch(transcript.leaf()?)) {
        Some(branch) => Context::of_part(transcript.above(), branch),
        None => Context::default(),
    }
}

/// What the model is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The messages, oldest first.
    pub messages: Vec<ContextMessage>,
    /// How hard the model is to think; `off` where nothing was said.
    pub thinking_level: String,
    /// The model that answered or was chosen last.
    pub model: Option<ModelRef>,
}

impl Default for Context {
    /// The context before the first entry.
    fn default() -> Self {
        Context {
            messages: Vec::new(),
            thinking_level: String::from("off"),
            model: None,
        }
    }
}

impl Context {
    /// The context of a branch, given from its root to its leaf.
    #[must_use]
    pub fn of_branch<'a>(branch: impl IntoIterator<Item = &'a RawEntry>) -> Self {
        Context::of_part([], branch)
    }

    /// The context of a branch of which a part was read: from the root or from what its last compaction shows, to its leaf.
    /// `above` are entries further up, root first, of which only the thinking level and the model are taken.
    #[must_use]
    pub fn of_part<'a>(
        above: impl IntoIterator<Item = &'a RawEntry>,
        part: impl IntoIterator<Item = &'a RawEntry>,
    ) -> Self {
        let above: Vec<_> = above.into_iter().collect();
        build::build(&above, &part.into_iter().collect::<Vec<_>>())
    }

    /// The entry behind each message; `None` for a message that stands in no entry.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Option<&EntryId>> {
        self.messages.iter().map(ContextMessage::source)
    }

    /// What the messages weigh, by [`estimate_tokens`](crate::estimate_tokens).
    #[must_use]
    pub fn estimate_tokens(&self) -> u64 {
        self.messages
            .iter()
            .filter_map(ContextMessage::view)
            .map(|view| crate::estimate_tokens(&view))
            .sum()
    }
}

impl serde::Serialize for Context {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Context", 3)?;
        object.serialize_field("messages", &self.messages)?;
        object.serialize_field("thinkingLevel", &self.thinking_level)?;
        object.serialize_field("model", &self.model)?;
        object.end()
    }
}

/// One message of a context. Cheap to clone where it is an entry's own.
#[derive(Clone)]
pub struct ContextMessage {
    source: Option<EntryId>,
    text: Text,
}

#[derive(Clone)]
enum Text {
    /// As it stands in an entry's line.
    Entry(RawEntry, Range<usize>),
    /// Made of an entry, or given.
    Own(std::sync::Arc<str>),
}

impl ContextMessage {
    /// A message that is not, or not quite, what an entry holds. It must be an object to be of use.
    #[must_use]
    pub fn new(source: Option<EntryId>, message: &RawValue) -> Self {
        ContextMessage::own(source, message.get())
    }

    fn own(source: Option<EntryId>, text: impl Into<std::sync::Arc<str>>) -> Self {
        ContextMessage {
            source,
            text: Text::Own(text.into()),
        }
    }

    /// A part of an entry's line.
    fn part(entry: &RawEntry, part: Raw<'_>) -> Self {
        let start = part
            .text()
            .as_ptr()
            .addr()
            .saturating_sub(entry.text().as_ptr().addr());
        let range = start..start + part.text().len();
        ContextMessage {
            source: Some(entry.id().clone()),
            text: Text::Entry(entry.clone(), range),
        }
    }

    /// The entry that it comes from.
    #[must_use]
    pub fn source(&self) -> Option<&EntryId> {
        self.source.as_ref()
    }

    /// The entry whose own message this is, unchanged.
    #[must_use]
    pub fn entry(&self) -> Option<&RawEntry> {
        match &self.text {
            Text::Entry(entry, _) if matches!(entry.kind(), Kind::Message(_)) => Some(entry),
            _ => None,
        }
    }

    /// The message as JSON, in the bytes it was written in.
    #[must_use]
    pub fn json(&self) -> Raw<'_> {
        Raw::trusted(match &self.text {
            Text::Entry(entry, range) => entry.text().get(range.clone()).unwrap_or("null"),
            Text::Own(text) => text,
        })
    }

    /// The message, typed; `None` if it is no object.
    #[must_use]
    pub fn view(&self) -> Option<MessageView<'_>> {
        MessageView::new(self.json())
    }

    /// Who it is from.
    #[must_use]
    pub fn role(&self) -> Role {
        self.view()
            .map_or(Role::Other("".into()), |view| view.role().clone())
    }
}

impl PartialEq for ContextMessage {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.json() == other.json()
    }
}

impl fmt::Debug for ContextMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextMessage")
            .field("source", &self.source)
            .field("json", &self.json())
            .finish()
    }
}

impl serde::Serialize for ContextMessage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue =
            serde_json::from_str(self.json().text()).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}
