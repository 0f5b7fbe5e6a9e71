//! The seam of context: what the model is shown, and how a long conversation stays within its window.
//!
//! The life cycle is OpenClaw's (`bootstrap`, `ingest`, `assemble`, `compact`, `maintain`, `after_turn`, sub-agents,
//! `dispose`). An engine never sees a guard: where it writes or asks a model, it asks its [`EngineScope`], which
//! takes and drops a guard for each rewrite. Deliberately absent: any path, any lock, any ambient session.

use std::collections::BTreeSet;
use std::error::Error;

use latchwork_format::{Context, EntryId, SessionId};
use latchwork_lock::Unlocked;

use crate::{EngineScope, Snapshot};

/// Who an engine is and what it takes upon itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// Its id in configuration.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// It compacts by itself; the turn does not decide when.
    pub owns_compaction: bool,
    /// When its maintenance after a turn runs.
    pub turn_maintenance: TurnMaintenance,
}

impl EngineInfo {
    /// An engine that leaves compaction to the turn and maintains in the foreground.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            owns_compaction: false,
            turn_maintenance: TurnMaintenance::Foreground,
        }
    }
}

/// When maintenance after a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnMaintenance {
    /// Before the turn is closed.
    Foreground,
    /// After it, as a job of its own.
    Background,
}

/// The session that an engine works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRef {
    /// Its id.
    pub id: SessionId,
    /// The name that it is called by.
    pub key: Option<String>,
}

/// What an engine is given to assemble.
#[derive(Clone, Debug)]
pub struct AssembleInput {
    /// The session.
    pub session: SessionRef,
    /// The context that the transcript itself yields, staged messages included.
    pub context: Context,
    /// The most tokens that the prompt may have; `None`: not known.
    pub token_budget: Option<u64>,
    /// The names of the tools at hand.
    pub tools: BTreeSet<String>,
    /// The model that will be asked.
    pub model: String,
}

/// What the model is to be shown.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The messages.
    pub context: Context,
    /// The engine's estimate of their size in tokens.
    pub estimated_tokens: u64,
    /// Put before the system prompt.
    pub system_prompt_addition: Option<String>,
}

/// What became of a turn, for an engine that keeps books.
#[derive(Clone, Debug)]
pub struct AfterTurn {
    /// The session.
    pub session: SessionRef,
    /// The session as the turn left it.
    pub snapshot: Snapshot,
    /// The entries that the turn added to the active branch, in order.
    pub added: Vec<EntryId>,
    /// The most tokens that a prompt may have; `None`: not known.
    pub token_budget: Option<u64>,
    /// Nobody spoke: a heartbeat.
    pub heartbeat: bool,
}

/// A wish to make the conversation shorter.
#[derive(Clone, Debug)]
pub struct CompactAsk {
    /// The session.
    pub session: SessionRef,
    /// The session as it is.
    pub snapshot: Snapshot,
    /// The most tokens that a prompt may have; `None`: not known.
    pub token_budget: Option<u64>,
    /// Compact though it would fit.
    pub force: bool,
    /// What to keep in mind while summarising.
    pub instructions: Option<String>,
    /// The model to summarise with.
    pub model: String,
}

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactReport {
    /// Whether the context is shorter now.
    pub compacted: bool,
    /// Why not, or how.
    pub reason: Option<String>,
    /// The compaction entry.
    pub entry: Option<EntryId>,
    /// Estimated tokens of the context before.
    pub tokens_before: u64,
    /// Estimated tokens of the context after.
    pub tokens_after: Option<u64>,
}

/// What a maintenance did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintainReport {
    /// Whether the transcript changed.
    pub changed: bool,
    /// Bytes by which the active branch became smaller.
    pub bytes_freed: u64,
    /// Entries replaced.
    pub rewritten_entries: usize,
    /// Why nothing changed.
    pub reason: Option<String>,
}

/// A sub-agent is about to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// The session that it is started from.
    pub parent: SessionRef,
    /// Its own session.
    pub child: SessionRef,
    /// It begins with the parent's context, not with none.
    pub fork: bool,
}

/// Why a sub-agent's session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubagentEnd {
    /// Its work is done.
    Completed,
    /// It was deleted.
    Deleted,
    /// It was swept away for its age.
    Swept,
    /// It was let go.
    Released,
}

/// An engine failed. The turn goes on with the transcript's own context and says so.
#[derive(Debug, thiserror::Error)]
#[error("context engine {engine}: {doing} failed")]
pub struct EngineError {
    /// The engine.
    pub engine: String,
    /// What it was doing.
    pub doing: String,
    /// The cause.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A context engine. What is not required does nothing unless it is overridden.
#[async_trait::async_trait]
pub trait ContextEngine: Send + Sync {
    /// Who it is.
    fn info(&self) -> EngineInfo;

    /// A session that existed before is taken up: how many messages were imported.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn bootstrap(
        &self,
        scope: &mut EngineScope<'_>,
        session: &SessionRef,
    ) -> Result<usize, EngineError> {
        let _ = (scope, session);
        Ok(0)
    }

    /// One entry became part of the session: whether it was taken in.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn ingest(
        &self,
        scope: &mut EngineScope<'_>,
        session: &SessionRef,
        entry: &EntryId,
    ) -> Result<bool, EngineError>;

    /// Several entries became part of the session: how many were taken in.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn ingest_batch(
        &self,
        scope: &mut EngineScope<'_>,
        session: &SessionRef,
        entries: &[EntryId],
    ) -> Result<usize, EngineError> {
        let mut taken = 0;
        for entry in entries {
            taken += usize::from(self.ingest(scope, session, entry).await?);
        }
        Ok(taken)
    }

    /// Chooses what the model is shown.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn assemble(
        &self,
        scope: &mut EngineScope<'_>,
        input: AssembleInput,
    ) -> Result<Assembled, EngineError>;

    /// Makes the conversation shorter. It always ends, and the history stays reachable.
    ///
    /// # Errors
    /// See [`EngineError`]; the session is as it was.
    async fn compact(
        &self,
        scope: &mut EngineScope<'_>,
        ask: CompactAsk,
    ) -> Result<CompactReport, EngineError>;

    /// Tidies up after a bootstrap, a turn or a compaction.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn maintain(
        &self,
        scope: &mut EngineScope<'_>,
        session: &SessionRef,
    ) -> Result<MaintainReport, EngineError> {
        let _ = (scope, session);
        Ok(MaintainReport::default())
    }

    /// A turn is over. Without an own idea, its entries are ingested.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn after_turn(
        &self,
        scope: &mut EngineScope<'_>,
        turn: AfterTurn,
    ) -> Result<(), EngineError> {
        self.ingest_batch(scope, &turn.session, &turn.added)
            .await
            .map(|_| ())
    }

    /// A sub-agent is about to start.
    ///
    /// # Errors
    /// See [`EngineError`]; the sub-agent is not started then.
    async fn prepare_subagent_spawn(
        &self,
        nothing_is_held: Unlocked<'_>,
        spawn: &Spawn,
    ) -> Result<(), EngineError> {
        let _ = (nothing_is_held, spawn);
        Ok(())
    }

    /// A sub-agent's session is over, or its start failed after it was prepared.
    async fn on_subagent_ended(
        &self,
        nothing_is_held: Unlocked<'_>,
        child: &SessionRef,
        end: SubagentEnd,
    ) {
        let _ = (nothing_is_held, child, end);
    }

    /// The engine is no longer needed.
    async fn dispose(&self, nothing_is_held: Unlocked<'_>) {
        let _ = nothing_is_held;
    }
}
