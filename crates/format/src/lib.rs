//! The pi session format: raw lines, entries, versions 1 to 3, context and its projection to model requests.
//!
//! Read from the bottom: [`json`] looks into values without decoding them, [`entry`] makes entries of lines,
//! [`transcript`] a tree of entries (of a large file: [`mod@scan`] the facts of each line, [`outline`] a tree of those
//! facts, [`backwards`] one context read from the end), [`context`](mod@context) messages of a branch, [`request`] a conversation of messages;
//! [`write`](mod@write) makes lines.
//!
//! Not here: files, locks, time, randomness, and talking to any provider.
//!
#![doc = include_str!("../README.md")]

pub mod backwards;
pub mod context;
pub mod entry;
pub mod escape;
pub mod fault;
pub mod header;
pub mod id;
pub mod inspect;
pub mod json;
pub mod kind;
pub mod mark;
pub mod message;
pub mod ours;
pub mod outline;
pub mod request;
pub mod scan;
pub mod session_id;
pub mod time;
pub mod tokens;
pub mod transcript;
pub mod views;
pub mod write;

pub use context::{Context, ContextMessage, context};
pub use entry::{RawEntry, RawLine};
pub use escape::Escaped;
pub use fault::{Limits, LineFault};
pub use header::{Header, Version};
pub use id::EntryId;
pub use inspect::{Inspection, inspect};
pub use json::Raw;
pub use kind::{Class, Kind, Role};
pub use mark::Mark;
pub use message::{Block, Content, MessageView, Usage};
pub use outline::Outline;
pub use scan::{Facts, Scanner, Seen, What, scan};
pub use session_id::{SessionId, SessionIdError};
pub use tokens::estimate_tokens;
pub use transcript::{
    Damage, ForkError, HeaderFault, Line, MigrateError, Tail, TailGap, Transcript, Tree, TreeFault,
    fork, migrate,
};
pub use views::ModelRef;
pub use write::{Body, RawObject, WriteError, header_line, line};
