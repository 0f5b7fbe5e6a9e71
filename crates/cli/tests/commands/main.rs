//! The real program, with recorded models: what may be typed, what comes out, and the number that it ends with.
//!
//! Deliberately absent: several processes at once, crashes and real providers, which are the whole-program tests' business.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that fails says so"
)]

mod append;
mod bench;
mod canary;
mod config;
mod export;
mod follow;
mod generate;
mod look;
mod sentences;
mod settings;
mod store;
mod turn;
mod verify;
