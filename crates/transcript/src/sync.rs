//! Acknowledgement: the writers of one session share its syncs.
//!
//! A sync makes everything durable that was written before it began, so whoever waits behind one that is under way
//! shares the next. If a sync fails, the kernel may have dropped the bytes and will not say so twice: the session is
//! *latched*, no later sync is believed, and it must be opened again and read back first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use latchwork_format::outline::Row;
use latchwork_session::{Durability, Level, SessionId, SyncError};
use latchwork_sys::{DiskFile, IoDoing, PathError, System, read_exact_at};

use crate::layout::Place;
use crate::meter;
use crate::names::Names;
use crate::threads::Threads;

/// The syncs of one session in one process.
#[derive(Debug)]
pub(crate) struct SyncGroup {
    session: SessionId,
    place: Arc<Place>,
    system: System,
    names: Arc<Names>,
    threads: Threads,
    /// Who syncs; whoever waits for it shares the next sync.
    turn: Arc<tokio::sync::Mutex<()>>,
    state: Arc<Mutex<State>>,
}

/// What is known to be durable. It is changed by the sync itself: that goes on though nobody waits for it any more.
#[derive(Debug, Default)]
struct State {
    file: Option<Arc<dyn DiskFile>>,
    /// Its device and inode.
    inode: (u64, u64),
    /// Everything before this place of that file is durable.
    through: u64,
    /// The file's name is, and what leads to it.
    named: bool,
    latched: bool,
}

/// What a receipt waits for.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub group: Arc<SyncGroup>,
    /// The transcript ends here with what was written.
    pub end: u64,
    /// Lines of the commit that stood already: written by somebody who may have failed to make them durable, or died before that. The
    /// kernel may show one and the device not have it, and a sync of ours says nothing of it: before it is acknowledged it is read
    /// from the device.
    pub found: Vec<Row>,
}

impl SyncGroup {
    pub(crate) fn new(
        session: SessionId,
        place: Arc<Place>,
        system: System,
        names: Arc<Names>,
        threads: Threads,
    ) -> Self {
        Self {
            session,
            place,
            system,
            names,
            threads,
            turn: Arc::default(),
            state: Arc::default(),
        }
    }

    /// The descriptor to sync through: one of its own, so that a guard's lock does not live on in it. Of a new one nothing is
    /// known: an inode number is given out again.
    pub(crate) fn use_file(&self, file: Arc<dyn DiskFile>, inode: (u64, u64)) {
        let mut state = self.state();
        *state = State {
            file: Some(file),
            inode,
            latched: state.latched,
            ..State::default()
        };
    }

    /// There is nothing to sync through: whoever waits is told that nobody can say.
    pub(crate) fn use_nothing(&self) {
        let mut state = self.state();
        *state = State {
            latched: state.latched,
            ..State::default()
        };
    }

    /// Whether it syncs this file (device and inode).
    pub(crate) fn is_of(&self, inode: (u64, u64)) -> bool {
        let state = self.state();
        state.file.is_some() && state.inode == inode
    }

    pub(crate) fn is_latched(&self) -> bool {
        self.state().latched
    }

    /// Writing stops until the session is opened again: what is stored is not known.
    pub(crate) fn latch(&self) {
        self.state().latched = true;
    }

    /// The session was opened again and read back: writing may go on, through a new descriptor.
    pub(crate) fn unlatch(&self) {
        *self.state() = State::default();
    }

    /// Everything before this place was made durable by this process.
    pub(crate) fn saved_through(&self) -> Option<u64> {
        Some(self.state().through).filter(|bytes| *bytes > 0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn synced(&self, ticket: &Ticket) -> Result<(), SyncError> {
        let turn = self.turn.clone().lock_owned().await;
        let file = {
            let state = self.state();
            if state.latched {
                let why = "it is latched since an earlier sync failed";
                return Err(self.unknown(why, std::io::ErrorKind::Other.into()));
            }
            if state.named && state.through >= ticket.end && ticket.found.is_empty() {
                let path = &self.place.transcript;
                self.system.steps.acknowledged(path, ticket.end);
                return Ok(());
            }
            state.file.clone()
        };
        let Some(file) = file else {
            let why = "it has no descriptor to sync";
            return Err(self.unknown(why, std::io::ErrorKind::NotFound.into()));
        };
        let sync = Sync {
            file,
            place: self.place.clone(),
            system: self.system.clone(),
            names: self.names.clone(),
            state: self.state.clone(),
            ticket: (ticket.end, ticket.found.clone()),
        };
        let work = move || {
            let done = sync.run();
            drop(turn);
            done
        };
        match self.threads.run(work).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.unknown(&error.to_string(), error.source)),
            Err(error) => {
                self.latch();
                Err(self.unknown("sync the transcript", std::io::Error::other(error)))
            }
        }
    }

    fn unknown(&self, doing: &str, error: std::io::Error) -> SyncError {
        SyncError::Unknown {
            session: self.session.clone(),
            doing: doing.to_owned(),
            source: Arc::new(error),
        }
    }
}

/// One sync, on a thread of its own.
struct Sync {
    file: Arc<dyn DiskFile>,
    place: Arc<Place>,
    system: System,
    names: Arc<Names>,
    state: Arc<Mutex<State>>,
    ticket: (u64, Vec<Row>),
}

impl Sync {
    fn run(&self) -> Result<(), PathError> {
        let done = self.sync();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |file: &Arc<dyn DiskFile>| Arc::ptr_eq(file, &self.file);
        match &done {
            // The descriptor may be another one by now.
            Ok(size) if state.file.as_ref().is_some_and(is_same) => {
                state.through = state.through.max(*size);
                state.named = true;
            }
            Ok(_) => {}
            Err(_) => state.latched = true,
        }
        drop(state);
        if done.is_ok() {
            let (end, _) = self.ticket;
            self.system.steps.acknowledged(&self.place.transcript, end);
        }
        done.map(drop)
    }

    /// The file's bytes, and its name where that may not be durable yet; how long the file was.
    fn sync(&self) -> Result<u64, PathError> {
        let path = &self.place.transcript;
        let facts = self.file.facts().doing("look at", path)?;
        self.system.steps.reach("sync:before");
        let began = Instant::now();
        let _syncing = tracing::debug_span!("latchwork_transcript_sync").entered();
        self.file.sync_all().doing("sync", path)?;
        let named = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .named;
        if !named {
            let (disk, dir) = (&*self.system.disk, &self.place.dir);
            disk.sync_dir(dir)
                .doing("make the transcript's name durable in", dir)?;
            self.names.lead_to(disk, dir)?;
        }
        self.look_at_the_device()
            .doing("read back what stood already in", path)?;
        meter::synced(began.elapsed());
        self.system.steps.reach("sync:done");
        Ok(facts.size)
    }

    /// Whether what was found is on the device.
    fn look_at_the_device(&self) -> std::io::Result<()> {
        let (_, found) = &self.ticket;
        let Some(first) = found.iter().map(Row::offset).min() else {
            return Ok(());
        };
        self.file.forget_cached(first)?;
        for line in found {
            let mut bytes = vec![0; line.len() as usize];
            read_exact_at(&*self.file, &mut bytes, line.offset())?;
            if !line.fits(&bytes) {
                return Err(std::io::Error::other("an entry is not there any more"));
            }
        }
        Ok(())
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
