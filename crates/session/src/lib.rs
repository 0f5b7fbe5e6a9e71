//! The seams of a session runtime: one trait a file, in plain values.
//!
//! ```text
//!            runner                      transcript   context   models   tools
//!              |  sees only                   |  implement  |       |       |
//!              v                              v             v       v       v
//!   SessionLocks  TranscriptStore  Inbox   ContextEngine  ModelProvider  ToolHost     (this crate)
//!              |                              |
//!              v                              v
//!           format (what an entry is)      lock (what a task may hold)
//! ```
//!
//! | trait | file | a backend on PostgreSQL implements it |
//! |---|---|---|
//! | [`SessionLocks`] | `locks.rs` | yes |
//! | [`TranscriptStore`] | `store.rs`, commits in `commit.rs` | yes |
//! | [`Inbox`] | `inbox.rs` | yes |
//! | [`ContextEngine`] | `engine.rs`, its scope in `scope.rs` | no need |
//! | [`ModelProvider`] | `model.rs`, replies in `reply.rs` | no need |
//! | [`ToolHost`] | `tools.rs` | no need |
//!
//! Deliberately absent: any implementation, any I/O, any path. Each trait has a conformance suite behind the
//! feature `conformance`, which every implementation runs.
//!
//! Invariant: whatever waits for a model, a tool or another turn takes [`Unlocked`](latchwork_lock::Unlocked);
//! whatever writes takes a [`PhaseGuard`](latchwork_lock::PhaseGuard); what reads takes neither.
//!
//! # Example
//! A trait object of each seam, and a turn's first two steps:
//! ```
//! use latchwork_lock::{LockScope, Phase, Wait};
//! use latchwork_session::{GuardAsk, SessionId, SessionLocks, TranscriptStore, View};
//!
//! async fn snapshot(
//!     locks: &dyn SessionLocks,
//!     store: &dyn TranscriptStore,
//!     scope: &mut LockScope,
//!     session: &SessionId,
//! ) -> Result<usize, Box<dyn std::error::Error>> {
//!     let guard = locks.guard(scope, GuardAsk::side(session, Phase::SIDE, Wait::Never)).await?;
//!     let snapshot = store.open(session, View::Everything).await?;
//!     guard.release().await?;
//!     Ok(snapshot.transcript.entries().len())
//! }
//! ```

mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod inbox;
mod locks;
mod model;
mod reply;
mod scope;
mod store;
mod tools;
mod values;

pub use commit::{
    AppendError, Birth, Commit, Durability, Intent, NewEntry, Outcome, Placed, Receipt,
    Replacement, SyncError,
};
pub use engine::{
    AfterTurn, AssembleInput, Assembled, CompactAsk, CompactReport, ContextEngine, EngineError,
    EngineInfo, MaintainReport, SessionRef, Spawn, SubagentEnd, TurnMaintenance,
};
pub use inbox::{Accepted, Inbox, InboxError, Incoming, Waiting};
pub use locks::{
    AcquireError, AskedToYield, ClaimAsk, ClaimError, GuardAsk, HandOver, IfClaimed, SessionLocks,
    TakeOver, WhatIsHeld,
};
pub use model::{
    ModelError, ModelEvent, ModelProvider, ModelRequest, ModelStream, ProviderInfo, Thinking,
};
pub use reply::{Reply, ReplyBlock, StopReason, Usage};
pub use scope::{EngineParts, EngineScope, ScopeError};
pub use store::{
    Divergence, OpenError, OpenReport, Page, Rewrite, RewriteMode, Rewritten, SessionSummary,
    Snapshot, TranscriptStore, View,
};
pub use tools::{ContentPart, Replay, ToolCall, ToolHost, ToolOutcome, ToolSpec, ToolStatus};
pub use values::{Head, Key, KeyError, Level, Position, TurnId};

pub use latchwork_format::{EntryId, SessionId};
