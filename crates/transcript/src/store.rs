//! A store of sessions in files: the seam of storage.
//!
//! Reading opens the file, reads what is new and folds the head; it takes no lock and writes nothing. Writing hands its
//! work to a thread together with a permit of the guard. Deliberately absent: any state that cannot be read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_filelock::{ClaimHandle, Inherited, Latches, Site};
use latchwork_format::EntryId;
use latchwork_lock::PhaseGuard;
use latchwork_session::{
    AppendError, Commit, Head, Key, NewEntry, OpenError, Page, Position, Receipt, Rewrite,
    Rewritten, SessionId, SessionSummary, Snapshot, TranscriptStore, View,
};
use latchwork_sys::{IoDoing, PathError, System};

use crate::commit::Work;
use crate::layout::{Layout, Place};
use crate::listed::Rows;
use crate::locks::NOT_HERE;
use crate::names::{Names, named};
use crate::page::page;
use crate::reading::{Ask, open};
use crate::session::{FileHeld, Session};
use crate::threads::Threads;
use crate::updates::{UpdateKind, Updates};
use crate::{Options, list, rewrite};

/// Sessions in files. Clones share everything; make one for each folder in a process.
#[derive(Clone, Debug)]
pub struct FileStore {
    inner: Arc<Inner>,
    threads: Threads,
    updates: Updates,
}

#[derive(Debug)]
struct Inner {
    system: System,
    layout: Layout,
    latches: Latches,
    sessions: Mutex<HashMap<SessionId, Arc<Session>>>,
    names: Arc<Names>,
    /// What the last list said.
    listed: Mutex<Option<Rows>>,
}

impl FileStore {
    /// A store over a layout. Nothing is opened or made yet.
    #[must_use]
    pub fn new(system: System, layout: Layout, options: Options) -> Self {
        Self::with_inherited(system, layout, options, Inherited::default())
    }

    /// The same in a process that was started under locks which it may join.
    #[must_use]
    pub fn with_inherited(
        system: System,
        layout: Layout,
        options: Options,
        inherited: Inherited,
    ) -> Self {
        let latches = Latches::with_inherited(system.clone(), options.locks, inherited);
        Self {
            inner: Arc::new(Inner {
                system,
                layout,
                latches,
                sessions: Mutex::default(),
                names: Arc::default(),
                listed: Mutex::default(),
            }),
            threads: Threads::Pool,
            updates: Updates::default(),
        }
    }

    /// The same store, whose commits are told to these listeners.
    #[must_use]
    pub fn telling(self, updates: Updates) -> Self {
        Self { updates, ..self }
    }

    /// Who is told of the commits of this store.
    #[must_use]
    pub fn updates(&self) -> &Updates {
        &self.updates
    }

    /// The same store, doing its work on the thread that asks rather than on one of tokio's pool: for a program that has a thread
    /// for it and saves the hand-overs. To be said before the first session is used; a session that was used keeps its way.
    ///
    /// # Blocking
    ///
    /// Every call then blocks its thread while the disk works, syncs among it, and nothing else of that thread goes on.
    #[must_use]
    pub fn on_this_thread(self) -> Self {
        Self {
            threads: Threads::Here,
            ..self
        }
    }

    pub(crate) fn threads(&self) -> Threads {
        self.threads
    }

    /// What it keeps.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The files of a session; `None` when this store does not keep it.
    #[must_use]
    pub fn place(&self, session: &SessionId) -> Option<Arc<Place>> {
        self.session(session)
            .ok()
            .map(|session| session.place.clone())
    }

    pub(crate) fn system(&self) -> &System {
        &self.inner.system
    }

    pub(crate) fn latches(&self) -> &Latches {
        &self.inner.latches
    }

    /// Tells the guards of this store from those of another.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    pub(crate) fn session(&self, id: &SessionId) -> Result<Arc<Session>, String> {
        let mut sessions = self
            .inner
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(id) {
            return Ok(session.clone());
        }
        let place = self.inner.layout.place(id).ok_or(NOT_HERE)?;
        let session = Arc::new(Session::new(
            id.clone(),
            place,
            self.inner.system.clone(),
            self.inner.names.clone(),
            self.threads,
        ));
        sessions.insert(id.clone(), session.clone());
        Ok(session)
    }

    /// What is kept in memory of a session, and of the list, is found anew.
    pub(crate) fn forget(&self, session: &Arc<Session>) {
        session.known().forget();
        session.show_nothing();
        let mut sessions = self
            .inner
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&session.id);
        drop(sessions);
        *self
            .inner
            .listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn site(&self, id: &SessionId) -> Result<Site, String> {
        let place = self.place(id).ok_or(NOT_HERE)?;
        let name = place
            .transcript
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        Site::new(&place.dir, &place.stem, name).map_err(|error| error.to_string())
    }

    /// Makes the folder of sessions, for its owner alone, and what leads to it. A lone file's folder must be there.
    pub(crate) fn make_folder(&self, place: &Place) -> Result<(), PathError> {
        let disk = &*self.inner.system.disk;
        if matches!(self.inner.layout, Layout::Lone { .. }) || disk.facts(&place.dir).is_ok() {
            return Ok(());
        }
        let mut missing: Vec<_> = place
            .dir
            .ancestors()
            .take_while(|dir| disk.facts(dir).is_err())
            .collect();
        missing.retain(|dir| !dir.as_os_str().is_empty());
        for dir in missing.into_iter().rev() {
            match disk.create_dir(dir, 0o700) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => made.doing("make the folder", dir)?,
            }
            let above = named(dir.parent().unwrap_or(dir));
            disk.sync_dir(above)
                .doing("make the new name durable in", above)?;
        }
        Ok(())
    }

    /// The work of a guard, on a permit that keeps its locks.
    pub(crate) fn work(&self, guard: &mut PhaseGuard<'_>) -> Result<Work, AppendError> {
        let guarded = guard.session().to_owned();
        let foreign = || match SessionId::new(&guarded) {
            Ok(session) => AppendError::ForeignGuard { session },
            Err(error) => AppendError::BadEntry {
                index: 0,
                why: format!("the guard's session: {error}"),
            },
        };
        let claim = match guard.claim() {
            Some(claim) => Some(ClaimHandle::of(claim).ok_or_else(foreign)?),
            None => None,
        };
        let held = guard.held_mut::<FileHeld>().ok_or_else(foreign)?;
        if held.store != self.identity() {
            return Err(AppendError::WrongSession {
                session: held.session.id.clone(),
                guarded,
            });
        }
        let permit = held
            .latched
            .begin()
            .map_err(|revoked| AppendError::GuardLost {
                session: held.session.id.clone(),
                why: revoked.reason,
            })?;
        Ok(Work {
            session: held.session.clone(),
            head: held.head.clone(),
            permit,
            claim,
            updates: self.updates.clone(),
        })
    }
}

