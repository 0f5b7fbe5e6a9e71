//! What a projection had to change, so that nothing is changed in silence.

use crate::id::EntryId;

/// Everything that a projection changed, in the order in which it was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectionReport {
    /// The changes.
    pub adjustments: Vec<Adjustment>,
}

impl ProjectionReport {
    /// Whether the context was valid as it stood.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.adjustments.is_empty()
    }

    /// How often a change was made.
    #[must_use]
    pub fn count(&self, change: &Change) -> usize {
        self.adjustments
            .iter()
            .filter(|adjustment| adjustment.change == *change)
            .count()
    }

    pub(super) fn note(&mut self, source: Option<&EntryId>, change: Change) {
        self.adjustments.push(Adjustment {
            source: source.cloned(),
            change,
        });
    }
}

/// One change, and the entry that it was made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The entry.
    pub source: Option<EntryId>,
    /// What was done.
    pub change: Change,
}

/// What a projection does to make a conversation valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A call without a result was given one that says so.
    OutcomeUnknown,
    /// A result without a call was left out.
    OrphanResult,
    /// A second result of the same call was left out.
    DuplicateResult,
    /// A result was moved to its call, over other messages.
    MovedResult,
    /// A call that cannot be understood, or that broke off before it ran, was left out.
    DroppedCall,
    /// A call was given another id, as an earlier one has it.
    RenamedCall,
    /// A call's arguments were rewritten, as not every reader accepts them.
    RewrittenArguments,
    /// Another model's seal was left out.
    ForeignSignature,
    /// The model's own seals were left out, as what stood before the reply is not what the model was shown.
    StalePrefix,
    /// Reasoning that cannot be handed on was left out.
    DroppedThinking,
    /// A block without anything in it was left out.
    EmptyBlock,
    /// A message without anything in it was left out.
    EmptyMessage,
    /// A sentence stands for an image, as the model takes none, or none of that form, or its data are no base64.
    ReplacedImage,
    /// A copy of what was delivered elsewhere was left out: no model said it here.
    Mirror,
    /// A block or a message of a kind we do not know was left out.
    Unknown,
}
