//! A commit: entries with a base, compared and set under a guard.
//!
//! Invariants: a commit is written whole or not at all, by one write, and runs to its end once begun though its
//! future is dropped; parents and ids are given by the store; a key names one message in a session. Deliberately
//! absent: changing or removing what is stored (see [`Rewrite`](crate::Rewrite)).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use latchwork_format::{Body, EntryId, SessionId};
use latchwork_lock::ClaimLost;

use crate::{Head, Key, Level, Position, TurnId};

/// Where a commit may go when the session has grown since its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// A turn goes on: placed after the base; moved over metadata, mirrors and a compaction of older entries; kept
    /// beside the active branch when that was replaced. If a conversational entry follows the base, the commit stays
    /// on the base ([`Outcome::Diverged`]) and our own keyed messages among them are placed again after it.
    Continue,
    /// A writer beside the turn: at the head, wherever it is by now. The base is not looked at.
    AtHead,
    /// At the head if the base is still on the active branch, else refused ([`AppendError::Stale`]): a compaction, an
    /// engine's note.
    IfAncestor,
    /// At the head if that is exactly the base, else refused ([`AppendError::Stale`]): nothing may have come in between, of
    /// whatever kind.
    Exact,
    /// Kept on the base's own branch; the head stays where it is. What is left of a turn that was superseded.
    Aside,
}

/// One entry to be written. Its id, parent and time are the store's business.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What it says.
    pub body: Body,
    /// Names the message. An entry whose key is stored already is not written again, unless `again`.
    pub key: Option<Key>,
    /// Place the keyed message once more, with the next number: the newest placement counts.
    pub again: bool,
}

impl NewEntry {
    /// An entry without a key.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        Self {
            body,
            key: None,
            again: false,
        }
    }

    /// An entry that is written once, however often it is sent.
    #[must_use]
    pub const fn keyed(body: Body, key: Key) -> Self {
        Self {
            body,
            key: Some(key),
            again: false,
        }
    }
}

/// What a session that does not exist yet begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Birth {
    /// The working directory of the conversation.
    pub cwd: String,
    /// The name that people and programs call the session by, kept in the transcript itself.
    pub session_key: Option<String>,
    /// The session that it was forked from.
    pub parent_session: Option<String>,
}

/// A list of entries, each the parent of the next, and where they may go.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The entries, in order. An empty list is allowed and writes nothing.
    pub entries: Vec<NewEntry>,
    /// Where they may go.
    pub intent: Intent,
    /// The turn that they belong to.
    pub turn: Option<TurnId>,
    /// Used if the session has no transcript yet; without it, such a commit is refused.
    pub birth: Option<Birth>,
}

impl Commit {
    /// A commit beside any turn.
    #[must_use]
    pub const fn side(entries: Vec<NewEntry>) -> Self {
        Self {
            entries,
            intent: Intent::AtHead,
            turn: None,
            birth: None,
        }
    }
}

/// Where one entry of a commit stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: EntryId,
    /// Its parent.
    pub parent: Option<EntryId>,
    /// Its key, if it has one.
    pub key: Option<Key>,
    /// Where it begins.
    pub at: Position,
    /// It was there already, by its key; nothing was written for it.
    pub duplicate: bool,
}

/// Why the active branch is no longer the one that a turn built on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replacement {
    /// Somebody moved the head away on purpose (rewind, reset), with this reason.
    Moved(String),
    /// The base is no longer stored: the file was replaced.
    BaseGone,
    /// A newer claim took the turn.
    Superseded,
}

impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved(why) => write!(f, "the head was moved ({})", why.escape_debug()),
            Self::BaseGone => f.write_str("the transcript was replaced"),
            Self::Superseded => f.write_str("a newer turn took over"),
        }
    }
}

/// What became of the base.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing had come in between.
    Clean,
    /// What had come in between did not speak: the commit was placed after it.
    Rebased {
        /// The entries that it was moved over.
        over: Vec<EntryId>,
    },
    /// Somebody spoke in between: the commit stays on its base.
    Diverged {
        /// Messages of ours that came in between, placed again after the commit: they are answered next, unless their
        /// reply came in with them; that is placed again too.
        again: Vec<Placed>,
        /// Conversational entries of others; kept on their own branch, to be attached again at will.
        kept: Vec<EntryId>,
    },
    /// The active branch was replaced: the commit is kept on its own branch and the head did not move.
    Aside {
        /// Why.
        because: Replacement,
    },
}

/// Proof that a commit is written. It is *acknowledged* by [`reached`](Self::reached) only.
#[derive(Clone)]
pub struct Receipt {
    /// One for each entry of the commit, in order.
    pub placed: Vec<Placed>,
    /// The base of the writer's next commit: the end of what it wrote, on its branch.
    pub head: Head,
    /// What became of the base.
    pub outcome: Outcome,
    durable: Arc<dyn Durability>,
}

