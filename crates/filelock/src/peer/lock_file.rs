//! Taking, watching and giving back the lock file that peers look at.

use std::path::{Path, PathBuf};

use latchwork_lock::Holder;
use latchwork_sys::{
    DiskFile, FileFacts, IoDoing, OpenHow, PathError, System, read_at_most, temporary_beside,
};

use super::elsewhere;
use super::judge::{self, Owner};
use super::payload::{READ_LIMIT, Read};
use super::polite::{Leaving, Polite};
use super::stand_in::StandIn;
use crate::latch_file::refused_or_io;
use crate::note::iso;
use crate::{LatchError, Lost, Obstacle, Refusal};

/// Our lock file. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub(crate) struct PeerFile {
    system: System,
    path: PathBuf,
    /// Kept open, so that its inode number cannot come to mean another file: it stands for the nonce.
    _file: Box<dyn DiskFile>,
    facts: FileFacts,
    stand_in: StandIn,
    leaving: Option<Leaving>,
}

/// What one attempt came to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The file is ours.
    Ours(Box<PeerFile>),
    /// Somebody has it.
    Busy(Obstacle, Box<Holder>),
}

/// Tries to take the lock file, removing one whose owner is gone. Only under our own locks.
pub(crate) fn take(
    system: &System,
    path: &Path,
    stand_in: &StandIn,
    holds_inode: bool,
    polite: &mut Polite<'_>,
) -> Result<Taken, LatchError> {
    loop {
        // While a peer holds its lock, no temporary file is made for each look.
        let is_there = polite.has_met() && system.disk.facts(path).is_ok();
        if !is_there && let Some(file) = create(system, path, stand_in)? {
            return Ok(Taken::Ours(Box::new(file)));
        }
        let Some(found) = Found::at(system, path)? else {
            continue;
        };
        if !found.read.is_of_our_making() {
            polite.meets();
        }
        let owner = found.owner(holds_inode, system);
        if !owner.may_be_removed() {
            let obstacle = match owner {
                Owner::HalfWritten => Obstacle::HalfWritten,
                _ => Obstacle::PeerLock,
            };
            if owner == Owner::Elsewhere {
                elsewhere::say_once(path);
            }
            let holder = judge::holder(&found.read, owner, system);
            return Ok(Taken::Busy(obstacle, Box::new(holder)));
        }
        tracing::warn!(
            ?path,
            ?owner,
            pid = found.read.pid,
            "removing a lock file that was left behind"
        );
        found.remove(system, path)?;
        polite.replaces();
    }
}

/// Makes the file whole, unless there is one.
fn create(system: &System, path: &Path, stand_in: &StandIn) -> Result<Option<PeerFile>, PathError> {
    let nonce = stand_in.nonce();
    let payload = stand_in.payload(&iso(system.clock.wall_ms()), &nonce);
    let temporary = path.with_file_name(format!(".{nonce}.tmp"));
    // Readable for peers of another user, as theirs are for us.
    let how = OpenHow::updating().only_new().mode(0o644);
    let file = system
        .disk
        .open(&temporary, &how)
        .doing("create a temporary file for", path)?;
    let made = match file.write_at(payload.as_bytes(), 0) {
        Ok(written) if written == payload.len() => file.facts(),
        Ok(_) => Err(std::io::ErrorKind::WriteZero.into()),
        Err(error) => Err(error),
    };
    let named = made.and_then(|facts| {
        system.steps.reach("peer:staged");
        system.disk.rename_new(&temporary, path)?;
        Ok(facts)
    });
    match named {
        Ok(facts) => Ok(Some(PeerFile {
            system: system.clone(),
            path: path.to_path_buf(),
            _file: file,
            facts,
            stand_in: stand_in.clone(),
            leaving: None,
        })),
        Err(error) => {
            let _ = system.disk.remove(&temporary);
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return Ok(None);
            }
            Err(error).doing("create the lock file", path)
        }
    }
}

/// A lock file that is in our way.
pub(super) struct Found {
    file: Box<dyn DiskFile>,
    facts: FileFacts,
    bytes: Vec<u8>,
    pub(super) read: Read,
}

impl Found {
    /// `None` if it vanished meanwhile.
    pub(super) fn at(system: &System, path: &Path) -> Result<Option<Self>, LatchError> {
        let missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        match system.disk.facts(path) {
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(refused_or_io(system, path, error)),
            Ok(facts) => {
                if let Some(why) = Refusal::of(facts.kind) {
                    return Err(LatchError::Refused {
                        path: path.to_path_buf(),
                        why,
                    });
                }
            }
        }
        let file = match system.disk.open(path, &OpenHow::reading()) {
            Ok(file) => file,
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(refused_or_io(system, path, error)),
        };
        let facts = file.facts().doing("look at", path)?;
        let bytes = read_at_most(&*file, READ_LIMIT).doing("read", path)?;
        let read = Read::from_bytes(&bytes);
        Ok(Some(Self {
            file,
            facts,
            bytes,
            read,
        }))
    }

