//! Watching the turn that is under way: what it adds to the session, as a reader.
//!
//! Nothing is locked and nobody is asked, so the turn does not know of it and a watcher is never held up. It looks a few
//! times a second: a claim's `flock` must not be waited for by who does not want the turn. Deliberately absent: the words
//! of a model as they come; they are not in the session before its reply is recorded.

use std::time::Duration;

use latchwork_format::RawEntry;
use latchwork_lock::Holder;
use latchwork_session::{Position, SessionLocks, TranscriptStore, View};

use crate::{Session, WriteError};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How many entries one look takes.
const ENTRIES: usize = 1_000;

/// The turn that was under way, followed to its end.
#[derive(Debug)]
pub struct Watching {
    session: Session,
    turn: Option<Holder>,
    from: Position,
}

impl Session {
    /// Begins to watch the turn that is under way, from the present end of the session on. Without one the watch is over
    /// at once.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds only those of reading.
    pub async fn watch(&self) -> Result<Watching, WriteError> {
        // First the place, so that nothing which the turn adds from here on is missed.
        let snapshot = self.store().open(self.id(), View::Last(1)).await?;
        let from = Position(snapshot.transcript.saved_through());
        let turn = self.store().held(self.id()).await?.claim;
        Ok(Watching {
            session: self.clone(),
            turn,
            from,
        })
    }
}

impl Watching {
    /// Whose turn is watched; `None` if none was under way.
    #[must_use]
    pub const fn turn(&self) -> Option<&Holder> {
        self.turn.as_ref()
    }

    /// Waits for more: entries that were added, by the turn or beside it, in order. `None` when the turn has ended and
    /// everything was told.
    ///
    /// # Errors
    /// See [`WriteError`]: of its kinds only those of reading.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was not told is told by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<RawEntry>>, WriteError> {
        loop {
            // Looked at before the entries: what a turn wrote before its end is there then.
            let goes_on = self.goes_on().await?;
            let page = self
                .session
                .store()
                .read(self.session.id(), self.from, ENTRIES)
                .await?;
            self.from = page.next;
            if !page.entries.is_empty() {
                return Ok(Some(
                    page.entries.into_iter().map(|(_, entry)| entry).collect(),
                ));
            }
            if !goes_on {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn goes_on(&self) -> Result<bool, WriteError> {
        let Some(turn) = &self.turn else {
            return Ok(false);
        };
        let held = self.session.store().held(self.session.id()).await?;
        // Its state and its command may differ from look to look.
        let is_same =
            |now: &Holder| (now.pid, &now.host, &now.since) == (turn.pid, &turn.host, &turn.since);
        Ok(held.claim.as_ref().is_some_and(is_same))
    }
}
