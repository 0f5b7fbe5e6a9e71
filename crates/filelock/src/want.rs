//! One request for a turn: what it looks at, what it waits for, and what it is told when it is refused.
//!
//! The order of these steps is in `claim_wait.rs`. Invariant: a lock that was waited for is believed only if its file still
//! stands where it did, since claims may be deleted under a waiter.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use latchwork_lock::{Phase, QueueError, Ticket, TurnClaim, Wait};
use latchwork_sys::{DiskFile, IoDoing, PathError, hex_id, make_private_dir};

use crate::ClaimError;
use crate::ask_file::{Request, Standing};
use crate::claim_file::{ClaimFiles, Record};
use crate::claims::grant;
use crate::latches::Shared;
use crate::locked::{Locked, OpenFile};
use crate::note::{Note, iso};
use crate::place::{Key, Place};
use crate::waiters::Waited;

/// How long a request that may not wait gives the kernel to free the claim of a process that has just ended.
const DYING: Duration = Duration::from_millis(20);
/// How long a free turn is left to the one that had asked for it. It is woken as the turn becomes free.
const ASKER_GOES_FIRST: Duration = Duration::from_secs(1);

/// One request for a turn.
pub(crate) struct Want<'a> {
    shared: &'a Arc<Shared>,
    pub(crate) files: ClaimFiles<'a>,
    place: &'a Arc<Place>,
    turn: &'a str,
    asked: Instant,
}

/// What a look at the highest claim found.
pub(crate) enum Look {
    Free(Option<Locked>),

    Held(Arc<dyn DiskFile>),
    Gone,
}

/// The same, after a wait.
pub(crate) enum Freed {
    /// The number of the highest claim, and its lock: it is kept until ours is made, so that of several one goes first.
    Yes(u64, Option<Locked>),
    LookAgain,

    /// The holder's claim.
    Busy(u64, Arc<dyn DiskFile>),
}

/// What came of giving way to an asker.
pub(crate) enum Way {
    /// It has had its turn, or gone.
    Given,
    /// It does not take what it asked for.
    NotTaken,
    /// There is no time to wait for it.
    NoTime(Box<Option<Request>>),
}

