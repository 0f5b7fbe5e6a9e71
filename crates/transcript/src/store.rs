//! A store of sessions in files: the seam of storage.
//!
//! Reading opens the file, reads what is new and folds the head; it takes no lock and writes nothing. Writing hands its
//! work to a thread together with a permit of the guard. Deliberately absent: any state that cannot be read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_filelock::{ClaimHandle, Latches, Site};
use latchwork_format::{EntryId, Tail, Transcript};
use latchwork_lock::PhaseGuard;
use latchwork_session::{
    AppendError, Commit, Divergence, Head, OpenError, OpenReport, Page, Position, Receipt, Rewrite,
    Rewritten, SessionId, SessionSummary, Snapshot, TranscriptStore, View,
};
use latchwork_sys::{DiskFile, FileKind, IoDoing, PathError, System};

use crate::commit::{Target, Work};
use crate::head_file;
use crate::layout::{Layout, Place};
use crate::locks::NOT_HERE;
use crate::session::{FileHeld, Session};
use crate::state::Known;
use crate::{Options, list, plan, rewrite, tail};

/// Sessions in files. Clones share everything; make one for each folder in a process.
#[derive(Clone, Debug)]
pub struct FileStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    system: System,
    layout: Layout,
    latches: Latches,
    sessions: Mutex<HashMap<SessionId, Arc<Session>>>,
}

impl FileStore {
    /// A store over a layout. Nothing is opened or made yet.
    #[must_use]
    pub fn new(system: System, layout: Layout, options: Options) -> Self {
        let latches = Latches::new(system.clone(), options.locks);
        Self {
            inner: Arc::new(Inner {
                system,
                layout,
                latches,
                sessions: Mutex::default(),
            }),
        }
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
        let session = Arc::new(Session::new(id.clone(), place, self.inner.system.clone()));
        sessions.insert(id.clone(), session.clone());
        Ok(session)
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
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(error).doing("make the folder", dir);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The work of a guard, on a permit that keeps its locks.
    fn work(&self, guard: &mut PhaseGuard<'_>) -> Result<Work, AppendError> {
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
            permit,
            claim,
        })
    }
}

/// Runs a commit on a thread of its own: it ends whole though nobody waits for it any more.
async fn run<T: Send + 'static>(
    work: Work,
    step: impl FnOnce(&Work) -> Result<T, AppendError> + Send + 'static,
) -> Result<T, AppendError> {
    let session = work.session.id.clone();
    match tokio::task::spawn_blocking(move || step(&work)).await {
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
    async fn open(&self, session: &SessionId, _view: View) -> Result<Snapshot, OpenError> {
        self.reading(session, |session| open(&session)).await
    }

    async fn read(
        &self,
        session: &SessionId,
        from: Position,
        limit: usize,
    ) -> Result<Page, OpenError> {
        let page = move |session: Arc<Session>| {
            let snapshot = open(&session)?;
            let lines = snapshot.transcript.lines();
            let first = lines.partition_point(|line| line.offset < from.0);
            let rest = lines.get(first..).unwrap_or_default();
            let taken = rest.get(..limit.min(rest.len())).unwrap_or_default();
            let end = Position(snapshot.transcript.saved_through()).max(from);
            Ok(Page {
                entries: taken
                    .iter()
                    .map(|line| (Position(line.offset), line.entry.clone()))
                    .collect(),
                next: rest
                    .get(taken.len())
                    .map_or(end, |line| Position(line.offset)),
                more: taken.len() < rest.len(),
            })
        };
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
        run(work, move |work| work.commit(&base, commit)).await
    }

    async fn move_head(
        &self,
        guard: &mut PhaseGuard<'_>,
        to: Option<&EntryId>,
        why: &str,
    ) -> Result<Receipt, AppendError> {
        let work = self.work(guard)?;
        let (to, why) = (to.cloned(), why.to_owned());
        run(work, move |work| work.move_head(to, &why)).await
    }

    async fn rewrite(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        rewrite: Rewrite,
    ) -> Result<Rewritten, AppendError> {
        let work = self.work(guard)?;
        let base = base.clone();
        run(work, move |work| rewrite::rewrite(work, &base, &rewrite)).await
    }

    async fn list(&self) -> Result<Vec<SessionSummary>, OpenError> {
        let (system, layout) = (self.inner.system.clone(), self.inner.layout.clone());
        let nobody = || OpenError::Refused {
            session: nameless(),
            why: "the list could not be made on a thread of its own".to_owned(),
            source: None,
        };
        tokio::task::spawn_blocking(move || list::list(&system, &layout))
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
    async fn reading<T: Send + 'static>(
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
        match tokio::task::spawn_blocking(move || read(known)).await {
            Ok(done) => done,
            Err(error) => Err(OpenError::Backend {
                session: session.clone(),
                doing: "read it on a thread of its own".to_owned(),
                source: Box::new(error),
            }),
        }
    }
}

/// Opens the transcript for reading; `None` if there is none.
fn open_file(session: &Session) -> Result<Option<Box<dyn DiskFile>>, OpenError> {
    let path = &session.place.transcript;
    let refuse = |why: String| {
        Err(OpenError::Refused {
            session: session.id.clone(),
            why: format!("{path:?} {why}"),
            source: None,
        })
    };
    // Looked at before it is opened: opening a device may already do something.
    match session.system.disk.facts(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(facts) if facts.kind == FileKind::Symlink => {
            return refuse("is a symbolic link, and two names would have two locks; name the file it points to".into());
        }
        Ok(facts) if facts.kind != FileKind::Regular => {
            return refuse(format!("is {}; name a transcript", facts.kind.in_words()));
        }
        _ => {}
    }
    match tail::open_to_read(&session.system, &session.place) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            refuse("may not be read; change its owner or its permissions".into())
        }
        Err(error) => Err(error)
            .doing("open", path)
            .map_err(|error| backend(session, error)),
    }
}

