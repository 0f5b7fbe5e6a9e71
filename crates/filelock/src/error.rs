//! What can go wrong with a latch or a claim.
//!
//! Busy, revoked and lost are classes of their own: none of them is a failure of the disk, and none of
//! them says anything about the model that a turn may be waiting for.

use std::path::PathBuf;
use std::time::Duration;

use latchwork_lock::{ClaimLost, Holder, Phase};
use latchwork_sys::{FileKind, FsKind, PathError};

/// A latch was not granted. Nothing is held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LatchError {
    /// Somebody else holds it, and the wait is over.
    #[error(
        "session {session:?} is busy: {obstacle} {path:?} is held by {holder}; waited {} ms. {}",
        waited.as_millis(), what_to_do(holder)
    )]
    Busy {
        /// The session.
        session: String,
        /// What stood in the way.
        obstacle: Obstacle,
        /// The file that is locked.
        path: PathBuf,
        /// Who holds it, as far as can be told.
        holder: Box<Holder>,
        /// How long this request waited.
        waited: Duration,
    },
    /// This very task holds it: waiting would never end.
    #[error(
        "this task already holds session {session:?}, since {} ms, in phase {phase}: borrow that guard",
        held_for.as_millis()
    )]
    SelfDeadlock {
        /// The session.
        session: String,
        /// The phase that the guard was taken for.
        phase: Phase,
        /// How long it has been held.
        held_for: Duration,
    },
    /// What stands at the path is nothing that a session can live in. It was not touched.
    #[error("{path:?} is refused: {why}")]
    Refused {
        /// The path.
        path: PathBuf,
        /// Why, and the way out.
        why: Refusal,
    },
    /// The folder lies where a lock may not exclude anybody. It was not touched.
    #[error("{dir:?} is refused: {why}")]
    Unsupported {
        /// The folder.
        dir: PathBuf,
        /// Why, and the way out.
        why: Unsupported,
    },
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Why locks in a folder are not trusted, and the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// It lies on a filesystem of this kind, and that was not allowed.
    #[error(
        "it lies on {}, where file locks may exclude nobody. Move the sessions to a local disk, use a database, or allow \
         it in the settings (allow_network_fs) if a single machine uses it", .0.name()
    )]
    Kind(FsKind),
    /// Two descriptors of one file could both be locked: the filesystem only pretends.
    #[error("its filesystem grants one lock twice. Move the sessions to a local disk")]
    GrantsTwice,
    /// Another process got a lock that this one holds.
    #[error("its filesystem grants one lock to two processes. Move the sessions to a local disk")]
    GrantsToOthers,
}

/// What stood in the way of a latch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Another task of this process has the latch.
    OwnProcess,
    /// Another process has the latch.
    Latch,
    /// The transcript itself is locked, through another latch file than ours: a deleted sidecar
    /// folder, a bind mount.
    Transcript,
    /// A peer's lock file.
    PeerLock,
    /// A peer's lock file that is older than [`stale_ms`](crate::Options::stale_ms), though its owner lives.
    OldPeerLock,
    /// A lock file in which no owner can be read; it is given 30 s, for it may be half written.
    HalfWritten,
    /// The files kept being replaced while they were being locked.
    Replaced,
    /// Another command under the same `latchwork lock` writes: those who join a lock take turns.
    Turn,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OwnProcess | Self::Latch => "its latch",
            Self::Transcript => "its transcript",
            Self::PeerLock => "the lock file",
            Self::OldPeerLock => "the lock file (old enough to be stale, but its owner lives)",
            Self::HalfWritten => {
                "the lock file, in which no owner can be read (it may be half written),"
            }
            Self::Replaced => "a file that keeps being replaced,",
            Self::Turn => "the turn among the commands of the lock that this one is under,",
        })
    }
}

/// What can be done about a holder that is in the way: the words with which [`LatchError::Busy`] ends.
#[must_use]
pub fn what_to_do(holder: &Holder) -> String {
    match (holder.pid, holder.state.as_deref()) {
        (Some(pid), Some(state)) if state.starts_with(['T', 't']) => {
            format!(
                "That process is stopped: let it go on (kill -CONT {pid}) or end it; it is never robbed"
            )
        }
        (Some(_), _) => "Try again later, or end that process; it is never robbed".to_owned(),
        (None, _) => "Try again later".to_owned(),
    }
}

