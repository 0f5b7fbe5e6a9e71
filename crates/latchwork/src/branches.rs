//! The branches of a session: which there are, a name for an entry, going on elsewhere with a summary of what is left, and taking entries of
//! one branch over into another.
//!
//! Each change is one commit under a guard of its own, so it is made while a turn is under way, too, and costs what it writes. Nothing is
//! removed by any of them. Deliberately absent: a summary by a model; whoever has one hands it in.

mod list;
mod merge;

use latchwork_format::{Body, EntryId, RawEntry};
use latchwork_lock::LockScope;
use latchwork_session::{
    AppendError, Commit, Head, Level, NewEntry, Receipt, SessionLocks as _, TranscriptStore as _,
};

use crate::{Session, WriteError};

/// The longest name of an entry, in characters.
const LABEL_MAX: usize = 200;

/// A branch that ends somewhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Branch {
    /// Its last entry that says something, by which one goes there.
    pub leaf: EntryId,
    /// The entry of the active branch where it left that; `None` if nothing of it is shared. Of the active branch: its end.
    pub from: Option<EntryId>,
    /// How many of its entries that say something are its own.
    pub entries: usize,
    /// How it came to be.
    pub origin: Origin,
    /// What was said last.
    pub last: RawEntry,
}

/// How a branch came to be beside the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It is the active one.
    Active,
    /// An orphaned reply: what a turn said when another had taken its place.
    Aside,
    /// It was left: by a rewind, or by a rewrite.
    Left,
    /// Another program went on there.
    Theirs,
}

impl Session {
    /// Every branch that ends with something that was said, the active one first and then the newest first. Reads all of the session.
    ///
    /// # Errors
    /// [`WriteError::Open`] if it cannot be read.
    pub async fn branches(&self) -> Result<Vec<Branch>, WriteError> {
        let snapshot = self.snapshot().await?;
        Ok(list::branches(
            &snapshot.transcript,
            snapshot.head.leaf.as_ref(),
        ))
    }

    /// Gives an entry a name, or takes it away, and waits until that is durable.
    ///
    /// # Errors
    /// See [`WriteError`]; an unknown entry and a name that is no name are an [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// The commit, once begun, runs to its end.
    pub async fn label(
        &self,
        scope: &mut LockScope,
        target: &EntryId,
        label: Option<&str>,
    ) -> Result<Receipt, WriteError> {
        let bad = |why: String| AppendError::BadEntry { index: 0, why };
        if let Some(label) = label {
            let length = label.chars().count();
            if label.trim().is_empty() || length > LABEL_MAX || label.contains(char::is_control) {
                let why =
                    format!("a name has 1 to {LABEL_MAX} characters and no control characters");
                return Err(bad(why).into());
            }
        }
        if !self.context(&[]).await?.transcript.has_entry(target) {
            return Err(bad(format!("there is no entry {:?} to name", target.as_str())).into());
        }
        let entry = NewEntry::new(Body::Label {
            target: target.clone(),
            label: label.map(|label| label.trim().to_owned()),
        });
        let commit = Commit::side(vec![entry]);
        self.commit_at(scope, &Head::default(), commit, Level::Synced)
            .await
    }

    /// Moves the head to an entry (`None`: before the first) and tells the conversation there, in the same write, what is left behind.
    /// Durable when it returns.
    ///
    /// # Errors
    /// See [`WriteError`]; an unknown entry is an [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// The commit, once begun, runs to its end.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn branch_with_summary(
        &self,
        scope: &mut LockScope,
        to: Option<&EntryId>,
        why: &str,
        summary: &str,
    ) -> Result<Receipt, WriteError> {
        let entry = NewEntry::new(Body::BranchSummary {
            from: to.cloned(),
            summary: summary.to_owned(),
            details: None,
        });
        let store = self.store();
        let mut guard = store.guard(scope, self.side_guard()).await?;
        let done = store.branch(&mut guard, to, why, vec![entry]).await;
        drop(guard);
        let receipt = done?;
        receipt.reached(Level::Synced).await?;
        Ok(receipt)
    }

    /// Takes entries of `source` (this session or another one) over to the head, byte for byte but for their place, in the order of their
    /// file; with a reply that calls tools come the results. What was taken over before is not doubled. Durable when it returns: the places
    /// of the entries, in that order.
    ///
    /// # Errors
    /// See [`WriteError`]; an entry that is not there or says nothing is an [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// The commit, once begun, runs to its end; again with the same entries is safe.
    pub async fn merge(
        &self,
        scope: &mut LockScope,
        source: &Self,
        entries: &[EntryId],
    ) -> Result<Receipt, WriteError> {
        let from = source.snapshot().await?;
        let chosen = merge::chosen(&from.transcript, entries)?;
        let commit = Commit::side(merge::taken_over(source.id(), &chosen)?);
        let mut receipt = self
            .commit_at(scope, &Head::default(), commit, Level::Synced)
            .await?;
        // The first is the note of where they are from.
        receipt.placed = receipt.placed.split_off(1.min(receipt.placed.len()));
        Ok(receipt)
    }
}
