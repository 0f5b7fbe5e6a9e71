//! What an engine may do: read, rewrite, append, ask a model, one at a time, and never hold a guard itself.
//!
//! It owns the borrow of the turn's [`LockScope`] for as long as the engine works, so an engine cannot be called under
//! a guard. Each write takes a guard, writes and drops it before it returns: the order of events of a maintenance is
//! maintain starts, guard taken, rewrite, guard dropped, maintain ends. Deliberately absent: a way to keep the guard.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use latchwork_format::SessionId;
use latchwork_lock::{LockScope, Phase, TurnClaim, Wait};
use tokio_util::sync::CancellationToken;

use crate::{
    AcquireError, AppendError, Commit, GuardAsk, Head, Level, ModelError, ModelEvent,
    ModelProvider, ModelRequest, OpenError, Receipt, Reply, Rewrite, Rewritten, SessionLocks,
    Snapshot, SyncError, TranscriptStore, View,
};

/// The parts of a runtime that an engine works with.
#[derive(Clone)]
pub struct EngineParts {
    /// Guards.
    pub locks: Arc<dyn SessionLocks>,
    /// Transcripts.
    pub store: Arc<dyn TranscriptStore>,
    /// The model to summarise with.
    pub model: Arc<dyn ModelProvider>,
    /// How long a rewrite may wait for other writers.
    pub wait: Duration,
    /// Ends what waits.
    pub cancel: CancellationToken,
}

/// What an engine holds while it works.
pub struct EngineScope<'s> {
    scope: &'s mut LockScope,
    claim: Option<&'s TurnClaim>,
    session: &'s SessionId,
    parts: &'s EngineParts,
}

/// A write on behalf of an engine failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// No guard.
    #[error("an engine could not write")]
    Acquire(#[from] AcquireError),
    /// Not written.
    #[error("an engine's write failed")]
    Append(#[from] AppendError),
    /// Written; what it survives is not known.
    #[error("an engine's write could not be confirmed")]
    Sync(#[from] SyncError),
}

impl<'s> EngineScope<'s> {
    /// Lends a scope to an engine. With a claim, the engine's writes are fenced like the turn's own.
    pub fn new(
        scope: &'s mut LockScope,
        claim: Option<&'s TurnClaim>,
        session: &'s SessionId,
        parts: &'s EngineParts,
    ) -> Self {
        Self {
            scope,
            claim,
            session,
            parts,
        }
    }

    /// The session that the engine works on.
    #[must_use]
    pub const fn session(&self) -> &SessionId {
        self.session
    }

    /// Reads the session as it is now.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn snapshot(&self, view: View) -> Result<Snapshot, OpenError> {
        self.parts.store.open(self.session, view).await
    }

    /// Replaces entries of the active branch: takes a guard, rewrites, drops it.
    ///
    /// # Errors
    /// See [`ScopeError`].
    ///
    /// # Cancel safety
    /// A rewrite, once begun, runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn rewrite(
        &mut self,
        base: &Head,
        rewrite: Rewrite,
    ) -> Result<Rewritten, ScopeError> {
        let ask = self.ask();
        let mut guard = self.parts.locks.guard(self.scope, ask).await?;
        let done = self.parts.store.rewrite(&mut guard, base, rewrite).await;
        drop(guard);
        let done = done?;
        if let Some(receipt) = &done.receipt {
            receipt.reached(Level::Synced).await?;
        }
        Ok(done)
    }

    /// Appends entries: takes a guard, commits, drops it, and waits until they are durable.
    ///
    /// # Errors
    /// See [`ScopeError`].
    ///
    /// # Cancel safety
    /// A commit, once begun, runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn append(&mut self, base: &Head, commit: Commit) -> Result<Receipt, ScopeError> {
        let ask = self.ask();
        let mut guard = self.parts.locks.guard(self.scope, ask).await?;
        let done = self.parts.store.append(&mut guard, base, commit).await;
        drop(guard);
        let receipt = done?;
        receipt.reached(Level::Synced).await?;
        Ok(receipt)
    }

    /// Asks the model for one whole reply. Nothing is held meanwhile.
    ///
    /// # Errors
    /// See [`ModelError`].
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn complete(&mut self, request: ModelRequest) -> Result<Reply, ModelError> {
        let model = &self.parts.model;
        let mut events = model
            .stream(self.scope.unlocked(), request, self.parts.cancel.clone())
            .await?;
        while let Some(event) = events.next().await {
            if let ModelEvent::Finished(reply) = event? {
                return Ok(*reply);
            }
        }
        Err(ModelError::BrokenOff {
            provider: model.info().provider,
            why: "the stream ended without a reply".into(),
        })
    }

    fn ask(&self) -> GuardAsk<'s> {
        GuardAsk {
            session: self.session,
            phase: Phase::MAINTAIN,
            claim: self.claim,
            wait: Wait::at_most(self.parts.wait),
        }
    }
}

impl ScopeError {
    /// As the cause of an engine's error.
    #[must_use]
    pub fn boxed(self) -> Box<dyn Error + Send + Sync> {
        Box::new(self)
    }
}
