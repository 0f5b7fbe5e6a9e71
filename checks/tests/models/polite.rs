//! Politeness: a peer that waits beside greedy ones of ours is let in, and so are ours.

use latchwork_checks::explore::{dead_ends, explore, explore_for};
use latchwork_checks::polite::{Action, NOT_STARVED, Setting, World};

use crate::{breaks, holds};

const PLAIN: Setting = Setting {
    kills: false,
    forgets: false,
    never_free: false,
    too_short: false,
    without_latch: false,
    left_is_not_told: false,
    no_end: false,
};

/// In how many states that can no more be reached, nobody being killed and nothing forgotten from there on.
fn ways_that_end(setting: Setting, wanted: fn(&World) -> bool) -> usize {
    let own = |action: &Action| {
        !matches!(
            action,
            Action::Kill | Action::KillPeer | Action::Forget | Action::Rest
        )
    };
    dead_ends(&setting, own, wanted)
}

#[test]
fn a_peer_beside_greedy_ones_of_ours_waits_no_longer_than_a_stretch_a_hold_and_a_look() {
    holds("politeness", &explore(PLAIN));
}

#[test]
fn whoever_died_a_peer_and_ours_can_still_come_to_the_file_while_peers_are_expected() {
    let kills = Setting {
        kills: true,
        ..PLAIN
    };
    assert_eq!(ways_that_end(kills, World::is_the_peers), 0);
    assert_eq!(ways_that_end(kills, World::is_ours), 0);
}

#[test]
fn control_a_peer_is_kept_out_for_ever_if_nothing_is_left_free() {
    let never = Setting {
        never_free: true,
        ..PLAIN
    };
    assert_ne!(ways_that_end(never, World::is_the_peers), 0);
    breaks(
        "never left free",
        NOT_STARVED,
        &explore_for(never, NOT_STARVED),
    );
}

#[test]
fn control_a_moment_that_is_too_short_or_not_kept_from_ours_or_counted_twice_lets_no_peer_in() {
    for (name, setting) in [
        (
            "too short",
            Setting {
                too_short: true,
                ..PLAIN
            },
        ),
        (
            "without the latch",
            Setting {
                without_latch: true,
                ..PLAIN
            },
        ),
        (
            "the last leaving is not told",
            Setting {
                left_is_not_told: true,
                ..PLAIN
            },
        ),
    ] {
        breaks(name, NOT_STARVED, &explore_for(setting, NOT_STARVED));
    }
}

#[test]
fn control_a_moment_without_an_end_keeps_ours_out_for_ever_where_no_peer_comes() {
    let no_end = Setting {
        no_end: true,
        ..PLAIN
    };
    let alone = |action: &Action| !matches!(action, Action::PeerLooks(_));
    let goes_on = |world: &World| world.is_ours() || world.has_a_peer();
    assert_ne!(dead_ends(&no_end, alone, goes_on), 0);
    assert_eq!(dead_ends(&PLAIN, alone, goes_on), 0);
}
