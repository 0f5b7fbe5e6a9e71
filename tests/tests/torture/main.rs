//! Campaigns: one thing, again and again, at seeded moments or in seeded orders. `cargo xtask torture kill --seed N --runs N`
//! replays one; a campaign is the tests whose names contain its word.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod choice;
mod deaths;
mod house;
mod index;
mod kill;
mod lock;
mod seeded;
mod transcript;
