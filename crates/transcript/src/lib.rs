//! Durable transcripts in plain files. [`FileStore`] implements the three seams of `latchwork-session` that keep something: `TranscriptStore`,
//! `SessionLocks` and `Inbox`.
//!
//! | file | idea |
//! |---|---|
//! | `layout` | where the files of a session lie |
//! | `state` | what this process knows of a transcript, and how it catches up |
//! | `index` | the same, saved for the next process |
//! | `entries` | entries read from their lines |
//! | `fold` | which entry the active branch ends with |
//! | `plan` | where the entries of a commit go |
//! | `commit`, `lines`, `write`, `receipt` | one commit, from check to receipt; the bytes of its lines; the one write; what its writer is told |
//! | `undo` | what a failed write has left, taken back |
//! | `missing` | a transcript that is not there: born, or taken away |
//! | `whole_file` | a new file in the transcript's place: a birth, an old version |
//! | `moved` | the head, moved on purpose |
//! | `fork` | a new session that begins with what was said in another one |
//! | `reading` | a snapshot of what a view needs, and a report of what was found |
//! | `page` | entries in stored order |
//! | `chosen` | entries by their ids |
//! | `end` | the end of the branch, read from the end of a file that is not known |
//! | `divergent` | branches of others beside the active one |
//! | `tail` | the end of the file, put in order before anything is appended |
//! | `repair` | the transcript looked through, and written anew on request |
//! | `rewrite`, `in_place` | entries replaced: by a branch, where they stand |
//! | `vacuum` | dead branches dropped |
//! | `splice` | the file written anew with lines replaced or left out |
//! | `sync`, `names` | acknowledgement: shared syncs; the names that lead to a file |
//! | `head_file` | the saved head |
//! | `updates` | what this process wrote, told to whoever listens |
//! | `inbox`, `records`, `blanked` | accepted messages, and words taken out of them |
//! | `command` | a session's lock by hand: for a command, and ending who keeps it |
//! | `examine`, `sidecar` | a bounded look at a transcript and its saved head; what lies among the sidecars, by name |
//! | `mend` | what a doctor does under a guard: the end mended by itself, a sidecar set aside, leftovers cleared |
//! | `by_rows` | a look by the rows of all lines, for a `page` and for `chosen` entries |
//! | `belongings` | what a session consists of on disk, in one list |
//! | `blobs` | large pieces of messages, kept out of line by their hash |
//! | `put_away`, `erase` | a session moved elsewhere with all of it, and back; what was moved, removed |
//! | `threads` | where blocking work runs |
//! | `session`, `store`, `locks`, `list` | the seams |
//! | `listed` | what the last list said, kept |
//!
//! **Limits.** Beside pi, which takes no lock, no line of pi's is ever destroyed, but a pi that appends in the same
//! instant may be glued to a fragment of a dead writer until the next commit of ours rescues it. Whoever writes
//! keeps 64 bytes and some for each entry of the session in memory, and no text.
//!
//! Invariants: nothing is ever truncated; one write per commit; reading takes no lock and writes nothing.

#![doc = include_str!("../README.md")]

mod belongings;
mod blanked;
mod blobs;
mod by_rows;
mod chosen;
mod command;
mod commit;
mod divergent;
mod end;
mod entries;
mod erase;
mod examine;
mod fold;
mod fork;
mod head_file;
mod in_place;
mod inbox;
mod index;
mod layout;
mod lines;
mod list;
mod listed;
mod locks;
mod mend;
pub mod meter;
mod missing;
mod moved;
mod names;
mod options;
mod page;
mod plan;
mod put_away;
mod reading;
mod receipt;
mod records;
mod repair;
mod rewrite;
mod session;
mod sidecar;
mod splice;
mod state;
mod store;
mod sync;
mod tail;
mod threads;
mod undo;
mod updates;
mod vacuum;
mod whole_file;
mod write;

pub use belongings::{Belonging, Part};
pub use blobs::{BadBlobId, BlobHold, BlobId, BlobLost, BlobSeen, BlobStore};
pub use erase::{digest, erase, weigh};
pub use examine::{Depth, EndOfFile, Examined, SavedHeadState, examine};
pub use fork::ForkError;
pub use layout::{BadPath, LISTED, Layout, Place, SIDECARS};
pub use options::Options;
pub use put_away::{IfWaiting, PutAwayError, forget_listed, remove_shell};
pub use repair::{Repair, Verified};
pub use sidecar::{SetAside, Sidecar};
pub use store::FileStore;
pub use tail::Mended;
pub use updates::{Listening, TranscriptUpdate, UPDATES_WAITING_MAX, UpdateKind, Updates};
pub use vacuum::{DeadBranch, Stays, Sweep, Swept};