fn backend(session: &Session, error: PathError) -> OpenError {
    OpenError::Backend {
        session: session.id.clone(),
        doing: error.to_string(),
        source: Box::new(error.source),
    }
}

/// A snapshot: the saved head first, then the file, so that what is folded on top is never missing.
fn open(session: &Session) -> Result<Snapshot, OpenError> {
    let saved = head_file::load(&session.system, &session.place);
    let Some(file) = open_file(session)? else {
        return Ok(Snapshot {
            session: session.id.clone(),
            exists: false,
            head: Head::default(),
            transcript: Arc::default(),
            report: OpenReport::clean(0),
        });
    };
    let mut known = session.known();
    if session.sync.is_latched() {
        known.forget();
        session.sync.unlatch();
    }
    let rest = known
        .catch_up(&session.system, &session.place, &*file)
        .map_err(|error| backend(session, error))?;
    let head = known.head(&*file, saved.as_ref());
    let mut snapshot = Snapshot {
        session: session.id.clone(),
        exists: true,
        head: known.as_head(head.clone()),
        transcript: known.transcript.clone(),
        report: OpenReport::default(),
    };
    let believed = saved.is_some_and(|saved| known.believes(&*file, &saved));
    drop(known);
    if !rest.is_empty() {
        add_tail(&mut snapshot, &rest, believed);
    }
    snapshot.report = report(&snapshot, session, head.as_ref());
    Ok(snapshot)
}

/// A last line without a newline is read if it is whole; it may be a write that is under way.
fn add_tail(snapshot: &mut Snapshot, rest: &[u8], believed: bool) {
    let mut transcript = Transcript::clone(&snapshot.transcript);
    let (from, through) = (transcript.entry_count(), transcript.saved_through());
    if transcript.push_tail(rest, through).is_err() {
        return;
    }
    let head = snapshot.head.leaf.clone();
    snapshot.head.leaf = match believed {
        true => crate::fold::fold(&transcript, head, from),
        false => crate::fold::from_nothing(&transcript),
    };
    snapshot.transcript = Arc::new(transcript);
}

fn report(snapshot: &Snapshot, session: &Session, head: Option<&EntryId>) -> OpenReport {
    let transcript = &snapshot.transcript;
    let mut report = OpenReport::clean(transcript.entry_count());
    report.of += transcript.damage().len();
    for damage in transcript.damage() {
        report.damage.push(format!(
            "line {} ({} bytes at {}) cannot be read: {}; it was left in place",
            damage.line, damage.len, damage.offset, damage.why
        ));
    }
    report.damage.extend(
        transcript
            .tree_faults()
            .iter()
            .map(|fault| format!("{fault:?}")),
    );
    if let Tail::Fragment { offset, len } = transcript.tail() {
        report.damage.push(format!(
            "{len} bytes at {offset} are the beginning of a line: a write that is under way or was cut off"
        ));
    }
    report.saved_through = session.sync.saved_through().map(Position);
    report.read_only = transcript.writable().err().map(|fault| fault.to_string());
    report.divergent = divergent(transcript, head);
    report
}

/// Branches of conversation that begin on the active branch, after our head was first known, and end elsewhere.
fn divergent(transcript: &Transcript, head: Option<&EntryId>) -> Vec<Divergence> {
    let Some(head) = head else { return Vec::new() };
    let mut found: Vec<Divergence> = Vec::new();
    // Only what stands after the entry that the head was built on can have left it unseen; what stands before was
    // left on purpose.
    let Some(end) = transcript.line(head).map(|line| line.number) else {
        return found;
    };
    for line in transcript.lines() {
        let entry = &line.entry;
        if line.number < end || !entry.kind().is_conversational() || entry.mark().is_some() {
            continue;
        }
        if transcript.is_ancestor(head, entry.id()) {
            continue;
        }
        let parent = transcript
            .parent_of(entry.id())
            .map(|parent| parent.id().clone());
        match found
            .iter_mut()
            .find(|known| Some(&known.leaf) == parent.as_ref())
        {
            Some(known) => {
                known.leaf = entry.id().clone();
                known.entries += 1;
            }
            None => found.push(Divergence {
                from: parent,
                leaf: entry.id().clone(),
                entries: 1,
            }),
        }
    }
    found
}

impl Work {
    /// Makes the place of the head durable as an entry whose parent it is.
    fn move_head(&self, to: Option<EntryId>, why: &str) -> Result<Receipt, AppendError> {
        self.on_file(None, |work, known, file| {
            work.make_head(known, file, to, why)
        })
    }

    fn make_head(
        &self,
        known: &mut Known,
        file: &Target<'_>,
        to: Option<EntryId>,
        why: &str,
    ) -> Result<Receipt, AppendError> {
        if let Some(id) = &to
            && known.transcript.entry(id).is_none()
        {
            let why = format!("there is no entry {:?} to move the head to", id.as_str());
            return Err(AppendError::BadEntry { index: 0, why });
        }
        let head = self.current_head(known, file, None);
        let moved = head != to;
        let kind = if moved { "moved" } else { "kept" };
        let data = serde_json::json!({ "kind": kind, "from": head, "why": why });
        let line = plan::head_line(to, data);
        let plan = plan::Plan {
            parent: None,
            lines: vec![line],
            own: vec![plan::Own::Line(0)],
            outcome: latchwork_session::Outcome::Clean,
        };
        self.write(known, file, head, plan, None)
    }
}
