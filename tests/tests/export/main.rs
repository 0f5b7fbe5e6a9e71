//! An exported page in a real browser, and hostile content in it: nothing of a session runs, nothing leaves, and everything is found.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod browser;
mod driven;
mod hostile;
mod listener;
mod page;
mod shown;
