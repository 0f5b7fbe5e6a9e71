//! A session exported: read line by line from its file, written to a writer or to a new file.
//!
//! Nothing is locked, and nothing beside the new file is written. The session is exported as it was when the export began: what is
//! appended meanwhile is not in it. A new file is there whole or not at all. Deliberately absent: how an export looks
//! ([`latchwork_export`]), and messages that wait in the inbox: they are not in the transcript yet.
//!
//! | file | idea |
//! |---|---|
//! | `reading` | entries from a file, each read when it is asked for |
//! | `writing` | a writer that ends when nobody waits for it, and a file that is there whole |

pub(crate) mod reading;
mod writing;

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use latchwork_export::{ExportError, Exported, Images, Options, Which};
use latchwork_session::{OpenError, SessionId, TranscriptStore as _, View};
use latchwork_sys::{DiskFile, IoDoing as _, OpenHow, PathError, System};
use tokio_util::sync::CancellationToken;

use crate::Session;
use crate::blobs::ResolvedEntries;
use crate::progress::{Told, WatchBytes};
use reading::Entries;
use writing::{NewFile, Stoppable};

/// What a session is exported as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// Markdown.
    #[default]
    Markdown,
    /// One HTML page.
    Html,
}

/// Takes secrets out of every text of an export; see [`latchwork_export::Redact`].
pub type SharedRedact = Arc<dyn Fn(&str) -> Cow<'_, str> + Send + Sync>;

/// How a session is exported.
#[derive(Clone)]
pub struct ExportHow {
    /// As what.
    pub format: ExportFormat,
    /// Which entries.
    pub which: Which,
    /// Whether the model's reasoning is exported.
    pub thinking: bool,
    /// Whether it is exported what tools were called with and answered.
    pub tools: bool,
    /// What becomes of images.
    pub images: Images,
    /// The title, in place of the session's name.
    pub title: Option<String>,
    /// What takes secrets out.
    pub redact: Option<SharedRedact>,
    /// Is told how far it has come: the file is read once for its lines, and once for what stands in them.
    pub watch: Option<WatchBytes>,
}

/// Everything of the active branch, as Markdown; images are named.
impl Default for ExportHow {
    fn default() -> Self {
        Self {
            format: ExportFormat::default(),
            which: Which::default(),
            thinking: true,
            tools: true,
            images: Images::default(),
            title: None,
            redact: None,
            watch: None,
        }
    }
}

impl std::fmt::Debug for ExportHow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportHow")
            .field("format", &self.format)
            .field("which", &self.which)
            .field("thinking", &self.thinking)
            .field("tools", &self.tools)
            .field("images", &self.images)
            .field("title", &self.title)
            .field("redact", &self.redact.is_some())
            .field("watch", &self.watch.is_some())
            .finish()
    }
}

/// Where an export goes.
pub enum ExportTo {
    /// To a writer.
    Writer(Box<dyn io::Write + Send>),
    /// To a new file, readable for its owner alone.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether a file that is there is replaced.
        replace: bool,
    },
}

/// A session was not exported. Of a file nothing is left; a writer may have got a beginning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportFailed {
    /// The session cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such session.
    #[error("session {session} does not exist ({})", place.display())]
    NoSession {
        /// The session.
        session: SessionId,
        /// Where it would be.
        place: PathBuf,
    },
    /// The session was replaced by another one while it was read.
    #[error("session {session} was replaced while it was read; nothing was exported")]
    Replaced {
        /// The session.
        session: SessionId,
    },
    /// Something stands where the export should go.
    #[error("{} is there already; nothing was written", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] PathError),
    /// The export itself failed.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The program is ending.
    #[error("the export was stopped")]
    Stopped,
}

impl Session {
    /// Exports the session. Nothing is locked.
    ///
    /// # Errors
    /// See [`ExportFailed`].
    ///
    /// # Cancel safety
    /// When its future is dropped, the export stops before its next write and leaves no file.
    pub async fn export(&self, how: ExportHow, to: ExportTo) -> Result<Exported, ExportFailed> {
        // The head first: the file, which is read later, then has its entry.
        let snapshot = self.store().open(self.id(), View::Last(1)).await?;
        if !snapshot.exists {
            return Err(ExportFailed::NoSession {
                session: self.id().clone(),
                place: self.place(),
            });
        }
        let stop = CancellationToken::new();
        let _stops_when_dropped = stop.clone().drop_guard();
        let work = Work {
            session: self.id().clone(),
            place: self.place(),
            system: self.parts().system.clone(),
            head: snapshot.head.leaf,
            how,
            blobs: self.blobs(),
            stop,
        };
        match tokio::task::spawn_blocking(move || work.run(to)).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_ended) => Err(ExportFailed::Stopped),
            },
        }
    }
}

/// An export on a thread of its own.
struct Work {
    session: SessionId,
    place: PathBuf,
    system: System,
    head: Option<latchwork_format::EntryId>,
    how: ExportHow,
    blobs: latchwork_transcript::BlobStore,
    stop: CancellationToken,
}

impl Work {
    fn run(self, to: ExportTo) -> Result<Exported, ExportFailed> {
        let file = self.system.disk.open(&self.place, &OpenHow::reading());
        let file = file.doing("open", &self.place)?;
        match to {
            ExportTo::Writer(to) => self.export(&*file, to),
            ExportTo::File { path, replace } => self.to_file(&*file, path, replace),
        }
    }

    fn to_file(
        &self,
        file: &dyn DiskFile,
        path: PathBuf,
        replace: bool,
    ) -> Result<Exported, ExportFailed> {
        // A long export is not made for a name that is taken; the name is taken for good in one step at the end.
        if !replace && self.system.disk.facts(&path).is_ok() {
            return Err(ExportFailed::Exists { path });
        }
        let new = NewFile::create(&self.system, &path)?;
        let done = self.export(file, Box::new(new.writer()))?;
        match new.put_in_place(replace) {
            Ok(()) => Ok(done),
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
                Err(ExportFailed::Exists { path })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn export(
        &self,
        file: &dyn DiskFile,
        to: Box<dyn io::Write + Send + '_>,
    ) -> Result<Exported, ExportFailed> {
        let told = Told(self.how.watch.clone());
        let size = file.facts().doing("look at", &self.place)?.size;
        let outline = reading::outline(file, &self.stop, &mut |read| told.tell(read, 2 * size));
        let outline = outline.doing("read", &self.place)?;
        let head = match &self.head {
            None => None,
            Some(id) => match outline.find(id.as_str()) {
                Some(head) => Some(head),
                None => {
                    let session = self.session.clone();
                    return Err(ExportFailed::Replaced { session });
                }
            },
        };
        let session = latchwork_export::Session {
            outline: &outline,
            head,
        };
        let mut entries = ResolvedEntries {
            entries: Entries::new(file, &outline).telling(told),
            blobs: self.blobs.clone(),
        };
        let mut to = Stoppable::new(to, self.stop.clone());
        let options = self.options();
        let done = match self.how.format {
            ExportFormat::Markdown => {
                latchwork_export::markdown(&session, &mut entries, &options, &mut to)
            }
            ExportFormat::Html => latchwork_export::html(&session, &mut entries, &options, &mut to),
        }?;
        io::Write::flush(&mut to).map_err(ExportError::Write)?;
        Ok(done)
    }

    fn options(&self) -> Options<'_> {
        let how = &self.how;
        Options {
            which: &how.which,
            thinking: how.thinking,
            tools: how.tools,
            images: how.images,
            title: how.title.as_deref(),
            redact: how.redact.as_deref().map(|redact| redact as &_),
        }
    }
}
