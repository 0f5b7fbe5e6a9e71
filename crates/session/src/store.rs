//! The seam of storage: a transcript that is read without locks and written under guards.
//!
//! Reading never writes and never waits for a writer: it sees whole entries only, up to some moment. Writing is
//! a compare-and-set. Deliberately absent: any wait for a disk under a guard (see [`Receipt::reached`]).

use std::error::Error;
use std::sync::Arc;

use latchwork_format::{Body, EntryId, RawEntry, SessionId, Transcript};
use latchwork_lock::PhaseGuard;

use crate::{AppendError, Commit, Head, Key, NewEntry, Position, Receipt};

/// How much of a session a reader needs. A backend may give more, never less. The transcript of a snapshot holds those
/// entries, and is a [part](Transcript::part) if there are others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum View {
    /// What the model's context is made of.
    Context,
    /// The last entries of the active branch, so many; one at least.
    Last(usize),
    /// The active branch.
    Branch,
    /// Every entry of every branch, and what is odd about the tree.
    Everything,
}

/// A session as it was at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The session.
    pub session: SessionId,
    /// Whether it has a transcript at all. Without one, the rest is empty.
    pub exists: bool,
    /// The active branch: the base of a commit that builds on this snapshot.
    pub head: Head,
    /// The entries that the view asked for.
    pub transcript: Arc<Transcript>,
    /// What was found wrong, and how much is there.
    pub report: OpenReport,
}

/// What opening a session found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenReport {
    /// Entries that can be read: of the whole session, unless only the end of it was looked at (see
    /// [`Transcript::file_entry_count`]).
    pub restored: usize,
    /// Entries and damaged lines together.
    pub of: usize,
    /// Each damage in a sentence: where, what, and what was done about it. What is odd about the tree is found by
    /// [`View::Everything`] only.
    pub damage: Vec<String>,
    /// Everything before this place was acknowledged as durable, as far as this process knows.
    pub saved_through: Option<Position>,
    /// Branches of others that left the active one and can be attached again; found by [`View::Everything`] only.
    pub divergent: Vec<Divergence>,
    /// The transcript may be read, not written, because of this.
    pub read_only: Option<String>,
}

impl OpenReport {
    /// A report of nothing wrong.
    #[must_use]
    pub fn clean(entries: usize) -> Self {
        Self {
            restored: entries,
            of: entries,
            ..Self::default()
        }
    }
}

/// Conversational entries beside the active branch, written by somebody else after our head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Where they left the active branch.
    pub from: Option<EntryId>,
    /// The end of their branch.
    pub leaf: EntryId,
    /// How many conversational entries they are.
    pub entries: usize,
}

/// Entries in stored order.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Each with the place that it begins at.
    pub entries: Vec<(Position, RawEntry)>,
    /// Where the next page begins.
    pub next: Position,
    /// Whether there was more when the page was read.
    pub more: bool,
}

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSummary {
    /// Its id.
    pub session: SessionId,
    /// The key that it is called by.
    pub session_key: Option<String>,
    /// Its display name.
    pub name: Option<String>,
    /// The first words of the user.
    pub title: Option<String>,
    /// The working directory in its header.
    pub cwd: Option<String>,
    /// Where it is kept, for people.
    pub place: String,
    /// When it was created, ISO 8601.
    pub created: Option<String>,
    /// When it last changed, milliseconds since 1970.
    pub modified_ms: i64,
    /// Stored size in bytes.
    pub bytes: u64,
    /// Messages accepted and not yet answered, where the inbox is kept beside the transcript.
    pub waiting: usize,
    /// What its header names as its parent: the session whose words it begins with, as a path or in its maker's own words.
    pub parent: Option<String>,
}

impl SessionSummary {
    /// A summary with nothing but its id, place, age and size; fill in the rest by assignment.
    #[must_use]
    pub const fn new(session: SessionId, place: String, modified_ms: i64, bytes: u64) -> Self {
        Self {
            session,
            session_key: None,
            name: None,
            title: None,
            cwd: None,
            place,
            created: None,
            modified_ms,
            bytes,
            waiting: 0,
            parent: None,
        }
    }
}

/// Entries to be replaced.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// The new body of each entry, by id. The last one for an id counts.
    pub replacements: Vec<(EntryId, Body)>,
    /// Where the new bodies go.
    pub mode: RewriteMode,
}

/// How entries are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewriteMode {
    /// By a new branch from the first of them on, with new ids. What was there stays stored beside it, so the stored session grows by what
    /// stands behind the first. Entries of the active branch only.
    #[default]
    Branch,
    /// Where they stand: ids, parents, times and keys stay, and what was there is gone. The stored session is written anew whole, and
    /// grows or shrinks by the difference. Entries of any branch.
    InPlace,
}

