//! What is seen of one session: the kernel's word first, and what its files add to it.
//!
//! A file is opened for reading, never locked, and only if something of it is held or waited for, or it is a peer's lock file.

use std::path::{Path, PathBuf};

use latchwork_lock::{Asker, Holder};
use latchwork_sys::{DiskFile, FileFacts, FileKind, OpenHow, System};

use super::kernel::Kernel;
use super::names::Files;
use super::{How, LockView, TurnSeen, Waiter, Waits};
use crate::askers;
use crate::claim_file::Record;
use crate::fair;
use crate::note::{Note, add_what_is_seen};
use crate::occupied::Occupied;
use crate::peer::PeerLockSeen;
use crate::unlock::occupied;

/// The session, but for its grants.
pub(crate) fn view(system: &System, kernel: &Kernel, files: &Files) -> LockView {
    let eye = Eye { system, kernel };
    LockView {
        at_ms: system.clock.wall_ms(),
        session: files.session.clone(),
        transcript: files.transcript_path.clone(),
        latch: eye.latch(files),
        turn: eye.turn(files),
        wall: eye.wall(files),
        peer: eye.peer(files),
        waiters: eye.waiters(files),
        asker: eye.asker(files),
        grants: Vec::new(),
    }
}

struct Eye<'a> {
    system: &'a System,
    kernel: &'a Kernel,
}

impl Eye<'_> {
    fn latch(&self, files: &Files) -> Option<Occupied> {
        let facts = files.latch.filter(|facts| self.kernel.is_locked(facts))?;
        let path = files.latch_path();
        let note = self
            .open(&path, &facts)
            .and_then(|file| Note::read_from(&*file));
        self.occupied(path, facts, note)
    }

    fn turn(&self, files: &Files) -> Option<TurnSeen> {
        let (epoch, facts) = files
            .claim
            .filter(|(_, facts)| self.kernel.is_locked(facts))?;
        let path = files.claim_path(epoch);
        let record = self.record(files, epoch, &facts);
        let note = record.as_ref().map(|record| record.by.clone());
        let by = self.occupied(path, facts, note)?;
        let (turn, reason) = record.map(|record| (record.turn, record.reason)).unzip();
        Some(TurnSeen {
            by,
            epoch,
            turn,
            reason: reason.flatten(),
        })
    }

    /// Whoever writes has both locks, so only others are of interest.
    fn wall(&self, files: &Files) -> Vec<Holder> {
        let Some(facts) = files.transcript else {
            return Vec::new();
        };
        let latch = files
            .latch
            .map(|facts| self.kernel.holders(&facts))
            .unwrap_or_default();
        let locked = self.kernel.holders(&facts).into_iter();
        let others = locked.filter(|pid| !latch.contains(pid));
        others.map(|pid| self.process(pid)).collect()
    }

    fn peer(&self, files: &Files) -> Option<PeerLockSeen> {
        files.peer?;
        // From which age on it is called stale is not for this view.
        PeerLockSeen::at(self.system, &files.peer_path(), u64::MAX).ok()?
    }

    fn asker(&self, files: &Files) -> Option<Asker> {
        // One that is not locked is a dead asker's.
        let facts = files.request.filter(|facts| self.kernel.is_locked(facts))?;
        let (epoch, claim) = files.claim?;
        let file = self.open(&files.request_path(epoch), &facts);
        let by = self.kernel.holders(&facts).first().copied();
        let record = self.record(files, epoch, &claim);
        askers::told(self.system, file.as_deref(), by, epoch, record.as_ref())
    }

    fn record(&self, files: &Files, epoch: u64, claim: &FileFacts) -> Option<Record> {
        let file = self.open(&files.claim_path(epoch), claim)?;
        Record::read_from(&*file)
    }

    fn waiters(&self, files: &Files) -> Vec<Waiter> {
        let claim = files.claim.map(|(_, facts)| facts);
        let of = [
            (Waits::Latch, files.latch),
            (Waits::Turn, claim),
            (Waits::Request, files.request),
        ];
        let mut all = Vec::new();
        for (what, facts) in of {
            let Some(facts) = facts else { continue };
            let holders = self.kernel.holders(&facts);
            let queued = self.kernel.waiting(&facts).into_iter();
            let mut waits: Vec<(u32, How)> = queued.map(|pid| (pid, How::Kernel)).collect();
            if !holders.is_empty() {
                let looks = self.kernel.watching(&facts).into_iter();
                waits.extend(looks.map(|pid| (pid, How::Looks)));
                waits.extend(self.said(what, files, &facts).map(|pid| (pid, How::Said)));
            }
            let mut told: Vec<u32> = Vec::new();
            for (pid, how) in waits {
                let holds_it = how != How::Kernel && holders.contains(&pid);
                if !holds_it && !told.contains(&pid) {
                    told.push(pid);
                    let by = self.process(pid);
                    all.push(Waiter { by, what, how });
                }
            }
        }
        all
    }

    /// Who said last that he waits for the latch, if he is there and has it open. The word stays when his wait is over.
    fn said(&self, what: Waits, files: &Files, latch: &FileFacts) -> Option<u32> {
        if what != Waits::Latch {
            return None;
        }
        let file = self.open(&files.latch_path(), latch)?;
        let pid = fair::said_by(&*file)?;
        let is_there =
            self.kernel.has_open(pid, latch) && self.system.processes.look(pid).is_alive();
        is_there.then_some(pid)
    }

    fn occupied(&self, path: PathBuf, facts: FileFacts, note: Option<Note>) -> Option<Occupied> {
        let (named, users) = (self.kernel.named(&facts), self.kernel.lockers(&facts));
        occupied(self.system, path, facts, note, &named, users)
    }

    fn process(&self, pid: u32) -> Holder {
        let mut holder = Holder::process(pid);
        add_what_is_seen(&mut holder, self.system, pid, None);
        holder
    }

    /// A file for reading, if it is one, and still the one that was looked at.
    fn open(&self, path: &Path, facts: &FileFacts) -> Option<Box<dyn DiskFile>> {
        if facts.kind != FileKind::Regular {
            return None;
        }
        let file = self.system.disk.open(path, &OpenHow::reading()).ok()?;
        let is_it = file.facts().is_ok_and(|found| found.same_inode(facts));
        is_it.then_some(file)
    }
}
