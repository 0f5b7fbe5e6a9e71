//! Waiting for a turn: in the queue of this process, then in the kernel, behind whoever has asked for it.
//!
//! A claim is waited for by its `flock`. Invariants: the tasks of one process wait first come, first served, and one
//! of them competes with other processes; whoever finds a claim free and a living asker of it lets that one go first,
//! for a moment at most, so an asker that hangs keeps nobody from a free turn; an asker that has waited out its grace
//! takes the turn over. Deliberately not here: what a claim is once it is granted.
//!
//! Limits: among processes the kernel decides who of several waiters is next, and only an asker is put first. A process
//! that is stopped in the instant between the kernel's grant and its claim holds the turn as any stopped holder does:
//! it can be taken over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use latchwork_lock::{Phase, QueueError, Ticket, TurnClaim, Wait};
use latchwork_sys::{DiskFile, IoDoing, PathError, hex_id, make_private_dir};

use crate::ask_file::{Asking, Placing, Request, Standing};
use crate::claim_file::{ClaimFiles, Record};
use crate::claims::grant;
use crate::latch_file::Locked;
use crate::latches::Shared;
use crate::note::{Note, iso};
use crate::place::{Key, Place};
use crate::waiters::Waited;
use crate::{ClaimError, Latches, Site};

/// How long a request that may not wait gives the kernel to free the claim of a process that has just ended.
const DYING: Duration = Duration::from_millis(20);
/// How long a free turn is left to the one that had asked for it. It is woken as the turn becomes free.
const ASKER_GOES_FIRST: Duration = Duration::from_secs(1);

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
        let want = Want::new(&self.shared, &place, turn)?;
        // Kept until ours is made, so that the next task of this process looks at a claim that is ours.
        let _ahead = want.line_up(wait).await?;
        let mut passed_by = None;
        loop {
            let (highest, previous) = match want.free(wait).await? {
                Freed::Yes(highest, previous) => (highest, previous),
                Freed::LookAgain => continue,
                Freed::Busy(highest, file) => return Err(want.busy(highest, Some(&*file))),
            };
            if let Some(asker) = want
                .asker(highest)?
                .filter(|asker| passed_by != Some(asker.name()))
            {
                // The asker waits for the very lock that we have.
                drop(previous);
                let name = asker.name();
                match want.give_way(asker, wait).await? {
                    Way::Given => {}
                    Way::NotTaken => passed_by = Some(name),
                    Way::NoTime(request) => return Err(want.reserved(highest, *request)),
                }
                continue;
            }
            self.shared.system.steps.reach("claim:free");
            if let Some(claim) = want.make(want.record(highest + 1))? {
                return Ok(claim);
            }
        }
    }

    /// Has a session's turn handed over: its holder is asked to yield at its next boundary, and superseded when `grace`
    /// is over. The turn is had when the grace is over at the latest; a turn that is free is had at once.
    ///
    /// Of several askers of one claim the first is heeded; the next ask whoever has the turn then, within their own grace.
    ///
    /// # Errors
    ///
    /// [`ClaimError`], never `Busy`.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await; the request is taken back and no claim is left held. A holder that had seen the
    /// request may yield nevertheless.
    pub async fn hand_over(
        &self,
        site: &Site,
        turn: &str,
        reason: &str,
        grace: Duration,
    ) -> Result<TurnClaim, ClaimError> {
        let place = self.shared.place(site)?;
        let want = Want::new(&self.shared, &place, turn)?;
        let wait = Wait::at_most(grace);
        let words = Request::new(turn, reason, want.now_ms(), grace, want.note());
        let mut ours: Option<(u64, Asking)> = None;
        let mut granted: Option<(u64, Locked)> = None;
        loop {
            let highest = want.highest()?;
            let asked = ours.as_ref().is_some_and(|(epoch, _)| *epoch == highest);
            let look = match granted.take() {
                Some((epoch, previous)) if epoch == highest => Look::Free(Some(previous)),
                _ => want.look(highest)?,
            };
            let file = match look {
                Look::Gone => continue,
                Look::Free(mut previous) => {
                    if !asked && want.gave_way(highest, &mut previous, wait).await? {
                        continue;
                    }
                    let record = want.record(highest + 1);
                    let record = match asked {
                        true => record.having_asked(highest, reason),
                        false => record,
                    };
                    self.shared.system.steps.reach("claim:free");
                    match want.make(record)? {
                        // Only now is the request taken back: who gives way to it looks at our claim then.
                        Some(claim) => return Ok(claim),
                        None => continue,
                    }
                }
                Look::Held(file) => file,
            };
            if wait.left().is_some_and(|left| left.is_zero()) {
                return self.take_over(site, turn, reason);
            }
            if !asked {
                let nonce = Record::read_from(&*file).map(|record| record.nonce);
                let request = words.of(highest, &nonce.unwrap_or_default());
                match want.files.ask(&request)? {
                    Placing::Asked(asking) => ours = Some((highest, asking)),
                    Placing::Behind(first) => {
                        want.until_unlocked(first, wait).await?;
                        continue;
                    }
                }
                self.shared.system.steps.reach("claim:asked");
            }
            match want.wait_for(file.clone(), highest, wait).await? {
                Waited::Granted(previous) => granted = Some((highest, previous)),
                // The claim that was asked for may not be the one that has this number by now.
                Waited::TryAgain if !want.is_in_place(&*file, highest)? => ours = None,
                Waited::TryAgain | Waited::TimeOver => {}
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
        let want = Want::new(&self.shared, &place, turn)?;
        loop {
            let highest = want.highest()?;
            let record = want.record(highest + 1).taking_over(highest, reason);
            if let Some(claim) = want.make(record)? {
                return Ok(claim);
            }
        }
    }
}

/// One request for a turn.
struct Want<'a> {
    shared: &'a Arc<Shared>,
    files: ClaimFiles<'a>,
    turn: &'a str,
    asked: Instant,
}

