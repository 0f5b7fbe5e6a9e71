//! One test program, so that it is linked once. Each module is a family of promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests, too"
)]

mod claims;
mod foreign;
mod hold;
mod lost;
mod midway;
mod processes;
mod refuse;
mod stage;
mod support;
mod worker;
