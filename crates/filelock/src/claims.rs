//! Whose turn it is, as files: taking a claim, taking one over, and checking it before a write.
//!
//! A claim is held by a `flock` on its own numbered file, so it is free at once when its process ends.
//! Taking one over needs nobody's consent: a higher number is made, and the older claim is refused at
//! its next check. Deliberately not here: asking a holder to yield, and any effect on guards; a claim
//! never waits for a guard and never takes one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use latchwork_lock::{ClaimHeld, ClaimLost, Fence, Holder, ReleaseError, TurnClaim, Wait};
use latchwork_sys::{DiskFile, IoDoing, PathError, hex_id, make_private_dir};

use crate::claim_file::{ClaimFiles, Record};
use crate::latch_file::Locked;
use crate::latches::Shared;
use crate::note::{Note, iso};
use crate::place::Place;
use crate::waiters::Waited;
use crate::{ClaimError, Latches, Site, WritePermit};

/// How often a request that may not wait looks again because the holder has just ended.
const LOOKS_AT_THE_DEAD: u32 = 8;

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
    place: Place,
    record: Record,
    /// Kept open to the end, so that its inode number cannot come to mean another file.
    file: Mutex<Arc<dyn DiskFile>>,
    freed: AtomicBool,
}

impl Latches {
    /// Claims a session's turn; `turn` is the turn's own name, recorded for people.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Busy`] naming the holder when the wait is over.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await; no claim is left held.
    pub async fn claim(
        &self,
        site: &Site,
        turn: &str,
        wait: Wait,
    ) -> Result<TurnClaim, ClaimError> {
        let place = self.shared.place(site)?;
        let files = ClaimFiles {
            system: &self.shared.system,
            place: &place,
        };
        make_private_dir(&*self.shared.system.disk, &place.sidecars)?;
        let asked = Instant::now();
        let mut looks = 0;
        loop {
            let highest = files.epochs()?.last().copied().unwrap_or(0);
            // Kept until ours is made, so that one of several waiters goes first.
            let _previous = match self.free_claim(&files, highest, wait).await? {
                Freed::Yes(previous) => previous,
                Freed::LookAgain => continue,
                Freed::Busy(record) => {
                    let dying = record
                        .as_ref()
                        .is_some_and(|record| record.by.is_surely_dead(&self.shared.system));
                    if dying && looks < LOOKS_AT_THE_DEAD {
                        looks += 1;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        continue;
                    }
                    return Err(self.turn_is_busy(&place, highest, record, asked.elapsed()));
                }
            };
            self.shared.system.steps.reach("claim:free");
            let record = self.record(highest + 1, turn);
            if let Some(file) = files.create_highest(&record)? {
                return Ok(grant(&self.shared, place, record, file));
            }
        }
    }

    /// Takes a session's turn over from whoever has it, with a reason that the old holder is told.
    ///
    /// What the old holder wrote, and what passed its check before, stands.
    ///
    /// # Errors
    ///
    /// [`ClaimError`], never `Busy`.
    ///
    /// # Blocking
    ///
    /// For a few quick system calls.
    pub fn take_over(
        &self,
        site: &Site,
        turn: &str,
        reason: &str,
    ) -> Result<TurnClaim, ClaimError> {
        let place = self.shared.place(site)?;
        let files = ClaimFiles {
            system: &self.shared.system,
            place: &place,
        };
        make_private_dir(&*self.shared.system.disk, &place.sidecars)?;
        loop {
            let highest = files.epochs()?.last().copied().unwrap_or(0);
            let record = self.record(highest + 1, turn).taking_over(highest, reason);
            if let Some(file) = files.create_highest(&record)? {
                return Ok(grant(&self.shared, place, record, file));
            }
        }
    }

    /// Waits until the highest claim is nobody's. There may be a higher one by then.
    async fn free_claim(
        &self,
        files: &ClaimFiles<'_>,
        highest: u64,
        wait: Wait,
    ) -> Result<Freed, PathError> {
        if highest == 0 {
            return Ok(Freed::Yes(None));
        }
        let path = files.path(highest);
        let Some(file) = files.open(highest)? else {
            return Ok(Freed::LookAgain);
        };
        if file.try_lock().doing("lock the claim", &path)? {
            return Ok(Freed::Yes(Some(Locked::new(file, &path))));
        }
        let record = Record::read_from(&*file);
        let waited = match wait {
            Wait::Never => Waited::TimeOver,
            wait => self
                .shared
                .waiters
                .lock(file, &path, wait)
                .await
                .doing("wait for the claim", &path)?,
        };
        Ok(match waited {
            Waited::Granted(previous) => Freed::Yes(Some(previous)),
            Waited::TryAgain => Freed::LookAgain,
            Waited::TimeOver => Freed::Busy(record),
        })
    }

    fn record(&self, epoch: u64, turn: &str) -> Record {
        let system = &self.shared.system;
        let by = Note::of(system.processes.own(), None, iso(system.clock.wall_ms()));
        Record::new(epoch, hex_id(&*system.entropy, 16), turn, by)
    }

    fn turn_is_busy(
        &self,
        place: &Place,
        epoch: u64,
        record: Option<Record>,
        waited: Duration,
    ) -> ClaimError {
        let holder = record
            .as_ref()
            .map(|record| record.by.holder(&self.shared.system))
            .unwrap_or_default();
        let turn = record.map(|record| record.turn);
        ClaimError::Busy {
            session: place.session.clone(),
            holder: Box::new(holder),
            epoch,
            turn,
            waited,
        }
    }
}

enum Freed {
    Yes(Option<Locked>),
    LookAgain,
    Busy(Option<Record>),
}

fn grant(shared: &Arc<Shared>, place: Place, record: Record, file: Arc<dyn DiskFile>) -> TurnClaim {
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
