//! Campaigns at seeded moments: a turn that is killed again and again (`kill`), holders of a latch that die while they hold it
//! (`deaths`). `cargo xtask torture kill --seed N --runs N` replays one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod deaths;
mod kill;
mod seeded;
