//! A lock file of the peers' protocol as a person is told of it. Nothing is locked, changed or made to find out.
//!
//! The verdict is the one by which [`take`](super::take) decides whether a file may be removed, the question who has it open
//! for writing among it. It may be out of date when it is read: only who has the session's latch acts upon it, by taking the
//! lock file, which judges anew.

use std::path::{Path, PathBuf};

use latchwork_lock::Holder;
use latchwork_sys::System;

use super::judge::{self, Owner};
use super::lock_file::Found;
use super::stale;
use crate::{LatchError, Latches};

/// A lock file that was looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerLockSeen {
    /// Where it stands.
    pub path: PathBuf,
    /// Whether one of ours wrote it.
    pub is_ours: bool,
    /// Our verdict.
    pub owner: PeerOwner,
    /// The owner in words.
    pub holder: Holder,
    /// OpenClaw's test of the owner: alive, dead, or no pid.
    pub alive: Option<bool>,
    /// How long the lock has been held, by what the file says; milliseconds.
    pub age_ms: Option<u64>,
    /// What OpenClaw would call stale about it, in its words; none if it would wait.
    pub stale_reasons: Vec<&'static str>,
}

/// What is known of a lock file's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerOwner {
    /// It is there, or may be.
    Alive,
    /// It lives in another pid namespace, or may.
    Elsewhere,
    /// It has ended: whoever has the session's latch may remove the file.
    Gone,
    /// No pid can be read, and the file is young.
    HalfWritten,
    /// No pid can be read, and it stayed so: the file may be removed as well.
    NeverFinished,
}

impl PeerOwner {
    /// Whether the owner is proved not to be there.
    #[must_use]
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Gone | Self::NeverFinished)
    }
}

impl Latches {
    /// Looks at a lock file of the peers' protocol; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if it is no regular file, or may not be read.
    ///
    /// # Blocking
    ///
    /// For a few quick system calls; for an owner that is not to be found, for a look at every process.
    pub fn see_peer_lock(&self, path: &Path) -> Result<Option<PeerLockSeen>, LatchError> {
        PeerLockSeen::at(&self.shared.system, path, self.shared.options.stale_ms)
    }
}

impl PeerLockSeen {
    pub(crate) fn at(
        system: &System,
        path: &Path,
        stale_ms: u64,
    ) -> Result<Option<Self>, LatchError> {
        let Some(found) = Found::at(system, path)? else {
            return Ok(None);
        };
        let owner = found.owner(false, system);
        let holder = judge::holder(&found.read, owner, system);
        let stale = stale::judge(&found.read, stale_ms, system);
        Ok(Some(PeerLockSeen {
            path: path.to_path_buf(),
            is_ours: found.read.is_of_our_making(),
            owner: match owner {
                Owner::Alive => PeerOwner::Alive,
                Owner::Elsewhere => PeerOwner::Elsewhere,
                Owner::Gone | Owner::LeftByUs => PeerOwner::Gone,
                Owner::HalfWritten => PeerOwner::HalfWritten,
                Owner::NeverFinished => PeerOwner::NeverFinished,
            },
            holder,
            alive: stale.alive,
            age_ms: stale.age_ms,
            stale_reasons: stale.reasons,
        }))
    }
}
