//! Conversations of other agents, read as entries of the pi format, and the proof that an import holds them all.
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `kind` | which programs' sessions are read |
//! | `detect` | what a source is, by its content |
//! | `lines` | a stream in lines, each within the limits, everything counted and hashed |
//! | `sqlite` | rows of two programs' databases, as lines; the one place with a database in it |
//! | `item` | one entry to be: its key, what it follows, what it says |
//! | `key` | names that stay the same from one import to the next |
//! | `out` | what a mapping gives: items, and what could not be given |
//! | `report` | what was read, what was kept aside, what was left out and why |
//! | `build`, `part`, `reply` | messages as the format has them |
//! | `codex`, `claude`, `goose`, `openclaw` | one mapping each: a line in, items out |
//! | `reader` | a source and its mapping, as a stream of items |
//! | `live` | a source of Codex's that is still being written, in pieces |
//! | `receipt` | what an import says of itself in the transcript |
//! | `prints`, `diff` | the source held against the transcript |
//!
//! *Invariants: pure but for what is handed in to be read; memory is bounded by a line and some 100 bytes for each
//! entry; no input makes it panic; nothing of a source is dropped without being counted.*
//!
//! Deliberately absent: writing. Where entries go is the store's and the facade's business.
//!
#![doc = include_str!("../README.md")]

mod build;
mod claude;
mod codex;
mod detect;
mod diff;
mod goose;
mod item;
mod key;
mod kind;
mod lines;
mod live;
mod openclaw;
mod out;
mod part;
mod prints;
mod reader;
mod receipt;
mod reply;
mod report;
mod sqlite;

pub use detect::{HEAD_BYTES, Recognised, recognise};
pub use diff::{Diff, DiffReport, Difference};
pub use item::{Follows, Item, ItemKind, RAW};
pub use key::{is_followed_key, place_of};
pub use kind::{SourceKind, UnknownKind};
pub use lines::LINE_BYTES_MAX;
pub use live::{Cut, Live, Rest, cut_of};
pub use prints::Part;
pub use reader::{Reader, SourceError, Summary};
pub use receipt::{RECEIPT, receipt};
pub use report::{Fault, Report};
pub use sqlite::{Database, DatabaseError, Rows};