/// Why a path is refused, and the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A directory.
    #[error("it is a directory; name a file in it")]
    Directory,
    /// A named pipe.
    #[error("it is a named pipe (FIFO), which keeps nothing; name a regular file")]
    Fifo,
    /// A socket.
    #[error("it is a socket, which keeps nothing; name a regular file")]
    Socket,
    /// A device.
    #[error("it is a device; name a regular file")]
    Device,
    /// A symbolic link.
    #[error(
        "it is a symbolic link, and two names would have two locks; name the file that it points to"
    )]
    Symlink,
    /// A file with several names.
    #[error(
        "it is one of {names} names (hard links) of one file, and each would have its own lock; remove the \
         others or make a copy"
    )]
    HardLinked {
        /// How many names.
        names: u64,
    },
    /// Reading and writing are not permitted.
    #[error("reading and writing it is not permitted; change its owner or its permissions")]
    NotPermitted,
    /// Something else that is not a regular file.
    #[error("it is not a regular file")]
    NotRegular,
    /// A path that must be a folder.
    #[error("it is not a folder")]
    NotAFolder,
}

impl Refusal {
    /// The refusal of what is not a regular file.
    pub(crate) fn of(kind: FileKind) -> Option<Self> {
        match kind {
            FileKind::Regular => None,
            FileKind::Directory => Some(Self::Directory),
            FileKind::Fifo => Some(Self::Fifo),
            FileKind::Socket => Some(Self::Socket),
            FileKind::Device => Some(Self::Device),
            FileKind::Symlink => Some(Self::Symlink),
            _ => Some(Self::NotRegular),
        }
    }
}

/// No write may be started through this latch any more. What was started before ends whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the latch of session {session:?} was revoked after {} ms: {reason}. Take a new one", held_for.as_millis())]
pub struct Revoked {
    /// The session.
    pub session: String,
    /// Why.
    pub reason: String,
    /// How long it had been held.
    pub held_for: Duration,
}

/// Something that is held is not ours any more. Nothing was written; the latch is revoked.
#[derive(Debug, thiserror::Error)]
#[error(
    "the latch of session {session:?} is lost: {what} ({path:?}). Nothing was written; take a new one"
)]
pub struct LatchLost {
    /// The session.
    pub session: String,
    /// What was lost.
    pub what: Lost,
    /// Its path.
    pub path: PathBuf,
}

/// What a holder can lose.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The latch file is gone or another one stands at its path.
    #[error("the latch file was removed or replaced while it was held")]
    LatchFile,
    /// The transcript is gone or another one stands at its path.
    #[error("the transcript was removed or replaced while it was held")]
    Transcript,
    /// The transcript got a second name.
    #[error("the transcript was given {names} names while it was held")]
    HardLinked {
        /// How many.
        names: u64,
    },
    /// A peer removed or replaced the lock file that excludes it.
    #[error("a peer removed or replaced the lock file")]
    PeerLock,
    /// The process that stands for us before peers has ended, so they may rob us at any moment.
    #[error("the process that the lock file names for us has ended")]
    StandIn,
    /// The lock of another process, which this one had joined, does not stand any more.
    #[error("the lock that this process was started under was given back or replaced")]
    JoinedLock,
    /// It was released meanwhile.
    #[error("it was given back")]
    Released,
    /// It could not be looked at.
    #[error("it could not be looked at: {0}")]
    Unseen(std::io::ErrorKind),
}

/// A new transcript was not put in place. The old one, if any, stands as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The latch is lost.
    #[error(transparent)]
    Lost(#[from] LatchLost),
    /// A transcript appeared where there was none.
    #[error(
        "{path:?} appeared while a new transcript was being made; open it and go on from there"
    )]
    Appeared {
        /// The path.
        path: PathBuf,
    },
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// A claim was not granted, or is not ours any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// It is another's turn, and the wait is over.
    #[error(
        "session {session:?} is in another turn{}, claimed by {holder} (epoch {epoch}); waited {} ms. Wait for \
         it, queue the message, fork the session, or take the turn over with a reason",
        turn.as_ref().map(|turn| format!(" ({turn:?})")).unwrap_or_default(), waited.as_millis()
    )]
    Busy {
        /// The session.
        session: String,
        /// Whose turn it is, as far as can be told.
        holder: Box<Holder>,
        /// The epoch of that claim.
        epoch: u64,
        /// The turn's own name, where the claim tells.
        turn: Option<String>,
        /// How long this request waited.
        waited: Duration,
    },
    /// The turn is another's by now. Nothing was written.
    #[error(transparent)]
    Superseded(Box<ClaimLost>),
    /// The claim is for another session, or of another backend's making.
    #[error("the claim given is for {found:?}, not for session {session:?}")]
    WrongSession {
        /// The session that was to be written.
        session: String,
        /// What the claim is for.
        found: String,
    },
    /// Claims are files on a latched folder, and that was refused.
    #[error(transparent)]
    Latch(#[from] LatchError),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] PathError),
}