/// What a rewrite did.
#[derive(Clone, Debug, Default)]
pub struct Rewritten {
    /// Whether anything changed.
    pub changed: bool,
    /// Bytes by which the active branch became smaller.
    pub branch_bytes_freed: u64,
    /// Bytes by which the stored session grew (positive) or shrank (negative).
    pub stored_bytes_delta: i64,
    /// Entries replaced.
    pub rewritten_entries: usize,
    /// Why nothing changed.
    pub reason: Option<String>,
    /// The receipt of what was written, if anything was.
    pub receipt: Option<Receipt>,
}

/// A session could not be read. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no transcript, or lies where none may lie.
    #[error("session {session} cannot be opened: {why}")]
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
    #[error("session {session} could not be read: {doing}")]
    Backend {
        /// The session.
        session: SessionId,
        /// What was being done, to which path.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Transcripts by session.
#[async_trait::async_trait]
pub trait TranscriptStore: Send + Sync {
    /// Reads a session as it is now. A session that does not exist is an empty snapshot, not an error.
    ///
    /// # Errors
    /// See [`OpenError`].
    async fn open(&self, session: &SessionId, view: View) -> Result<Snapshot, OpenError>;

    /// Reads a session for who has messages in it: the same, and the transcript also holds the newest placement of each of these keys
    /// with every reply and every move of the head behind it, and the newest move of all. Ancestry, the leaf and the roles that have
    /// spoken are those of the whole session.
    ///
    /// # Errors
    /// See [`OpenError`].
    async fn open_for(
        &self,
        session: &SessionId,
        view: View,
        keys: &[Key],
    ) -> Result<Snapshot, OpenError> {
        let _whatever_they_are = (view, keys);
        self.open(session, View::Everything).await
    }

    /// Reads entries in stored order, from a place on: export, search and followers of a live session.
    ///
    /// # Errors
    /// See [`OpenError`].
    async fn read(
        &self,
        session: &SessionId,
        from: Position,
        limit: usize,
    ) -> Result<Page, OpenError>;

    /// Commits entries: compared with `base` and with the claim of the guard, written in one write.
    ///
    /// # Errors
    /// See [`AppendError`]; unless it says otherwise, nothing was written.
    ///
    /// # Cancel safety
    /// Before it has begun to write, a dropped future writes nothing. Once begun, the commit runs to its end, and
    /// the session stays locked until then.
    async fn append(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        commit: Commit,
    ) -> Result<Receipt, AppendError>;

    /// Moves the head to an entry (`None`: before the first), on purpose: rewind, reset, attach a divergent branch.
    /// It is made durable as an entry whose parent is the new head.
    ///
    /// # Errors
    /// See [`AppendError`]; an unknown entry is a [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// As [`append`](Self::append).
    async fn move_head(
        &self,
        guard: &mut PhaseGuard<'_>,
        to: Option<&EntryId>,
        why: &str,
    ) -> Result<Receipt, AppendError> {
        self.branch(guard, to, why, Vec::new()).await
    }

    /// As [`move_head`](Self::move_head), with entries below the new place in the same write: what was left is summed up where the
    /// conversation goes on. The first place of the receipt is that of the move.
    ///
    /// # Errors
    /// See [`AppendError`]; an unknown entry, and one of `entries` that has a key, is a [`AppendError::BadEntry`].
    ///
    /// # Cancel safety
    /// As [`append`](Self::append).
    async fn branch(
        &self,
        guard: &mut PhaseGuard<'_>,
        to: Option<&EntryId>,
        why: &str,
        entries: Vec<NewEntry>,
    ) -> Result<Receipt, AppendError>;

    /// Replaces entries, by a new branch or [in place](RewriteMode).
    ///
    /// # Errors
    /// See [`AppendError`]; a `base` that is no longer on the active branch is [`AppendError::Stale`]; in place it is
    /// [`AppendError::Disturbed`] where another program that takes no lock writes meanwhile.
    ///
    /// # Cancel safety
    /// As [`append`](Self::append).
    async fn rewrite(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        rewrite: Rewrite,
    ) -> Result<Rewritten, AppendError>;

    /// The sessions that there are, newest first. Bodies are not read.
    ///
    /// # Errors
    /// When the place itself cannot be read; a session that cannot is listed without a title.
    async fn list(&self) -> Result<Vec<SessionSummary>, OpenError>;
}
