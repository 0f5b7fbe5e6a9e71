//! The latch: what holds with three processes, and the controls.

use latchwork_checks::explore::{dead_ends, explore, explore_for};
use latchwork_checks::latch::promises::*;
use latchwork_checks::latch::{Action, Fault, Setting, World};

use crate::{breaks, holds};

#[test]
fn three_of_ours_keep_every_promise_with_and_without_the_peers_file() {
    holds("3 of ours", &explore(Setting::of_ours(3)));
    let without = Setting::of_ours(3).without_peer_file();
    holds("3 of ours, no peers' file", &explore(without));
}

#[test]
fn two_and_three_of_ours_beside_a_peer_keep_every_promise_whatever_it_takes_for_gone() {
    for ours in [2, 3] {
        let plain = Setting::beside(ours, 1);
        let robbing = Setting {
            misjudging: true,
            stand_ins_die: true,
            ..plain
        };
        holds(&format!("{ours} of ours and a peer"), &explore(plain));
        holds(
            &format!("{ours} of ours and a peer that robs the living"),
            &explore(robbing),
        );
    }
}

/// In how many states nobody can be granted the latch any more, by steps of those who live, nobody killed or helped from outside.
fn ways_that_end(setting: Setting) -> usize {
    ways_that_end_before(setting, World::is_granted)
}

fn ways_that_end_before(setting: Setting, granted: fn(&World) -> bool) -> usize {
    let own = |action: &Action| {
        !matches!(
            action,
            Action::Kill(_)
                | Action::KillStandIn(_)
                | Action::KillPeer(_)
                | Action::PeerMisjudges(_)
                | Action::DeleteSidecars
        )
    };
    dead_ends(&setting, own, |world| {
        granted(world) || world.broken.is_some()
    })
}

#[test]
fn whatever_happened_somebody_can_still_be_granted_the_latch() {
    assert_eq!(ways_that_end(Setting::of_ours(3).without_peer_file()), 0);
    let undisturbed = Setting {
        sidecars_deleted: false,
        ..Setting::of_ours(3)
    };
    assert_eq!(ways_that_end(undisturbed), 0);
    let robbing = Setting {
        misjudging: true,
        stand_ins_die: true,
        ..Setting::beside(3, 1)
    };
    assert_eq!(ways_that_end(robbing), 0);
}

#[test]
fn whatever_happened_a_peer_can_still_be_granted_its_lock_beside_ours() {
    for ours in [2, 3] {
        let plain = Setting::beside(ours, 1);
        let robbing = Setting {
            misjudging: true,
            stand_ins_die: true,
            ..plain
        };
        for setting in [plain, robbing] {
            let ends = ways_that_end_before(setting, World::is_granted_to_a_peer);
            assert_eq!(ends, 0, "{setting:?}");
        }
    }
}

/// Two of ours without the peers' file and without deletions, unless a control needs them.
fn two() -> Setting {
    Setting {
        sidecars_deleted: false,
        ..Setting::of_ours(2)
    }
    .without_peer_file()
}

fn control(name: &str, setting: Setting, promise: &'static str) {
    breaks(name, promise, &explore_for(setting, promise));
}

#[test]
fn control_openclaws_reclaim_among_ours_lets_two_write_together() {
    let setting = Setting {
        peer_file: true,
        ..two()
    };
    control(
        "OpenClaw's reclaim among ours",
        setting.with(Fault::OPENCLAWS_RECLAIM),
        ONE_WRITER,
    );
}

#[test]
fn control_a_lock_file_removed_without_the_latch_is_a_live_holders() {
    let setting = Setting {
        peer_file: true,
        ..two()
    };
    control(
        "removal without the latch",
        setting.with(Fault::REMOVED_WITHOUT_LATCH),
        NOT_FOR_NOTHING,
    );
}

#[test]
fn control_stealing_by_age_robs_live_holders_of_ours_and_foreign_ones() {
    control(
        "stealing by age",
        two().with(Fault::STOLEN_BY_AGE),
        NOT_FOR_NOTHING,
    );
    let beside = Setting::beside(2, 1).with(Fault::STOLEN_BY_AGE);
    control("stealing by age beside a peer", beside, PEERS_ARE_SAFE);
}

