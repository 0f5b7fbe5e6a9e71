//! `cargo xtask torture model [--processes N]`: the largest settings, some minutes and two gigabytes with four processes. Without a
//! number, as in a plain test run, it is quick.

use latchwork_checks::explore::explore;
use latchwork_checks::latch::Setting;
use latchwork_checks::{claims, explore::explore_for};

use crate::{breaks, holds};

#[expect(
    clippy::disallowed_methods,
    reason = "a campaign is steered by a variable"
)]
fn processes() -> usize {
    let said = std::env::var("LATCHWORK_TORTURE_PROCESSES").ok();
    said.map_or(2, |text| match text.parse() {
        Ok(number @ 2..=4) => number,
        _ => panic!("from 2 to 4 processes can be explored, not {text}"),
    })
}

#[test]
fn model_of_many_processes_keeps_every_promise() {
    let n = processes();
    let without = Setting::of_ours(n).without_peer_file();
    holds(&format!("{n} of ours, no peers' file"), &explore(without));
    let robbing = Setting {
        misjudging: true,
        stand_ins_die: true,
        ..Setting::beside(n, 1)
    };
    holds(
        &format!("{n} of ours and a peer that robs the living"),
        &explore(robbing),
    );
    holds(&format!("{n} of ours"), &explore(Setting::of_ours(n)));
    let turns = claims::Setting::of_turns(n.min(3));
    holds(&format!("{} turns", turns.turns), &explore(turns));
    if turns.turns == 3 && n == 4 {
        let asking = claims::Setting::of_askers_and_a_waiter();
        holds("3 turns that ask or wait", &explore(asking));
        let explored = explore_for(turns.with_deletions(), claims::IN_ORDER);
        breaks(
            "limit: 3 turns, sidecars deleted",
            claims::IN_ORDER,
            &explored,
        );
    }
}
