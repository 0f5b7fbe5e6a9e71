//! Who keeps a session locked, proven by the kernel, and ending them where a person asks for it.
//!
//! Nothing is ever taken from a live process: the process is ended, and the kernel frees what it held. So the proof comes first.
//! A process is the holder if what is written down of it (pid, start, boot, pid namespace) fits a live process, and the kernel
//! says that this process has the lock; both are looked at once more after a handle on it was opened, so that a pid that is used
//! again is never signalled. Where the writer of the note has ended and left the lock to a command that inherited it, those are
//! the holders which have a descriptor of that lock: one which the kernel says that the writer of the note took. A lock that was
//! taken by anybody else is another hold, of the next in line perhaps, and its holder is shown and left alone.
//!
//! Limits: what cannot be seen (another user's process, another pid namespace) cannot be proven, and is refused. Whoever takes the
//! lock while the holder is being ended is a new holder and is left alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use latchwork_lock::Holder;
use latchwork_sys::{DiskFile, FileFacts, FileUser, IoDoing, Liveness, OpenHow, PathError, System};

use crate::claim_file::{ClaimFiles, Record};
use crate::note::{Note, add_what_is_seen, from_iso};
use crate::occupied::{Ended, Kernel, NotProven, Occupation, Occupied, Seen, What};
use crate::place::Place;
use crate::{LatchError, Latches, Site};

/// The signal that cannot be refused; it reaches a stopped process, too.
const KILL: i32 = 9;
/// How often heirs that appeared meanwhile are looked for.
const ROUNDS: u32 = 8;
/// How long the end of a killed process is waited for, and how often it is looked at.
const END: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(2));

impl Latches {
    /// Who keeps the latch and the claim of a session, as far as the kernel proves it. Nothing is locked to find out.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if the folder or its files cannot be looked at.
    ///
    /// # Blocking
    ///
    /// For a look at every descriptor of every process.
    pub fn occupation(&self, site: &Site) -> Result<Occupation, LatchError> {
        Ok(Occupation {
            latch: self.occupied(site, What::Latch)?,
            claim: self.occupied(site, What::Claim)?,
            asker: self.asker(site)?,
        })
    }

    /// Ends (SIGKILL) the proven holder of a session's latch or claim, and those who share it by inheritance, this process
    /// excepted. None that is not proven is signalled.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if the files cannot be looked at, or a process must not be signalled. Who is left is told in the answer.
    ///
    /// # Blocking
    ///
    /// Until the processes have ended, 10 s at most.
    pub fn end_holder(&self, site: &Site, what: What) -> Result<Ended, LatchError> {
        let system = &self.shared.system;
        let mut answer = Ended::default();
        let Some(first) = self.occupied(site, what)? else {
            return Ok(answer);
        };
        let mut now = first.clone();
        for _ in 0..ROUNDS {
            let (holders, seen) = now.provable(system.processes.own().pid);
            let mut ended = Vec::new();
            for (holder, seen) in holders.into_iter().zip(seen) {
                if end(system, seen, &now)? {
                    ended.push(seen);
                    answer.ended.push(holder);
                }
            }
            wait_for_the_end_of(system, &ended);
            let left = self.occupied(site, what)?;
            let goes_on = left
                .as_ref()
                .is_some_and(|left| !ended.is_empty() && left.is_the_same_hold_as(&first));
            answer.left.clone_from(&left);
            match left {
                Some(left) if goes_on => now = left,
                _ => break,
            }
        }
        Ok(answer)
    }

    fn occupied(&self, site: &Site, what: What) -> Result<Option<Occupied>, LatchError> {
        let system = &self.shared.system;
        if system.disk.facts(site.dir()).is_err() {
            return Ok(None);
        }
        let place = self.shared.place(site)?;
        let found = match what {
            What::Latch => latch(system, &place)?,
            What::Claim => claim(system, &place)?,
        };
        match found {
            Some((path, file, note)) => Ok(look(system, path, &*file, note)?),
            None => Ok(None),
        }
    }
}

type Found = Option<(PathBuf, Arc<dyn DiskFile>, Option<Note>)>;

