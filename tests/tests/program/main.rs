//! The program as a whole: real processes, real files, a real endpoint on loopback. What must hold, each with its
//! interleaving forced at named steps.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod anew;
mod bench;
mod blobs;
mod branches;
mod claims;
mod crashes;
mod homes;
mod housekeeping;
mod imports;
mod mirrors;
mod outputs;
mod providers;
mod pty;
mod refusals;
mod schemas;
mod search;
mod space;
mod terminal;
mod writers;
