//! Turns under the scheduler: claims that wait, claims that are taken over, and writes that are fenced by them.
//!
//! Checked: a turn's own write never passes its check once a take-over had ended before the check began; a write that
//! passed before stands; nobody who lives waits for ever.

use latchwork_filelock::{ClaimHandle, Latches};
use latchwork_lock::{Phase, TurnClaim, Wait};
use shuttle::rand::Rng;

use super::disk::View;
use super::machine::Fault;
use super::site;

/// A process that has its turns one after the other, some of them by taking over.
pub(super) async fn turns(view: &View, latches: &Latches, rounds: u32) {
    for round in 0..rounds {
        let claim = if shuttle::rand::thread_rng().gen_bool(0.3) {
            let taken = latches.take_over(&site(), "turn", "impatience");
            if let Ok(claim) = &taken {
                view.machine.took_over(view.process, claim.fence().epoch);
            }
            taken
        } else {
            latches.claim(&site(), "turn", Wait::Forever).await
        };
        let Ok(claim) = claim else { continue };
        for part in 0..2 {
            if !writes_as_turn(view, latches, &claim, &format!("{round}.{part}")).await {
                break;
            }
        }
    }
}

/// Whether the turn goes on.
async fn writes_as_turn(view: &View, latches: &Latches, claim: &TurnClaim, what: &str) -> bool {
    let Some(handle) = ClaimHandle::of(claim) else {
        return false;
    };
    let early = view.machine.fault == Fault::ClaimCheckedEarly;
    while !view.machine.is_dead(view.process) {
        if early && !checked_early(latches, &handle).await {
            return false;
        }
        let Ok(latched) = latches.latch(&site(), Phase::RECORD, Wait::Forever).await else {
            continue;
        };
        let Ok(write) = latched.begin() else { continue };
        let Some(transcript) = write.transcript() else {
            return false;
        };
        if write.check().is_err() {
            continue;
        }
        let before = view.machine.taken_over();
        if !early && write.check_claim(&handle).is_err() {
            return false;
        }
        let epoch = claim.fence().epoch;
        assert!(
            epoch >= before || view.machine.is_dead(view.process),
            "turn {epoch} writes while {before} had taken over before"
        );
        view.machine.begins_to_write(view.process);
        let line = format!("{} turn {what}", view.process);
        if transcript.append(format!("\n{line}\n").as_bytes()).is_ok() {
            view.machine.has_written(view.process, &line);
            return true;
        }
        view.machine.gives_up_writing(view.process);
    }
    false
}

/// What must not be done: the check under one guard, the write under the next.
async fn checked_early(latches: &Latches, claim: &ClaimHandle) -> bool {
    let Ok(latched) = latches.latch(&site(), Phase::RECORD, Wait::Forever).await else {
        return false;
    };
    let write = latched.begin();
    write.is_ok_and(|write| write.check_claim(claim).is_ok())
}
