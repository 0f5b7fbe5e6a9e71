//! Acknowledgement: the writers of one session share its syncs.
//!
//! A sync makes everything durable that was written before it began, so whoever waits behind one that is under way
//! shares the next. If a sync fails, the kernel may have dropped the bytes and will not say so twice: the session is
//! *latched*, no later sync is believed, and it must be opened again and read back first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Latch, PoisonError};
use std::time::Instant;

use latchwork_session::{Durability, Level, SessionId, SyncError};
use latchwork_sys::{DiskFile, System};
use tokio::sync::Mutex;

use crate::meter;

/// The syncs of one session in one process.
#[derive(Debug)]
pub(crate) struct SyncGroup {
    session: SessionId,
    system: System,
    /// Everything before this place of this inode is durable.
    through: Mutex<Through>,
    file: Latch<Option<Arc<dyn DiskFile>>>,
    latched: AtomicBool,
}

#[derive(Debug, Default)]
struct Through {
    inode: (u64, u64),
    bytes: u64,
}

/// What a receipt waits for.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub group: Arc<SyncGroup>,
    /// The transcript ends here with what was written.
    pub end: u64,
}

impl SyncGroup {
    pub(crate) fn new(session: SessionId, system: System) -> Self {
        Self {
            session,
            system,
            through: Mutex::default(),
            file: Latch::new(None),
            latched: AtomicBool::new(false),
        }
    }

    /// The descriptor to sync through: one of its own, so that a guard's lock does not live on in it.
    pub(crate) fn use_file(&self, file: Arc<dyn DiskFile>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }

    pub(crate) fn file(&self) -> Option<Arc<dyn DiskFile>> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn is_latched(&self) -> bool {
        self.latched.load(Ordering::SeqCst)
    }

    /// The session was opened again and read back: writing may go on, through a new descriptor.
    pub(crate) fn unlatch(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.latched.store(false, Ordering::SeqCst);
    }

    /// Everything before this place was acknowledged as durable by this process.
    pub(crate) fn saved_through(&self) -> Option<u64> {
        self.through
            .try_lock()
            .ok()
            .map(|through| through.bytes)
            .filter(|bytes| *bytes > 0)
    }

    async fn synced(&self, ticket: &Ticket) -> Result<(), SyncError> {
        let mut through = self.through.lock().await;
        if self.is_latched() {
            return Err(self.unknown(
                "it is latched since an earlier sync failed",
                std::io::ErrorKind::Other.into(),
            ));
        }
        let file = self.file().ok_or_else(|| {
            self.unknown(
                "it has no descriptor to sync",
                std::io::ErrorKind::NotFound.into(),
            )
        })?;
        let facts = file
            .facts()
            .map_err(|error| self.failed("look at the transcript", error))?;
        let inode = (facts.dev, facts.ino);
        if through.inode == inode && through.bytes >= ticket.end {
            return Ok(());
        }
        let system = self.system.clone();
        let work = move || {
            system.steps.reach("sync:before");
            let began = Instant::now();
            let _syncing = tracing::debug_span!("latchwork_transcript_sync").entered();
            file.sync_data()?;
            meter::synced(began.elapsed());
            system.steps.reach("sync:done");
            Ok(())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {
                *through = Through {
                    inode,
                    bytes: facts.size,
                };
                Ok(())
            }
            Ok(Err(error)) => Err(self.failed("sync the transcript", error)),
            Err(error) => Err(self.failed("sync the transcript", std::io::Error::other(error))),
        }
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> SyncError {
        self.latched.store(true, Ordering::SeqCst);
        self.unknown(doing, error)
    }

    fn unknown(&self, doing: &str, error: std::io::Error) -> SyncError {
        SyncError::Unknown {
            session: self.session.clone(),
            doing: doing.to_owned(),
            source: Arc::new(error),
        }
    }
}

#[async_trait::async_trait]
impl Durability for Ticket {
    async fn reached(&self, level: Level) -> Result<Level, SyncError> {
        match level {
            Level::Buffered => Ok(Level::Buffered),
            Level::Synced => self.group.synced(self).await.map(|()| Level::Synced),
            asked => Err(SyncError::Unreachable {
                asked,
                best: Level::Synced,
            }),
        }
    }
}
