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

mod calls;
mod judge;
mod operations;
mod stage;
mod world;

use crate::choice::{is_every, seed};
use crate::transcript::figures::{self, Done};

#[test]
fn house_operations_killed_at_their_system_calls_leave_the_old_or_the_new_and_are_ended_by_saying_them_again()
 {
    let done = calls::killed(seed(), is_every());
    judged(&done, "killed");
}

#[test]
fn house_operations_whose_system_calls_fail_never_lie_and_are_ended_by_saying_them_again() {
    let done = calls::failing(seed(), is_every());
    judged(&done, "failing");
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
