//! What must hold, where it is hardest: the disk fills midway, the sidecars vanish, a kill at each step in turn, a user who is
//! not root. The everyday side of the same promises is in `tests/program`, whose bench these tests share.
//!
//! An interleaving is forced by a held step, a held reply or a tool that waits for a file; nothing here sleeps and hopes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

use std::io::Write as _;

#[path = "must_hold/asked.rs"]
mod asked;
#[path = "program/bench.rs"]
#[allow(dead_code, reason = "the bench serves two test programs")]
mod bench;
#[path = "must_hold/boundaries.rs"]
mod boundaries;
#[path = "must_hold/disk.rs"]
mod disk;
#[path = "must_hold/every_step.rs"]
mod every_step;
#[path = "must_hold/exits.rs"]
mod exits;
#[path = "must_hold/hand_over.rs"]
mod hand_over;
#[path = "must_hold/long_line.rs"]
mod long_line;
#[path = "must_hold/sidecars.rs"]
mod sidecars;
#[path = "must_hold/strangers.rs"]
mod strangers;
#[path = "must_hold/tails.rs"]
mod tails;
#[path = "must_hold/tool.rs"]
mod tool;
#[path = "must_hold/turns.rs"]
mod turns;
#[path = "must_hold/words.rs"]
mod words;

/// Says on standard error, past the capture of the test harness, what was skipped or how much was done.
fn aloud(words: &str) {
    let _a_closed_stderr = writeln!(std::io::stderr(), "{words}");
}
