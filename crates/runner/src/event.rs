//! What a turn tells while it runs. Events are told, never waited for: a subscriber cannot slow a turn down by
//! awaiting, nor make it fail.

use latchwork_session::{Outcome, ToolStatus};
use serde::{Deserialize, Serialize};

use crate::TurnReport;

/// Watches a turn. The call returns at once; whoever has more to do hands the event to a queue.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn event(&self, event: &TurnEvent);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn event(&self, _event: &TurnEvent) {}
}

impl<F: Fn(&TurnEvent) + Send + Sync> Watch for F {
    fn event(&self, event: &TurnEvent) {
        self(event);
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnEvent {
    /// Counts the events of the turn, from 1.
    pub seq: u64,
    /// Milliseconds since the turn began, on the monotonic clock.
    pub ms: f64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum What {
    /// A phase began.
    PhaseStarted {
        /// Which.
        phase: TurnPhase,
    },
    /// A phase is over, well or not.
    PhaseEnded {
        /// Which.
        phase: TurnPhase,
        /// How long it took, in milliseconds.
        took_ms: f64,
    },
    /// A guard is asked for.
    GuardWaiting {
        /// For which phase.
        phase: TurnPhase,
    },
    /// A guard is held.
    GuardTaken {
        /// For which phase.
        phase: TurnPhase,
        /// How long it was waited for, in milliseconds.
        waited_ms: f64,
    },
    /// The guard is given back.
    GuardReleased {
        /// Which phase had it.
        phase: TurnPhase,
        /// How long it was held, in milliseconds.
        held_ms: f64,
    },
    /// The message is durable in the inbox.
    Accepted {
        /// Its key.
        key: String,
        /// It was there already; the first text counts.
        already: bool,
    },
    /// More of the answer.
    Text {
        /// The next words.
        text: String,
    },
    /// More of the model's thinking.
    Thinking {
        /// The next words.
        text: String,
    },
    /// A tool began to run.
    ToolStarted {
        /// The id of the call.
        id: String,
        /// The tool.
        name: String,
    },
    /// A tool has ended.
    ToolEnded {
        /// The id of the call.
        id: String,
        /// The tool.
        name: String,
        /// How.
        status: ToolEnd,
    },
    /// Entries are written.
    Recorded {
        /// Their ids, in order.
        ids: Vec<String>,
        /// Where they went.
        outcome: PlacedAs,
    },
    /// Somebody asks for the turn: it ends at this boundary.
    AskedToYield {
        /// Who, in words.
        by: String,
        /// The turn that comes next.
        turn: String,
        /// Why.
        reason: String,
    },
    /// Accepted messages that this turn has not answered.
    Waiting {
        /// How many.
        n: usize,
    },
    /// Something went wrong that does not end the turn.
    Warning {
        /// What, in a sentence.
        text: String,
    },
    /// The turn is over.
    Ended {
        /// What it did.
        report: Box<TurnReport>,
        /// Why it failed, if it did: the error and its causes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// A phase of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TurnPhase {
    /// The message becomes durable in the inbox.
    Admit,
    /// The turn becomes this one's.
    Claim,
    /// Recover, place messages, take the snapshot.
    Prepare,
    /// The engine chooses what the model is shown.
    Assemble,
    /// The model speaks.
    Ask,
    /// The reply is committed.
    Record,
    /// Tools run.
    Act,
    /// Answered messages are retired, figures are kept.
    Settle,
    /// The engine tidies up.
    Maintain,
    /// The claim is given back.
    Close,
}

/// How a tool's call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ToolEnd {
    /// As asked.
    Ok,
    /// With an error that the model sees.
    Error,
    /// It was interrupted.
    Aborted,
    /// Nobody knows.
    Unknown,
}

impl From<ToolStatus> for ToolEnd {
    fn from(status: ToolStatus) -> Self {
        match status {
            ToolStatus::Ok => Self::Ok,
            ToolStatus::Error => Self::Error,
            ToolStatus::Aborted => Self::Aborted,
            _ => Self::Unknown,
        }
    }
}

/// Where a commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum PlacedAs {
    /// Onto its base.
    Clean,
    /// After what had come in between.
    Rebased,
    /// Onto its base, as somebody had spoken in between.
    Diverged,
    /// Beside the active branch, which was replaced.
    Aside,
}

impl From<&Outcome> for PlacedAs {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Rebased { .. } => Self::Rebased,
            Outcome::Diverged { .. } => Self::Diverged,
            Outcome::Aside { .. } => Self::Aside,
            _ => Self::Clean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TurnEvent, TurnPhase, What};

    #[test]
    fn an_event_is_one_flat_json_object_and_reads_back() {
        let event = TurnEvent {
            seq: 3,
            ms: 1.5,
            what: What::GuardTaken {
                phase: TurnPhase::Record,
                waited_ms: 0.25,
            },
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"seq":3,"ms":1.5,"type":"guardTaken","phase":"record","waitedMs":0.25}"#
        );
        assert_eq!(serde_json::from_str::<TurnEvent>(&text).unwrap(), event);
    }
}
