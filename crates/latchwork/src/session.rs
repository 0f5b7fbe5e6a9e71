//! One session: what is there, what waits, who holds it, and moving its head. Turns and appends have rooms of their own.
//!
//! What writes takes the task's [`LockScope`], so the law of the guards holds through the facade too: nobody can run a turn
//! under a guard of their own. Every write takes its own guard, drops it, and only then waits for the disk.

use std::path::PathBuf;
use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    Accepted, AcquireError, AppendError, Birth, Commit, GuardAsk, Head, Inbox, InboxError,
    Incoming, Key, Level, OpenError, Receipt, SessionId, SessionLocks, Snapshot, SyncError,
    TranscriptStore, View, Waiting, WhatIsHeld,
};
use latchwork_transcript::FileStore;

use crate::SessionKey;
use crate::facade::Parts;

/// A session, whether it exists or not. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    id: SessionId,
    key: Option<SessionKey>,
    store: FileStore,
    parts: Arc<Parts>,
}

/// A write of a side writer did not happen, or could not be confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No guard: nothing was written.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// Nothing was written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Written; what it survives is not known. Sending it again with its key is safe.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The inbox did not accept it.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The session could not be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The session was not forked.
    #[error(transparent)]
    Fork(#[from] latchwork_transcript::ForkError),
}

/// Everything that a look at a session shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Look {
    /// The session as it was at one moment.
    pub snapshot: Snapshot,
    /// Messages that are accepted and not yet answered.
    pub waiting: Vec<Waiting>,
    /// Who holds what of it.
    pub held: WhatIsHeld,
    /// Where it is kept.
    pub place: PathBuf,
}

impl Session {
    pub(crate) const fn new(
        id: SessionId,
        key: Option<SessionKey>,
        store: FileStore,
        parts: Arc<Parts>,
    ) -> Self {
        Self {
            id,
            key,
            store,
            parts,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// The name that it was called by, if it was not a path.
    #[must_use]
    pub const fn key(&self) -> Option<&SessionKey> {
        self.key.as_ref()
    }

    /// Its transcript.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        self.store
            .place(&self.id)
            .map_or_else(PathBuf::new, |place| place.transcript.clone())
    }

    /// The store that keeps it: guards, transcript and inbox, for those who need more than the facade.
    #[must_use]
    pub const fn store(&self) -> &FileStore {
        &self.store
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn shared(&self) -> Arc<Parts> {
        self.parts.clone()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.parts.system.clock.wall_ms()
    }

    /// The session as it is now; one that does not exist is empty.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn snapshot(&self) -> Result<Snapshot, OpenError> {
        self.store.open(&self.id, View::Everything).await
    }

    /// The entries of these ids, each at its place; `None` where there is none. No other line is read.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn chosen(
        &self,
        ids: Vec<EntryId>,
    ) -> Result<Vec<Option<latchwork_format::RawEntry>>, OpenError> {
        self.store.chosen(&self.id, ids).await
    }

    /// The context, and where these messages stand.
    pub(crate) async fn context(&self, keys: &[Key]) -> Result<Snapshot, OpenError> {
        self.store.open_for(&self.id, View::Context, keys).await
    }

    /// The session, what waits for it and who holds it. Nothing is locked or written.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds only those of reading.
    pub async fn look(&self) -> Result<Look, WriteError> {
        let snapshot = self.snapshot().await?;
        let waiting = self.store.waiting(&self.id).await?;
        // Who holds it is a courtesy: a session that can be read is shown even where that cannot be found out.
        let held = self.store.held(&self.id).await.unwrap_or_default();
        Ok(Look {
            snapshot,
            waiting,
            held,
            place: self.place(),
        })
    }

