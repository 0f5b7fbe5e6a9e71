//! The session store of an OpenClaw home, hammered by processes of ours and of OpenClaw's, and cleaned up beside sessions that live.

mod hammer;
mod racing;

const WORKER: &str = env!("CARGO_BIN_EXE_index-worker");
