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

use std::time::Duration;

use latchwork_lock::{TurnClaim, Wait};

use crate::ask_file::{Asking, Placing, Request};
use crate::claim_file::Record;
use crate::locked::Locked;
use crate::meter;
use crate::waiters::Waited;
use crate::want::{Freed, Look, Want, Way};
use crate::{ClaimError, Latches, Site};

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
                        Some(claim) => {
                            if asked {
                                meter::taken_over("handed_over");
                            }
                            return Ok(claim);
                        }
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
                meter::taken_over("taken_over");
                return Ok(claim);
            }
        }
    }
}
