//! Why a turn failed, and the turn itself, handed back by the step that failed.

use latchwork_lock::ClaimLost;
use latchwork_session::{
    AcquireError, AppendError, ClaimError, EntryId, InboxError, ModelError, OpenError, SessionId,
    SyncError,
};

use crate::turn::{Over, Turn};

/// Why a turn failed. What had been said by then is kept where the variant says so, and the session can be used at once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnError {
    /// The message was not accepted. Sending it again with its key is safe.
    #[error(transparent)]
    Inbox(InboxError),
    /// Other writers held the session for too long. (Contention.)
    #[error(transparent)]
    Busy(AcquireError),
    /// The session cannot be locked.
    #[error(transparent)]
    Lock(AcquireError),
    /// Another turn of the session is under way. The message is accepted and waits. (Contention.)
    #[error(transparent)]
    Claimed(ClaimError),
    /// The session cannot be claimed.
    #[error(transparent)]
    Claim(ClaimError),
    /// The turn was taken over. What it had said is kept on its own branch. (Contention.)
    #[error(
        "this turn of session {session} is over{}",
        kept.as_ref().map(|id| format!("; what it had said is kept as entry {id}, beside the active branch")).unwrap_or_default()
    )]
    Superseded {
        /// The session.
        session: SessionId,
        /// The entry that keeps what was said, if something was.
        kept: Option<EntryId>,
        /// Who took it over, and why.
        #[source]
        lost: Box<ClaimLost>,
    },
    /// A write met something that changed under it, again and again. (Contention.)
    #[error(transparent)]
    Conflict(AppendError),
    /// The session cannot be read.
    #[error(transparent)]
    Store(OpenError),
    /// The session cannot be written.
    #[error(transparent)]
    Write(AppendError),
    /// The reply is written, but nobody can say what it survives. No tool was run.
    #[error(transparent)]
    Unconfirmed(SyncError),
    /// The model did not answer, or not to the end. Words that had come are kept.
    #[error(transparent)]
    Model(ModelError),
    /// The prompt is too long, and it could not be made short enough. Nothing was asked.
    #[error(
        "the prompt of session {session} has about {estimated_tokens} tokens, and {token_budget} are allowed: \
         compact the session, raise the budget, or choose a model with a larger window"
    )]
    TooLong {
        /// The session.
        session: SessionId,
        /// Our estimate of the prompt.
        estimated_tokens: u64,
        /// The most that it may have.
        token_budget: u64,
    },
    /// The model wanted tools again and again.
    #[error(
        "session {session}: the model was asked {rounds} times in this turn and still wants tools; the turn is ended"
    )]
    TooManyRounds {
        /// The session.
        session: SessionId,
        /// How often it was asked.
        rounds: u32,
    },
    /// The turn was cancelled by us.
    #[error("the turn of session {session} was interrupted{}", if *.kept { "; what was said is kept" } else { "" })]
    Cancelled {
        /// The session.
        session: SessionId,
        /// Something had been said, and is kept.
        kept: bool,
    },
    /// Something that a model or a tool said cannot be written as JSON.
    #[error("session {session}: {doing} cannot be written as JSON")]
    Unwritable {
        /// The session.
        session: SessionId,
        /// What was to be written.
        doing: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl TurnError {
    /// Somebody else was at work on the session. It says nothing about the provider, and asking another one is no
    /// remedy; trying again later may be.
    #[must_use]
    pub const fn is_contention(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::Claimed(_) | Self::Superseded { .. } | Self::Conflict(_)
        )
    }

    /// The turn was cancelled by us, and that is all.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// Whether the same write may succeed if it is tried again at once.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Conflict(_))
    }

    pub(crate) fn of_acquire(error: AcquireError) -> Self {
        match error {
            AcquireError::Busy { .. } => Self::Busy(error),
            other => Self::Lock(other),
        }
    }

    pub(crate) fn of_claim(error: ClaimError) -> Self {
        match error {
            ClaimError::Claimed { .. } => Self::Claimed(error),
            other => Self::Claim(other),
        }
    }

    pub(crate) fn of_append(session: &SessionId, error: AppendError) -> Self {
        match error {
            AppendError::Superseded(lost) => Self::Superseded {
                session: session.clone(),
                kept: None,
                lost,
            },
            AppendError::GuardLost { .. }
            | AppendError::Stale { .. }
            | AppendError::Replaced { .. }
            | AppendError::Latched { .. } => Self::Conflict(error),
            other => Self::Write(other),
        }
    }
}

/// The error and all its causes, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

/// A step failed; the turn is as it was before it, so nothing that a model said is lost.
#[derive(Debug)]
pub struct Failed<P> {
    /// Why.
    pub error: TurnError,
    /// The turn, to try the step again or to [close](Turn::close) it.
    pub turn: Box<Turn<P>>,
}

impl<P> Failed<P> {
    pub(crate) fn new(error: TurnError, turn: Turn<P>) -> Self {
        Self {
            error,
            turn: Box::new(turn),
        }
    }

    /// Gives the turn up: it can only be closed then.
    #[must_use]
    pub fn over(self) -> Failed<Over>
    where
        P: Into<Over>,
    {
        Failed {
            error: self.error,
            turn: Box::new(self.turn.over()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TurnError, chain};
    use latchwork_lock::ClaimLost;
    use latchwork_session::{AcquireError, AppendError, ModelError, SessionId};
    use std::time::Duration;

    fn session() -> SessionId {
        SessionId::new("s").unwrap()
    }

    #[test]
    fn contention_is_a_class_of_its_own_and_never_a_providers_failure() {
        let busy = AcquireError::Busy {
            session: session(),
            what: "the latch".into(),
            holder: None,
            waited: Duration::ZERO,
        };
        let lost = ClaimLost::new("s".into(), 1, None, Some("newer".into()));
        let contention = [
            TurnError::of_acquire(busy),
            TurnError::of_append(&session(), AppendError::Superseded(Box::new(lost))),
            TurnError::of_append(&session(), AppendError::Latched { session: session() }),
        ];
        for error in contention {
            assert!(error.is_contention(), "{error:?}");
        }
        let provider = TurnError::Model(ModelError::Cancelled {
            provider: "p".into(),
        });
        assert!(!provider.is_contention());
        assert!(
            !TurnError::of_append(&session(), AppendError::NoSession { session: session() })
                .is_contention()
        );
    }

    #[test]
    fn a_take_over_names_who_and_why_once() {
        let lost = ClaimLost::new("s".into(), 4, None, Some("deploy".into()));
        let error = TurnError::of_append(&session(), AppendError::Superseded(Box::new(lost)));
        let words = chain(&error);
        assert_eq!(words.matches("deploy").count(), 1, "{words}");
        assert!(words.contains("epoch 4"), "{words}");
    }
}
