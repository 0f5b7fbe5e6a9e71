//! What a turn did, in figures and names.

use latchwork_session::{EntryId, Level, Usage};
use serde::{Deserialize, Serialize};

use crate::PlacedAs;

/// What a turn did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnReport {
    /// The turn.
    pub turn: String,
    /// How it ended.
    pub end: TurnEnd,
    /// What the model said to the user, in its last reply.
    pub text: String,
    /// The entries that the turn wrote, in order.
    pub entries: Vec<EntryId>,
    /// Where its last reply went; `None` if there is none.
    pub outcome: Option<PlacedAs>,
    /// Tokens of all its requests together.
    pub usage: Usage,
    /// How often a model was asked.
    pub rounds: u32,
    /// How many tool calls have an outcome of this turn.
    pub tool_calls: u32,
    /// What it held.
    pub guard: GuardFigures,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
    /// Accepted messages that are not answered yet; `None` if it was not found out.
    pub waiting: Option<usize>,
    /// What its entries survive; `None` if that was never confirmed, or nothing was written.
    pub saved_through: Option<Level>,
    /// The engine's maintenance is due, as a job of its own.
    pub maintenance_due: bool,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum TurnEnd {
    /// The model had its say.
    Completed,
    /// There was nothing to answer.
    Nothing,
    /// The message was answered by an earlier turn; the report's text is that answer.
    AlreadyAnswered {
        /// The entry that answers it.
        by: EntryId,
    },
    /// Another turn is under way; the message waits in the inbox.
    Queued,
    /// The active branch was replaced meanwhile; what this turn said is kept on its own branch.
    Replaced {
        /// Why.
        why: String,
    },
    /// The turn was given up, as another one asked for it. What was said is recorded; what is not answered is answered by
    /// that one.
    HandedOver {
        /// Who asked, in words.
        to: String,
        /// The turn that comes next.
        turn: String,
        /// Why.
        reason: String,
    },
    /// It failed; the error says why.
    Failed,
}

/// What was held, and how long was waited for it. An engine's own rewrites are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardFigures {
    /// How often a guard was held.
    pub taken: u32,
    /// How long guards were held together, in milliseconds.
    pub held_ms: f64,
    /// The longest hold, in milliseconds.
    pub longest_hold_ms: f64,
    /// The longest wait for a guard, in milliseconds.
    pub longest_wait_ms: f64,
}
