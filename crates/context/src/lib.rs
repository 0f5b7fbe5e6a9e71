//! Context engines: what the model is shown, and how a long conversation is kept within its window.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `engine` | the default engine |
//! | `cut` | where a compaction cuts (pure) |
//! | `digest` | a conversation as text; the summary that needs no model (pure) |
//! | `summarise` | summaries by a model, in pieces |
//! | `options` | what can be set |

mod cut;
mod digest;
mod engine;
mod options;
mod summarise;

pub use engine::{ID, TranscriptEngine};
pub use options::{BadOptions, Options};
