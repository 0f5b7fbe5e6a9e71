//! Whole turns over the real file store, with a model and tools that do what a test wrote down beforehand. What happens in
//! between is forced at a beat of the model or at a named step, never hoped for.
#![allow(
    clippy::await_holding_invalid_type,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests open scopes, hold guards over the calls they check, and may panic"
)]

#[path = "turns/broken_off.rs"]
mod broken_off;
#[path = "turns/contention.rs"]
mod contention;
#[path = "turns/engines.rs"]
mod engines;
#[path = "turns/hand_over.rs"]
mod hand_over;
#[path = "turns/meanwhile.rs"]
mod meanwhile;
#[path = "turns/plain.rs"]
mod plain;
#[path = "turns/script.rs"]
mod script;
#[path = "turns/seals.rs"]
mod seals;
#[path = "turns/tools.rs"]
mod tools;
#[path = "turns/world.rs"]
mod world;
