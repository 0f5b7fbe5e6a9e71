//! Joined processes take turns, and no descriptor that leaked keeps others waiting.

use latchwork_checks::explore::{explore, explore_for};
use latchwork_checks::join::{ONE_WRITER, SOMEBODY_LIVES, Setting};

use crate::{breaks, holds};

#[test]
fn joined_processes_take_turns_and_the_latch_lasts_as_long_as_they_write() {
    holds("2 joined and an outsider", &explore(Setting::default()));
}

#[test]
fn control_two_joiners_at_once_without_a_second_lock_write_together() {
    let setting = Setting {
        no_second_lock: true,
        ..Setting::default()
    };
    breaks(
        "no second lock",
        ONE_WRITER,
        &explore_for(setting, ONE_WRITER),
    );
}

#[test]
fn control_a_latch_given_back_under_a_joined_write_lets_an_outsider_in() {
    let setting = Setting {
        ends_at_once: true,
        ..Setting::default()
    };
    breaks(
        "ends at once",
        ONE_WRITER,
        &explore_for(setting, ONE_WRITER),
    );
}

#[test]
fn control_without_close_on_exec_a_waiter_waits_though_the_holder_is_dead() {
    let setting = Setting {
        no_close_on_exec: true,
        ..Setting::default()
    };
    breaks(
        "no close-on-exec",
        SOMEBODY_LIVES,
        &explore_for(setting, SOMEBODY_LIVES),
    );
}