    /// Judges its owner; asks the kernel only about one that would be taken for gone.
    pub(super) fn owner(&self, holds_inode: bool, system: &System) -> Owner {
        let owner = judge::judge(&self.read, self.facts.modified_ms, holds_inode, system);
        if !owner.may_be_removed() {
            return owner;
        }
        match self.file.has_writer() {
            Ok(Some(true)) => owner.who_has_it_open(),
            // An error is no answer either.
            _ => owner,
        }
    }

    /// The system gives a removed file's inode number to the next one.
    fn has_time_of(&self, other: &FileFacts) -> bool {
        let time = |facts: &FileFacts| (facts.modified_ms, facts.modified_nanos);
        time(&self.facts) == time(other)
    }

    /// Removes this very file, and none that was put in its place since it was judged.
    fn remove(&self, system: &System, path: &Path) -> Result<(), LatchError> {
        // Judging it took a while; a live owner's file is not even moved if that can be helped.
        let still = system.disk.facts(path);
        if !still.is_ok_and(|still| self.facts.same_inode(&still) && self.has_time_of(&still)) {
            return Ok(());
        }
        remove_if(system, path, |aside| {
            let caught = Self::at(system, aside)?;
            Ok(caught.is_none_or(|caught| {
                caught.facts.same_inode(&self.facts) && caught.bytes == self.bytes
            }))
        })
    }
}

/// Removes a file that is taken aside under another name first: if it turns out not to be the one that is meant, it is put
/// back. A removal by name would take whichever file a peer has put there since the last look.
fn remove_if(
    system: &System,
    path: &Path,
    is_meant: impl FnOnce(&Path) -> Result<bool, LatchError>,
) -> Result<(), LatchError> {
    let aside = temporary_beside(&*system.entropy, path);
    match system.disk.rename(path, &aside) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        moved => moved.doing("take aside the lock file", path)?,
    }
    if !is_meant(&aside)? {
        match system.disk.rename_new(&aside, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error)
                    .doing("put back the lock file", path)
                    .map_err(LatchError::Io);
            }
            Ok(()) => return Ok(()),
            Err(_) => {}
        }
    }
    match system.disk.remove(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove", &aside).map_err(LatchError::Io)
        }
        _ => Ok(()),
    }
}

impl PeerFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is to be remembered when it is given back.
    pub(super) fn remember_leaving(&mut self, leaving: Leaving) {
        self.leaving = Some(leaving);
    }

    /// What keeps the process alive that it names; see [`StandIn::lifeline`].
    pub(crate) fn lifeline(&self) -> std::io::Result<Option<std::os::fd::OwnedFd>> {
        self.stand_in.lifeline()
    }

    /// Whether it still keeps peers away.
    pub(crate) fn check(&self) -> Result<(), Lost> {
        self.is_in_place()?;
        if self.stand_in.is_running() {
            Ok(())
        } else {
            Err(Lost::StandIn)
        }
    }

    fn is_in_place(&self) -> Result<(), Lost> {
        match self.system.disk.facts(&self.path) {
            Ok(found) if found.same_inode(&self.facts) => Ok(()),
            Ok(_) => Err(Lost::PeerLock),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Lost::PeerLock),
            Err(error) => Err(Lost::Unseen(error.kind())),
        }
    }
}

impl PeerFile {
    /// Says so if it is one that could not see that we live.
    fn look_at_robber(&self) {
        let Ok(Some(found)) = Found::at(&self.system, &self.path) else {
            return;
        };
        if found.owner(false, &self.system) == Owner::Elsewhere {
            elsewhere::say_once(&self.path);
        }
    }
}

impl Drop for PeerFile {
    fn drop(&mut self) {
        if self.is_in_place().is_err() {
            tracing::warn!(path = ?self.path, "the lock file is not ours any more; it is left alone");
            self.look_at_robber();
            return;
        }
        self.system.steps.reach("peer:releasing");
        let given_back = remove_if(&self.system, &self.path, |aside| {
            let caught = self.system.disk.facts(aside).doing("look at", aside)?;
            Ok(caught.same_inode(&self.facts))
        });
        if let Err(error) = given_back {
            tracing::warn!(path = ?self.path, %error, "the lock file could not be removed");
        }
        if let Some(leaving) = self.leaving.take() {
            leaving.happens(&self.system);
        }
    }
}
