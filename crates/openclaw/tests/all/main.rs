//! The session store, tested from outside.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test are tests too; clippy knows only the functions marked as such"
)]

mod bench;
mod beside;
mod cleanup;
mod faults;
mod planning;
mod power;
mod resets;
mod rows;
mod store;
