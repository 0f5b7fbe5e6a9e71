//! Every call of our store that is measured, and nothing else: where the store's surface changes, this file does.
//!
//! Options are those that are set when nothing is set: a guard excludes OpenClaw too, and what is written below a claim is
//! checked against its fence each time.

use std::path::Path;
use std::time::Duration;

use latchwork_format::{Body, Context, EntryId, RawEntry, context};
use latchwork_lock::{LockScope, Phase, PhaseGuard, TurnClaim, Wait};
use latchwork_session::{
    Birth, ClaimAsk, Commit, GuardAsk, Head, IfClaimed, Intent, Level, NewEntry, Receipt, Rewrite,
    RewriteMode, SessionId, SessionLocks as _, Snapshot, TranscriptStore as _, TurnId, View,
};
use latchwork_sys::System;
use latchwork_tests::measure::Answer;
use latchwork_transcript::{FileStore, Layout, Options};
use serde_json::json;

use crate::{Failure, numbers};

/// How long a lock is waited for; nobody else wants one.
const WAIT: Duration = Duration::from_secs(60);

/// A session of a store that is as new as this.
#[derive(Clone)]
pub(crate) struct Session {
    store: FileStore,
    id: SessionId,
    turn: TurnId,
}

impl Session {
    pub(crate) fn of(file: &Path) -> Result<Self, Failure> {
        let layout = Layout::lone(file)?;
        let Layout::Lone { session, .. } = &layout else {
            return Err("a lone file is a session".into());
        };
        Ok(Self {
            id: session.clone(),
            // A measurement has its thread for itself.
            store: FileStore::new(System::real(), layout, Options::default()).on_this_thread(),
            turn: TurnId("figures".to_owned()),
        })
    }

    /// The turn of the session.
    pub(crate) async fn claim(&self, scope: &mut LockScope) -> Result<TurnClaim, Failure> {
        let ask = ClaimAsk {
            session: &self.id,
            turn: &self.turn,
            if_claimed: IfClaimed::Wait(Wait::at_most(WAIT)),
        };
        Ok(self.store.claim(scope.unlocked(), ask).await?)
    }

