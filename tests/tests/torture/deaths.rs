//! Real processes that die while they hold: by SIGKILL (their own or from outside), by abort, by exit, at a drawn moment of
//! taking, holding, writing or giving back.
//!
//! Several workers take one session's latch in turn and add a numbered line; who dies is started again. Asked afterwards: was
//! a third file ever held by two; is every acknowledged line there, and is the file without gap and double; did any request
//! get an error; did every waiter go on. A worker is this very test program, started for one test with a role.
//!
//! **Red controls**, run by the same harness: OpenClaw's reclaim (look, remove, create), a latch without the second wall
//! while `.latchwork` is deleted again and again, a lock file that nobody reclaims, lines that are lost. All must be caught.
//!
//! `cargo xtask torture deaths --runs 1000000` is the long form; by default it is [`DEATHS`].

#[path = "deaths/campaign.rs"]
mod campaign;
#[path = "deaths/oracle.rs"]
mod oracle;
#[path = "deaths/takers.rs"]
mod takers;
#[path = "deaths/worker.rs"]
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use latchwork_testkit::deadline::GENEROUS;

use crate::choice::{runs, seed};
use campaign::{Campaign, Outcome};
use takers::Taker;

/// How many workers must have died before the campaign ends.
const DEATHS: u64 = 5_000;
/// With `.latchwork` deleted all along, by default.
const DEATHS_WITH_DELETIONS: u64 = 500;
/// By then a control must have been caught.
const DEATHS_OF_A_CONTROL_MAX: u64 = 3_000;

/// One campaign at a time: each wants all processors for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn campaign(test: &'static str, taker: Taker, deaths: u64, deletes: bool) -> Campaign {
    Campaign {
        test,
        taker,
        seed: seed(),
        deaths,
        deletes,
        until_caught: taker != Taker::Ours,
        patience: GENEROUS,
    }
}

/// Runs a control until it is caught, and fails if it is not.
fn must_be_caught(campaign: &Campaign) {
    let outcome = campaign.run();
    outcome.say("control");
    assert!(outcome.stuck.is_none(), "{outcome:?}");
    assert!(
        outcome.doubles > 0,
        "an implementation that is known to let two in was not caught: {outcome:?}"
    );
}

fn holds(outcome: &Outcome) {
    outcome.say("ours");
    assert_eq!(outcome.stuck, None, "somebody waits for ever");
    assert_eq!(outcome.doubles, 0, "two held one session: {outcome:?}");
    assert_eq!(
        outcome.damage,
        Vec::<String>::new(),
        "lines are lost or doubled"
    );
    assert_eq!(outcome.errors, Vec::<String>::new(), "spurious errors");
}

#[test]
fn deaths_of_holders_let_no_two_hold_lose_no_acknowledged_line_and_stop_no_waiter() {
    let test =
        "deaths::deaths_of_holders_let_no_two_hold_lose_no_acknowledged_line_and_stop_no_waiter";
    if worker::played() {
        return;
    }
    let _alone = alone();
    let runs = runs(DEATHS);
    let outcome = campaign(test, Taker::Ours, runs, false).run();
    holds(&outcome);
    assert!(outcome.deaths >= runs);
    for (way, times) in &outcome.ways {
        assert!(runs < 200 || *times * 20 > runs, "{way}: {times} of {runs}");
    }
}

#[test]
fn deaths_of_holders_whose_sidecars_are_deleted_all_along_let_no_two_hold_either() {
    let test =
        "deaths::deaths_of_holders_whose_sidecars_are_deleted_all_along_let_no_two_hold_either";
    if worker::played() {
        return;
    }
    let _alone = alone();
    let runs = runs(DEATHS_WITH_DELETIONS * 10) / 10;
    let outcome = campaign(test, Taker::Ours, runs, true).run();
    holds(&outcome);
    assert!(
        runs < 100 || outcome.lost > 0,
        "no holder ever lost its latch file to a deletion"
    );
}

#[test]
fn deaths_under_the_reclaim_of_openclaw_are_caught() {
    if worker::played() {
        return;
    }
    let _alone = alone();
    let test = "deaths::deaths_under_the_reclaim_of_openclaw_are_caught";
    must_be_caught(&campaign(
        test,
        Taker::OpenClaw,
        DEATHS_OF_A_CONTROL_MAX,
        false,
    ));
}

#[test]
fn deaths_without_a_second_wall_are_caught_when_the_sidecars_are_deleted() {
    if worker::played() {
        return;
    }
    let _alone = alone();
    let test = "deaths::deaths_without_a_second_wall_are_caught_when_the_sidecars_are_deleted";
    must_be_caught(&campaign(
        test,
        Taker::NoSecondWall,
        DEATHS_OF_A_CONTROL_MAX,
        true,
    ));
}

#[test]
fn deaths_that_lock_everybody_out_are_caught() {
    if worker::played() {
        return;
    }
    let _alone = alone();
    let test = "deaths::deaths_that_lock_everybody_out_are_caught";
    let outcome = Campaign {
        patience: Duration::from_secs(2),
        ..campaign(test, Taker::NeverFreed, DEATHS_OF_A_CONTROL_MAX, false)
    }
    .run();
    outcome.say("control");
    assert!(outcome.stuck.is_some(), "{outcome:?}");
}

#[test]
fn deaths_that_cost_a_line_or_doubled_one_are_caught() {
    let dir = tempfile::tempdir().unwrap();
    let whole: Vec<String> = (1..=3).map(|number| oracle::line(number, 7)).collect();
    let damage_of = |lines: &[&str]| {
        std::fs::write(dir.path().join("s.jsonl"), lines.concat()).unwrap();
        oracle::damage(dir.path()).len()
    };
    let [one, two, three] = [0, 1, 2].map(|at| whole[at].as_str());
    oracle::add_line(&dir.path().join("acked.0"), two.trim());
    assert_eq!(damage_of(&[one, two, three]), 0);
    assert_eq!(damage_of(&[one]), 1, "an acknowledged line is not there");
    assert_eq!(damage_of(&[one, two, two]), 1, "one stands there twice");
    let by_another = oracle::line(2, 8);
    assert_eq!(damage_of(&[one, &by_another]), 1, "one was written over");
    assert_eq!(damage_of(&[one, two, &three[..9]]), 1, "one is torn");
}
