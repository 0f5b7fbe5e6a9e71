//! Taking, watching and giving back the lock file that peers look at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_lock::Holder;
use latchwork_sys::{
    DiskFile, FileFacts, IoDoing, OpenHow, PathError, System, hex_id, read_at_most,
    temporary_beside,
};

use super::judge::{self, Owner};
use super::payload::{Payload, READ_LIMIT, Read};
use super::stand_in::StandIn;
use crate::latch_file::refused_or_io;
use crate::note::iso;
use crate::{LatchError, Lost, Obstacle, Refusal};

/// Our lock file. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub(crate) struct PeerFile {
    system: System,
    path: PathBuf,
    /// Kept open, so that the inode number cannot come to mean another file: it stands for the nonce.
    file: Arc<dyn DiskFile>,
    stand_in: StandIn,
}

/// What one attempt came to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The file is ours.
    Ours(PeerFile),
    /// Somebody has it.
    Busy(Obstacle, Box<Holder>),
}

/// Tries to take the lock file, removing one whose owner is gone. Only under our own locks.
pub(crate) fn take(
    system: &System,
    path: &Path,
    stand_in: &StandIn,
    holds_inode: bool,
) -> Result<Taken, LatchError> {
    loop {
        if let Some(file) = create(system, path, stand_in)? {
            return Ok(Taken::Ours(PeerFile {
                system: system.clone(),
                path: path.to_path_buf(),
                file,
                stand_in: stand_in.clone(),
            }));
        }
        let Some(found) = Found::at(system, path)? else {
            continue;
        };
        let owner = judge::judge(&found.read, found.facts.modified_ms, holds_inode, system);
        if !owner.may_be_removed() {
            let obstacle = match owner {
                Owner::HalfWritten => Obstacle::HalfWritten,
                _ => Obstacle::PeerLock,
            };
            let holder = judge::holder(&found.read, system);
            return Ok(Taken::Busy(obstacle, Box::new(holder)));
        }
        tracing::warn!(
            ?path,
            ?owner,
            pid = found.read.pid,
            "removing a lock file that was left behind"
        );
        found.remove(system, path)?;
    }
}

/// Makes the file whole, unless there is one.
fn create(
    system: &System,
    path: &Path,
    stand_in: &StandIn,
) -> Result<Option<Arc<dyn DiskFile>>, PathError> {
    // A look first: while a peer holds its lock, no temporary file need be made for each poll.
    if system.disk.facts(path).is_ok() {
        return Ok(None);
    }
    let (own, nonce) = (system.processes.own(), hex_id(&*system.entropy, 16));
    let created_at = iso(system.clock.wall_ms());
    let payload = Payload::ours(stand_in.pid, stand_in.starttime, created_at, nonce, own).bytes();
    let temporary = temporary_beside(&*system.entropy, path);
    // Readable for peers of another user, as theirs are for us.
    let how = OpenHow::updating().only_new().mode(0o644);
    let file = system
        .disk
        .open(&temporary, &how)
        .doing("create a temporary file for", path)?;
    let made = match file.write_at(&payload, 0) {
        Ok(written) if written == payload.len() => system.disk.rename_new(&temporary, path),
        Ok(_) => Err(std::io::ErrorKind::WriteZero.into()),
        Err(error) => Err(error),
    };
    match made {
        Ok(()) => Ok(Some(file.into())),
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
struct Found {
    facts: FileFacts,
    bytes: Vec<u8>,
    read: Read,
}

impl Found {
    /// `None` if it vanished meanwhile.
    fn at(system: &System, path: &Path) -> Result<Option<Self>, LatchError> {
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
        Ok(Some(Self { facts, bytes, read }))
    }

    /// Removes this very file, and none that was put in its place since it was judged.
    fn remove(&self, system: &System, path: &Path) -> Result<(), LatchError> {
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

    /// Whether it still keeps peers away.
    pub(crate) fn check(&self) -> Result<(), Lost> {
        let unseen = |error: std::io::Error| Lost::Unseen(error.kind());
        let ours = self.file.facts().map_err(unseen)?;
        match self.system.disk.facts(&self.path) {
            Ok(found) if found.same_inode(&ours) => {}
            Ok(_) => return Err(Lost::PeerLock),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Lost::PeerLock);
            }
            Err(error) => return Err(unseen(error)),
        }
        if self.stand_in.is_running() {
            Ok(())
        } else {
            Err(Lost::StandIn)
        }
    }
}

impl Drop for PeerFile {
    fn drop(&mut self) {
        if !matches!(self.check(), Ok(()) | Err(Lost::StandIn)) {
            tracing::warn!(path = ?self.path, "the lock file is not ours any more; it is left alone");
            return;
        }
        let given_back = remove_if(&self.system, &self.path, |aside| {
            let ours = self.file.facts().doing("look at", &self.path)?;
            let caught = self.system.disk.facts(aside).doing("look at", aside)?;
            Ok(caught.same_inode(&ours))
        });
        if let Err(error) = given_back {
            tracing::warn!(path = ?self.path, %error, "the lock file could not be removed");
        }
    }
}
