//! What was done to a disk, change by change, with the whole state after each: a cut or a kill at any of them is a look-up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::SimDisk;
use super::choice::Choice;
use super::inode::{Node, Write};
use super::power::{self, PowerLoss};
use super::state::State;

/// One change, in words for reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// A name was made, moved or removed; what was called, and with which paths.
    Name(&'static str, Vec<PathBuf>),
    /// Bytes were written to a file (by its inode number).
    Write {
        /// The inode number.
        ino: u64,
        /// Where.
        at: u64,
        /// How many.
        bytes: usize,
    },
    /// A file was synced, or that failed.
    Sync {
        /// The inode number.
        ino: u64,
        /// Whether it went to the device.
        is_done: bool,
    },
    /// A directory was synced.
    SyncDir(PathBuf),
    /// Permission bits were set.
    Mode {
        /// The inode number.
        ino: u64,
    },
    /// Cached bytes were dropped.
    Forget {
        /// The inode number.
        ino: u64,
        /// From where on.
        from: u64,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(what, paths) => {
                write!(f, "{what}")?;
                paths
                    .iter()
                    .try_for_each(|path| write!(f, " {}", path.display()))
            }
            Self::Write { ino, at, bytes } => write!(f, "write {bytes} bytes at {at} of #{ino}"),
            Self::Sync { ino, is_done: true } => write!(f, "sync #{ino}"),
            Self::Sync { ino, .. } => write!(f, "sync #{ino}, which fails"),
            Self::SyncDir(path) => write!(f, "sync the names in {}", path.display()),
            Self::Mode { ino } => write!(f, "set the mode of #{ino}"),
            Self::Forget { ino, from } => write!(f, "forget #{ino} from {from} on"),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) change: Change,
    /// The bytes, where it was a write.
    pub(super) write: Option<(Node, Write)>,
    pub(super) after: State,
}

/// The changes since [`SimDisk::record`], each with what the disk was after it. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct OpLog {
    pub(super) seed: u64,
    pub(super) start: State,
    pub(super) entries: Arc<Vec<Entry>>,
}

impl OpLog {
    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The changes in their order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.entries.iter().map(|entry| &entry.change)
    }

    /// The machine loses its power after the first `ops` changes: what is there when it runs again. 0 is the beginning, [`len`](Self::len) the end;
    /// what is beyond the end is the end. The last change may be half done, as any other that was not synced.
    #[must_use]
    pub fn crash_at(&self, ops: usize, choice: &mut dyn Choice, how: PowerLoss) -> SimDisk {
        let ops = ops.min(self.len());
        let durable = match how {
            PowerLoss::FlushLies => {
                choice.below(u32::try_from(ops + 1).unwrap_or(u32::MAX)) as usize
            }
            _ => ops,
        };
        SimDisk::on(self.seed, power::cut(self.after(durable), choice, how))
    }

    /// The processes are killed after the first `ops` changes, and the machine goes on: what was written is there, synced or not. If the last of
    /// them is a write, a part of it may be missing (a write of several pages is not done in one piece).
    #[must_use]
    pub fn kill_at(&self, ops: usize, choice: &mut dyn Choice) -> SimDisk {
        let ops = ops.min(self.len());
        let write = ops.checked_sub(1).and_then(|last| {
            let (node, write) = self.entries.get(last)?.write.as_ref()?;
            Some((last, *node, write))
        });
        let Some((before, node, write)) = write else {
            return SimDisk::on(self.seed, self.after(ops).clone());
        };
        let length = u32::try_from(write.bytes.len()).unwrap_or(u32::MAX);
        let put = match choice.below(2) {
            0 => choice.below(length.max(1)) as usize,
            _ => write.bytes.len(),
        };
        let mut state = self.after(before).clone();
        if let Ok(file) = state.file_mut(node) {
            file.write(Write {
                at: write.at,
                bytes: write.bytes[..put].into(),
            });
        }
        SimDisk::on(self.seed, state)
    }

    fn after(&self, ops: usize) -> &State {
        let last = ops.checked_sub(1).and_then(|last| self.entries.get(last));
        last.map_or(&self.start, |entry| &entry.after)
    }
}