#[test]
fn control_release_on_drop_with_a_write_in_flight_lets_two_write_together() {
    control(
        "release on drop with a write in flight",
        two().with(Fault::RELEASED_IN_FLIGHT),
        ONE_WRITER,
    );
}

#[test]
fn control_without_the_second_wall_two_write_together_once_sidecars_are_deleted() {
    let setting = Setting {
        sidecars_deleted: true,
        ..two()
    };
    control(
        "no second wall",
        setting.with(Fault::NO_SECOND_WALL),
        ONE_WRITER,
    );
    holds(
        "no second wall, nothing deleted",
        &explore(two().with(Fault::NO_SECOND_WALL)),
    );
}

#[test]
fn control_a_transcript_opened_before_the_latch_is_another_one_by_then() {
    let blind = Fault::OPENED_EARLY.and(Fault::NO_LOOK_AFTER_WALL);
    control("opened early", two().with(blind), NOT_FOR_NOTHING);
    control(
        "opened early, no check before a write",
        two().with(blind.and(Fault::NO_CHECK)),
        NOTHING_LOST,
    );
}

#[test]
fn control_a_latch_that_was_replaced_while_it_was_waited_for_is_nobodys() {
    let setting = Setting {
        sidecars_deleted: true,
        ..two()
    };
    let blind = Fault::NO_LOOK_AFTER_LATCH;
    control(
        "no look after the latch",
        setting.with(blind),
        NOT_FOR_NOTHING,
    );
    let naked = blind.and(Fault::NO_CHECK).and(Fault::NO_SECOND_WALL);
    control(
        "no look after the latch, no check, no second wall",
        setting.with(naked),
        ONE_WRITER,
    );
}

#[test]
fn control_without_a_check_a_robbery_goes_unnoticed() {
    let robbing = Setting {
        misjudging: true,
        ..Setting::beside(2, 1)
    };
    control("no check", robbing.with(Fault::NO_CHECK), NOTICED);
}

#[test]
fn control_a_lock_file_removed_by_its_name_may_be_a_live_peers() {
    for fault in [Fault::REMOVED_BY_NAME, Fault::GIVEN_BACK_BY_NAME] {
        control(
            "removed or given back by name",
            Setting::beside(2, 1).with(fault),
            PEERS_ARE_SAFE,
        );
    }
}

#[test]
fn control_a_latch_file_that_was_kept_and_is_not_looked_at_again_is_nobodys_once_sidecars_are_deleted()
 {
    let deleted = Setting {
        sidecars_deleted: true,
        ..two()
    };
    let blind = Fault::KEPT_UNSEEN;
    control("kept, unseen", deleted.with(blind), NOT_FOR_NOTHING);
    let naked = blind.and(Fault::NO_CHECK).and(Fault::NO_SECOND_WALL);
    control(
        "kept, unseen, no check, no second wall",
        deleted.with(naked),
        ONE_WRITER,
    );
    holds("kept, unseen, nothing deleted", &explore(two().with(blind)));
}

#[test]
fn control_without_a_second_look_a_live_peers_file_is_moved_that_could_have_been_seen() {
    control(
        "no second look",
        Setting::beside(2, 1).with(Fault::NO_SECOND_LOOK),
        NOT_MOVED,
    );
}

#[test]
fn control_a_lock_file_made_by_replacing_removes_that_of_a_peer_that_came_while_it_was_left_free() {
    control(
        "made by replacing",
        Setting::beside(2, 1).with(Fault::MADE_BY_REPLACING),
        PEERS_ARE_SAFE,
    );
}

/// Peers are as quick as they are expected to be, and of ours nobody ends before its file has settled (`limits`).
fn quick(ours: usize) -> Setting {
    Setting {
        quick_peers: true,
        ends_while_replacing: false,
        ..Setting::beside(ours, 1)
    }
}

#[test]
fn a_file_that_settled_is_not_removed_by_a_peer_that_had_judged_a_dead_ones() {
    holds("2 of ours and a quick peer", &explore(quick(2)));
    holds("3 of ours and a quick peer", &explore(quick(3)));
}

#[test]
fn control_a_file_that_counts_at_once_or_that_is_not_looked_at_again_is_robbed_under_its_holder() {
    for fault in [Fault::NOT_SETTLED, Fault::SETTLED_UNSEEN] {
        control("not settled", quick(2).with(fault), SETTLED);
    }
}
