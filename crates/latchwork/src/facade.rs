//! The composition root: settings become a store, models, tools and an engine, each built where it is first needed.
//!
//! Nothing is opened or made before a method says so. Deliberately absent: the environment, the terminal, and any
//! decision that belongs to a part.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use latchwork_config::SecretSource;
use latchwork_filelock::Inherited;
use latchwork_session::{OpenError, SessionSummary, TranscriptStore};
use latchwork_sys::System;
use latchwork_transcript::{FileStore, Layout, Listening, TranscriptUpdate, Updates};

use crate::{AddressError, Session, SessionArg, Settings, home};

/// What fetches secrets, shared between threads.
pub type Secrets = Arc<dyn SecretSource + Send + Sync>;

/// A session runtime over files. Cheap to clone.
#[derive(Clone)]
pub struct Latchwork {
    parts: Arc<Parts>,
}

/// What all sessions share.
pub(crate) struct Parts {
    /// Those in force; see `live`.
    settings: ArcSwap<Settings>,
    pub(crate) system: System,
    pub(crate) secrets: Secrets,
    /// The store of the home; one for all sessions in it, so that they share its queues.
    pub(crate) home: Option<FileStore>,
    /// The locks that this process was started under.
    pub(crate) inherited: Inherited,
    /// Who is told of commits, of all stores.
    pub(crate) updates: Updates,
}

/// A runtime that cannot be built, or a session that cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A setting of the locks cannot work.
    #[error("the setting store.locks is wrong")]
    Locks(#[source] latchwork_filelock::BadOptions),
    /// Something may hold a session for longer than the settings allow.
    #[error(transparent)]
    Hold(#[from] latchwork_filelock::HoldTooShort),
    /// A setting of turns cannot work.
    #[error("the setting turn is wrong")]
    Turn(#[source] latchwork_runner::BadOptions),
    /// A setting of the tools cannot work.
    #[error("the setting tools is wrong")]
    Tools(#[source] latchwork_tools::ToolboxError),
    /// A session key was given, and nobody knows where sessions lie.
    #[error(
        "there is no home for sessions: neither LATCHWORK_HOME nor XDG_DATA_HOME nor HOME is set"
    )]
    NoHome,
    /// The name leads to no session.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl Latchwork {
    /// A runtime with these settings, on this machine. Nothing is opened or made yet.
    ///
    /// # Errors
    /// [`SetupError`] for the first setting that cannot work. Providers are looked at when a model is asked.
    pub fn new(settings: Settings, system: System, secrets: Secrets) -> Result<Self, SetupError> {
        Self::with_inherited(settings, system, secrets, Inherited::default())
    }

    /// The same in a process that was started under locks which it may join (see [`Inherited::take`]).
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn with_inherited(
        settings: Settings,
        system: System,
        secrets: Secrets,
        inherited: Inherited,
    ) -> Result<Self, SetupError> {
        validate(&settings)?;
        let updates = Updates::default();
        let home = settings.home.as_deref().map(|home| {
            FileStore::with_inherited(
                system.clone(),
                Layout::folder(home::sessions_in(home)),
                settings.store.clone(),
                inherited.clone(),
            )
            .telling(updates.clone())
        });
        Ok(Self {
            parts: Arc::new(Parts {
                settings: ArcSwap::from_pointee(settings),
                system,
                secrets,
                home,
                inherited,
                updates,
            }),
        })
    }

    /// The settings in force now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.parts.settings()
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn shared(&self) -> Arc<Parts> {
        self.parts.clone()
    }

    /// A session, whether it exists or not. Nothing is opened yet.
    ///
    /// # Errors
    /// [`SetupError::Address`] for a path that cannot be a transcript, [`SetupError::NoHome`].
    pub fn session(&self, arg: &SessionArg) -> Result<Session, SetupError> {
        let parts = &self.parts;
        let (id, layout) = arg.locate(self.sessions_folder().unwrap_or_default())?;
        let store = match layout {
            Layout::Folder { .. } => parts.home.clone().ok_or(SetupError::NoHome)?,
            layout => FileStore::with_inherited(
                parts.system.clone(),
                layout,
                parts.settings().store.clone(),
                parts.inherited.clone(),
            )
            .telling(parts.updates.clone()),
        };
        if let (Some(key), Some(place)) = (arg.session_key(), store.place(&id)) {
            parts.updates.is_called(&place.transcript, key.as_str());
        }
        Ok(Session::new(
            id,
            arg.session_key().cloned(),
            store,
            parts.clone(),
        ))
    }

    /// Has a listener told of each commit that this process makes to any transcript through this runtime, turns and imports
    /// among them, for as long as the answer lives. It has a thread and a queue of its own, so it may be slow or panic: no
    /// writer and no other listener notices. What it missed is counted ([`TranscriptUpdate::missed`]).
    ///
    /// # Errors
    /// When there is no thread to be had.
    ///
    /// [`TranscriptUpdate::missed`]: latchwork_transcript::TranscriptUpdate::missed
    pub fn on_update(
        &self,
        listener: impl FnMut(&TranscriptUpdate) + Send + 'static,
    ) -> std::io::Result<Listening> {
        self.parts.updates.listen(listener)
    }

    /// The folder that sessions with a key lie in; `None` without a home.
    #[must_use]
    pub fn sessions_folder(&self) -> Option<PathBuf> {
        self.parts.settings().home.as_deref().map(home::sessions_in)
    }

    pub(crate) fn home_store(&self) -> Option<&FileStore> {
        self.parts.home.as_ref()
    }

    /// The sessions of the home, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read; without a home there are none.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, OpenError> {
        match &self.parts.home {
            Some(store) => store.list().await,
            None => Ok(Vec::new()),
        }
    }
}

impl Parts {
    /// The settings in force now. Whoever does more than one thing by them keeps what it got.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Puts others in force.
    pub(crate) fn put(&self, settings: Arc<Settings>) {
        self.settings.store(settings);
    }
}

/// The first setting that cannot work, or that cannot beside another one.
pub(crate) fn validate(settings: &Settings) -> Result<(), SetupError> {
    let locks = &settings.store.locks;
    locks.validate().map_err(SetupError::Locks)?;
    settings.turn.validate().map_err(SetupError::Turn)?;
    let end_of_turn = Duration::from_millis(settings.turn.close_limit_ms);
    locks.must_allow("the end of a turn (turn.close_limit_ms)", end_of_turn)?;
    settings.tools.validate().map_err(SetupError::Tools)
}

impl std::fmt::Debug for Latchwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Latchwork")
            .field("settings", &self.parts.settings())
            .finish_non_exhaustive()
    }
}
