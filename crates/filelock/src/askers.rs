//! Who asks for a turn, looked at from outside: for people.
//!
//! Invariants: nothing is locked, removed or waited for, so a look disturbs neither the asker nor the holder; it fails for no
//! request, however damaged. What is told is what the holder would heed: a request that is locked, of this claim, whose asker
//! is not known to be dead. A locked file that is no request is told to be damaged, with whoever the kernel says has locked it.
//!
//! Limit: that it is locked is read from the kernel's table by inode number, and two filesystems may use one number.

use std::time::Duration;

use latchwork_lock::{Asker, Holder, Wish};
use latchwork_sys::{DiskFile, OpenHow, System, read_at_most};

use crate::ask_file::{READ_LIMIT, Request};
use crate::claim_file::{ClaimFiles, Record};
use crate::note::{add_what_is_seen, iso};
use crate::{LatchError, Latches, Site};

impl Latches {
    /// Who asks for the turn of a session.
    pub(crate) fn asker(&self, site: &Site) -> Result<Option<Asker>, LatchError> {
        let system = &self.shared.system;
        if system.disk.facts(site.dir()).is_err() {
            return Ok(None);
        }
        let place = self.shared.place(site)?;
        let files = ClaimFiles {
            system,
            place: &place,
        };
        let Some(epoch) = files.epochs()?.last().copied() else {
            return Ok(None);
        };
        let claim = files.open(epoch)?;
        let record = claim.as_deref().and_then(Record::read_from);
        Ok(asker_of(&files, epoch, record.as_ref()))
    }
}

/// Who asks for the claim of this number, in which `record` stands.
pub(crate) fn asker_of(
    files: &ClaimFiles<'_>,
    epoch: u64,
    record: Option<&Record>,
) -> Option<Asker> {
    let system = files.system;
    let path = files.ask_path(epoch);
    let facts = system.disk.facts(&path).ok()?;
    let locks = system.processes.held_locks();
    let lock = locks.iter().find(|lock| lock.ino == facts.ino)?;
    let file = system.disk.open(&path, &OpenHow::reading()).ok();
    told(system, file.as_deref(), Some(lock.pid), epoch, record)
}

/// What a request tells that is known to be locked, and by which process; it stands at the place of the claim of this number.
pub(crate) fn told(
    system: &System,
    file: Option<&dyn DiskFile>,
    locked_by: Option<u32>,
    epoch: u64,
    record: Option<&Record>,
) -> Option<Asker> {
    let bytes = file.and_then(|file| read_at_most(file, READ_LIMIT).ok());
    let request = bytes.and_then(|bytes| Request::parse(&bytes));
    let Some(request) = request.filter(|request| request.epoch == epoch) else {
        let mut asker = Asker::default();
        if let Some(pid) = locked_by {
            asker.by = Holder::process(pid);
            add_what_is_seen(&mut asker.by, system, pid, None);
        }
        return Some(asker);
    };
    let is_of_another = record.is_some_and(|record| record.nonce != request.nonce);
    if is_of_another || request.by.is_surely_dead(system) {
        return None;
    }
    let mut asker = Asker::default();
    asker.by = request.by.holder(system);
    asker.by.since = is_shown(request.at).then(|| iso(request.at));
    asker.wish = Some(wish(request));
    Some(asker)
}

fn wish(request: Request) -> Wish {
    let mut wish = Wish::default();
    wish.grace = Duration::from_millis(request.grace_ms);
    wish.grace_ends = request.ends_at_ms().filter(|end| is_shown(*end)).map(iso);
    wish.turn = request.turn;
    wish.reason = request.reason;
    wish
}

/// Whether the calendar has this moment.
fn is_shown(wall_ms: i64) -> bool {
    jiff::Timestamp::from_millisecond(wall_ms).is_ok()
}
