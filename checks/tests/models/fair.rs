//! Fairness: the word in the latch file leads nobody to wait for nothing, and whoever waits can have its turn.

use latchwork_checks::explore::{dead_ends, explore, explore_for};
use latchwork_checks::fair::{Action, Fault, SOMEBODY_GOES_ON, Setting};

use crate::{breaks, holds};

#[test]
fn whatever_the_word_says_nobody_waits_for_a_latch_that_nobody_has() {
    holds("fairness, 3 processes", &explore(undisturbed(3)));
    holds(
        "fairness, 2 processes, sidecars deleted",
        &explore(Setting::of(2)),
    );
}

fn undisturbed(processes: usize) -> Setting {
    Setting {
        sidecars_deleted: false,
        ..Setting::of(processes)
    }
}

/// In how many states the first process can have no turn any more, though it waits on and the others, who never rest, live.
fn ways_that_end(setting: Setting) -> usize {
    let greedy = |action: &Action| {
        let gone = matches!(action, Action::Kill(_) | Action::DeleteSidecars);
        !gone && !matches!(action, Action::Rest(_) | Action::Drop(_))
    };
    dead_ends(&setting, greedy, |world| world.is_granted_to(0))
}

#[test]
fn whoever_waits_beside_greedy_ones_can_have_its_turn() {
    assert_eq!(ways_that_end(undisturbed(3)), 0);
    assert_eq!(ways_that_end(Setting::of(2)), 0);
}

#[test]
fn control_without_a_word_or_with_one_that_is_forgotten_a_greedy_process_keeps_the_others_out() {
    for fault in [Fault::NoWord, Fault::SaidOnce, Fault::BelievedFromTheLook] {
        let ends = ways_that_end(undisturbed(2).with(fault));
        println!("{fault:?}: {ends} states in which a waiter is kept out for ever");
        assert_ne!(ends, 0, "{fault:?} is a fault that nothing noticed");
    }
}

#[test]
fn control_a_word_that_is_waited_for_leaves_all_waiting_when_its_writer_dies() {
    let gate = undisturbed(2).with(Fault::WaitsForTheWriter);
    let broken = explore_for(gate, SOMEBODY_GOES_ON);
    breaks("waits for the writer", SOMEBODY_GOES_ON, &broken);
}

#[test]
fn control_a_request_that_is_added_to_a_thread_too_late_waits_for_nothing() {
    let late = undisturbed(2).with(Fault::AddedTooLate);
    let broken = explore_for(late, SOMEBODY_GOES_ON);
    breaks("added too late", SOMEBODY_GOES_ON, &broken);
}
