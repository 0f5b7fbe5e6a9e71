//! The real program, with recorded models: what may be typed, what comes out, and the number that it ends with.
//!
//! Deliberately absent: several processes at once, crashes and real providers, which are the whole-program tests' business.

mod bench;
mod look;
mod settings;
mod turn;
