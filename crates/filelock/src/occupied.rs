//! What is kept of a session and by whom, as values: what a look at it answers, and what came of ending a holder.
//!
//! They describe one moment that may be over. Deliberately absent: looking, proving and ending (`unlock.rs`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_lock::{Asker, Holder};
use latchwork_sys::FileFacts;

/// What of a session can be kept by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The right to write.
    Latch,
    /// The turn.
    Claim,
}

/// What is kept of a session, and by whom. It may be out of date when it is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Occupation {
    /// Who writes.
    pub latch: Option<Occupied>,
    /// Whose turn it is.
    pub claim: Option<Occupied>,
    /// Who asks for the turn; also where it is free, until the asker has it.
    pub asker: Option<Asker>,
}

/// One lock that is held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Occupied {
    /// The file that is locked.
    pub path: PathBuf,
    /// Who wrote itself down as the holder.
    pub holder: Option<Holder>,
    /// How long that one has had it, to judge by the moment that it wrote down and the wall clock.
    pub held_for: Option<Duration>,
    /// Why that one is not proven to be the holder; `None` if it is.
    pub doubt: Option<NotProven>,
    /// Other processes that share the lock by inheritance: the command of a `latchwork lock`, and what it left running.
    pub heirs: Vec<Holder>,
    /// Processes that have the lock by the kernel's word and not by the note's: the next in line who has not written it yet, or
    /// a program that writes none. They are never ended.
    pub others: Vec<Holder>,
    pub(crate) kernel: Kernel,
}

/// Why a process is not proven to be the holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotProven {
    /// No note can be read.
    #[error("who holds it is not written down")]
    NoNote,
    /// The note is of another boot, or of a pid namespace that cannot be seen from here.
    #[error("it runs in another pid namespace, or ran before the machine was started again")]
    Elsewhere,
    /// It has ended; others have the lock.
    #[error("it has ended, and left the lock to others")]
    Ended,
    /// It may not be looked at.
    #[error("it may not be looked at")]
    Unseen,
    /// The kernel does not say that this process has the lock.
    #[error("the kernel does not name it as a holder of the lock")]
    NotNamed,
}

/// What came of ending a holder.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Ended {
    /// The processes that were ended.
    pub ended: Vec<Holder>,
    /// Who has it now: the next in line, or what could not be proven.
    pub left: Option<Occupied>,
}

/// What the kernel showed.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) facts: FileFacts,
    /// Who wrote the note.
    pub(crate) note: Option<(u32, Option<u64>)>,
    /// The writer of the note, and whether it was proven.
    pub(crate) writer: Option<Seen>,
    pub(crate) heirs: Vec<Seen>,
}

/// A process, with the start that tells it from a later one of the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    pub(crate) starttime: u64,
}

impl NotProven {
    /// A word for programs: `noNote`, `elsewhere`, `ended`, `unseen` or `notNamed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoNote => "noNote",
            Self::Elsewhere => "elsewhere",
            Self::Ended => "ended",
            Self::Unseen => "unseen",
            Self::NotNamed => "notNamed",
        }
    }
}

impl Occupied {
    /// The processes that are proven to have the lock, in words and as they were seen, but for `own`.
    pub(crate) fn provable(&self, own: u32) -> (Vec<Holder>, Vec<Seen>) {
        let writer = self.holder.iter().zip(&self.kernel.writer);
        let heirs = self.heirs.iter().zip(&self.kernel.heirs);
        let all = writer.chain(heirs).filter(|(_, seen)| seen.pid != own);
        all.map(|(holder, seen)| (holder.clone(), *seen)).unzip()
    }

    /// Whether it is proven who has the lock, so that it can be ended.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.doubt.is_none() || !self.heirs.is_empty()
    }

    /// The path of the locked file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is what was seen before, with some of those who shared it gone.
    pub(crate) fn is_the_same_hold_as(&self, before: &Self) -> bool {
        let (now, then) = (&self.kernel, &before.kernel);
        now.facts.same_inode(&then.facts) && now.note == then.note
    }
}