    /// Accepts a message: when it returns, the message survives a crash of the machine, and a later turn answers it.
    ///
    /// # Errors
    /// See [`InboxError`].
    ///
    /// # Cancel safety
    /// The message may or may not be accepted; sending it again with its key is safe.
    pub async fn accept(
        &self,
        message: latchwork_runner::UserMessage,
    ) -> Result<Accepted, InboxError> {
        let incoming = Incoming {
            key: message.key,
            message: message.message,
            at_ms: self.now_ms(),
            session_key: self.key.as_ref().map(|key| key.as_str().to_owned()),
        };
        self.store.accept(&self.id, incoming).await
    }

    /// Moves the head to an entry (`None`: before the first), and waits until that is durable. Nothing is removed.
    ///
    /// # Errors
    /// See [`WriteError`]; an unknown entry is an [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// The move, once begun, runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn rewind(
        &self,
        scope: &mut LockScope,
        to: Option<&EntryId>,
        why: &str,
    ) -> Result<Receipt, WriteError> {
        let mut guard = self.store.guard(scope, self.side_guard()).await?;
        let moved = self.store.move_head(&mut guard, to, why).await;
        drop(guard);
        durable(moved?).await
    }

    /// Makes `to`, which must not exist, begin with what was said here: the active path, under a header that names this
    /// session as its parent. Nothing here is locked or changed, so a turn that is under way is not disturbed; what waits
    /// here is answered here. Durable when it returns.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds those of reading this session, of guarding the new one, and [`WriteError::Fork`].
    ///
    /// # Cancel safety
    /// Once begun, the new file is made whole.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn fork(&self, scope: &mut LockScope, to: &Self) -> Result<(), WriteError> {
        let source = self.snapshot().await?;
        let place = self.place();
        let place = std::path::absolute(&place).unwrap_or(place);
        let birth = Birth {
            cwd: self.parts.settings().tools.root.display().to_string(),
            session_key: to.key.as_ref().map(|key| key.as_str().to_owned()),
            parent_session: Some(place.display().to_string()),
        };
        let mut guard = to.store.guard(scope, to.side_guard()).await?;
        let forked = to.store.fork(&mut guard, &source, birth).await;
        drop(guard);
        Ok(forked?)
    }

    /// Looks through the transcript; `None` if there is none. No lock is taken and nothing is written.
    ///
    /// # Errors
    /// [`WriteError::Open`] if it cannot be read.
    pub async fn verify(&self) -> Result<Option<latchwork_transcript::Verified>, WriteError> {
        Ok(self.store.verify(&self.id).await?)
    }

    /// Writes the transcript anew from what can be read of it; the old one is kept. `None` if nothing is wrong with it.
    ///
    /// # Errors
    /// See [`WriteError`]; the transcript is then as it was.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn repair(
        &self,
        scope: &mut LockScope,
    ) -> Result<Option<latchwork_transcript::Repair>, WriteError> {
        let mut guard = self.store.guard(scope, self.side_guard()).await?;
        let done = self.store.repair(&mut guard).await;
        drop(guard);
        Ok(done?)
    }

    /// One commit beside any turn, which survives `level` when it returns.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub(crate) async fn commit_at(
        &self,
        scope: &mut LockScope,
        base: &Head,
        commit: Commit,
        level: Level,
    ) -> Result<Receipt, WriteError> {
        let mut guard = self.store.guard(scope, self.side_guard()).await?;
        let done = self.store.append(&mut guard, base, commit).await;
        drop(guard);
        let receipt = done?;
        receipt.reached(level).await?;
        Ok(receipt)
    }

    pub(crate) fn side_guard(&self) -> GuardAsk<'_> {
        GuardAsk::side(&self.id, Phase::SIDE, self.wait())
    }

    pub(crate) fn wait(&self) -> Wait {
        self.parts.settings().store.locks.wait()
    }
}

/// A side writer speaks of what is durable only.
async fn durable(receipt: Receipt) -> Result<Receipt, WriteError> {
    receipt.reached(Level::Synced).await?;
    Ok(receipt)
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}