    /// The guard of the session, in its turn.
    pub(crate) async fn guard<'s>(
        &'s self,
        scope: &'s mut LockScope,
        claim: &'s TurnClaim,
    ) -> Result<PhaseGuard<'s>, Failure> {
        let ask = GuardAsk::turn(&self.id, claim, Phase::RECORD, Wait::at_most(WAIT));
        Ok(self.store.guard(scope, ask).await?)
    }

    /// The guard of the session, beside any turn.
    pub(crate) async fn guard_beside<'s>(
        &'s self,
        scope: &'s mut LockScope,
    ) -> Result<PhaseGuard<'s>, Failure> {
        let ask = GuardAsk::side(&self.id, Phase::SIDE, Wait::at_most(WAIT));
        Ok(self.store.guard(scope, ask).await?)
    }

    /// Where the active branch ends, as a writer that begins must know it.
    pub(crate) async fn head(&self) -> Result<Head, Failure> {
        Ok(self.store.open(&self.id, View::Context).await?.head)
    }

    /// One commit of a turn, as far as the process's own death goes. What it gives is the base of the next.
    pub(crate) async fn append(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        commit: Commit,
    ) -> Result<Receipt, Failure> {
        let receipt = self.store.append(guard, base, commit).await?;
        receipt.reached(Level::Buffered).await?;
        Ok(receipt)
    }

    /// A commit of these messages; with a claim it is the turn's.
    pub(crate) fn commit(&self, messages: Vec<Body>, of_turn: bool) -> Commit {
        Commit {
            entries: messages.into_iter().map(NewEntry::new).collect(),
            intent: if of_turn {
                Intent::Continue
            } else {
                Intent::AtHead
            },
            turn: of_turn.then(|| self.turn.clone()),
            birth: Some(Birth {
                cwd: "/".to_owned(),
                ..Birth::default()
            }),
        }
    }

    /// One entry that says nothing, on the device: after it, whatever is saved beside a transcript is.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(crate) async fn prime(&self) -> Result<Answer, Failure> {
        let mut scope = scope();
        let entry = Body::Custom {
            custom_type: "figures".to_owned(),
            data: Some(json!("primed")),
        };
        let commit = self.commit(vec![entry], false);
        let mut guard = self.guard_beside(&mut scope).await?;
        let receipt = self.append(&mut guard, &Head::default(), commit).await;
        guard.release().await?;
        receipt?.reached(Level::Synced).await?;
        Ok(numbers([]))
    }

    /// Replaces entries where they stand, on the device; how many.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(crate) async fn rewrite(
        &self,
        replacements: Vec<(EntryId, Body)>,
    ) -> Result<usize, Failure> {
        let mut scope = scope();
        let base = self.end().await?;
        let mut guard = self.guard_beside(&mut scope).await?;
        let rewrite = Rewrite {
            replacements,
            mode: RewriteMode::InPlace,
        };
        let done = self.store.rewrite(&mut guard, &base, rewrite).await;
        guard.release().await?;
        let done = done?;
        if let Some(receipt) = &done.receipt {
            on_device(receipt).await?;
        }
        Ok(done.rewritten_entries)
    }

    /// Goes on from another entry, on the device.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(crate) async fn branch(&self, to: &EntryId) -> Result<(), Failure> {
        let mut scope = scope();
        let mut guard = self.guard_beside(&mut scope).await?;
        let done = self
            .store
            .branch(&mut guard, Some(to), "figures", Vec::new());
        let done = done.await;
        guard.release().await?;
        on_device(&done?).await
    }

    /// Makes the session `to` of the active branch, on the device.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(crate) async fn fork(&self, to: &Self) -> Result<(), Failure> {
        let mut scope = scope();
        let source = self.store.open(&self.id, View::Everything).await?;
        let birth = Birth {
            cwd: "/".to_owned(),
            ..Birth::default()
        };
        let mut guard = to.guard_beside(&mut scope).await?;
        let done = to.store.fork(&mut guard, &source, birth).await;
        guard.release().await?;
        Ok(done?)
    }

    /// Where the active branch ends, with no more of the session than that.
    async fn end(&self) -> Result<Head, Failure> {
        Ok(self.store.open(&self.id, View::Last(1)).await?.head)
    }

    /// The session with what its context is made of.
    pub(crate) async fn open_for_context(&self) -> Result<Opened, Failure> {
        Ok(Opened(self.store.open(&self.id, View::Context).await?))
    }

    /// The session with so many last entries of its branch.
    pub(crate) async fn open_for_last(&self, count: usize) -> Result<Opened, Failure> {
        Ok(Opened(self.store.open(&self.id, View::Last(count)).await?))
    }
}

/// Waits until a commit is on the device.
pub(crate) async fn on_device(receipt: &Receipt) -> Result<(), Failure> {
    receipt.reached(Level::Synced).await?;
    Ok(())
}

/// A session that was opened.
pub(crate) struct Opened(Snapshot);

impl Opened {
    pub(crate) fn context(&self) -> Context {
        context(&self.0.transcript, self.0.head.leaf.as_ref())
    }

    /// The last so many entries of the branch, cheap copies of them.
    pub(crate) fn last(&self, count: usize) -> Vec<RawEntry> {
        let leaf = self.0.head.leaf.as_ref();
        let branch = leaf.and_then(|leaf| self.0.transcript.branch(leaf));
        let branch = branch.unwrap_or_default();
        let from = branch.len().saturating_sub(count);
        branch[from..]
            .iter()
            .map(|entry| (*entry).clone())
            .collect()
    }
}

/// A folder of sessions, in a store that is as new as this.
pub(crate) struct Folder(FileStore);

impl Folder {
    pub(crate) fn of(folder: &Path) -> Self {
        let layout = Layout::folder(folder);
        Self(FileStore::new(System::real(), layout, Options::default()))
    }

    /// How many sessions there are, and how many of them have a title.
    pub(crate) async fn list(&self) -> Result<(usize, usize), Failure> {
        let sessions = self.0.list().await?;
        let titled = sessions.iter().filter(|session| session.title.is_some());
        Ok((sessions.len(), titled.count()))
    }
}

/// The scope of a task that begins here.
#[expect(
    clippy::disallowed_methods,
    reason = "each measurement is a task's entry point"
)]
pub(crate) fn scope() -> LockScope {
    LockScope::open()
}
