//! What eats the space: of a session, and of the whole home.
//!
//! Every transcript is read once for its tree and once for its entries, piece by piece; nothing is locked or written. Law: what is told of
//! a transcript adds up to its bytes, each counted once. Memory: 64 bytes and some for each entry of one session, one line, and the largest
//! entries that were asked for. Deliberately absent: what to do about it, and messages that wait in an inbox (its file is weighed).
//!
//! | file | idea |
//! |---|---|
//! | `standing` | which entries the model is shown, which it is not, which are dead |
//! | `measure` | one transcript, entry by entry |
//! | `session` | one session
//! | `home` | all of them, and what lies beside |

mod home;
mod measure;
mod session;
mod standing;

use std::collections::BTreeMap;
use std::path::PathBuf;

use latchwork_format::EntryId;
use latchwork_session::{OpenError, SessionId};
use latchwork_sys::PathError;
use latchwork_transcript::{Belonging, Part, Sidecar};

use crate::SetupError;

/// What a part of an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpaceKind {
    /// What people said.
    User,
    /// What the model said and called, without its reasoning.
    Assistant,
    /// What tools answered.
    ToolResult,
    /// Images, in whatever message.
    Image,
    /// The model's reasoning, with its seals.
    Reasoning,
    /// Compactions, and summaries of branches.
    Summary,
    /// Standing instructions.
    System,
    /// Commands that the user ran beside the conversation.
    Command,
    /// What extensions keep or say.
    Extension,
    /// Labels, names, models, levels, edits, usage.
    Note,
    /// Whatever else.
    Other,
}

impl SpaceKind {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::ToolResult => "toolResult",
            Self::Image => "image",
            Self::Reasoning => "reasoning",
            Self::Summary => "summary",
            Self::System => "system",
            Self::Command => "command",
            Self::Extension => "extension",
            Self::Note => "note",
            Self::Other => "other",
        }
    }
}

/// Whether the model is shown an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shown {
    /// It is part of the context.
    InContext,
    /// It is on the active branch, and the model is not shown it: compacted, edited away, or of a kind that is not shown.
    OffContext,
    /// It is not on the active branch.
    Dead,
}

impl Shown {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InContext => "inContext",
            Self::OffContext => "offContext",
            Self::Dead => "dead",
        }
    }
}

/// What one kind takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindSpace {
    /// Entries; of images and reasoning, blocks.
    pub count: u64,
    /// Bytes that the model is shown.
    pub in_context: u64,
    /// Bytes on the active branch that it is not shown.
    pub off_context: u64,
    /// Bytes beside the active branch.
    pub dead: u64,
}

impl KindSpace {
    /// All of its bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.in_context
            .saturating_add(self.off_context)
            .saturating_add(self.dead)
    }

    fn add(&mut self, shown: Shown, count: u64, bytes: u64) {
        self.count = self.count.saturating_add(count);
        let place = match shown {
            Shown::InContext => &mut self.in_context,
            Shown::OffContext => &mut self.off_context,
            Shown::Dead => &mut self.dead,
        };
        *place = place.saturating_add(bytes);
    }

    fn join(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.in_context = self.in_context.saturating_add(other.in_context);
        self.off_context = self.off_context.saturating_add(other.off_context);
        self.dead = self.dead.saturating_add(other.dead);
    }
}

/// How many there are, and what they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// In bytes.
    pub bytes: u64,
}

impl Counted {
    pub(crate) fn add(&mut self, count: u64, bytes: u64) {
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// One of the largest entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Largest {
    /// Its session.
    pub session: SessionId,
    /// Its id.
    pub id: EntryId,
    /// Its line, counted from 1.
    pub line: u64,
    /// What it is.
    pub kind: SpaceKind,
    /// Its bytes.
    pub bytes: u64,
    /// Of these, images.
    pub image_bytes: u64,
    /// Whether the model is shown it.
    pub shown: Shown,
}

/// What lies beside a transcript as its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SidecarSpace {
    /// What: `index`, `head`, `inbox`, `quarantine` (what was set aside, and originals that were kept), `removed`, `lock`.
    pub what: &'static str,
    /// Files and bytes.
    pub counted: Counted,
}

