//! The lock file that peers look at: `<name>.jsonl.lock`, OpenClaw's protocol.
//!
//! | file | idea |
//! |---|---|
//! | `payload` | what stands in the file |
//! | `judge` | is the owner of a file that is in our way still there? |
//! | `elsewhere` | owners in another container |
//! | `lock_file` | taking, watching and giving back our own |
//! | `stand_in` | the process whose pid we write |
//! | `policy` | whether to take it at all |
//! | `polite` | leaving it free for peers now and then |
//! | `seen` | a lock file as a bystander sees it |
//!
//! Invariants: ours is born whole; it is removed only while it is the very file that we made; a live
//! owner's is never touched, whatever its age. Our kernel locks decide among us; this file only keeps
//! peers away, and they may rob it: so it is looked at again before each write.

mod elsewhere;
mod judge;
mod lock_file;
mod payload;
mod policy;
mod polite;
mod seen;
mod stand_in;

pub(crate) use elsewhere::NOT_SEEN;
pub(crate) use lock_file::{PeerFile, Taken, take};
pub(crate) use policy::Policy;
pub(crate) use polite::Polite;
pub use seen::{PeerLockSeen, PeerOwner};
pub(crate) use stand_in::StandIns;
