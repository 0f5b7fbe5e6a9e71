//! What makes a session's file another: entries replaced, dead branches dropped.
//!
//! Each is one change under a guard of its own, made while a turn is under way, too: a guard is held while the file is written anew, not
//! while a model is asked. Deliberately absent: when to do so; nothing here happens unless it is asked for.

use latchwork_lock::LockScope;
use latchwork_session::{
    Head, Level, Rewrite, RewriteMode, Rewritten, SessionLocks as _, TranscriptStore as _,
};
use latchwork_transcript::{Sweep, Swept};

use crate::{Session, WriteError};

impl Session {
    /// Replaces entries, and waits until that is durable. In place, what the inbox has of messages that were answered is blanked, too.
    ///
    /// # Errors
    /// See [`WriteError`] and [`TranscriptStore::rewrite`](latchwork_session::TranscriptStore::rewrite).
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn rewrite(
        &self,
        scope: &mut LockScope,
        base: &Head,
        rewrite: Rewrite,
    ) -> Result<Rewritten, WriteError> {
        let (store, mode) = (self.store(), rewrite.mode);
        let mut guard = store.guard(scope, self.side_guard()).await?;
        let done = store.rewrite(&mut guard, base, rewrite).await;
        drop(guard);
        let done = done?;
        if let Some(receipt) = &done.receipt {
            receipt.reached(Level::Synced).await?;
        }
        // Also where nothing is left to be replaced: it may have been cut off behind that.
        if mode == RewriteMode::InPlace {
            store.blank_retired(self.id()).await?;
        }
        Ok(done)
    }

    /// What [`vacuum`](Self::vacuum) would drop; `None` if there is no transcript. Nothing is locked or written.
    ///
    /// # Errors
    /// [`WriteError::Open`] if it cannot be read, or must be repaired first.
    pub async fn dead_branches(&self, sweep: Sweep) -> Result<Option<Swept>, WriteError> {
        Ok(self.store().dead_branches(self.id(), sweep).await?)
    }

    /// Drops the dead branches, and waits until that is durable. Nothing of them is kept.
    ///
    /// # Errors
    /// See [`WriteError`] and [`FileStore::vacuum`](latchwork_transcript::FileStore::vacuum).
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn vacuum(&self, scope: &mut LockScope, sweep: Sweep) -> Result<Swept, WriteError> {
        let store = self.store();
        let mut guard = store.guard(scope, self.side_guard()).await?;
        let done = store.vacuum(&mut guard, sweep).await;
        drop(guard);
        let done = done?;
        if let Some(receipt) = &done.receipt {
            receipt.reached(Level::Synced).await?;
        }
        Ok(done)
    }
}
