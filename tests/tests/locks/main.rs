//! The lock as a person and a script use it: `latchwork lock`, what its command inherits, and `latchwork unlock`. Real programs, real
//! scripts, real signals.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod bench;
mod command;
mod inherit;
mod join;
mod turns;
mod unlock;
