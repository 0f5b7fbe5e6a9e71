//! Sources read as items, and held against what they became.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "values are written where they are used"
)]

mod claude;
mod codex;
mod databases;
mod generated;
mod goose;
mod live;
mod openclaw;
mod placed;
mod render;