impl Receipt {
    /// A receipt. For backends.
    #[must_use]
    pub fn new(
        placed: Vec<Placed>,
        head: Head,
        outcome: Outcome,
        durable: Arc<dyn Durability>,
    ) -> Self {
        Self {
            placed,
            head,
            outcome,
            durable,
        }
    }

    /// Waits until the commit has reached `level`, and says which level that is (at least the one asked for).
    ///
    /// Call it after the guard is dropped: waiting for a disk is no reason to keep others out.
    ///
    /// # Errors
    /// [`SyncError::Unknown`] when the sync failed: the entries may or may not survive, the session is latched until
    /// it is opened again, and sending them again with the same keys is safe.
    ///
    /// # Cancel safety
    /// The sync goes on; asking again is fine.
    pub async fn reached(&self, level: Level) -> Result<Level, SyncError> {
        self.durable.reached(level).await
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("placed", &self.placed)
            .field("head", &self.head)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// The backend's side of an acknowledgement.
#[async_trait::async_trait]
pub trait Durability: Send + Sync {
    /// See [`Receipt::reached`].
    async fn reached(&self, level: Level) -> Result<Level, SyncError>;
}

/// An acknowledgement that could not be given. The entries are written; what they survive is not known.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The storage could not say that the bytes are safe.
    #[error(
        "session {session} is written, but the storage could not confirm it ({doing}): {source}; open it again and send the same keys again"
    )]
    Unknown {
        /// The session.
        session: SessionId,
        /// What was being done.
        doing: String,
        /// The cause.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The backend never reaches this level.
    #[error("this storage cannot reach {asked}; it reaches {best}")]
    Unreachable {
        /// What was asked for.
        asked: Level,
        /// What it can do.
        best: Level,
    },
}

/// A commit that was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The guard is another session's.
    #[error("the guard in hand is for session {guarded:?}, not for {session}")]
    WrongSession {
        /// The session to be written.
        session: SessionId,
        /// The session of the guard.
        guarded: String,
    },
    /// The guard is another backend's.
    #[error("the guard in hand was not made by the backend that keeps session {session}")]
    ForeignGuard {
        /// The session.
        session: SessionId,
    },
    /// The guard was revoked, or what it held was taken from under it (a deleted folder, a replaced file).
    #[error("the guard of session {session} is no longer good: {why}; nothing was written")]
    GuardLost {
        /// The session.
        session: SessionId,
        /// What happened to it.
        why: String,
    },
    /// The turn is no longer this one's.
    #[error("nothing was written to session {}", .0.session)]
    Superseded(#[source] Box<ClaimLost>),
    /// The base is no longer on the active branch, and the commit asked to be refused then.
    #[error(
        "session {session} has moved on: the base of this commit is no longer on its active branch"
    )]
    Stale {
        /// The session.
        session: SessionId,
        /// Where the active branch ends by now.
        head: Box<Head>,
    },
    /// The session has no transcript, and the commit does not say how it begins.
    #[error("session {session} does not exist")]
    NoSession {
        /// The session.
        session: SessionId,
    },
    /// The transcript can be read but must not be written (a newer version, a damaged header).
    #[error("session {session} is read-only here: {why}")]
    ReadOnly {
        /// The session.
        session: SessionId,
        /// Why.
        why: String,
    },
    /// An entry cannot be stored.
    #[error("entry {index} of the commit cannot be stored: {why}; nothing was written")]
    BadEntry {
        /// Which, from 0.
        index: usize,
        /// Why.
        why: String,
    },
    /// No room. Nothing of the commit stands.
    #[error(
        "no space left for session {session} ({doing}); free some and try again; what was durable before is kept"
    )]
    NoSpace {
        /// The session.
        session: SessionId,
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An earlier write could not be confirmed; the session must be opened again first.
    #[error(
        "session {session} is latched since an earlier write could not be confirmed: open it again first"
    )]
    Latched {
        /// The session.
        session: SessionId,
    },
    /// The transcript that the writer had seen was taken away from under it. Nothing was made anew in its place.
    #[error(
        "the transcript of session {session} was taken away while it was in use ({why}); nothing was made anew in its place; if it was moved, move it back; if it was removed, open the session again to begin anew"
    )]
    Replaced {
        /// The session.
        session: SessionId,
        /// What was found, and where the commit's own lines are kept.
        why: String,
    },
    /// Another program, which takes no lock, changed the transcript while it was to be written anew. Nothing was changed.
    #[error(
        "another program wrote to session {session} while its transcript was to be written anew; nothing was changed; try again when that program is done"
    )]
    Disturbed {
        /// The session.
        session: SessionId,
    },
    /// The storage failed so that nobody can say whether the commit is written. The session is latched until it is opened
    /// again; then the same keys may be sent again.
    #[error(
        "whether the commit to session {session} is written is not known ({doing}); open it again, then send the same keys again"
    )]
    Unknown {
        /// The session.
        session: SessionId,
        /// What was being done, to which path.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The backend failed. Nothing of the commit stands.
    #[error("session {session} could not be written: {doing}")]
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
