//! Typed looks at the entries that are not messages. A field that is missing or of the wrong type reads as absent.

use std::borrow::Cow;

use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::json::{Fields, Raw, js_trim};
use crate::kind::Kind;

/// A summary that stands for what came before a boundary.
#[derive(Clone, Debug)]
pub struct CompactionView<'a> {
    /// The summary.
    pub summary: Cow<'a, str>,
    /// The first entry that is still shown; `None` or one that is not on the path means that none is.
    pub first_kept: Option<EntryId>,
    /// The size of the context before, in tokens.
    pub tokens_before: Option<u64>,
    /// The instructions and tools in force at the boundary (pi 0.87).
    pub system_message: Option<Raw<'a>>,
    /// What the summariser noted.
    pub details: Option<Raw<'a>>,
}

/// A summary of a branch that was left.
#[derive(Clone, Debug)]
pub struct BranchSummaryView<'a> {
    /// Where the branch began: an id, or `root`.
    pub from_id: Option<Cow<'a, str>>,
    /// The summary.
    pub summary: Cow<'a, str>,
}

/// Text of an extension, shown to the model.
#[derive(Clone, Debug)]
pub struct CustomMessageView<'a> {
    /// Whose it is.
    pub custom_type: Cow<'a, str>,
    /// What it says, as written.
    pub content: Option<Raw<'a>>,
    /// Whether a person is to see it.
    pub display: bool,
}

/// State of an extension.
#[derive(Clone, Debug)]
pub struct CustomView<'a> {
    /// Whose it is.
    pub custom_type: Cow<'a, str>,
    /// The state, as written.
    pub data: Option<Raw<'a>>,
}

/// A name given to an entry, or taken from it.
#[derive(Clone, Debug)]
pub struct LabelView<'a> {
    /// The entry.
    pub target: EntryId,
    /// The name; `None` takes it away.
    pub label: Option<Cow<'a, str>>,
}

/// A later change of what an earlier entry shows to the model.
#[derive(Clone, Debug)]
pub struct ContextEditView<'a> {
    /// The entry.
    pub target: EntryId,
    /// What becomes of it.
    pub replacement: Replacement<'a>,
}

/// What a context edit puts in an entry's place.
#[derive(Clone, Copy, Debug)]
pub enum Replacement<'a> {
    /// The entry is left out.
    Omit,
    /// Its content is replaced by this.
    Content(Raw<'a>),
    /// The edit says nothing that can be followed.
    Unreadable,
}

/// Which model answers from an entry on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelRef {
    /// The provider; empty if it was not said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// The model; empty if it was not said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model_id: String,
}

impl RawEntry {
    fn fields_of(&self, kind: &Kind) -> Option<Fields<'_>> {
        (self.kind() == kind).then(|| self.fields())
    }

    /// The compaction, if this is one.
    #[must_use]
    pub fn compaction(&self) -> Option<CompactionView<'_>> {
        let fields = self.fields_of(&Kind::Compaction)?;
        let written = fields.str("firstKeptEntryId").map(EntryId::new);
        Some(CompactionView {
            summary: fields.str("summary").unwrap_or_default(),
            first_kept: self.legacy().first_kept.clone().or(written),
            tokens_before: fields.get("tokensBefore").and_then(Raw::as_u64),
            system_message: fields.get("systemMessage").filter(|value| value.truthy()),
            details: fields.get("details"),
        })
    }

    /// The branch summary, if this is one.
    #[must_use]
    pub fn branch_summary(&self) -> Option<BranchSummaryView<'_>> {
        let fields = self.fields_of(&Kind::BranchSummary)?;
        Some(BranchSummaryView {
            from_id: fields.str("fromId"),
            summary: fields.str("summary").unwrap_or_default(),
        })
    }

    /// The extension's message, if this is one.
    #[must_use]
    pub fn custom_message(&self) -> Option<CustomMessageView<'_>> {
        let fields = self.fields_of(&Kind::CustomMessage)?;
        Some(CustomMessageView {
            custom_type: fields.str("customType").unwrap_or_default(),
            content: fields.get("content"),
            display: fields.get("display").is_some_and(Raw::truthy),
        })
    }

    /// The extension's state, if this is one.
    #[must_use]
    pub fn custom(&self) -> Option<CustomView<'_>> {
        let fields = self.fields_of(&Kind::Custom)?;
        Some(CustomView {
            custom_type: fields.str("customType").unwrap_or_default(),
            data: fields.get("data"),
        })
    }

    /// The label change, if this is one that names a target.
    #[must_use]
    pub fn label(&self) -> Option<LabelView<'_>> {
        let fields = self.fields_of(&Kind::Label)?;
        let target = EntryId::new(fields.str("targetId")?);
        Some(LabelView {
            target,
            label: fields.str("label").filter(|label| !label.is_empty()),
        })
    }

    /// The session's name, if this entry sets it: `Some(None)` clears it.
    #[must_use]
    pub fn session_name(&self) -> Option<Option<String>> {
        let fields = self.fields_of(&Kind::SessionInfo)?;
        let name = fields.str("name").unwrap_or_default();
        let name = js_trim(&name);
        Some((!name.is_empty()).then(|| name.to_owned()))
    }

    /// The context edit, if this is one that names a target.
    #[must_use]
    pub fn context_edit(&self) -> Option<ContextEditView<'_>> {
        let fields = self.fields_of(&Kind::ContextEdit)?;
        let target = EntryId::new(fields.str("targetId")?);
        let replacement = match fields.get("replacement") {
            Some(value) if value.is_null() => Replacement::Omit,
            Some(value) => {
                let content = value.fields().and_then(|fields| fields.get("content"));
                content.map_or(Replacement::Unreadable, Replacement::Content)
            }
            None => Replacement::Unreadable,
        };
        Some(ContextEditView {
            target,
            replacement,
        })
    }

    /// The thinking level, if this entry changes it.
    #[must_use]
    pub fn thinking_level(&self) -> Option<Cow<'_, str>> {
        self.fields_of(&Kind::ThinkingLevelChange)?
            .str("thinkingLevel")
    }

    /// The model, if this entry changes it.
    #[must_use]
    pub fn model_change(&self) -> Option<ModelRef> {
        let fields = self.fields_of(&Kind::ModelChange)?;
        Some(ModelRef {
            provider: fields.str("provider").unwrap_or_default().into_owned(),
            model_id: fields.str("modelId").unwrap_or_default().into_owned(),
        })
    }
}
