//! The crash campaign of the transcript: writers that die, and disks that lose what was not synced.
//!
//! A writer is `latchwork_tests::workload`; the judge is `latchwork_testkit::history`, which knows nothing of the product. After
//! each fault the raw bytes are judged, then a writer comes as any would after a crash, and they are judged again.
//!
//! | file | idea |
//! |---|---|
//! | `planted` | what a session begins with: nothing, an old version, damage |
//! | `kill` | several real writers of one session, killed at seeded moments; a peer that takes no lock between them |
//! | `calls` | a real writer killed at each of its system calls, one after the other |
//! | `power` | a workload on a disk in memory, cut after each of its changes, recovered, cut again |
//! | `memory` | that workload |
//! | `cuts`, `mounts` | real writers over a filesystem of their own that is shut down; as root |
//! | `journal` | whether what is acknowledged is in the journal of ext4, while others read; as root |
//! | `failing` | each call to a disk in memory failing, for every operation of the store |
//! | `anew` | a file written anew, cut after each of its changes: the old one or the new one stands |
//! | `figures` | what was done, for the page |
//!
//! **Red controls**, each caught within 1 % of the runs: see the tests that end in `is_caught`. A seed decides every choice; the moment at
//! which a signal arrives it does not.
//!
//! `cargo xtask torture transcript --kills N --states N --cuts N --seed S [--release]` is the long form; with `--states` or `--write` each
//! failing call and each scene under strace is tried, not a share of them.

#[path = "transcript/anew.rs"]
mod anew;
#[path = "transcript/calls.rs"]
mod calls;
#[path = "transcript/cuts.rs"]
mod cuts;
#[path = "transcript/failing.rs"]
mod failing;
#[path = "transcript/figures.rs"]
pub(crate) mod figures;
#[path = "transcript/journal.rs"]
mod journal;
#[path = "transcript/kill.rs"]
mod kill;
#[path = "transcript/memory.rs"]
mod memory;
#[path = "transcript/mounts.rs"]
mod mounts;
#[path = "transcript/planted.rs"]
pub(crate) mod planted;
#[path = "transcript/power.rs"]
mod power;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use latchwork_tests::workload::Mutant;

use crate::choice::{cuts, is_cut, is_long, kills, seed, states};
use cuts::Cuts;
use journal::Who;
use kill::Kills;
use mounts::Kind;
use power::Power;

/// How many kills there are in the ordinary tests.
const KILLS: u64 = 2_000;
/// In the ordinary tests one call in so many fails.
const FAILING_STRIDE: u64 = 32;
/// How many cuts there are on each filesystem in the ordinary tests, and in how many of them a control is to be seen at most.
const CUTS: u64 = 10;
const CONTROL_CUTS: u64 = 300;
/// How many appends there are while others read, for each cut; and in how many the kernel's fault shows, where it has it.
const APPENDS_A_CUT: u64 = 100;
const CONTROL_APPENDS: u64 = 3_000;
/// Of how many sessions every cut of a rewrite and of a vacuum is tried.
const ANEW: u64 = 20;
const ANEW_LONG: u64 = 2_000;
/// How many states are tried in the ordinary tests, and how long at most: five minutes on two idle cores.
const STATES_TIME: Duration = Duration::from_secs(420);
const STATES: u64 = 2_000_000;
/// A control is looked for in so many: far less than 1 % of two million.
const CONTROL_STATES: u64 = 4_000;
/// A control is caught in one run of a hundred at least.
const CONTROL_SHARE: u64 = 100;

/// One campaign at a time: each wants all processors for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn transcript_writers_killed_at_any_moment_lose_nothing_that_was_acknowledged_and_break_no_invariant()
 {
    let _alone = alone();
    let kills = kills(KILLS);
    let done = Kills::new(seed(), kills).run();
    done.say("kills");
    assert_eq!(done.broken, Vec::<String>::new(), "seed {}", seed());
    assert!(done.faults >= kills, "{done:?}");
    assert!(
        kills < 100 || done.torn > 0,
        "no kill ever tore a write: {done:?}"
    );
}

#[test]
fn transcript_kill_control_that_acknowledges_before_it_writes_is_caught() {
    kill_control(Mutant::AckBeforeWrite);
}

#[test]
fn transcript_kill_control_that_leaves_a_torn_tail_is_caught() {
    kill_control(Mutant::NoTailRepair);
}

