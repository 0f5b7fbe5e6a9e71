//! The operator's view: what is held, waited for and asked for of one session or of a whole folder, as a bystander sees it.
//!
//! Invariants: nothing is locked, not even for a moment, and nothing is written, so no holder and no waiter can notice (only of
//! a peers' lock file whose owner seems gone the kernel is asked who has it open, by a lease of a moment); what is held is the kernel's word (`/proc/locks`, `/proc/PID/fdinfo`), and what stands in files only adds to it.
//! A folder costs one look at its names, at the facts of its lock files and at the descriptors of all processes; no transcript
//! is opened, and lock files only where something is going on or has been lately.
//!
//! | file | idea |
//! |---|---|
//! | `names` | which sessions a folder has, and where their lock files are |
//! | `kernel` | the kernel's word on many files at once |
//! | `session` | what is seen of one session |
//!
//! Limits: everything may be out of date when it is read, and different parts are of different moments. Tasks that wait in the
//! queue of their own process are not seen, so waiters are told as "at least". A process that gave a wait up may stand in the
//! kernel's queue for a while. What another user's processes do is seen only as far as the table of locks tells.

mod kernel;
mod names;
mod session;

use std::path::{Path, PathBuf};

use latchwork_lock::{Asker, Holder};
use latchwork_sys::{FileKind, OpenHow, System};

use crate::grants::{self, Grant, KEPT};
use crate::peer::PeerLockSeen;
use crate::{LatchError, Latches, Occupied, Site};
use kernel::Kernel;
use names::Files;

/// In so many of the latches that were written last the last grants of a folder are looked for.
const LATELY: usize = 64;

/// What goes on in a folder of sessions.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FolderView {
    /// When it was looked at, in milliseconds since 1970.
    pub at_ms: i64,
    /// The sessions of which something is held, waited for or asked for, by name.
    pub sessions: Vec<LockView>,
    /// How many sessions have lock files or a transcript.
    pub of: usize,
    /// The last grants in the folder, each with its session; the newest is the last.
    pub grants: Vec<(String, Grant)>,
}

/// What is held, waited for and asked for of one session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LockView {
    /// When it was looked at, in milliseconds since 1970.
    pub at_ms: i64,
    /// What its files are called by.
    pub session: String,
    /// Its transcript, whether it is there or not.
    pub transcript: PathBuf,
    /// Who writes.
    pub latch: Option<Occupied>,
    /// Whose turn it is.
    pub turn: Option<TurnSeen>,
    /// Who has locked the transcript itself without having the latch: through another sidecar folder, or a program of others.
    pub wall: Vec<Holder>,
    /// The peers' lock file that stands there.
    pub peer: Option<PeerLockSeen>,
    /// Who waits; there may be more.
    pub waiters: Vec<Waiter>,
    /// Who asks for the turn.
    pub asker: Option<Asker>,
    /// The last grants of its latch; the newest is the last.
    pub grants: Vec<Grant>,
}

/// A turn that is under way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TurnSeen {
    /// Who has the claim.
    pub by: Occupied,
    /// The number of the claim.
    pub epoch: u64,
    /// The turn's own name, where the claim can be read.
    pub turn: Option<String>,
    /// Why it was taken over or asked for, if it was.
    pub reason: Option<String>,
}

/// A process that waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waiter {
    /// The process.
    pub by: Holder,
    /// What for.
    pub what: Waits,
    /// How that is known.
    pub how: How,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waits {
    /// The right to write.
    Latch,
    /// The turn.
    Turn,
    /// The end of a request for the turn: the one that asked goes first.
    Request,
}

/// How it is known that somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// It stands in the kernel's queue for the lock.
    Kernel,
    /// It looks now and then, and is told of changes of the file.
    Looks,
    /// It has said so in the latch, has it open, and is there still; it may have given up since.
    Said,
}

impl LockView {
    /// Whether nothing is held, waited for or asked for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.latch.is_none()
            && self.turn.is_none()
            && self.wall.is_empty()
            && self.peer.is_none()
            && self.waiters.is_empty()
            && self.asker.is_none()
    }
}

impl Latches {
    /// What goes on in a folder of sessions. Nothing is locked or written, and nobody is disturbed.
    ///
    /// # Errors
    ///
    /// [`LatchError::Io`] if the folder cannot be listed; one that is not there has no sessions.
    ///
    /// # Blocking
    ///
    /// For a look at every lock file of the folder and at every descriptor of every process.
    pub fn view(&self, dir: &Path) -> Result<FolderView, LatchError> {
        let system = &self.shared.system;
        let all = names::in_folder(system, dir)?;
        let kernel = Kernel::look(system, &all.iter().flat_map(Files::keys).collect());
        let seen = all
            .iter()
            .map(|files| session::view(system, &kernel, files));
        let mut sessions: Vec<LockView> = seen.filter(|seen| !seen.is_idle()).collect();
        for seen in &mut sessions {
            let of = all.iter().find(|files| files.session == seen.session);
            seen.grants = of.map(|files| grants_of(system, files)).unwrap_or_default();
        }
        Ok(FolderView {
            at_ms: system.clock.wall_ms(),
            sessions,
            of: all.len(),
            grants: last_grants(system, all),
        })
    }

    /// The same for one session, whether anything goes on or not.
    ///
    /// # Errors
    ///
    /// [`LatchError::Io`] if its sidecars cannot be listed.
    ///
    /// # Blocking
    ///
    /// As for [`Self::view`], for one session.
    pub fn view_of(&self, site: &Site) -> Result<LockView, LatchError> {
        let system = &self.shared.system;
        let files = names::of_session(system, site)?;
        let kernel = Kernel::look(system, &files.keys().collect());
        let mut seen = session::view(system, &kernel, &files);
        seen.grants = grants_of(system, &files);
        Ok(seen)
    }
}

fn grants_of(system: &System, files: &Files) -> Vec<Grant> {
    let is_file = files
        .latch
        .as_ref()
        .filter(|facts| facts.kind == FileKind::Regular);
    let opened = is_file.and_then(|_| {
        let how = OpenHow::reading();
        system.disk.open(&files.latch_path(), &how).ok()
    });
    opened
        .map(|file| grants::read_from(&*file))
        .unwrap_or_default()
}

/// A record is written whenever a latch is granted, so the latches that were written last have the last ones.
fn last_grants(system: &System, mut all: Vec<Files>) -> Vec<(String, Grant)> {
    let modified = |files: &Files| {
        let facts = files.latch.as_ref();
        facts.map(|facts| (facts.modified_ms, facts.modified_nanos))
    };
    all.retain(|files| files.latch.is_some());
    all.sort_by_key(|files| std::cmp::Reverse(modified(files)));
    let lately = all.into_iter().take(LATELY);
    let mut grants: Vec<(String, Grant)> = lately
        .flat_map(|files| {
            let of_one = grants_of(system, &files);
            of_one
                .into_iter()
                .map(move |grant| (files.session.clone(), grant))
        })
        .collect();
    grants.sort_by_key(|(_, grant)| grant.at_ms);
    let older = grants.len().saturating_sub(KEPT);
    grants.split_off(older)
}
