//! Claims: what holds with two and three turns, and the controls.

use latchwork_checks::claims::{Action, HIGHEST, IN_ORDER, Setting, World};
use latchwork_checks::explore::{dead_ends, explore, explore_for};

use crate::{breaks, holds};

const DELETED: Setting = Setting {
    sidecars_deleted: true,
    ..Setting::of_turns(2)
};

#[test]
fn a_superseded_turn_writes_nothing_and_with_deleted_sidecars_two_turns_never_alternate() {
    holds("3 turns", &explore(Setting::of_turns(3)));
    holds("2 turns, sidecars deleted", &explore(DELETED));
}

#[test]
fn whatever_happened_a_turn_can_still_be_claimed() {
    let own = |action: &Action| !matches!(action, Action::Kill(_) | Action::DeleteSidecars);
    assert_eq!(dead_ends(&DELETED, own, World::goes_on), 0);
}

#[test]
fn control_a_claim_checked_outside_the_guard_lets_a_superseded_turn_write() {
    let outside = Setting {
        checked_outside: true,
        ..Setting::of_turns(2)
    };
    breaks("checked outside", IN_ORDER, &explore_for(outside, IN_ORDER));
}

#[test]
fn control_a_number_from_an_old_list_is_given_out_twice() {
    let once = Setting {
        listed_once: true,
        ..Setting::of_turns(3)
    };
    breaks("listed once", HIGHEST, &explore_for(once, HIGHEST));
}

#[test]
fn control_the_own_claim_looked_for_first_may_be_swept_before_the_next_is() {
    let own_first = Setting {
        own_first: true,
        ..Setting::of_turns(2)
    };
    breaks("own first", HIGHEST, &explore_for(own_first, HIGHEST));
}

#[test]
fn control_a_claim_made_again_without_a_second_list_goes_on_beside_another() {
    let unseen = Setting {
        made_again_unseen: true,
        ..DELETED
    };
    breaks(
        "made again unseen",
        IN_ORDER,
        &explore_for(unseen, IN_ORDER),
    );
}
