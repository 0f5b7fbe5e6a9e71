//! Sessions of other agents, taken in: read as items, written through the store, and held against their source.
//!
//! | file | idea |
//! |---|---|
//! | `source` | what a path holds, recognised by its content |
//! | `feed` | a source read on a thread of its own, in batches |
//! | `map` | what a transcript holds of imports, and what each entry hangs below |
//! | `place` | a batch put where it belongs, under one guard |
//!
//! A source is read with nothing held. Each batch is a commit, or a few where the source forks, under a guard of its own; what stands
//! already, by its key, is not written again, so an import that broke off or whose source has grown is continued by saying it
//! again. The receipt is the last entry, and everything is durable before it is told.
//!
//! An import never takes a conversation away from anybody: it moves the head only where the head is its own, or where nothing was said
//! yet. Else what it brings stands beside the active branch, and `rewind` leads there.
//!
//! Limits: memory holds some 250 bytes for each entry of the session. An import that is broken off before its first reply leaves a
//! transcript without one, which some peers write anew.

mod feed;
mod map;
mod place;
mod source;

use std::path::PathBuf;

use latchwork_format::EntryId;
use latchwork_import::{
    DatabaseError, Diff, DiffReport, SourceError, SourceKind, Summary, UnknownKind,
};
use latchwork_lock::LockScope;
use latchwork_session::{KeyError, OpenError, Position, TranscriptStore};
use latchwork_sys::PathError;

use crate::progress::{Told, WatchBytes};
use crate::{AddressError, Session, WriteError};
use feed::{Fed, feed};
use place::Placer;

pub use source::ImportSource;

/// How many entries of a transcript are read at once.
pub(crate) const PAGE: usize = 512;

/// An import that did not come to its end. What it had written stands, and saying it again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The source is no file, or cannot be opened.
    #[error(transparent)]
    Open(#[from] PathError),
    /// Nothing tells what it is.
    #[error("{0:?} is no session of a program that is known here, as far as its beginning tells")]
    Unknown(PathBuf),
    /// It needs no import.
    #[error("{0:?} is a transcript already: there is nothing to convert")]
    Transcript(PathBuf),
    /// Lines and rows are of different programs.
    #[error("{path:?} is no source of {kind}'s")]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it was said to be.
        kind: SourceKind,
    },
    /// There is no such program.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// It holds nothing.
    #[error("{0:?} holds nothing that could be taken in")]
    Empty(PathBuf),
    /// The source cannot be read on.
    #[error("{path:?} could not be read to its end")]
    Source {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<SourceError>,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The session did not take it.
    #[error(transparent)]
    Write(Box<WriteError>),
    /// No session can be called by the source's name.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A key of the source's cannot be one here.
    #[error("an item of the source cannot be named")]
    Key(#[from] KeyError),
    /// An item names another one that is nowhere.
    #[error("line {line} of the source names an item that was not taken in")]
    Dangling {
        /// The line.
        line: u64,
    },
    /// The thread that read the source ended.
    #[error("reading {0:?} broke off")]
    BrokeOff(PathBuf),
    /// Somebody who takes no lock wrote all the time.
    #[error(
        "the session was changed again and again by a program that takes no lock; nothing of this part was written"
    )]
    Disturbed,
    /// The receipt cannot be written.
    #[error("the receipt cannot be written as JSON")]
    Receipt(#[from] serde_json::Error),
}

/// What an import is to do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ImportHow {
    /// The working directory of a session that is born, where the source says none.
    pub cwd: String,
    /// Only say what would be written.
    pub dry_run: bool,
    told: Told,
}

impl ImportHow {
    /// Who is told how much of the source has been read.
    pub fn watch(&mut self, watch: WatchBytes) {
        self.told = Told(Some(watch));
    }
}

/// What an import did, all of it durable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// What the source was.
    pub summary: Summary,
    /// Entries that were written, or would be.
    pub written: u64,
    /// Entries that stood there already.
    pub already: u64,
    /// Of those written: how many stand beside the active branch.
    pub aside: u64,
    /// The receipt's entry; none if nothing was written at all.
    pub receipt: Option<EntryId>,
    /// The last entry of the conversation that the source holds.
    pub leaf: Option<EntryId>,
}

impl Session {
    /// Takes a source in.
    ///
    /// # Errors
    /// See [`ImportError`]. What was written stands; saying it again goes on from there.
    ///
    /// # Cancel safety
    /// A batch, once begun, is written whole; saying it again goes on from there.
    pub async fn import(
        &self,
        scope: &mut LockScope,
        source: &ImportSource,
        how: &ImportHow,
    ) -> Result<Imported, ImportError> {
        let mut fed = feed(
            self.shared().system.clone(),
            source.clone(),
            how.told.clone(),
        );
        let mut placer = Placer::new(self, how.clone());
        placer.look().await?;
        loop {
            match fed.recv().await {
                Some(Fed::Batch { items, cwd }) => placer.place(scope, &items, cwd).await?,
                Some(Fed::End(summary)) => {
                    if summary.report.entries.is_empty() {
                        return Err(ImportError::Empty(source.path().to_owned()));
                    }
                    return placer.end(scope, *summary).await;
                }
                Some(Fed::Failed(error)) => return Err(error),
                None => return Err(ImportError::BrokeOff(source.path().to_owned())),
            }
        }
    }

    /// Holds a source against this session: whether everything of it stands here, in its order, saying the same. Nothing is
    /// locked or written.
    ///
    /// # Errors
    /// See [`ImportError`]: of its kinds those of reading.
    pub async fn import_diff(
        &self,
        source: &ImportSource,
    ) -> Result<(Summary, DiffReport), ImportError> {
        let name = source.name(&self.shared().system).await?;
        let mut diff = Diff::of(source.kind(), &name);
        let mut from = Position::default();
        loop {
            let page = self.page(from).await?;
            page.entries.iter().for_each(|(_, entry)| diff.see(entry));
            from = page.next;
            if !page.more {
                break;
            }
        }
        let system = self.shared().system.clone();
        let mut fed = feed(system, source.clone(), Told::default());
        loop {
            match fed.recv().await {
                Some(Fed::Batch { items, .. }) => items.iter().for_each(|item| diff.hold(item)),
                Some(Fed::End(summary)) => return Ok((*summary, diff.end())),
                Some(Fed::Failed(error)) => return Err(error),
                None => return Err(ImportError::BrokeOff(source.path().to_owned())),
            }
        }
    }

    async fn page(&self, from: Position) -> Result<latchwork_session::Page, WriteError> {
        Ok(self.store().read(self.id(), from, PAGE).await?)
    }
}

impl From<WriteError> for ImportError {
    fn from(error: WriteError) -> Self {
        Self::Write(Box::new(error))
    }
}

impl From<OpenError> for ImportError {
    fn from(error: OpenError) -> Self {
        WriteError::from(error).into()
    }
}
