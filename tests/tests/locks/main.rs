//! The lock as a person and a script use it: `latchwork lock`, what its command inherits, and `latchwork unlock`. Real programs, real
//! scripts, real signals.
//!
//! Locks under faults, with real processes: every named step of taking, writing, acknowledging and giving back, times what can
//! happen there (`matrix`); and that the table of faults in `docs/lock-faults.md` names what is there (`table`).
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
mod lint;
mod matrix;
mod source;
mod steps;
mod table;
mod turns;
mod unlock;
mod view;
mod worker;