/// What a look at the highest claim found.
enum Look {
    Free(Option<Locked>),

    Held(Arc<dyn DiskFile>),
    Gone,
}

/// The same, after a wait.
enum Freed {
    /// The number of the highest claim, and its lock: it is kept until ours is made, so that of several one goes first.
    Yes(u64, Option<Locked>),
    LookAgain,

    /// The holder's claim.
    Busy(u64, Arc<dyn DiskFile>),
}

/// What came of giving way to an asker.
enum Way {
    /// It has had its turn, or gone.
    Given,
    /// It does not take what it asked for.
    NotTaken,
    /// There is no time to wait for it.
    NoTime(Box<Option<Request>>),
}

impl<'a> Want<'a> {
    fn new(shared: &'a Arc<Shared>, place: &'a Place, turn: &'a str) -> Result<Self, PathError> {
        let system = &shared.system;
        make_private_dir(&*system.disk, &place.sidecars)?;
        Ok(Self {
            shared,
            files: ClaimFiles { system, place },
            turn,
            asked: Instant::now(),
        })
    }

    fn now_ms(&self) -> i64 {
        self.shared.system.clock.wall_ms()
    }

    fn note(&self) -> Note {
        Note::of(self.shared.system.processes.own(), None, iso(self.now_ms()))
    }

    fn record(&self, epoch: u64) -> Record {
        let nonce = hex_id(&*self.shared.system.entropy, 16);
        Record::new(epoch, nonce, self.turn, self.note())
    }

    fn highest(&self) -> Result<u64, PathError> {
        Ok(self.files.epochs()?.last().copied().unwrap_or(0))
    }

    /// A place before the other tasks of this process. `None` in a task that has it already, waiting elsewhere in
    /// itself: it competes like another process.
    async fn line_up(&self, wait: Wait) -> Result<Option<Ticket<Key>>, ClaimError> {
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

    fn look(&self, highest: u64) -> Result<Look, PathError> {
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
        Ok(match previous.is_in_place(&self.shared.system)? {
            true => Look::Free(Some(previous)),
            false => Look::Gone,
        })
    }

    /// Waits until the highest claim is nobody's. There may be a higher one by then.
    async fn free(&self, wait: Wait) -> Result<Freed, PathError> {
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
    fn is_dying(&self, claim: &dyn DiskFile) -> bool {
        Record::read_from(claim).is_some_and(|record| record.by.is_surely_dead(&self.shared.system))
    }

    fn is_in_place(&self, claim: &dyn DiskFile, epoch: u64) -> Result<bool, PathError> {
        let path = self.files.path(epoch);
        let held = claim.facts().doing("look at the claim", &path)?;
        let found = self.files.open(epoch)?;
        let found = found.map(|file| file.facts()).transpose();
        let found = found.doing("look at the claim", &path)?;
        Ok(found.is_some_and(|found| found.same_inode(&held)))
    }

    async fn wait_for(
        &self,
        file: Arc<dyn DiskFile>,
        epoch: u64,
        wait: Wait,
    ) -> Result<Waited, PathError> {
        let path = self.files.path(epoch);
        let waited = self.shared.waiters.lock(file, &path, wait).await;
        let waited = waited.doing("wait for the claim", &path)?;
        // Another claim of this number may stand there by now, if the files were deleted meanwhile.
        if let Waited::Granted(previous) = &waited
            && !previous.is_in_place(&self.shared.system)?
        {
            return Ok(Waited::TryAgain);
        }
        Ok(waited)
    }

    /// Who has asked for a claim and lives, and whose time is not over.
    fn asker(&self, epoch: u64) -> Result<Option<Standing>, PathError> {
        if epoch == 0 || !self.files.may_be_asked(epoch)? {
            return Ok(None);
        }
        let now = self.now_ms();
        let is_over = |asker: &Standing| asker.request.as_ref().is_none_or(|r| r.is_over(now));
        Ok(self.files.asked(epoch)?.filter(|asker| !is_over(asker)))
    }

    /// Lets an asker of a free turn have it, and waits until it has.
    async fn give_way(&self, asker: Standing, wait: Wait) -> Result<Way, PathError> {
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
    async fn gave_way(
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
    async fn until_unlocked(&self, asker: Standing, wait: Wait) -> Result<Waited, PathError> {
        let Standing { file, path, .. } = asker;
        let waited = self.shared.waiters.lock(file, &path, wait).await;
        waited.doing("wait for the request", &path)
    }

    /// Makes the claim of this record; `None` if another was quicker.
    fn make(&self, record: Record) -> Result<Option<TurnClaim>, PathError> {
        let file = self.files.create_highest(&record)?;
        let (shared, place) = (self.shared, self.files.place);
        Ok(file.map(|file| grant(shared, place.clone(), record, file)))
    }

    fn busy(&self, epoch: u64, claim: Option<&dyn DiskFile>) -> ClaimError {
        let (by, turn) = match claim.and_then(Record::read_from) {
            Some(record) => (Some(record.by), Some(record.turn)),
            None => (None, None),
        };
        self.taken(epoch, by.as_ref(), turn)
    }

    /// The turn is free, and somebody who has asked for it is about to have it.
    fn reserved(&self, epoch: u64, request: Option<Request>) -> ClaimError {
        let (by, turn) = match request {
            Some(request) => (Some(request.by), Some(request.turn)),
            None => (None, None),
        };
        self.taken(epoch + 1, by.as_ref(), turn)
    }

    fn taken(&self, epoch: u64, by: Option<&Note>, turn: Option<String>) -> ClaimError {
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