/// Caught within 1 % of the campaign's size.
fn kill_control(mutant: Mutant) {
    let _alone = alone();
    let kills = KILLS.max(kills(KILLS)) / CONTROL_SHARE;
    let done = Kills::new(seed(), kills).with(mutant).run();
    done.say(mutant.name());
    assert!(
        !done.broken.is_empty(),
        "{} was not caught in {} kills",
        mutant.name(),
        done.faults
    );
}

#[test]
fn transcript_writer_killed_at_each_of_its_system_calls_breaks_no_invariant() {
    let _alone = alone();
    match calls::run(seed(), is_long()) {
        Some(done) => {
            done.say("system calls");
            assert_eq!(done.broken, Vec::<String>::new(), "seed {}", seed());
            assert!(done.faults > 50, "{done:?}");
        }
        None => figures::skipped("system calls", "strace is not installed"),
    }
}

#[test]
fn transcript_states_after_any_loss_of_power_break_no_invariant_also_when_it_fails_again_in_recovery()
 {
    let _alone = alone();
    let asked = states();
    let done = Power {
        seed: seed(),
        states: asked.unwrap_or(STATES),
        time: asked.is_none().then_some(STATES_TIME),
        mutant: None,
        lies: false,
        until_caught: true,
    }
    .run();
    done.say("states");
    assert_eq!(done.broken, Vec::<String>::new(), "seed {}", seed());
    assert!(asked.is_none_or(|asked| done.faults >= asked), "{done:?}");
}

#[test]
fn transcript_calls_that_fail_once_or_for_ever_end_in_an_error_or_in_success_and_never_in_a_lie() {
    let _alone = alone();
    let stride = if is_long() { 1 } else { FAILING_STRIDE };
    let done = failing::run(seed(), stride);
    done.say("failing calls");
    assert_eq!(done.broken, Vec::<String>::new(), "seed {}", seed());
    assert!(done.faults > 500, "{done:?}");
}

#[test]
fn transcript_power_control_that_acknowledges_before_the_sync_is_caught() {
    power_control(Mutant::AckBeforeSync);
}

#[test]
fn transcript_power_control_that_never_syncs_is_caught() {
    power_control(Mutant::NoSync);
}

#[test]
fn transcript_power_control_that_never_syncs_a_directory_is_caught() {
    power_control(Mutant::NoDirSync);
}

#[test]
fn transcript_power_control_that_tries_a_failed_sync_again_is_caught() {
    power_control(Mutant::SyncAgain);
}

#[test]
fn transcript_power_control_that_leaves_a_torn_tail_is_caught() {
    power_control(Mutant::NoTailRepair);
}

#[test]
fn transcript_power_control_on_a_device_that_lies_about_flushes_is_caught_as_loss() {
    let _alone = alone();
    let done = Power {
        seed: seed(),
        states: CONTROL_STATES,
        time: None,
        mutant: None,
        lies: true,
        until_caught: false,
    }
    .run();
    done.say("flush-lies");
    // It may lose what was acknowledged, and nothing of it may be invented, doubled or out of order.
    let is_loss = |what: &String| what.starts_with("I-T1");
    assert!(done.broken.iter().any(is_loss), "{done:?}");
    let is_lie = |what: &&String| {
        ["I-T2", "I-T3", "I-T4"]
            .iter()
            .any(|name| what.starts_with(name))
    };
    assert_eq!(done.broken.iter().find(is_lie), None, "{done:?}");
}

#[test]
fn transcript_order_control_that_never_syncs_is_caught() {
    order_control(Mutant::NoSync);
}

#[test]
fn transcript_order_control_that_never_syncs_a_directory_is_caught() {
    order_control(Mutant::NoDirSync);
}

#[test]
fn transcript_order_control_that_tries_a_failed_sync_again_is_caught() {
    order_control(Mutant::SyncAgain);
}

/// The order rules see it in one workload of so many, without any cut.
fn order_control(mutant: Mutant) {
    let _alone = alone();
    let runtime = memory::runtime();
    let mut seen = 0..CONTROL_STATES;
    let caught = seen.find(|number| {
        let seed = seed().wrapping_add(*number);
        !runtime
            .block_on(memory::record(seed, Some(mutant)))
            .order
            .is_empty()
    });
    let name = mutant.name();
    let caught = caught.unwrap_or_else(|| panic!("{name} was not seen by the order rules"));
    figures::say(&format!(
        "transcript, order rules: {name} seen in workload {caught}"
    ));
}

