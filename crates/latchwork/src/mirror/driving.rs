//! A mirror at work: from a file or from pieces, until the source ends or it is told to stop.
//!
//! Told to stop, it writes what is whole if it can at once, and waits for nobody. Said again, it goes on from there: everything is read from its
//! beginning, and what stands is not written twice.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_format::EntryId;
use latchwork_import::{Live, Report};
use latchwork_lock::LockScope;
use latchwork_sys::{PathError, System};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::file::{GrowingFile, Step};
use super::{Following, MirrorError, MirrorHow, Mirrored};
use crate::{AddressError, Latchwork, Session, SessionKey};

/// Between two looks at a file.
const PAUSE: Duration = Duration::from_millis(100);
/// After so many looks without anything new a reply that calls no tools is written as far as it has come.
const QUIET_LOOKS: u32 = 50;
/// The name of a source stands in so many bytes.
const NAME_BYTES_MAX: usize = 4 << 20;

/// Where a mirror's source comes from.
#[derive(Debug)]
pub enum MirrorSource {
    /// A file; followed as it grows unless it is to be read once.
    File {
        /// Its path.
        path: PathBuf,
        /// Only as far as it goes now.
        once: bool,
    },
    /// Pieces of a stream, until it is closed. A piece may end anywhere.
    Pieces(mpsc::Receiver<io::Result<Vec<u8>>>),
}

/// What happens while a mirror is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MirrorNews {
    /// Entries were written, and are durable.
    Wrote(Vec<EntryId>),
    /// Another file stands in the place of the source, or it was made shorter; it is read from its beginning.
    Replaced,
}

/// What a mirror did, all of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MirrorReport {
    /// The source's own name for its conversation.
    pub thread: Option<String>,
    /// How many entries were written.
    pub written: u64,
    /// How many stood there already.
    pub already: u64,
    /// How many entries wait for the outcomes of calls, or for the end of a turn in the session; said again, the mirror writes them.
    pub waiting: usize,
    /// How many lines came, of the last file if there were several.
    pub lines: u64,
    /// What they held, and what could not be read.
    pub source: Report,
    /// It was told to stop.
    pub stopped: bool,
}

/// A mirror that cannot go on. What was written stands; said again, it goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorStopped {
    /// The session did not take it.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] PathError),
    /// The stream cannot be read.
    #[error("the stream cannot be read on")]
    Stream(#[source] io::Error),
    /// The source does not say what its conversation is called, as far as its beginning tells.
    #[error("{0:?} does not say what its conversation is called, as far as its beginning tells")]
    Unnamed(PathBuf),
    /// No session can be called by its name.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A thread ended.
    #[error("reading the source broke off")]
    BrokeOff,
}

impl Latchwork {
    /// The key of the session that a file of Codex's is mirrored into, if nobody says another: the one that it would be imported into.
    ///
    /// # Errors
    /// See [`MirrorStopped`]: of its kinds those of reading.
    pub async fn mirror_key(&self, path: &Path) -> Result<SessionKey, MirrorStopped> {
        let (system, path) = (self.parts().system.clone(), path.to_owned());
        let named = tokio::task::spawn_blocking(move || name_of(&system, &path));
        let name = named.await.map_err(|_| MirrorStopped::BrokeOff)??;
        Ok(SessionKey::new(format!("codex-{name}"))?)
    }
}

fn name_of(system: &System, path: &Path) -> Result<String, MirrorStopped> {
    let mut file = GrowingFile::open(system, path)?;
    let (mut live, mut read) = (Live::new(), 0);
    while read < NAME_BYTES_MAX {
        let Step::Bytes(bytes) = file.step()? else {
            break;
        };
        read += bytes.len();
        live.push(&bytes);
        if let Some(name) = live.session() {
            return Ok(name.to_owned());
        }
    }
    Err(MirrorStopped::Unnamed(path.to_owned()))
}

/// What came next of a source.
enum Next {
    Bytes(Vec<u8>),
    Idle,
    Replaced,
    End,
}

enum Source {
    File(Option<Box<GrowingFile>>, bool),
    Pieces(mpsc::Receiver<io::Result<Vec<u8>>>),
}

impl Source {
    async fn open(system: &System, source: MirrorSource) -> Result<Self, MirrorStopped> {
        Ok(match source {
            MirrorSource::Pieces(pieces) => Self::Pieces(pieces),
            MirrorSource::File { path, once } => {
                let system = system.clone();
                let opened = tokio::task::spawn_blocking(move || GrowingFile::open(&system, &path));
                let opened = opened.await.map_err(|_| MirrorStopped::BrokeOff)??;
                Self::File(Some(Box::new(opened)), once)
            }
        })
    }

