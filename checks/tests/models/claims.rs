//! Claims: what holds with two and three turns, and the controls.

use latchwork_checks::claims::{
    Action, Fault, HANDED, HIGHEST, IN_ORDER, MEANT, NOT_FOR_THE_DEAD, NOT_SUPERSEDED, Setting,
    World,
};
use latchwork_checks::explore::{dead_ends, explore, explore_for};

use crate::{breaks, holds};

const TWO: Setting = Setting::of_turns(2);
const DELETED: Setting = TWO.with_deletions();

/// Two that claim, write and ask.
const ASKING: Setting = Setting {
    writes: true,
    highest: 3,
    ..Setting::of_askers(2)
};

/// Of three the last but claims. Two numbers are enough for a turn that is given up and one that follows.
const WAITING: Setting = Setting {
    highest: 2,
    ..Setting::of_askers_and_a_waiter()
};

#[test]
fn a_superseded_turn_writes_nothing_and_with_deleted_sidecars_two_turns_never_alternate() {
    holds("3 turns", &explore(Setting::of_turns(3)));
    holds("2 turns, sidecars deleted", &explore(DELETED));
}

#[test]
fn a_request_ends_the_turn_that_it_is_meant_for_and_that_turn_is_the_askers() {
    holds("2 turns that ask", &explore(ASKING));
    holds(
        "2 turns that ask, sidecars deleted",
        &explore(ASKING.with_deletions()),
    );
    holds("3 turns that ask or wait", &explore(WAITING));
}

#[test]
fn whatever_happened_a_turn_can_still_be_claimed() {
    let own = |action: &Action| !matches!(action, Action::Kill(_) | Action::DeleteSidecars);
    let goes_on = |world: &World| world.goes_on(&DELETED);
    assert_eq!(dead_ends(&DELETED, own, goes_on), 0);
}

/// In how many states the first process asks in vain: it waits on, and the others come to their boundaries.
fn ways_that_end(setting: Setting, counted: fn(&Action) -> bool) -> usize {
    dead_ends(&setting, counted, |world| {
        !world.is_asked_for_by(0, &setting)
    })
}

/// Steps of those who live, in which nobody is helped by the end of a grace, and no turn ends but for a request.
fn within_the_grace(action: &Action) -> bool {
    !matches!(
        action,
        Action::Kill(_) | Action::DeleteSidecars | Action::GraceOver(_) | Action::Drop(_)
    )
}

#[test]
fn who_asks_has_its_turn_once_the_holder_goes_on_or_dies_and_after_the_grace_whatever_was_deleted()
{
    assert_eq!(ways_that_end(ASKING, within_the_grace), 0);
    assert_eq!(ways_that_end(WAITING, within_the_grace), 0);
    let whatever = |action: &Action| {
        !matches!(
            action,
            Action::Kill(_) | Action::DeleteSidecars | Action::Drop(_)
        )
    };
    assert_eq!(ways_that_end(ASKING.with_deletions(), whatever), 0);
}

fn control(name: &str, setting: Setting, promise: &'static str) {
    breaks(name, promise, &explore_for(setting, promise));
}

#[test]
fn control_a_claim_checked_outside_the_guard_lets_a_superseded_turn_write() {
    let outside = TWO.with(Fault::CheckedOutside);
    control("checked outside", outside, IN_ORDER);
}

#[test]
fn control_a_number_from_an_old_list_is_given_out_twice() {
    let once = Setting::of_turns(3).with(Fault::ListedOnce);
    control("listed once", once, HIGHEST);
}

#[test]
fn control_the_own_claim_looked_for_first_may_be_swept_before_the_next_is() {
    control("own first", TWO.with(Fault::OwnFirst), HIGHEST);
}

#[test]
fn control_a_claim_made_again_without_a_second_list_goes_on_beside_another() {
    let unseen = DELETED.with(Fault::MadeAgainUnseen);
    control("made again unseen", unseen, IN_ORDER);
}

#[test]
fn control_a_claim_that_was_waited_for_and_is_not_looked_at_is_not_the_one_that_has_its_number() {
    let blind = Setting {
        take_over: 0,
        writes: false,
        highest: 3,
        ..Setting::of_turns(3)
    };
    let blind = blind.with(Fault::NoLookAfterWait);
    control(
        "no look after the wait",
        blind.with_deletions(),
        NOT_SUPERSEDED,
    );
}

#[test]
fn control_a_request_heeded_whatever_claim_it_names_ends_a_turn_that_nobody_asked_for() {
    let unseen = WAITING.with_deletions().with(Fault::NonceUnseen);
    control("nonce unseen", unseen, MEANT);
}

#[test]
fn control_a_request_heeded_without_a_look_at_its_lock_is_a_dead_askers() {
    let heeds = ASKING.with(Fault::HeedsTheDead);
    control("heeds the dead", heeds, NOT_FOR_THE_DEAD);
}

#[test]
fn control_a_dead_askers_request_that_stays_keeps_the_next_one_waiting() {
    let stays = WAITING.with(Fault::TheDeadStay);
    assert_ne!(ways_that_end(stays, within_the_grace), 0);
}

#[test]
fn control_who_gives_no_way_or_takes_the_request_back_too_early_lets_another_have_the_turn() {
    for fault in [Fault::NoWay, Fault::TakenBackFirst] {
        control("given up for another", WAITING.with(fault), HANDED);
    }
}
