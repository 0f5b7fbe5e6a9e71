//! Session latches on plain files: `flock`, a second wall on the transcript, and the peers' lock file.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `site` | which session, and where its files are |
//! | `options` | what can be set |
//! | `latches` | the entry point: one value per process |
//! | `acquire` | one latch from queue to grant, under one deadline |
//! | `latched` | what is then held; permits, revocation, release |
//! | `lately` | sessions used lately, so that the next latch costs less |
//! | `watchdog` | no latch is held for ever |
//! | `locked` | a file whose `flock` is ours |
//! | `check` | is everything that is held still ours? |
//! | `stage` | making and replacing the transcript so that its name is born locked |
//! | `latch_file`, `wall`, `peer` | the three locks: latch, transcript inode, peers' file |
//! | `fair` | letting other processes have their turn |
//! | `waiters`, `poll` | waiting for a `flock` in the kernel without blocking a task; and without a thread |
//! | `probe` | does this filesystem keep its locks? |
//! | `command_lock`, `handed` | a latch that a command inherits; what the command is told of it |
//! | `inherited`, `joined` | the locks that this process was started under, and joining them |
//! | `unlock`, `occupied` | who keeps a session, proven by the kernel, and ending them; what that answers |
//! | `claims`, `claim_file` | whose turn it is, as files |
//! | `claim_wait`, `want`, `ask_file` | waiting for a turn, and asking its holder to hand it over |
//! | `note`, `holders`, `askers` | who holds something, and who asks for a turn, for people |
//! | `leftovers` | what the locks of a session that is gone left among the sidecars |
//! | `view` | what is held, waited for and asked for, as a bystander sees it |
//! | `grants` | who had it last, for people |
//! | `error` | what can go wrong |

mod acquire;
mod ask_file;
mod askers;
mod check;
mod claim_file;
mod claim_wait;
mod claims;
mod command_lock;
mod error;
mod fair;
mod grants;
mod handed;
mod holders;
mod inherited;
mod joined;
mod latch_file;
mod latched;
mod latches;
mod lately;
mod leftovers;
mod locked;
pub mod meter;
mod note;
mod occupied;
mod options;
mod peer;
mod place;
mod poll;
mod probe;
mod site;
mod stage;
mod unlock;
mod view;
mod waiters;
mod wall;
mod want;
mod watchdog;

pub use ask_file::Asked;
pub use claims::{ClaimHandle, FileClaim};
pub use command_lock::CommandLock;
pub use error::{
    ClaimError, LatchError, LatchLost, Lost, Obstacle, Refusal, Revoked, StageError, Unsupported,
    what_to_do,
};
pub use grants::Grant;
pub use handed::LOCK_VARIABLE;
pub use holders::Holders;
pub use inherited::{Inherited, NotInherited};
pub use latched::{Latched, WritePermit};
pub use latches::Latches;
pub use leftovers::{Cleared, LockFile};
pub use occupied::{Ended, NotProven, Occupation, Occupied, What};
pub use options::{
    BadOptions, ENDLESS_MS, HOLD_CAP_MS, HOLD_FLOOR_MS, HOLD_GRACE_MS, HoldTooShort, Options,
    PeerLock, hold_for,
};
pub use peer::{PeerLockSeen, PeerOwner};
pub use site::{BadSite, SIDECARS, Site};
pub use stage::Staged;
pub use view::{FolderView, How, LockView, TurnSeen, Waiter, Waits};
pub use waiters::WaitThreads;
