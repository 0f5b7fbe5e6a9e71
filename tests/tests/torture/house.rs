//! The crash campaign of the house: sessions rewritten, tidied, removed, archived, imported and searched by the whole program, cut off at
//! each system call that changes something, and each such call failing.
//!
//! The judge reads the files as plain JSON and knows of the product only its command line: what an operation leaves undisturbed is what it
//! is held against. `cargo xtask torture house --every` tries each call; the ordinary tests a few of each operation, evenly spread.
//!
//! | file | idea |
//! |---|---|
//! | `stage` | a home of a few sessions, prepared once and copied for each fault |
//! | `operations` | what is done to it |
//! | `calls` | each call of each operation: killed there, failing there |
//! | `world` | what stands in a home, without what was drawn on the way |
//! | `judge` | what may stand there when it was cut off, and what must once it was said again |
//! | `unlocked` | a program without a lock that writes while the file is made anew |
//! | `racing` | a cleanup beside sessions that live |
//! | `big` | thousands of sessions: memory and time |
//!
//! `--runs N` is how many rounds there are of `unlocked` and `racing` (more than 100: with a hundred sessions), `--big N` how many sessions
//! of 1 MB `big` has.

mod big;
mod calls;
mod judge;
mod operations;
mod racing;
mod stage;
mod unlocked;
mod world;

use crate::choice::{big_sessions, is_every, runs, seed};
use crate::transcript::figures::{self, Done};

/// Rounds in the ordinary tests.
const UNLOCKED: u64 = 4;
const RACING: u64 = 6;
/// Sessions that live in each, in the ordinary tests and in the long form.
const LIVE: usize = 12;
const LIVE_LONG: usize = 100;
/// The big home, in the ordinary tests a small one.
const BIG: big::Size = big::Size {
    sessions: 60,
    bytes: 20_000,
};
const BIG_BYTES: u64 = 1 << 20;

#[test]
fn house_operations_killed_at_their_system_calls_leave_the_old_or_the_new_and_are_ended_by_saying_them_again()
 {
    if let Some(why) = calls::refused() {
        return figures::skipped("house, killed", &why);
    }
    let done = calls::killed(seed(), is_every());
    judged(&done, "killed");
}

#[test]
fn house_operations_whose_system_calls_fail_never_lie_and_are_ended_by_saying_them_again() {
    if let Some(why) = calls::refused() {
        return figures::skipped("house, failing", &why);
    }
    let done = calls::failing(seed(), is_every());
    judged(&done, "failing");
}

#[test]
fn house_rewritten_beside_a_program_without_a_lock_is_done_or_refused_and_loses_no_line_of_it() {
    let done = unlocked::run(seed(), runs(UNLOCKED));
    judged(&done, "unlocked");
    assert!(done.calls > 0, "the peer took part: {done:?}");
}

#[test]
fn house_cleaned_up_beside_live_sessions_keeps_every_one_of_them() {
    let rounds = runs(RACING);
    let live = if rounds > 100 { LIVE_LONG } else { LIVE };
    let done = racing::run(seed(), rounds, live);
    judged(&done, "racing");
    // Both took part, or nothing was shown.
    assert!(
        done.acknowledgements > 0 && done.calls as u64 > rounds,
        "{done:?}"
    );
}

#[test]
fn house_of_many_sessions_is_listed_searched_and_planned_within_its_memory() {
    let size = big_sessions().map_or(BIG, |sessions| big::Size {
        sessions,
        bytes: BIG_BYTES,
    });
    assert_eq!(big::run(seed(), size), Vec::<String>::new());
}

/// Told, and nothing of it broken.
fn judged(done: &Done, what: &str) {
    done.say_of("house", what);
    for broken in &done.broken {
        figures::say(broken);
    }
    assert!(
        done.broken.is_empty(),
        "seed {}: {} broken",
        seed(),
        done.broken.len()
    );
    assert!(done.faults > 0, "{done:?}");
}