    async fn next(&mut self) -> Result<Next, MirrorStopped> {
        match self {
            Self::Pieces(pieces) => match tokio::time::timeout(PAUSE, pieces.recv()).await {
                Err(_) => Ok(Next::Idle),
                Ok(None) => Ok(Next::End),
                Ok(Some(Ok(bytes))) => Ok(Next::Bytes(bytes)),
                Ok(Some(Err(error))) => Err(MirrorStopped::Stream(error)),
            },
            Self::File(file, once) => {
                let mut reading = file.take().ok_or(MirrorStopped::BrokeOff)?;
                let read = tokio::task::spawn_blocking(move || (reading.step(), reading));
                let (step, read) = read.await.map_err(|_| MirrorStopped::BrokeOff)?;
                *file = Some(read);
                Ok(match step? {
                    Step::Bytes(bytes) => Next::Bytes(bytes),
                    Step::Replaced => Next::Replaced,
                    Step::Idle if *once => Next::End,
                    Step::Idle => Next::Idle,
                })
            }
        }
    }

    /// Whether it can be read from its beginning again.
    fn rewind(&mut self) -> bool {
        match self {
            Self::File(Some(file), _) => {
                file.rewind();
                true
            }
            _ => false,
        }
    }
}

/// A mirror at work.
struct Driving<'t> {
    following: Following,
    source: Source,
    tell: &'t mut (dyn FnMut(MirrorNews) + Send),
    written: u64,
    already: u64,
    idle_looks: u32,
}

impl Session {
    /// Mirrors a source of Codex's into this session until it ends, or until `stop`. What is written is told once it is durable.
    ///
    /// # Errors
    /// See [`MirrorStopped`].
    ///
    /// # Cancel safety
    /// Use `stop`. A dropped future leaves what was written; said again, it goes on from there.
    pub async fn mirror_codex(
        &self,
        scope: &mut LockScope,
        source: MirrorSource,
        how: MirrorHow,
        stop: &CancellationToken,
        tell: &mut (dyn FnMut(MirrorNews) + Send),
    ) -> Result<MirrorReport, MirrorStopped> {
        let source = Source::open(&self.parts().system, source).await?;
        let mut driving = Driving {
            following: self.follow_codex(how).await?,
            source,
            tell,
            written: 0,
            already: 0,
            idle_looks: 0,
        };
        let stopped = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            ended = driving.run(scope) => {
                ended?;
                false
            }
        };
        if stopped {
            driving.stop(scope).await?;
        }
        Ok(driving.report(stopped))
    }
}

impl Driving<'_> {
    async fn run(&mut self, scope: &mut LockScope) -> Result<(), MirrorStopped> {
        loop {
            let (next, is_end) = match self.source.next().await? {
                Next::End => (self.following.end(scope).await, true),
                next => (self.take(scope, next).await, false),
            };
            match next {
                Ok(done) => self.did(done),
                Err(MirrorError::Again) if self.source.rewind() => {
                    self.following.again().await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            if is_end {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, scope: &mut LockScope, next: Next) -> Result<Mirrored, MirrorError> {
        match next {
            Next::Bytes(bytes) => {
                self.idle_looks = 0;
                self.following.feed(scope, &bytes).await
            }
            Next::Replaced => {
                let done = self.following.end(scope).await?;
                self.following.again().await?;
                (self.tell)(MirrorNews::Replaced);
                Ok(done)
            }
            Next::Idle | Next::End => {
                let done = self.following.idle(scope).await?;
                self.idle_looks = self.idle_looks.saturating_add(1);
                if self.idle_looks == QUIET_LOOKS {
                    let mut rested = self.following.rest(scope).await?;
                    rested.add(done);
                    return Ok(rested);
                }
                if matches!(self.source, Source::File(..)) {
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(done)
            }
        }
    }

    fn did(&mut self, done: Mirrored) {
        self.written += done.written.len() as u64;
        self.already += done.already;
        if !done.written.is_empty() {
            (self.tell)(MirrorNews::Wrote(done.written));
        }
    }

    /// What is whole is written, unless that would be waiting.
    async fn stop(&mut self, scope: &mut LockScope) -> Result<(), MirrorStopped> {
        self.following.waits_for_nobody();
        match self.following.rest(scope).await {
            Ok(done) => self.did(done),
            Err(MirrorError::Claimed { .. } | MirrorError::Again) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn report(&mut self, stopped: bool) -> MirrorReport {
        MirrorReport {
            waiting: self.following.waiting(),
            thread: self.following.thread().map(str::to_owned),
            written: self.written,
            already: self.already,
            lines: self.following.lines(),
            source: self.following.report().clone(),
            stopped,
        }
    }
}