fn latch(system: &System, place: &Place) -> Result<Found, PathError> {
    let path = place.latch.clone();
    match system.disk.open(&path, &OpenHow::reading()) {
        Ok(file) => {
            let note = Note::read_from(&*file);
            Ok(Some((path, file.into(), note)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("open the latch", &path),
    }
}

fn claim(system: &System, place: &Place) -> Result<Found, PathError> {
    let files = ClaimFiles { system, place };
    let Some(epoch) = files.epochs()?.last().copied() else {
        return Ok(None);
    };
    let file = files.open(epoch)?;
    Ok(file.map(|file| {
        let note = Record::read_from(&*file).map(|record| record.by);
        (files.path(epoch), file, note)
    }))
}

/// Who keeps this file locked; `None` if nobody does.
fn look(
    system: &System,
    path: PathBuf,
    file: &dyn DiskFile,
    note: Option<Note>,
) -> Result<Option<Occupied>, PathError> {
    let facts = file.facts().doing("look at", &path)?;
    let named = named(system, &facts);
    let mut users = system.processes.users_of(&facts);
    users.retain(|user| user.lock_taken_by.is_some());
    Ok(occupied(system, path, facts, note, &named, users))
}

/// The same where it is known whom the table names, and which processes have the lock by their descriptors.
pub(crate) fn occupied(
    system: &System,
    path: PathBuf,
    facts: FileFacts,
    note: Option<Note>,
    named: &[u32],
    users: Vec<FileUser>,
) -> Option<Occupied> {
    if named.is_empty() && users.is_empty() {
        return None;
    }
    let writer = note.as_ref().map_or(Err(NotProven::NoNote), |note| {
        prove(system, note, named, &users)
    });
    let by = note.as_ref().map(|note| note.pid);
    let (mut heirs, mut others) = (Vec::new(), Vec::new());
    for user in users {
        let Some(found) = seen(system, user.pid) else {
            continue;
        };
        if inherits(&user, by) {
            heirs.push(found);
        } else if writer != Ok(found) {
            others.push(holder_of(system, found));
        }
    }
    Some(Occupied {
        path,
        doubt: writer.err(),
        heirs: heirs.iter().map(|heir| holder_of(system, *heir)).collect(),
        others,
        kernel: Kernel {
            facts,
            note: note.as_ref().map(|note| (note.pid, note.starttime)),
            writer: writer.ok(),
            heirs,
        },
        held_for: note.as_ref().and_then(|note| held_for(system, note)),
        holder: note.map(|note| note.holder(system)),
    })
}

/// `None` where the note does not say since when; nothing where the clock was set back.
fn held_for(system: &System, note: &Note) -> Option<Duration> {
    let since = from_iso(&note.since)?;
    let passed = system.clock.wall_ms().saturating_sub(since);
    Some(Duration::from_millis(u64::try_from(passed).unwrap_or(0)))
}

/// Whether a process has the lock that the process `by` took, and by inheritance. Where that one has ended, its number may not be
/// told any more; whoever takes a lock himself, and can be seen, has a number.
fn inherits(user: &FileUser, by: Option<u32>) -> bool {
    match (user.lock_taken_by, by) {
        (Some(taker), Some(by)) => user.pid != by && (taker == by || taker == 0),
        _ => false,
    }
}

/// The writer of a note, if it lives and the kernel says that it has the lock.
fn prove(
    system: &System,
    note: &Note,
    named: &[u32],
    users: &[FileUser],
) -> Result<Seen, NotProven> {
    let own = system.processes.own();
    let same_view = note.boot_id.is_some()
        && note.boot_id == own.boot_id
        && note.pid_ns.is_some()
        && note.pid_ns == own.pid_namespace;
    if !same_view {
        return Err(NotProven::Elsewhere);
    }
    let Liveness::Alive { starttime, .. } = system.processes.look(note.pid) else {
        return Err(NotProven::Ended);
    };
    let (Some(starttime), Some(then)) = (starttime, note.starttime) else {
        return Err(NotProven::Unseen);
    };
    if starttime != then {
        return Err(NotProven::Ended);
    }
    let pid = note.pid;
    let took = |user: &FileUser| user.pid == pid && user.lock_taken_by == Some(pid);
    if !named.contains(&pid) && !users.iter().any(took) {
        return Err(NotProven::NotNamed);
    }
    Ok(Seen { pid, starttime })
}

/// Who took the lock of a file, by the kernel's table.
fn named(system: &System, facts: &FileFacts) -> Vec<u32> {
    let locks = system.processes.held_locks();
    locks
        .iter()
        .filter(|lock| lock.is_of(facts))
        .map(|lock| lock.pid)
        .collect()
}

fn seen(system: &System, pid: u32) -> Option<Seen> {
    match system.processes.look(pid) {
        Liveness::Alive {
            starttime: Some(starttime),
            ..
        } => Some(Seen { pid, starttime }),
        _ => None,
    }
}

fn holder_of(system: &System, seen: Seen) -> Holder {
    let mut holder = Holder::process(seen.pid);
    add_what_is_seen(&mut holder, system, seen.pid, Some(seen.starttime));
    holder
}

/// Ends one process, if it is still the one that was seen and still has the lock; `false` if it has ended by itself.
fn end(system: &System, target: Seen, of: &Occupied) -> Result<bool, LatchError> {
    let doing = |error: std::io::Error| -> Result<bool, LatchError> {
        Err(error)
            .doing("end the process that holds", &of.path)
            .map_err(LatchError::Io)
    };
    let handle = match system.processes.open(target.pid) {
        Ok(handle) => handle,
        Err(_) if seen(system, target.pid) != Some(target) => return Ok(false),
        Err(error) => return doing(error),
    };
    system.steps.reach("unlock:handle");
    // Through the handle nobody else can be meant any more; now that it is fixed: is it still the holder?
    if seen(system, target.pid) != Some(target) || !has_lock(system, target.pid, of) {
        return Ok(false);
    }
    match handle.signal(KILL) {
        Ok(()) => Ok(true),
        Err(_) if seen(system, target.pid) != Some(target) => Ok(false),
        Err(error) => doing(error),
    }
}

/// Whether the process still has the lock that was looked at.
fn has_lock(system: &System, pid: u32, of: &Occupied) -> bool {
    let facts = &of.kernel.facts;
    let by = of.kernel.note.map(|(writer, _)| writer);
    let user = system.processes.user_of(pid, facts);
    if by != Some(pid) {
        return user.is_some_and(|user| inherits(&user, by));
    }
    let took = user.and_then(|user| user.lock_taken_by) == by;
    took || named(system, facts).contains(&pid)
}

fn wait_for_the_end_of(system: &System, ended: &[Seen]) {
    let (limit, pause) = END;
    let mut waited = Duration::ZERO;
    while waited < limit && ended.iter().any(|one| seen(system, one.pid) == Some(*one)) {
        std::thread::sleep(pause);
        waited += pause;
    }
}
