//! Locks under faults, with real processes: every named step of taking, writing, acknowledging and giving back, times what can
//! happen there (`matrix`); and that the table of faults in `docs/lock-faults.md` names what is there (`table`).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod lint;
mod matrix;
mod source;
mod steps;
mod table;
mod worker;
