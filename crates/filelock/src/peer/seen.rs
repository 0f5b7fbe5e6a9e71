//! The peers' lock file as a bystander sees it: whose it is, and whether its owner is there. Nothing is locked, and no lease is taken.

use std::path::PathBuf;

use latchwork_lock::Holder;
use latchwork_sys::{DiskFile, FileFacts, System, read_at_most};

use super::judge::{self, Owner};
use super::payload::{READ_LIMIT, Read};

/// A peers' lock file that stands beside a transcript.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerLockSeen {
    /// The file.
    pub path: PathBuf,
    /// Who is written in it: of a file of ours, the process that stands in for us.
    pub by: Holder,
    /// One of us wrote it.
    pub is_ours: bool,
    /// What is known of its owner.
    pub owner: PeerOwner,
}

/// What is known of the owner of a peers' lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerOwner {
    /// It is there, or may be.
    Alive,
    /// It lives in another pid namespace, or may.
    Elsewhere,
    /// It has ended, or no owner was ever written: the next of us that takes the latch removes the file.
    LeftBehind,
    /// No owner can be read in it yet.
    HalfWritten,
}

impl PeerLockSeen {
    pub(crate) fn of(
        system: &System,
        path: PathBuf,
        facts: &FileFacts,
        file: &dyn DiskFile,
    ) -> Self {
        let read = Read::from_bytes(&read_at_most(file, READ_LIMIT).unwrap_or_default());
        let owner = judge::judge(&read, facts.modified_ms, false, system);
        Self {
            path,
            by: judge::holder(&read, owner, system),
            is_ours: read.is_of_our_making(),
            owner: match owner {
                Owner::Alive => PeerOwner::Alive,
                Owner::Elsewhere => PeerOwner::Elsewhere,
                Owner::LeftByUs | Owner::Gone | Owner::NeverFinished => PeerOwner::LeftBehind,
                Owner::HalfWritten => PeerOwner::HalfWritten,
            },
        }
    }
}
