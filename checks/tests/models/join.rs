//! Joined processes take turns, and no descriptor that leaked keeps others waiting.

use latchwork_checks::explore::{explore, explore_for};
use latchwork_checks::join::{
    Fault, GIVEN_BACK, NOT_FOR_ITSELF, ONE_WRITER, SOMEBODY_LIVES, Setting,
};

use crate::{breaks, holds};

/// Nothing is deleted.
fn plain() -> Setting {
    Setting {
        sidecars_deleted: false,
        ..Setting::default()
    }
}

#[test]
fn joined_processes_take_turns_and_the_latch_lasts_as_long_as_they_write() {
    holds("2 joined and an outsider", &explore(plain()));
    for promise in [ONE_WRITER, SOMEBODY_LIVES, GIVEN_BACK] {
        let explored = explore_for(Setting::default(), promise);
        println!(
            "{}",
            explored.line("2 joined and an outsider, sidecars deleted")
        );
        let kept = explored.broken.filter(|(broken, _)| *broken == promise);
        assert!(kept.is_none(), "{kept:?}");
    }
}

fn control(name: &str, setting: Setting, promise: &'static str) {
    breaks(name, promise, &explore_for(setting, promise));
}

#[test]
fn control_two_joiners_at_once_without_a_second_lock_write_together() {
    let setting = plain().with(Fault::NoSecondLock);
    control("no second lock", setting, ONE_WRITER);
}

#[test]
fn control_a_latch_given_back_under_a_joined_write_lets_an_outsider_in() {
    let setting = plain().with(Fault::EndsAtOnce);
    control("ends at once", setting, ONE_WRITER);
}

#[test]
fn control_without_close_on_exec_a_waiter_waits_though_the_holder_is_dead() {
    let setting = plain().with(Fault::NoCloseOnExec);
    control("no close-on-exec", setting, SOMEBODY_LIVES);
}

#[test]
fn control_a_turn_waited_for_by_its_name_alone_is_not_that_of_a_joiner_once_sidecars_are_deleted() {
    let setting = Setting::default().with(Fault::TurnsByNameOnly);
    control("turns by name only", setting, ONE_WRITER);
    holds(
        "turns by name only, nothing deleted",
        &explore(plain().with(Fault::TurnsByNameOnly)),
    );
}

#[test]
fn control_a_shared_lock_that_is_not_let_go_when_its_nonce_is_gone_is_waited_for_by_those_who_share_it()
 {
    let setting = plain().with(Fault::NotLetGo);
    control("not let go", setting, NOT_FOR_ITSELF);
}

#[test]
fn control_a_nonce_looked_at_once_lets_a_joiner_take_what_was_given_back_and_keep_it() {
    let dropped = Setting {
        dropped: true,
        killed_in_look: false,
        ..plain()
    };
    control(
        "nonce looked at once",
        dropped.with(Fault::NonceOnce),
        GIVEN_BACK,
    );
    let explored = explore_for(dropped, GIVEN_BACK);
    assert!(explored.broken.is_none(), "{:?}", explored.broken);
}
