//! The seam of mutual exclusion: guards for phases, claims for turns.
//!
//! A guard keeps out other writers of one session for milliseconds and waits for them likewise, so asking for
//! one needs the scope only. A claim keeps out other turns for as long as a model thinks, so waiting for one
//! needs the proof that nothing is held. Deliberately absent: taking a guard from a live holder.

use std::error::Error;
use std::time::Duration;

use latchwork_format::SessionId;
use latchwork_lock::{Asker, Holder, LockScope, Phase, PhaseGuard, TurnClaim, Unlocked, Wait};

use crate::TurnId;

/// What a guard is asked for.
#[derive(Clone, Debug)]
pub struct GuardAsk<'s> {
    /// The session to write.
    pub session: &'s SessionId,
    /// What for.
    pub phase: Phase,
    /// The claim of the turn whose writes these are; `None` for a side writer. While the guard lives, the
    /// claim is borrowed, and each write is checked against its fence.
    pub claim: Option<&'s TurnClaim>,
    /// How long to wait for other writers, all steps together.
    pub wait: Wait,
}

impl<'s> GuardAsk<'s> {
    /// For a writer beside the turn.
    #[must_use]
    pub const fn side(session: &'s SessionId, phase: Phase, wait: Wait) -> Self {
        Self {
            session,
            phase,
            claim: None,
            wait,
        }
    }

    /// For a turn.
    #[must_use]
    pub const fn turn(
        session: &'s SessionId,
        claim: &'s TurnClaim,
        phase: Phase,
        wait: Wait,
    ) -> Self {
        Self {
            session,
            phase,
            claim: Some(claim),
            wait,
        }
    }
}

/// What a claim is asked for.
#[derive(Clone, Debug)]
pub struct ClaimAsk<'s> {
    /// The session whose turn is wanted.
    pub session: &'s SessionId,
    /// The turn that asks.
    pub turn: &'s TurnId,
    /// What to do about a turn that is under way.
    pub if_claimed: IfClaimed,
}

/// What to do about a turn that is under way.
#[derive(Clone, Debug)]
pub enum IfClaimed {
    /// Wait for its end, this long.
    Wait(Wait),
    /// Ask its holder to yield, and take the turn over if it does not.
    HandOver(HandOver),
    /// Take the turn over. The old holder's next write fails and tells it the reason.
    TakeOver(TakeOver),
}

/// A wish that somebody else's turn be given up in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Shown to the holder, and recorded.
    pub reason: String,
    /// How long the holder has; then the turn is taken over for the same reason.
    pub grace: Duration,
}

/// A wish to end somebody else's turn. Its guard, if it holds one, is not touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// Recorded, and shown to the old holder.
    pub reason: String,
}

/// Somebody asks the holder of a claim to yield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedToYield {
    /// Who asks.
    pub by: Holder,
    /// The turn that is to come next.
    pub turn: TurnId,
    /// Why.
    pub reason: String,
}

/// What is held of a session at the moment, for people. It may be out of date when it is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WhatIsHeld {
    /// Who writes.
    pub guard: Option<Holder>,
    /// Whose turn it is.
    pub claim: Option<Holder>,
    /// Who asks for the turn, if the backend can tell.
    pub asker: Option<Asker>,
}

/// No guard. Nothing is held, nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// Somebody else writes, and the wait is over.
    #[error("session {session} is busy: {what} is held by {}; waited {} ms", holder.as_ref().map_or_else(|| "another writer".to_owned(), ToString::to_string), waited.as_millis())]
    Busy {
        /// The session.
        session: SessionId,
        /// What could not be had, by name.
        what: String,
        /// Who holds it, as far as it is known.
        holder: Option<Box<Holder>>,
        /// How long this request waited.
        waited: Duration,
    },
    /// This task holds the session already.
    #[error("session {session} is held by this very task, in phase {phase}: borrow that guard")]
    SelfDeadlock {
        /// The session.
        session: SessionId,
        /// What the guard in hand was taken for.
        phase: Phase,
    },
    /// The session lies where it cannot be locked or must not be written.
    #[error("session {session} cannot be locked: {why}")]
    Refused {
        /// The session.
        session: SessionId,
        /// What is wrong, where, and the way out.
        why: String,
        /// The cause, if there is one below.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The backend failed.
    #[error("session {session} could not be locked: {doing}")]
    Backend {
        /// The session.
        session: SessionId,
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// No claim. The turn is not this one's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// A turn is under way, and the wait is over.
    #[error("a turn of session {session} is under way: {}; waited {} ms", holder.as_ref().map_or_else(|| "by another process".to_owned(), ToString::to_string), waited.as_millis())]
    Claimed {
        /// The session.
        session: SessionId,
        /// Whose turn it is, as far as it is known.
        holder: Option<Box<Holder>>,
        /// How long this request waited.
        waited: Duration,
    },
    /// The session lies where it cannot be claimed.
    #[error("session {session} cannot be claimed: {why}")]
    Refused {
        /// The session.
        session: SessionId,
        /// What is wrong, where, and the way out.
        why: String,
        /// The cause, if there is one below.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The backend failed.
    #[error("session {session} could not be claimed: {doing}")]
    Backend {
        /// The session.
        session: SessionId,
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Guards and claims of sessions.
#[async_trait::async_trait]
pub trait SessionLocks: Send + Sync {
    /// Takes the guard of a session for one phase.
    ///
    /// # Errors
    /// See [`AcquireError`]; nothing is held then.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind: no lock, no file, no place in a queue.
    async fn guard<'s>(
        &self,
        scope: &'s mut LockScope,
        ask: GuardAsk<'s>,
    ) -> Result<PhaseGuard<'s>, AcquireError>;

    /// Takes the turn of a session. With [`IfClaimed::HandOver`] it is had when the grace is over at the latest, and before
    /// those who merely wait.
    ///
    /// # Errors
    /// See [`ClaimError`]; the turn is not this one's then.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no claim behind, and nobody is asked any longer.
    async fn claim(
        &self,
        nothing_is_held: Unlocked<'_>,
        ask: ClaimAsk<'_>,
    ) -> Result<TurnClaim, ClaimError>;

    /// Whether somebody asks the holder of this claim to yield. The holder looks at each boundary of its turn, with nothing
    /// held, and yields by giving the claim back. A request ends with its asker: who has gone is not yielded to. Of several
    /// askers the first is told.
    ///
    /// It costs little where nobody asks, and waits for nobody.
    ///
    /// # Errors
    /// See [`ClaimError`]; the claim stands as it did.
    async fn asked(
        &self,
        nothing_is_held: Unlocked<'_>,
        session: &SessionId,
        claim: &TurnClaim,
    ) -> Result<Option<AskedToYield>, ClaimError>;

    /// Who holds what of a session, without disturbing the holder.
    ///
    /// # Errors
    /// When the backend cannot be asked.
    async fn held(&self, session: &SessionId) -> Result<WhatIsHeld, AcquireError>;
}
