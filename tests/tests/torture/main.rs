//! Campaigns: the same turn, killed again and again at seeded moments. `cargo xtask torture kill --seed N --runs N` replays one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod kill;
