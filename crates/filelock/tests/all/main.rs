//! One test program, so that it is linked once. Each module is a family of promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests, too"
)]

mod alive;
mod askers;
mod claims;
mod command;
mod containers;
mod disks;
mod dropped;
mod ends;
mod foreign;
mod greedy;
mod hand_over;
mod hold;
mod lost;
mod midway;
mod paths;
mod polite;
mod processes;
mod refuse;
mod roles;
mod stage;
mod support;
mod unlock;
mod view;
mod worker;
mod world;
