//! What the crate promises, held against real files and a real index.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests panic when something is not as it should be"
)]

mod bench;
mod equal;
mod forgetting;
mod index_file;
mod standing;
mod upkeep;
