//! Chat Completions over real sockets: what a server may do, and what becomes of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of test functions"
)]

mod answers;
mod asking;
mod broken;
mod refused;
mod server;
mod turn;
mod waits;
