//! The store of files, from outside: one binary, one file for each promise.
#![allow(
    clippy::await_holding_invalid_type,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests hold guards over the calls they check, open scopes, and may panic"
)]

#[path = "store/bench.rs"]
mod bench;
#[path = "store/byte_for_byte.rs"]
mod byte_for_byte;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/durability.rs"]
mod durability;
#[path = "store/environment.rs"]
mod environment;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/in_place.rs"]
mod in_place;
#[path = "store/index.rs"]
mod index;
#[path = "store/interleavings.rs"]
mod interleavings;
#[path = "store/listed.rs"]
mod listed;
#[path = "store/old_versions.rs"]
mod old_versions;
#[path = "store/put_away.rs"]
mod put_away;
#[path = "store/refusals.rs"]
mod refusals;
#[path = "store/repaired.rs"]
mod repaired;
#[path = "store/replaced.rs"]
mod replaced;
#[path = "store/threads.rs"]
mod threads;
#[path = "store/vacuumed.rs"]
mod vacuumed;
#[path = "store/views.rs"]
mod views;
#[path = "store/writers.rs"]
mod writers;