/// What takes how much.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Space {
    /// Bytes of the transcript, or of all transcripts.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
    /// What each kind takes.
    pub kinds: BTreeMap<SpaceKind, KindSpace>,
    /// The header, blank lines and line ends.
    pub frame_bytes: u64,
    /// Lines that cannot be read.
    pub damaged: Counted,
    /// What follows the last newline and is no line.
    pub fragment_bytes: u64,
    /// What lies beside.
    pub sidecars: Vec<SidecarSpace>,
    /// The largest entries, the largest first.
    pub largest: Vec<Largest>,
}

impl Space {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> KindSpace {
        let mut total = KindSpace::default();
        self.kinds.values().for_each(|kind| total.join(kind));
        total.count = self.entries;
        total
    }

    fn weigh(&mut self, parts: &[Belonging]) {
        for part in parts {
            let Part::Sidecar(what) = part.part else {
                continue;
            };
            self.beside(called(what), part.files as u64, part.bytes);
        }
    }

    fn beside(&mut self, what: &'static str, files: u64, bytes: u64) {
        match self.sidecars.iter_mut().find(|one| one.what == what) {
            Some(one) => one.counted.add(files, bytes),
            None => self.sidecars.push(SidecarSpace {
                what,
                counted: Counted {
                    count: files,
                    bytes,
                },
            }),
        }
    }
}

const fn called(what: Sidecar) -> &'static str {
    match what {
        Sidecar::Lock(_) => "lock",
        Sidecar::Head => "head",
        Sidecar::Index => "index",
        Sidecar::Inbox => "inbox",
        Sidecar::Quarantine => "quarantine",
        Sidecar::Removed => "removed",
        _ => "other",
    }
}

/// What eats the space of one session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionSpace {
    /// The session.
    pub session: SessionId,
    /// Its transcript.
    pub place: PathBuf,
    /// What takes how much.
    pub space: Space,
}

/// One session among others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpaceSession {
    /// The session.
    pub session: SessionId,
    /// Bytes of its transcript.
    pub bytes: u64,
    /// Bytes of what lies beside it as its own.
    pub sidecar_bytes: u64,
}

/// Something in a home that is no session's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elsewhere {
    /// What: `archive`, `search`, `blobs`, `other`.
    pub what: &'static str,
    /// Files and bytes.
    pub counted: Counted,
}

/// What eats the space of a home.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HomeSpace {
    /// The home.
    pub home: PathBuf,
    /// All that it takes, in files and bytes.
    pub all: Counted,
    /// All sessions together.
    pub space: Space,
    /// The sessions, the largest first.
    pub sessions: Vec<SpaceSession>,
    /// What is no session's own.
    pub elsewhere: Vec<Elsewhere>,
    /// Sessions that could not be read, and why. Their files are weighed.
    pub unread: Vec<(SessionId, String)>,
}

/// How space is looked at.
#[derive(Clone, Copy, Debug)]
pub struct SpaceHow {
    /// How many of the largest entries are told.
    pub largest: usize,
}

/// How far a look has come.
#[derive(Clone, Copy, Debug)]
pub struct SpaceProgress {
    /// Bytes that were read. Each is read twice.
    pub done: u64,
    /// Bytes that are to be read.
    pub of: u64,
}

/// Space could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceFailed {
    /// There is no home.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The session cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such session.
    #[error("session {session} does not exist ({})", place.display())]
    NoSession {
        /// The session.
        session: SessionId,
        /// Where it would be.
        place: PathBuf,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] PathError),
    /// The program is ending.
    #[error("the look was stopped")]
    Stopped,
}
