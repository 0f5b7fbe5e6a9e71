//! The disk in memory: it is a disk like the real one, and it loses what a real one may lose.
#![cfg(feature = "fault-points")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests, too, stop where something is wrong"
)]

mod both;
mod like_real;
mod loss;
mod program;
mod protocol;
mod running;
