//! Search over all sessions of the home, or of a folder of transcripts.
//!
//! The index lies in the home (`search/`), also of another folder's sessions: nothing is written beside transcripts, and no lock of a session
//! is taken. It may be deleted at any time. Deliberately absent: what is found and how ([`latchwork_search`]), and messages that wait
//! in an inbox: they are not in a transcript yet.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_search::{Found, Heads, Progress, Query, Search, SearchError, Voice, Wanted};
use latchwork_session::{SessionId, TranscriptStore as _, View};
use latchwork_sys::{IoDoing as _, PathError};
use latchwork_transcript::{FileStore, Layout};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::facade::Parts;
use crate::{Latchwork, SessionArg, home};

/// The folder of indexes in a home.
pub(crate) const INDEXES: &str = "search";
/// How much of a folder's checksum its index's name carries, in hexadecimal digits.
const SUM_DIGITS: usize = 16;

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct SearchHow {
    /// The words.
    pub query: Query,
    /// The folder of transcripts; the home's sessions if none is named.
    pub folder: Option<PathBuf>,
    /// Only this session: a key, the name of a file without `.jsonl`, or a path (which names its folder, too).
    pub session: Option<SessionArg>,
    /// Only what this one says.
    pub voice: Option<Voice>,
    /// Only what was said at this time or later, in Unix milliseconds.
    pub since_ms: Option<i64>,
    /// The most hits.
    pub limit: usize,
    /// Whether the index is made anew first.
    pub rebuild: bool,
}

/// Sessions could not be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchFailed {
    /// Nobody knows where sessions lie.
    #[error(
        "there is no home for sessions: neither LATCHWORK_HOME nor XDG_DATA_HOME nor HOME is set"
    )]
    NoHome,
    /// There is no such session.
    #[error("session {session} does not exist ({})", place.display())]
    NoSession {
        /// As it was named.
        session: String,
        /// Where it would be.
        place: PathBuf,
    },
    /// The folder that was named cannot be looked at.
    #[error(transparent)]
    Folder(#[from] PathError),
    /// The search itself failed.
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl Latchwork {
    /// Searches. `watch` is told how far indexing has come; it is called on another thread.
    ///
    /// # Errors
    /// See [`SearchFailed`].
    ///
    /// # Cancel safety
    /// When its future is dropped, the search stops soon; what was indexed until then is kept.
    pub async fn search(
        &self,
        how: SearchHow,
        mut watch: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Found, SearchFailed> {
        let stop = CancellationToken::new();
        let _stops_when_dropped = stop.clone().drop_guard();
        let latchwork = self.clone();
        let handle = Handle::current();
        let work = move || latchwork.search_here(&how, &stop, &mut watch, handle);
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_ended) => Err(SearchError::Stopped.into()),
            },
        }
    }

    fn search_here(
        &self,
        how: &SearchHow,
        stop: &CancellationToken,
        watch: &mut dyn FnMut(Progress),
        handle: Handle,
    ) -> Result<Found, SearchFailed> {
        let parts = self.shared();
        let place = Place::of(&parts, how)?;
        let mut heads = StoreHeads {
            store: place.is_home.then(|| parts.home.clone()).flatten(),
            parts: parts.clone(),
            folder: place.folder.clone(),
            handle,
        };
        let wanted = Wanted {
            session: place.session,
            voice: how.voice,
            since_ms: how.since_ms,
        };
        let search = Search {
            system: &parts.system,
            folder: &place.folder,
            index: place.index.as_deref(),
            query: &how.query,
            wanted: &wanted,
            limit: how.limit,
            rebuild: how.rebuild,
            stop: &|| stop.is_cancelled(),
            watch,
        };
        Ok(search.run(&mut heads)?)
    }
}

/// Where is searched.
struct Place {
    folder: PathBuf,
    /// The stem of the session that is meant.
    session: Option<String>,
    /// None without a home.
    index: Option<PathBuf>,
    is_home: bool,
}

