//! `latchwork doctor` as a whole: real files, real processes that hold things, a doctor that is killed.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod bench;
mod in_use;
mod killed;
mod kinds;
mod looks;
mod mounts;
mod openclaw;
mod shapes;
