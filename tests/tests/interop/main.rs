//! Against the real peers: pi and OpenClaw from npm, live, over the same files.
//!
//! Without npm these say that they were skipped; with `LATCHWORK_REQUIRE_PEERS=1` that is a failure.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test are tests too; clippy knows only the functions marked as such"
)]

mod corpus;
mod each;
mod fork;
mod goldens;
mod hammer;
mod imported;
mod in_turns;
mod legacy;
mod live_pi;
mod mirrored;
mod openclaw;
mod peer_facts;
mod stage;
mod unanswered;
