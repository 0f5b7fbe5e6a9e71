//! The session index of an OpenClaw home: `sessions.json`, its maintenance and its resets.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `index` | the entry point: a store that is read and changed by many processes |
//! | `store`, `row`, `patch`, `raw_map` | its rows as text; what is read of one; some fields changed |
//! | `key` | how keys are compared, and what kind of session they name |
//! | `reading`, `writing` | the file in one state; one round of a change |
//! | `recent` | what we wrote lately, so that nobody undoes it unseen |
//! | `listing` | the rows as they are listed |
//! | `names` | what a file beside a store is |
//! | `maintenance` | what is to be cleaned up: planned, and carried out |
//! | `reset` | when a session is over by itself, and how a new one begins |
//! | `error` | what can go wrong |

mod error;
mod index;
mod key;
mod listing;
pub mod maintenance;
mod names;
mod patch;
mod raw_map;
mod reading;
mod recent;
pub mod reset;
mod row;
mod store;
mod writing;

pub use error::{IndexError, Unreadable};
pub use index::{STORE_NAME, SessionIndex, StoreOptions, Updated};
pub use key::{KeyKind, agent, kind, normalized};
pub use listing::{ListedRow, Listing, list};
pub use names::{ArchiveWhy, FileSort, archive_name, sort_of};
pub use patch::{Activity, Patch};
pub use row::{Entry, Row, is_session_id};
pub use store::{MalformedRow, Patched, SessionsJson};

/// The folder of a file; a bare name lies in the working directory.
pub(crate) fn folder_of(path: &std::path::Path) -> &std::path::Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => std::path::Path::new("."),
    }
}
