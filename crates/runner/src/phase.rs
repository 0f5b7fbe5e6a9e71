//! The phases of a turn, one file each. What they have in common is in `turn.rs`.

mod act;
mod admit;
mod ask_model;
mod assemble;
mod bench;
mod claim;
mod close;
mod hand_over;
mod prepare;
mod record;
mod settle;

pub use act::{Acted, Acting, Round};
pub use admit::Admitted;
pub use ask_model::Answered;
pub use assemble::Assembled;
pub use claim::{Claimed, Claiming};
pub use hand_over::Yielding;
pub use prepare::{Preparation, Prepared};
pub use record::{Kept, Next, Recorded, Written};
pub use settle::Settled;

pub use crate::turn::{Begun, Over};
