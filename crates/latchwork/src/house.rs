//! Housekeeping in our own home: sessions removed with a receipt, archived and restored, and what is due tidied up.
//!
//! | file | idea |
//! |---|---|
//! | `hold` | a session in hand, its turn and its guard, while it is moved |
//! | `lineage` | which sessions begin with the words of which |
//! | `remove` | a removal: what would go, and doing it |
//! | `receipts` | what is written down of a removal |
//! | `archive` | sessions put away, listed and brought back |
//! | `plan` | what is due, and why; pure |
//! | `cleanup` | a plan of the home, and carrying it out |
//! | `facts` | everything that is known of one session |
//!
//! Invariants: no session that somebody is at work on is moved; no accepted message goes with one unless that was asked for; whatever
//! is moved is whole somewhere, whenever the process was killed. Deliberately absent: the store of an OpenClaw home
//! (`latchwork-openclaw`), and overwriting what was on the device.

mod archive;
mod cleanup;
mod facts;
mod hold;
mod lineage;
mod plan;
mod receipts;
mod remove;

use std::path::{Path, PathBuf};

use latchwork_filelock::Inherited;
use latchwork_session::{AcquireError, ClaimError, InboxError, OpenError, SessionId};
use latchwork_sys::{PathError, System};
use latchwork_transcript::{FileStore, Layout, Options, PutAwayError};

pub use archive::{Archived, Moved};
pub use cleanup::{Action, Came, Cleaned, Cleanup};
pub use facts::Facts;
pub use plan::{Limits, Planned, Seen, Why as CleanupWhy, plan};
pub use receipts::Receipt;
pub use remove::{IfForks, Removal, RemoveHow, Removed};

use crate::{AddressError, Latchwork, SessionArg, SessionKey, SetupError};

/// The home as a whole, for whoever keeps it in order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct House {
    store: FileStore,
    system: System,
    home: PathBuf,
    options: Options,
    inherited: Inherited,
}

/// Something was not done. What was moved is whole where it is, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HouseError {
    /// Somebody is at work on it.
    #[error("session {session} is in use: {by}; nothing of it was changed")]
    InUse {
        /// The session.
        session: SessionId,
        /// What is held or asked for, by whom.
        by: String,
    },
    /// Others begin with its words.
    #[error("session {session} is the parent of {}", listed(.forks))]
    Forks {
        /// The session.
        session: SessionId,
        /// The sessions that name it as their parent.
        forks: Vec<SessionId>,
    },
    /// There is no such session.
    #[error("there is no session {session} ({place:?})")]
    NoSession {
        /// The session.
        session: SessionId,
        /// Where it would be.
        place: PathBuf,
    },
    /// Nothing of that name is archived.
    #[error("nothing is archived under {name:?} in {folder:?}")]
    NotArchived {
        /// The name.
        name: String,
        /// Where was looked.
        folder: PathBuf,
    },
    /// Several are archived under one name.
    #[error("{name:?} is archived {} times: {}", .found.len(), .found.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// What each is called, the newest first.
        found: Vec<String>,
    },
    /// It says something else by now than when it was looked at.
    #[error("session {session} was changed since it was looked at; it stays")]
    Changed {
        /// The session.
        session: SessionId,
    },
    /// It is a path.
    #[error("{path:?} is a path; the home is kept in order by the keys and ids of its sessions")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// It names no session.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It could not be moved.
    #[error(transparent)]
    Move(#[from] PutAwayError),
    /// Its guard could not be had.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// Its turn could not be had.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// It could not be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its inbox could not be read.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// Something around it could not be read or written.
    #[error(transparent)]
    Io(#[from] PathError),
}

fn listed(forks: &[SessionId]) -> String {
    let names: Vec<&str> = forks.iter().map(SessionId::as_str).collect();
    names.join(", ")
}

impl HouseError {
    /// Whether trying again later may do.
    #[must_use]
    pub const fn is_contention(&self) -> bool {
        matches!(
            self,
            Self::InUse { .. }
                | Self::Acquire(AcquireError::Busy { .. })
                | Self::Claim(ClaimError::Claimed { .. })
        )
    }
}

impl Latchwork {
    /// The home, to be kept in order.
    ///
    /// # Errors
    /// [`SetupError::NoHome`].
    pub fn house(&self) -> Result<House, SetupError> {
        let settings = self.settings();
        let parts = self.parts();
        let (Some(store), Some(home)) = (self.home_store(), settings.home.as_deref()) else {
            return Err(SetupError::NoHome);
        };
        Ok(House {
            store: store.clone(),
            system: parts.system.clone(),
            home: home.to_path_buf(),
            options: settings.store.clone(),
            inherited: parts.inherited.clone(),
        })
    }
}

impl House {
    pub(crate) const fn system(&self) -> &System {
        &self.system
    }

    /// The home itself.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Where archived sessions lie.
    #[must_use]
    pub fn archive_folder(&self) -> PathBuf {
        self.home.join("archive")
    }

    /// Where removals are written down.
    #[must_use]
    pub fn receipts_file(&self) -> PathBuf {
        self.home.join("removed.jsonl")
    }

    /// The session of the home that is called so, by its key or its id.
    ///
    /// # Errors
    /// [`HouseError::Address`] for what names none.
    pub async fn named(&self, name: &str) -> Result<SessionId, HouseError> {
        if let SessionArg::Path(path) = SessionArg::parse(name)? {
            return Err(HouseError::Path { path });
        }
        let by_key = SessionKey::new(name)?.session_id().clone();
        let by_id = SessionId::new(name).ok().filter(|id| *id != by_key);
        match by_id {
            Some(id)
                if self.store.belongings(&by_key).await?.is_empty()
                    && self.is_known(&id).await? =>
            {
                Ok(id)
            }
            _ => Ok(by_key),
        }
    }

    async fn is_known(&self, session: &SessionId) -> Result<bool, HouseError> {
        Ok(!self.store.belongings(session).await?.is_empty() || !self.copies(session)?.is_empty())
    }

    /// The transcript of a session of the home, whether it is there or not.
    fn place(&self, session: &SessionId) -> PathBuf {
        self.store
            .place(session)
            .map_or_else(PathBuf::new, |place| place.transcript.clone())
    }

    fn no_session(&self, session: &SessionId) -> HouseError {
        HouseError::NoSession {
            session: session.clone(),
            place: self.place(session),
        }
    }

    /// A store over another folder of sessions.
    fn store_at(&self, folder: &Path) -> FileStore {
        FileStore::with_inherited(
            self.system.clone(),
            Layout::folder(folder),
            self.options.clone(),
            self.inherited.clone(),
        )
    }

    /// Blocking work on a thread that may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, HouseError> + Send + 'static,
    ) -> Result<T, HouseError> {
        let own = self.clone();
        match tokio::task::spawn_blocking(move || work(&own)).await {
            Ok(done) => done,
            Err(error) => Err(HouseError::Io(PathError {
                doing: "keep in order, on a thread of its own,",
                path: self.home.clone(),
                source: std::io::Error::other(error),
            })),
        }
    }
}
