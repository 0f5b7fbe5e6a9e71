//! What another program's conversation says, mirrored into a session: each message once, at the head, between turns.
//!
//! | file | idea |
//! |---|---|
//! | `identity` | which message is which: scope, identity, key, as OpenClaw's mirror makes them |
//! | `between` | a write while no turn is under way |
//! | `known` | where replies of a source that grows were ended before |
//! | `following` | a source of Codex's that is still being written, fed in pieces |
//! | `driving`, `file` | a mirror at work: from a file that grows, or from pieces, until the end |
//! | `batch` | what was fed and is not written yet |
//!
//! A turn that is under way is not disturbed: whoever mirrors waits for its end, so long as it was told to, and then names who has it. Nothing
//! is held meanwhile, and the hook before a write runs with nothing held. Invariants: a key stands once, whoever writes when; what is
//! looked at under the guard is what is written to.
//!
//! A mirrored message is part of the conversation, as OpenClaw has it: a later turn is shown it. What is only a copy of something delivered
//! elsewhere ([`MessageView::is_mirror`]), and what is kept raw, is shown to no model.
//!
//! [`MessageView::is_mirror`]: latchwork_format::MessageView::is_mirror

mod batch;
mod between;
mod driving;
mod file;
mod following;
mod identity;
mod known;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use latchwork_format::{Body, EntryId, RawEntry, RawObject};
use latchwork_lock::{Holder, LockScope, PhaseGuard};
use latchwork_session::{
    Birth, Commit, Head, Key, KeyError, Level, NewEntry, OpenError, Receipt, TranscriptStore as _,
};
use serde_json::value::RawValue;

use crate::{Session, WriteError};

pub use driving::{MirrorNews, MirrorReport, MirrorSource, MirrorStopped};
pub use following::Following;
pub use identity::{MirrorMessage, Sender, identity_of};
use identity::{as_message, keyed};
use known::Known;

/// How long a turn that is under way is waited for, where nobody says.
const WAIT: Duration = Duration::from_secs(60);

/// What becomes of a message before it is written.
#[derive(Debug)]
pub enum BeforeWrite {
    /// It is written as it is.
    Keep,
    /// This is written in its place, under its key.
    Replace(Box<RawValue>),
    /// It is not written. It is asked about again when it is mirrored again.
    Block,
}

/// Asked about each message before it is written; nothing is held meanwhile.
pub type BeforeWriteHook = Arc<dyn Fn(&RawValue) -> BeforeWrite + Send + Sync>;

/// Told whose turn is waited for.
pub type OnWait = Arc<dyn Fn(&Holder) + Send + Sync>;

/// How messages are mirrored.
#[derive(Clone)]
#[non_exhaustive]
pub struct MirrorHow {
    /// What the keys of messages begin with, such as `codex-app-server:<thread>`; without it messages have no keys, and are written
    /// each time. A source that is followed has names of its own.
    pub scope: Option<String>,
    /// The working directory that a session born here notes.
    pub cwd: String,
    /// How long a turn that is under way is waited for.
    pub wait: Duration,
    /// What a message survives when it is told as written.
    pub level: Level,
    /// Asked about each message before it is written.
    pub before_write: Option<BeforeWriteHook>,
    /// Told whose turn is waited for, once for each wait.
    pub on_wait: Option<OnWait>,
}

impl Default for MirrorHow {
    fn default() -> Self {
        Self {
            scope: None,
            cwd: String::new(),
            wait: WAIT,
            level: Level::Synced,
            before_write: None,
            on_wait: None,
        }
    }
}

impl std::fmt::Debug for MirrorHow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorHow")
            .field("scope", &self.scope)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// What was mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mirrored {
    /// The entries that were written, in order.
    pub written: Vec<EntryId>,
    /// Messages that stood there already.
    pub already: u64,
    /// Messages that the hook held back.
    pub blocked: u64,
    /// Messages of roles that are not mirrored.
    pub other: u64,
}

impl Mirrored {
    /// Adds what was mirrored after that.
    pub fn add(&mut self, more: Self) {
        self.written.extend(more.written);
        self.already += more.already;
        self.blocked += more.blocked;
        self.other += more.other;
    }
}

/// Messages that were not mirrored. What was written before stands; mirroring all of it again is safe where it has keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// A turn is under way, and the wait is over. Nothing was written.
    #[error("a turn of the session is under way: {holder}; waited {} ms for its end", waited.as_millis())]
    Claimed {
        /// Whose turn it is.
        holder: Box<Holder>,
        /// How long its end was waited for.
        waited: Duration,
    },
    /// The session did not take it, or could not confirm it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Its name cannot be one here.
    #[error("a message cannot be named")]
    Key(#[from] KeyError),
    /// What the hook gave is no message.
    #[error("what the hook gave in the place of message {0:?} is no message that is mirrored")]
    NoMessage(String),
    /// Another mirror of the same source writes to this session, and has ended a reply elsewhere. Nothing was written: begin the source anew.
    #[error(
        "another mirror of the same source writes to this session and has cut a reply otherwise; read the source from its beginning again"
    )]
    Again,
}

