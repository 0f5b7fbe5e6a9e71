//! Commands as real processes: their end, their output, what they see, and what confines them.
//!
//! Each promise is checked in every sandbox that this machine offers, and in none; what was not there is said loudly.

mod common;
#[path = "bash/confined.rs"]
mod confined;
#[path = "bash/ends.rs"]
mod ends;
#[path = "bash/output.rs"]
mod output;
#[path = "bash/surroundings.rs"]
mod surroundings;
