//! Whose turn it is, as files: what a claim is while it is held, and its check before a write.
//!
//! A claim is held by a `flock` on its own numbered file, so it is free at once when its process ends.
//! Taking one over needs nobody's consent: a higher number is made, and the older claim is refused at
//! its next check. Deliberately not here: getting a claim (`claim_wait.rs`), and any effect on guards; a
//! claim never waits for a guard and never takes one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_lock::{ClaimHeld, ClaimLost, Fence, Holder, ReleaseError, TurnClaim};
use latchwork_sys::{DiskFile, IoDoing, PathError, make_private_dir};

use crate::ask_file::Asked;
use crate::claim_file::{ClaimFiles, Record};
use crate::latches::Shared;
use crate::locked::Locked;
use crate::place::Place;
use crate::{ClaimError, WritePermit};

/// What a [`TurnClaim`] on files holds. Dropping it frees the turn.
#[derive(Debug)]
pub struct FileClaim {
    core: Arc<Core>,
}

/// A claim as a value that a started write can keep and check on any thread. It does not keep the turn.
#[derive(Clone, Debug)]
pub struct ClaimHandle {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    shared: Arc<Shared>,

    place: Arc<Place>,
    record: Record,
    /// Kept open to the end, so that its inode number cannot come to mean another file.
    file: Mutex<Arc<dyn DiskFile>>,
    freed: AtomicBool,
}

pub(crate) fn grant(
    shared: &Arc<Shared>,
    place: Arc<Place>,
    record: Record,
    file: Arc<dyn DiskFile>,
) -> TurnClaim {
    let (session, fence) = (
        place.session.clone(),
        Fence {
            epoch: record.epoch,
            nonce: record.nonce.clone(),
        },
    );
    let core = Core {
        shared: Arc::clone(shared),
        place,
        record,
        file: Mutex::new(file),
        freed: AtomicBool::new(false),
    };
    TurnClaim::grant(
        session,
        fence,
        Box::new(FileClaim {
            core: Arc::new(core),
        }),
    )
}

impl FileClaim {
    /// The claim as a value for a started write.
    #[must_use]
    pub fn handle(&self) -> ClaimHandle {
        ClaimHandle {
            core: Arc::clone(&self.core),
        }
    }

    /// Whether somebody who lives asks for this turn. For the holder, between two steps of its turn; where nobody
    /// asks it costs one look at a directory's entry.
    ///
    /// # Errors
    ///
    /// [`PathError`] if the sidecar folder cannot be looked at.
    ///
    /// # Blocking
    ///
    /// For a few quick system calls.
    pub fn asked(&self) -> Result<Option<Asked>, PathError> {
        let Core {
            shared,
            place,
            record,
            ..
        } = &*self.core;
        let system = &shared.system;
        let files = ClaimFiles { system, place };
        if !files.may_be_asked(record.epoch)? {
            return Ok(None);
        }
        let standing = files.asked(record.epoch)?;
        let request = standing.and_then(|standing| standing.request);
        // One for an older claim of this number, before the sidecars were deleted, is not for us.
        let ours = request.filter(|request| request.nonce == record.nonce);
        Ok(ours.map(|request| Asked::of(request, system)))
    }
}

#[async_trait::async_trait]
impl ClaimHeld for FileClaim {
    async fn release(self: Box<Self>) -> Result<(), ReleaseError> {
        Ok(())
    }
}

impl Drop for FileClaim {
    fn drop(&mut self) {
        self.core.freed.store(true, Ordering::Release);
        let file = self
            .core
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.unlock() {
            tracing::warn!(session = self.core.place.session, %error, "a claim could not be given back in order");
        }
    }
}

impl ClaimHandle {
    /// The handle of a claim that these latches granted; `None` for another backend's.
    #[must_use]
    pub fn of(claim: &TurnClaim) -> Option<Self> {
        claim.held::<FileClaim>().map(FileClaim::handle)
    }
}

impl WritePermit {
    /// Looks whether the turn is still the claim's. To be called just before each of a turn's own writes.
    ///
    /// A claim whose files were deleted is made again, unless another was made meanwhile.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Superseded`] naming who, when and why; nothing must be written then.
    pub fn check_claim(&self, claim: &ClaimHandle) -> Result<(), ClaimError> {
        let claim = &claim.core;
        if claim.place.key != self.core.place.key {
            let (session, found) = (self.core.place.session.clone(), claim.place.session.clone());
            return Err(ClaimError::WrongSession { session, found });
        }
        claim.check()
    }
}

impl Core {
    fn check(&self) -> Result<(), ClaimError> {
        let files = ClaimFiles {
            system: &self.shared.system,
            place: &self.place,
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.record.epoch;
        let mut made_again = false;
        loop {
            // In this order: numbers are swept from the lowest on, so where ours still stands after the next was not
            // found, the next was never there. The other way round both may have been swept between the two looks.
            if !made_again && !files.exists(epoch + 1)? && self.is_in_place(&**file, &files)? {
                return Ok(());
            }
            // Off the usual path: look at all there are.
            let epochs = files.epochs()?;
            match epochs.last().copied() {
                Some(highest) if highest > epoch => return Err(self.superseded(&files, highest)),
                Some(highest) if highest == epoch => {
                    if !self.is_in_place(&**file, &files)? {
                        return Err(self.superseded(&files, highest));
                    }
                    if std::mem::take(&mut made_again)
                        && let Some(lower) = epochs.iter().rev().nth(1).copied()
                        && self.is_held(&files, lower)?
                    {
                        // Claimed from the first number on, just before ours was made again: that one stays.
                        let _ = files.system.disk.remove(&files.path(epoch));
                        return Err(self.superseded(&files, lower));
                    }
                }
                Some(lower) if self.is_held(&files, lower)? => {
                    return Err(self.superseded(&files, lower));
                }
                _ if self.freed.load(Ordering::Acquire) => {
                    let why = Some("it was given back and its record deleted".to_owned());
                    return Err(self.lost(None, why));
                }
                _ => {
                    // The files were deleted and nobody has claimed since: ours is made again.
                    make_private_dir(&*self.shared.system.disk, &self.place.sidecars)?;
                    if let Some(again) = files.create(&self.record)? {
                        *file = again;
                        made_again = true;
                    }
                }
            }
        }
    }

    fn is_in_place(&self, file: &dyn DiskFile, files: &ClaimFiles<'_>) -> Result<bool, PathError> {
        let path = files.path(self.record.epoch);
        let ours = file.facts().doing("look at the claim", &path)?;
        match files.system.disk.facts(&path) {
            Ok(found) => Ok(found.same_inode(&ours)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).doing("look at the claim", &path),
        }
    }

    fn is_held(&self, files: &ClaimFiles<'_>, epoch: u64) -> Result<bool, PathError> {
        let path = files.path(epoch);
        let Some(file) = files.open(epoch)? else {
            return Ok(false);
        };
        if !file.try_lock().doing("lock the claim", &path)? {
            return Ok(true);
        }
        drop(Locked::new(file, &path));
        Ok(false)
    }

    fn superseded(&self, files: &ClaimFiles<'_>, by: u64) -> ClaimError {
        let file = files.open(by).ok().flatten();
        let record = file.and_then(|file| Record::read_from(&*file));
        let holder = record.as_ref().map(|record| record.by.holder(files.system));
        let reason = record.and_then(|record| record.reason);
        self.lost(holder, reason)
    }

    fn lost(&self, by: Option<Holder>, why: Option<String>) -> ClaimError {
        let lost = ClaimLost::new(self.place.session.clone(), self.record.epoch, by, why);
        ClaimError::Superseded(Box::new(lost))
    }
}
