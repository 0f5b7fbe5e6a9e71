//! What the protocol does not promise: each of these races is real, and named in `docs/locks-checked.md`.

use latchwork_checks::explore::{dead_ends, explore_for};
use latchwork_checks::latch::promises::{PEERS_ARE_SAFE, SETTLED};
use latchwork_checks::latch::{Action, Setting};

use latchwork_checks::{join, polite};

use crate::breaks;

/// All three need a peer that reclaims a dead owner's lock file in the same moment in which one of ours does.
#[test]
fn limit_a_live_peers_file_is_lost_when_two_reclaim_a_dead_ones_and_a_third_thing_happens() {
    let beside = Setting::beside(2, 1);
    let killed = Setting {
        kills_while_aside: true,
        ..beside
    };
    let deleted = Setting {
        sidecars_deleted: true,
        ..beside
    };
    for (name, setting) in [
        ("ours is killed while it has it aside", killed),
        ("a second peer comes in between", Setting::beside(2, 2)),
        ("another of ours with a new latch comes in between", deleted),
    ] {
        breaks(name, PEERS_ARE_SAFE, &explore_for(setting, PEERS_ARE_SAFE));
    }
}

/// It is noticed before a write, as any robbery; but what was held is lost.
#[test]
fn limit_a_file_made_after_one_of_ours_ended_before_its_own_had_settled_does_not_settle() {
    let setting = Setting {
        quick_peers: true,
        ..Setting::beside(2, 1)
    };
    breaks(
        "ended before it had settled",
        SETTLED,
        &explore_for(setting, SETTLED),
    );
}

/// One of ours whose latch was deleted takes aside the file of another with a new latch, which gives it back meanwhile; then
/// it is put back. Where there is a transcript its lock tells that the file is nobody's; where there is none, others wait.
#[test]
fn limit_before_there_is_a_transcript_a_file_put_back_too_late_is_waited_for_until_its_process_ends()
 {
    let setting = Setting::of_ours(2);
    let own = |action: &Action| !matches!(action, Action::Kill(_) | Action::DeleteSidecars);
    let ends = |excused: bool| {
        dead_ends(&setting, own, |world| {
            world.is_granted() || (excused && world.has_orphan() && world.transcript_at == 0)
        })
    };
    assert_ne!(ends(false), 0);
    assert_eq!(ends(true), 0);
}

/// A peer leaves no trace while it waits: what is not remembered is met by chance only, in the moments between two holds.
#[test]
fn limit_a_peer_that_is_forgotten_while_it_waits_beside_greedy_ones_of_ours_gets_in_by_chance() {
    let forgets = polite::Setting {
        forgets: true,
        ..polite::Setting::default()
    };
    let broken = explore_for(forgets, polite::NOT_STARVED);
    breaks("forgotten", polite::NOT_STARVED, &broken);
}

/// A lock that is dropped is given back at once, though a joiner writes, which finds it lost at its next look; and a joiner that
/// is killed in the middle of its look leaves it locked until the next one looks, or all who inherited it are gone.
#[test]
fn limit_a_command_lock_that_is_dropped_is_given_back_under_a_joined_write_and_may_stay_with_an_heir()
 {
    let dropped = join::Setting {
        dropped: true,
        sidecars_deleted: false,
        ..join::Setting::default()
    };
    for promise in [join::ONE_WRITER, join::GIVEN_BACK] {
        breaks("dropped", promise, &explore_for(dropped, promise));
    }
}

/// It cannot tell whether the holder lives, so it does not unlock what it shares, and is `Busy` when its wait is over.
#[test]
fn limit_a_joiner_that_comes_after_the_sidecars_were_deleted_waits_for_the_lock_that_it_shares() {
    let explored = explore_for(join::Setting::default(), join::NOT_FOR_ITSELF);
    breaks("joined after a deletion", join::NOT_FOR_ITSELF, &explored);
}