/// Runs a commit on a thread of its own: it ends whole though nobody waits for it any more.
pub(crate) async fn run<T: Send + 'static>(
    work: Work,
    step: impl FnOnce(&Work) -> Result<T, AppendError> + Send + 'static,
) -> Result<T, AppendError> {
    let session = work.session.id.clone();
    match work.session.threads.run(move || step(&work)).await {
        Ok(done) => done,
        Err(error) => Err(AppendError::Backend {
            session,
            doing: "run the commit on a thread of its own".to_owned(),
            source: Box::new(error),
        }),
    }
}

#[async_trait::async_trait]
impl TranscriptStore for FileStore {
    async fn open(&self, session: &SessionId, view: View) -> Result<Snapshot, OpenError> {
        let ask = Ask { view, keys: None };
        self.reading(session, move |session| open(&session, &ask))
            .await
    }

    async fn open_for(
        &self,
        session: &SessionId,
        view: View,
        keys: &[Key],
    ) -> Result<Snapshot, OpenError> {
        let keys = Some(keys.to_vec());
        let ask = Ask { view, keys };
        self.reading(session, move |session| open(&session, &ask))
            .await
    }

    async fn read(
        &self,
        session: &SessionId,
        from: Position,
        limit: usize,
    ) -> Result<Page, OpenError> {
        let page = move |session: Arc<Session>| page(&session, from, limit);
        self.reading(session, page).await
    }

    async fn append(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        commit: Commit,
    ) -> Result<Receipt, AppendError> {
        let work = self.work(guard)?;
        let base = base.clone();
        run(work, move |work| {
            let receipt = work.commit(&base, commit)?;
            work.tell(UpdateKind::Appended, &receipt);
            Ok(receipt)
        })
        .await
    }

    async fn branch(
        &self,
        guard: &mut PhaseGuard<'_>,
        to: Option<&EntryId>,
        why: &str,
        entries: Vec<NewEntry>,
    ) -> Result<Receipt, AppendError> {
        let work = self.work(guard)?;
        let (to, why) = (to.cloned(), why.to_owned());
        run(work, move |work| {
            let receipt = work.branch(to, &why, entries)?;
            work.tell(UpdateKind::HeadMoved, &receipt);
            Ok(receipt)
        })
        .await
    }

    async fn rewrite(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        rewrite: Rewrite,
    ) -> Result<Rewritten, AppendError> {
        let work = self.work(guard)?;
        let base = base.clone();
        run(work, move |work| {
            let done = rewrite::rewrite(work, &base, &rewrite)?;
            if let Some(receipt) = &done.receipt {
                work.tell(UpdateKind::Rewritten, receipt);
            }
            Ok(done)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<SessionSummary>, OpenError> {
        let inner = self.inner.clone();
        let nobody = || OpenError::Refused {
            session: nameless(),
            why: "the list could not be made on a thread of its own".to_owned(),
            source: None,
        };
        self.threads()
            .run(move || {
                let mut listed = inner.listed.lock().unwrap_or_else(PoisonError::into_inner);
                list::list(&inner.system, &inner.layout, &mut listed)
            })
            .await
            .map_err(|_| nobody())?
    }
}

/// For an error about all sessions.
pub(crate) fn nameless() -> SessionId {
    #[expect(clippy::expect_used, reason = "a constant that is a valid id")]
    SessionId::new("all").expect("a valid id")
}

impl FileStore {
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        session: &SessionId,
        read: impl FnOnce(Arc<Session>) -> Result<T, OpenError> + Send + 'static,
    ) -> Result<T, OpenError> {
        let refused = |why| OpenError::Refused {
            session: session.clone(),
            why,
            source: None,
        };
        let known = self.session(session).map_err(refused)?;
        match self.threads().run(move || read(known)).await {
            Ok(done) => done,
            Err(error) => Err(OpenError::Backend {
                session: session.clone(),
                doing: "read it on a thread of its own".to_owned(),
                source: Box::new(error),
            }),
        }
    }
}
