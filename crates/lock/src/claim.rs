//! Whose turn it is: a claim lives as long as a turn, over model I/O, and keeps out other turns only.
//!
//! Readers and side writers never look at it. It is fenced by a pair, an epoch and a nonce: the epoch
//! orders claims, the nonce is there because an asynchronous database fail-over can hand out the same
//! epoch twice. A claim is a value, passed along, never ambient.

use std::any::Any;

use crate::{Holder, ReleaseError};

/// The pair that a turn's own writes are checked against, under the guard, just before each write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// Grows by one with each claim of a session.
    pub epoch: u64,
    /// Random; two claims with one epoch differ in it.
    pub nonce: String,
}

/// What a backend keeps while a claim lives: a locked file, a row with a lease.
#[async_trait::async_trait]
pub trait ClaimHeld: Any + Send + Sync {
    /// Gives the claim back and waits until that is done.
    ///
    /// # Errors
    /// When the backend cannot say that the claim is free.
    async fn release(self: Box<Self>) -> Result<(), ReleaseError>;
}

/// The right to write as the session's turn. Dropping it gives the turn up; a process that dies does
/// the same.
#[must_use = "a claim that is dropped at once claims nothing"]
#[clippy::has_significant_drop]
pub struct TurnClaim {
    session: String,
    fence: Fence,
    held: Box<dyn ClaimHeld>,
}

impl TurnClaim {
    /// Makes a claim of what a backend keeps. For backends.
    pub fn grant(session: impl Into<String>, fence: Fence, held: Box<dyn ClaimHeld>) -> Self {
        Self {
            session: session.into(),
            fence,
            held,
        }
    }

    /// The session whose turn it is.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The pair that writes are fenced by.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// What the backend keeps, if it is a `T`.
    #[must_use]
    pub fn held<T: ClaimHeld>(&self) -> Option<&T> {
        let held: &dyn Any = &*self.held;
        held.downcast_ref()
    }

    /// Gives the turn up and waits until that is done.
    ///
    /// # Errors
    /// See [`ClaimHeld::release`]; the claim is gone in any case.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn up like dropping the claim does.
    pub async fn release(self) -> Result<(), ReleaseError> {
        self.held.release().await
    }
}

impl std::fmt::Debug for TurnClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnClaim")
            .field("session", &self.session)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}

/// A turn's own write was refused, because the turn is no longer this one's. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the turn of session {session:?} (epoch {epoch}) was taken over{}{}: nothing more of it is written",
    .by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
    .reason.as_ref().map(|why| format!(", because {why:?}")).unwrap_or_default()
)]
#[non_exhaustive]
pub struct ClaimLost {
    /// The session.
    pub session: String,
    /// The epoch of the claim that was lost.
    pub epoch: u64,
    /// Who holds the newer claim, where that can be read.
    pub by: Option<Holder>,
    /// The recorded reason of the take-over.
    pub reason: Option<String>,
}

impl ClaimLost {
    /// A refusal; `by` and `reason` as far as the backend can tell.
    #[must_use]
    pub const fn new(
        session: String,
        epoch: u64,
        by: Option<Holder>,
        reason: Option<String>,
    ) -> Self {
        Self {
            session,
            epoch,
            by,
            reason,
        }
    }
}