impl Place {
    fn of(parts: &Parts, how: &SearchHow) -> Result<Self, SearchFailed> {
        let home = parts.settings().home.clone();
        let own = home.as_deref().map(home::sessions_in);
        let beside = match &how.session {
            Some(SessionArg::Path(path)) => Some(folder_of(path)),
            _ => None,
        };
        let (folder, name, is_home) = match how.folder.clone().or(beside) {
            None => (
                own.ok_or(SearchFailed::NoHome)?,
                "sessions".to_owned(),
                true,
            ),
            Some(named) => {
                let disk = &parts.system.disk;
                let folder = disk
                    .canonicalize(&named)
                    .doing("look at the folder", &named)?;
                let is_home =
                    own.is_some_and(|own| disk.canonicalize(&own).is_ok_and(|own| own == folder));
                let name = match is_home {
                    true => "sessions".to_owned(),
                    false => name_of(&folder),
                };
                (folder, name, is_home)
            }
        };
        let mut place = Self {
            index: home.map(|home| home.join(INDEXES).join(file_of(&name))),
            folder,
            session: None,
            is_home,
        };
        if let Some(session) = &how.session {
            place.session = Some(place.stem(parts, session)?);
        }
        Ok(place)
    }

    /// The stem of the session's file, which must be there.
    fn stem(&self, parts: &Parts, session: &SessionArg) -> Result<String, SearchFailed> {
        let named = match session {
            SessionArg::Path(path) => path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned()),
            SessionArg::Key(key) => Some(key.as_str().to_owned()),
        };
        let of_key = session
            .session_key()
            .map(|key| key.session_id().to_string());
        // In a home a key leads to its own id alone; elsewhere a file is called by its name first.
        let stems = if self.is_home {
            [of_key, named]
        } else {
            [named, of_key]
        };
        let place = |stem: &str| self.folder.join(format!("{stem}.jsonl"));
        let mut stems = stems
            .into_iter()
            .flatten()
            .filter(|stem| !stem.contains('/'));
        let first = stems.next().unwrap_or_default();
        let there = |stem: &str| parts.system.disk.facts(&place(stem)).is_ok();
        if there(&first) {
            return Ok(first);
        }
        stems
            .find(|stem| there(stem))
            .ok_or_else(|| SearchFailed::NoSession {
                session: session.to_string(),
                place: place(&first),
            })
    }
}

/// What the index of a folder that is not the home's is called.
pub(crate) fn name_of(folder: &Path) -> String {
    let sum = blake3::hash(folder.as_os_str().as_bytes()).to_hex();
    format!("folder-{}", sum.get(..SUM_DIGITS).unwrap_or_default())
}

/// The file of the index of this name.
pub(crate) fn file_of(name: &str) -> String {
    format!("{name}.v{}.sqlite", latchwork_search::VERSION)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Asks the store of each session for its head.
struct StoreHeads {
    parts: Arc<Parts>,
    folder: PathBuf,
    /// The home's, if that is searched.
    store: Option<FileStore>,
    handle: Handle,
}

impl Heads for StoreHeads {
    fn head(&mut self, stem: &str) -> Option<Option<EntryId>> {
        let (store, id) = match (&self.store, SessionId::new(stem)) {
            (Some(store), Ok(id)) => (store.clone(), id),
            _ => {
                let path = self.folder.join(format!("{stem}.jsonl"));
                let layout = Layout::lone(path).ok()?;
                let Layout::Lone { session, .. } = &layout else {
                    return None;
                };
                let id = session.clone();
                let options = self.parts.settings().store.clone();
                (
                    FileStore::new(self.parts.system.clone(), layout, options),
                    id,
                )
            }
        };
        let snapshot = self.handle.block_on(store.open(&id, View::Last(1))).ok()?;
        snapshot.exists.then_some(snapshot.head.leaf)
    }
}