impl From<OpenError> for MirrorError {
    fn from(error: OpenError) -> Self {
        WriteError::from(error).into()
    }
}

/// One entry to be, and whether the hook is asked about it.
#[derive(Clone)]
struct Entry {
    entry: NewEntry,
    is_message: bool,
}

impl Session {
    /// Mirrors messages, in order, in one commit: those whose key stands already are left out, by one look for all of them.
    ///
    /// # Errors
    /// See [`MirrorError`].
    ///
    /// # Cancel safety
    /// A commit, once begun, is written whole; mirroring again is safe where there is a [scope](MirrorHow::scope).
    pub async fn mirror(
        &self,
        scope: &mut LockScope,
        messages: &[MirrorMessage],
        how: &MirrorHow,
    ) -> Result<Mirrored, MirrorError> {
        let mut done = Mirrored::default();
        let mut entries = Vec::new();
        for message in messages {
            match message.entry(how.scope.as_deref())? {
                Some(entry) => entries.push(entry),
                None => done.other += 1,
            }
        }
        let entries = self.asked(entries, how, &mut done).await?;
        done.add(self.write_between_turns(scope, entries, how, None).await?);
        Ok(done)
    }

    /// What is left when the hook was asked; of what stands already it is not asked.
    async fn asked(
        &self,
        entries: Vec<Entry>,
        how: &MirrorHow,
        done: &mut Mirrored,
    ) -> Result<Vec<NewEntry>, MirrorError> {
        let there = self.there(entries.iter().map(|entry| &entry.entry)).await?;
        let mut left = Vec::with_capacity(entries.len());
        for Entry { entry, is_message } in entries {
            if stands(&entry, &there) {
                done.already += 1;
                continue;
            }
            let (Some(hook), true, Body::Message(message)) =
                (&how.before_write, is_message, &entry.body)
            else {
                left.push(entry);
                continue;
            };
            match hook(message) {
                BeforeWrite::Keep => left.push(entry),
                BeforeWrite::Block => done.blocked += 1,
                BeforeWrite::Replace(other) => left.push(replaced(entry, &other)?),
            }
        }
        Ok(left)
    }

    /// Which of their keys stand already.
    async fn there<'e>(
        &self,
        entries: impl Iterator<Item = &'e NewEntry>,
    ) -> Result<HashSet<String>, OpenError> {
        let keys: Vec<Key> = entries.filter_map(|entry| entry.key.clone()).collect();
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let snapshot = self.context(&keys).await?;
        let found = snapshot.transcript.entries().filter_map(RawEntry::key);
        Ok(found.collect())
    }

    /// Writes what does not stand there by now.
    async fn mirror_under(
        &self,
        guard: &mut PhaseGuard<'_>,
        mut entries: Vec<NewEntry>,
        how: &MirrorHow,
        done: &mut Mirrored,
        known: Option<&mut Known>,
    ) -> Result<Option<Receipt>, MirrorError> {
        if let Some(known) = known {
            known.look(self).await?;
            let keys = entries.iter().filter_map(|entry| entry.key.as_ref());
            if { keys }.any(|key| known.is_cut_otherwise(key.as_str())) {
                return Err(MirrorError::Again);
            }
        }
        let there = self.there(entries.iter()).await?;
        let before = entries.len();
        entries.retain(|entry| !stands(entry, &there));
        done.already += (before - entries.len()) as u64;
        if entries.is_empty() {
            return Ok(None);
        }
        let commit = Commit {
            birth: Some(Birth {
                cwd: how.cwd.clone(),
                session_key: self.key().map(|key| key.as_str().to_owned()),
                parent_session: None,
            }),
            ..Commit::side(entries)
        };
        self.parts().system.steps.reach("mirror:before-write");
        let appended = self.store().append(guard, &Head::default(), commit).await;
        let receipt = appended.map_err(WriteError::from)?;
        self.parts().system.steps.reach("mirror:written");
        for placed in &receipt.placed {
            match placed.duplicate {
                true => done.already += 1,
                false => done.written.push(placed.id.clone()),
            }
        }
        Ok(Some(receipt))
    }
}

fn stands(entry: &NewEntry, there: &HashSet<String>) -> bool {
    let key = entry.key.as_ref();
    key.is_some_and(|key| there.contains(key.as_str()))
}

/// The entry with another message in it, under its key.
fn replaced(entry: NewEntry, other: &RawValue) -> Result<NewEntry, MirrorError> {
    let key = entry.key.clone();
    let none = || MirrorError::NoMessage(key.as_ref().map(ToString::to_string).unwrap_or_default());
    let object = RawObject::parse(other.get()).map_err(|_| none())?;
    identity::mirrored_role(&object).ok_or_else(none)?;
    let object = match &entry.key {
        Some(key) => keyed(&object, key),
        None => object,
    };
    let body = as_message(&object).ok_or_else(none)?;
    Ok(NewEntry { body, ..entry })
}
