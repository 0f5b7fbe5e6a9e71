//! The last entries of a session, and then whatever is added to it, as a reader.
//!
//! Nothing is locked and nobody is held up; it looks a few times a second. What comes is in the order of the file, on whatever branch it
//! is. Invariant: of one file nothing is told twice or left out. Where another file takes its place (a rewrite, a removal and a new
//! beginning), that is told, and what is added to the new one follows. Deliberately absent: an end; who follows says when.

use std::time::Duration;

use latchwork_format::RawEntry;
use latchwork_session::{Position, TranscriptStore, View};
use latchwork_sys::FileKey;

use crate::{Session, WriteError};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How many entries one look takes.
const ENTRIES: usize = 1_000;

/// A session that is followed.
#[derive(Debug)]
pub struct Tailing {
    session: Session,
    from: Position,
    /// Which file it was; `None` where there was none.
    file: Option<FileKey>,
}

/// What a follower is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Added {
    /// Entries that were added.
    Entries(Vec<RawEntry>),
    /// Another file stands in the transcript's place.
    Replaced,
    /// There is no transcript any more. One that comes is followed from its beginning.
    Gone,
}

impl Session {
    /// The last entries of the active branch (`None`: there is no transcript), and what follows them.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds only those of reading.
    pub async fn tail(&self, count: usize) -> Result<(Option<Vec<RawEntry>>, Tailing), WriteError> {
        let file = self.file();
        let snapshot = self
            .store()
            .open(self.id(), View::Last(count.max(1)))
            .await?;
        let following = Tailing {
            session: self.clone(),
            from: Position(snapshot.transcript.saved_through()),
            file,
        };
        if !snapshot.exists {
            return Ok((None, following));
        }
        let leaf = snapshot.head.leaf.as_ref();
        let branch = leaf.and_then(|leaf| snapshot.transcript.branch(leaf));
        let branch = branch.unwrap_or_default();
        let skipped = branch.len().saturating_sub(count);
        let last = branch.into_iter().skip(skipped).cloned().collect();
        Ok((Some(last), following))
    }

    fn file(&self) -> Option<FileKey> {
        let facts = self.parts().system.disk.facts(&self.place());
        facts.ok().map(|facts| facts.key())
    }
}

impl Tailing {
    /// Waits for more.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds only those of reading.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was not told is told by the next call.
    pub async fn next(&mut self) -> Result<Added, WriteError> {
        loop {
            let file = self.session.file();
            match (self.file, file) {
                (Some(_), None) => {
                    (self.file, self.from) = (None, Position(0));
                    return Ok(Added::Gone);
                }
                (Some(before), Some(now)) if before != now => {
                    let (_, anew) = self.session.tail(1).await?;
                    *self = anew;
                    return Ok(Added::Replaced);
                }
                (None, Some(now)) => self.file = Some(now),
                _ => {}
            }
            if self.file.is_some() {
                let store = self.session.store();
                let page = store.read(self.session.id(), self.from, ENTRIES).await?;
                self.from = page.next;
                if !page.entries.is_empty() {
                    let entries = page.entries.into_iter().map(|(_, entry)| entry);
                    return Ok(Added::Entries(entries.collect()));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