fn power_control(mutant: Mutant) {
    let _alone = alone();
    let done = Power {
        seed: seed(),
        states: CONTROL_STATES,
        time: None,
        mutant: Some(mutant),
        lies: false,
        until_caught: true,
    }
    .run();
    done.say(mutant.name());
    assert!(
        !done.broken.is_empty(),
        "{} was not caught in {} states",
        mutant.name(),
        done.faults
    );
}

#[test]
fn transcript_real_cuts_of_the_power_on_ext4_lose_nothing_that_was_acknowledged() {
    real_cuts(Kind::Ext4);
}

#[test]
fn transcript_real_cuts_of_the_power_on_xfs_lose_nothing_that_was_acknowledged() {
    real_cuts(Kind::Xfs);
}

fn real_cuts(kind: Kind) {
    let (what, asked) = (format!("cuts {}", kind.name()), cuts(CUTS));
    match cut(kind, asked, None) {
        Ok(Some(done)) => {
            done.say(&what);
            assert_eq!(done.broken, Vec::<String>::new(), "seed {}", seed());
            assert!(done.faults >= asked, "{done:?}");
        }
        Ok(None) => {}
        Err(why) => figures::skipped(&what, &why),
    }
}

#[test]
fn transcript_written_anew_and_cut_anywhere_is_the_old_one_or_the_new_one() {
    let _alone = alone();
    let done = anew::run(seed(), if is_long() { ANEW_LONG } else { ANEW }, None);
    done.say("written anew");
    assert_eq!(done.broken, Vec::<String>::new());
}

#[test]
fn transcript_written_anew_control_that_never_syncs_the_new_file_is_caught() {
    anew_control(Mutant::NoSync);
}

#[test]
fn transcript_written_anew_control_that_never_syncs_a_directory_is_caught() {
    anew_control(Mutant::NoDirSync);
}

fn anew_control(mutant: Mutant) {
    let _alone = alone();
    let done = anew::run(seed(), ANEW, Some(mutant));
    let what = format!("written anew: {}", mutant.name());
    done.say(&what);
    assert!(
        !done.broken.is_empty(),
        "{what} was not caught in {} cuts",
        done.faults
    );
}

#[test]
fn transcript_what_is_acknowledged_is_in_the_journal_of_ext4_though_others_read_meanwhile() {
    let _alone = alone();
    if !is_cut(Kind::Ext4.name()) {
        return;
    }
    match journal::run(seed(), cuts(CUTS) * APPENDS_A_CUT, Who::Ours) {
        Ok(done) => {
            done.say("journal ext4");
            assert_eq!(done.broken, Vec::<String>::new());
        }
        Err(why) => figures::skipped("journal ext4", &why),
    }
    // A fault of the kernel is not ours to promise: where it is mended this is told, and nothing fails.
    let what = "`fdatasync` on ext4 while others read";
    match journal::run(seed(), CONTROL_APPENDS, Who::DataSync) {
        Ok(done) if done.broken.is_empty() => {
            let faults = done.faults;
            figures::skipped(what, &format!("this kernel does not have it, in {faults}"));
        }
        Ok(done) => done.say(what),
        Err(why) => figures::skipped(what, &why),
    }
}

#[test]
fn transcript_cut_control_that_never_syncs_is_caught() {
    cut_control(Mutant::NoSync);
}

#[test]
fn transcript_cut_control_that_acknowledges_before_the_sync_is_caught() {
    cut_control(Mutant::AckBeforeSync);
}

#[test]
fn transcript_cut_control_that_never_syncs_a_directory_is_caught() {
    cut_control(Mutant::NoDirSync);
}

fn cut_control(mutant: Mutant) {
    for kind in Kind::ALL {
        let what = format!("{} on {}", mutant.name(), kind.name());
        match cut(kind, CONTROL_CUTS, Some(mutant)) {
            Ok(Some(done)) => {
                done.say(&what);
                let faults = done.faults;
                assert!(
                    !done.broken.is_empty(),
                    "{what} not caught in {faults} cuts"
                );
            }
            Ok(None) => {}
            Err(why) => figures::skipped(&what, &why),
        }
    }
}

/// `None` where another filesystem is asked for.
fn cut(kind: Kind, cuts: u64, mutant: Option<Mutant>) -> Result<Option<figures::Done>, String> {
    let _alone = alone();
    if !is_cut(kind.name()) {
        return Ok(None);
    }
    let seed = seed();
    let campaign = Cuts {
        kind,
        seed,
        cuts,
        mutant,
    };
    campaign.run().map(Some)
}