impl<'a> Want<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        place: &'a Arc<Place>,
        turn: &'a str,
    ) -> Result<Self, PathError> {
        let system = &shared.system;
        make_private_dir(&*system.disk, &place.sidecars)?;
        Ok(Self {
            shared,
            files: ClaimFiles { system, place },
            place,
            turn,
            asked: Instant::now(),
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.shared.system.clock.wall_ms()
    }

    pub(crate) fn note(&self) -> Note {
        Note::of(self.shared.system.processes.own(), None, iso(self.now_ms()))
    }

    pub(crate) fn record(&self, epoch: u64) -> Record {
        let nonce = hex_id(&*self.shared.system.entropy, 16);
        Record::new(epoch, nonce, self.turn, self.note())
    }

    pub(crate) fn highest(&self) -> Result<u64, PathError> {
        Ok(self.files.epochs()?.last().copied().unwrap_or(0))
    }

    /// A place before the other tasks of this process. `None` in a task that has it already, waiting elsewhere in
    /// itself: it competes like another process.
    pub(crate) async fn line_up(&self, wait: Wait) -> Result<Option<Ticket<Key>>, ClaimError> {
        let key = self.files.place.key.clone();
        let phase = Phase::named("claim");
        match self.shared.turns.enter(key, phase, wait).await {
            Ok(ticket) => Ok(Some(ticket)),
            Err(QueueError::SelfDeadlock { .. }) => Ok(None),
            Err(_) => {
                let highest = self.highest()?;

                let file = self.files.open(highest)?;
                Err(self.busy(highest, file.as_deref()))
            }
        }
    }

    pub(crate) fn look(&self, highest: u64) -> Result<Look, PathError> {
        if highest == 0 {
            return Ok(Look::Free(None));
        }
        let Some(file) = self.files.open(highest)? else {
            return Ok(Look::Gone);
        };
        let path = self.files.path(highest);
        if !file.try_lock().doing("lock the claim", &path)? {
            return Ok(Look::Held(file));
        }
        let previous = Locked::new(file, &path);
        Ok(match previous.in_place(&self.shared.system)? {
            Some(_) => Look::Free(Some(previous)),
            None => Look::Gone,
        })
    }

    /// Waits until the highest claim is nobody's. There may be a higher one by then.
    pub(crate) async fn free(&self, wait: Wait) -> Result<Freed, PathError> {
        let highest = self.highest()?;
        let file = match self.look(highest)? {
            Look::Free(previous) => return Ok(Freed::Yes(highest, previous)),
            Look::Gone => return Ok(Freed::LookAgain),
            Look::Held(file) => file,
        };
        let wait = match wait {
            Wait::Never if self.is_dying(&*file) => Wait::at_most(DYING),
            Wait::Never => return Ok(Freed::Busy(highest, file)),
            wait => wait,
        };
        Ok(match self.wait_for(file.clone(), highest, wait).await? {
            Waited::Granted(previous) => Freed::Yes(highest, Some(previous)),
            Waited::TryAgain => Freed::LookAgain,
            Waited::TimeOver => Freed::Busy(highest, file),
        })
    }

    /// A process that has ended has its lock for as long as the kernel takes to close its files.
    pub(crate) fn is_dying(&self, claim: &dyn DiskFile) -> bool {
        Record::read_from(claim).is_some_and(|record| record.by.is_surely_dead(&self.shared.system))
    }

    /// Waits for a `flock`, in the kernel where it can.
    pub(crate) async fn lock(
        &self,
        file: Arc<dyn DiskFile>,
        path: &Path,
        wait: Wait,
    ) -> io::Result<Waited> {
        let Shared {
            system, waiters, ..
        } = &**self.shared;
        waiters.lock(system, OpenFile::new(file), path, wait).await
    }

    pub(crate) fn is_in_place(&self, claim: &dyn DiskFile, epoch: u64) -> Result<bool, PathError> {
        let path = self.files.path(epoch);
        let held = claim.facts().doing("look at the claim", &path)?;
        let found = self.files.open(epoch)?;
        let found = found.map(|file| file.facts()).transpose();
        let found = found.doing("look at the claim", &path)?;
        Ok(found.is_some_and(|found| found.same_inode(&held)))
    }

    pub(crate) async fn wait_for(
        &self,
        file: Arc<dyn DiskFile>,
        epoch: u64,
        wait: Wait,
    ) -> Result<Waited, PathError> {
        let path = self.files.path(epoch);
        let waited = self.lock(file, &path, wait).await;
        let waited = waited.doing("wait for the claim", &path)?;
        // Another claim of this number may stand there by now, if the files were deleted meanwhile.
        if let Waited::Granted(previous) = &waited
            && previous.in_place(&self.shared.system)?.is_none()
        {
            return Ok(Waited::TryAgain);
        }
        Ok(waited)
    }

    /// Who has asked for a claim and lives, and whose time is not over.
    pub(crate) fn asker(&self, epoch: u64) -> Result<Option<Standing>, PathError> {
        if epoch == 0 || !self.files.may_be_asked(epoch)? {
            return Ok(None);
        }
        let now = self.now_ms();
        let is_over = |asker: &Standing| asker.request.as_ref().is_none_or(|r| r.is_over(now));
        Ok(self.files.asked(epoch)?.filter(|asker| !is_over(asker)))
    }

    /// Lets an asker of a free turn have it, and waits until it has.
    pub(crate) async fn give_way(&self, asker: Standing, wait: Wait) -> Result<Way, PathError> {
        if wait == Wait::Never {
            return Ok(Way::NoTime(Box::new(asker.request)));
        }
        let limit = wait
            .left()
            .unwrap_or(ASKER_GOES_FIRST)
            .min(ASKER_GOES_FIRST);
        let request = asker.request.clone();
        Ok(
            match self.until_unlocked(asker, Wait::at_most(limit)).await? {
                Waited::Granted(_) | Waited::TryAgain => Way::Given,
                Waited::TimeOver if wait.left().is_some_and(|left| left.is_zero()) => {
                    Way::NoTime(Box::new(request))
                }
                Waited::TimeOver => Way::NotTaken,
            },
        )
    }

    /// Whether an asker had its turn first; the claim's lock is given back for it then.
    pub(crate) async fn gave_way(
        &self,
        highest: u64,
        previous: &mut Option<Locked>,
        wait: Wait,
    ) -> Result<bool, PathError> {
        let Some(asker) = self.asker(highest)? else {
            return Ok(false);
        };
        drop(previous.take());
        Ok(matches!(self.give_way(asker, wait).await?, Way::Given))
    }

    /// Waits until a request is not its asker's any more.
    pub(crate) async fn until_unlocked(
        &self,
        asker: Standing,
        wait: Wait,
    ) -> Result<Waited, PathError> {
        let Standing { file, path, .. } = asker;
        let waited = self.lock(file, &path, wait).await;
        waited.doing("wait for the request", &path)
    }

    /// Makes the claim of this record; `None` if another was quicker.
    pub(crate) fn make(&self, record: Record) -> Result<Option<TurnClaim>, PathError> {
        let file = self.files.create_highest(&record)?;
        Ok(file.map(|file| grant(self.shared, Arc::clone(self.place), record, file)))
    }

    pub(crate) fn busy(&self, epoch: u64, claim: Option<&dyn DiskFile>) -> ClaimError {
        let (by, turn) = match claim.and_then(Record::read_from) {
            Some(record) => (Some(record.by), Some(record.turn)),
            None => (None, None),
        };
        self.taken(epoch, by.as_ref(), turn)
    }

    /// The turn is free, and somebody who has asked for it is about to have it.
    pub(crate) fn reserved(&self, epoch: u64, request: Option<Request>) -> ClaimError {
        let (by, turn) = match request {
            Some(request) => (Some(request.by), Some(request.turn)),
            None => (None, None),
        };
        self.taken(epoch + 1, by.as_ref(), turn)
    }

    pub(crate) fn taken(&self, epoch: u64, by: Option<&Note>, turn: Option<String>) -> ClaimError {
        let system = &self.shared.system;
        ClaimError::Busy {
            session: self.files.place.session.clone(),
            holder: Box::new(by.map(|by| by.holder(system)).unwrap_or_default()),
            epoch,
            turn,
            waited: self.asked.elapsed(),
        }
    }
}
