//! Resets: when a session is over by itself, and how a new one begins under its key.
//!
//! | file | idea |
//! |---|---|
//! | `policy` | what is set: daily, idle, both; by channel and by kind of chat |
//! | `freshness` | whether a session is over, by the clock that is given |
//! | `anew` | what of a row goes on |
//! | `apply` | a new session under the key, the old transcript put away; and back |

mod anew;
mod apply;
mod freshness;
mod policy;

pub use apply::{ResetDone, ResetError, RestoreDone};
pub use freshness::{Event, Freshness, Over, Times, freshness};
pub use policy::{ChatKind, ResetMode, ResetPolicy};
