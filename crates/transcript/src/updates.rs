//! What this process wrote, told to whoever listens.
//!
//! Each listener has a queue and a thread of its own. Invariants: a writer hands an update over and never waits, whatever a
//! listener does; what does not fit the queue is counted and told ([`TranscriptUpdate::missed`]), never silently gone; the
//! updates of one session come in the order of its file; a listener that panics is told of the next one. Nothing is told of a
//! commit that wrote nothing.
//!
//! Deliberately absent: what other processes write (read the transcript on from a place for that), and any promise across
//! the end of the process: an update is news, the transcript is the truth.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use latchwork_format::{EntryId, SessionId};
use latchwork_session::{Outcome, Placed, Receipt};

use crate::commit::Work;

/// How many updates wait for a listener. Beyond that it is told how many it missed.
pub const UPDATES_WAITING_MAX: usize = 1_024;

/// What a commit was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateKind {
    /// Entries were appended.
    Appended,
    /// The head was moved on purpose.
    HeadMoved,
    /// Entries were replaced.
    Rewritten,
    /// Dead branches were dropped; no entry is named.
    Swept,
    /// The transcript was made, with what was said in another one.
    Forked,
    /// The transcript was written anew from what could be read of it.
    Repaired,
}

/// One commit of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptUpdate {
    /// Counts the updates of this process, over all sessions.
    pub number: u64,
    /// The session.
    pub session: SessionId,
    /// Its transcript.
    pub path: PathBuf,
    /// The key that the session is called by, where this process knows one.
    pub session_key: Option<String>,
    /// What was done.
    pub kind: UpdateKind,
    /// The entries that were written, in order; none where a whole file was.
    pub entries: Vec<EntryId>,
    /// How many updates before this one this listener did not get, because its queue was full.
    pub missed: u64,
}

/// Where updates go, and who listens. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Updates(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    number: u64,
    next_listener: u64,
    listeners: Vec<Line>,
    keys: HashMap<PathBuf, String>,
}

#[derive(Debug)]
struct Line {
    id: u64,
    to: SyncSender<TranscriptUpdate>,
    missed: u64,
}

/// A listener is told for as long as this lives.
#[derive(Debug)]
#[must_use = "dropped, nobody listens any more"]
pub struct Listening {
    to: Weak<Mutex<State>>,
    id: u64,
    over: Arc<AtomicBool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(state) = self.to.upgrade() {
            locked(&state).listeners.retain(|line| line.id != self.id);
        }
    }
}

impl Updates {
    /// Has a listener told of every commit from now on, on a thread of its own. It may be slow, panic, add and remove
    /// listeners, and write to sessions itself.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn listen(
        &self,
        mut listener: impl FnMut(&TranscriptUpdate) + Send + 'static,
    ) -> io::Result<Listening> {
        let (to, from) = sync_channel(UPDATES_WAITING_MAX);
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        std::thread::Builder::new()
            .name("transcript-updates".to_owned())
            .spawn(move || tell(&from, &ended, &mut listener))?;
        let mut state = locked(&self.0);
        state.next_listener += 1;
        let id = state.next_listener;
        state.listeners.push(Line { id, to, missed: 0 });
        drop(state);
        Ok(Listening {
            to: Arc::downgrade(&self.0),
            id,
            over,
        })
    }

    /// The key that a session is called by, for updates on its transcript.
    pub fn is_called(&self, path: &Path, key: &str) {
        locked(&self.0).keys.insert(path.to_owned(), key.to_owned());
    }

    pub(crate) fn wrote(
        &self,
        session: &SessionId,
        path: &Path,
        kind: UpdateKind,
        entries: Vec<EntryId>,
    ) {
        let mut state = locked(&self.0);
        state.number += 1;
        if state.listeners.is_empty() {
            return;
        }
        let update = TranscriptUpdate {
            number: state.number,
            session: session.clone(),
            session_key: state.keys.get(path).cloned(),
            path: path.to_owned(),
            kind,
            entries,
            missed: 0,
        };
        state.listeners.retain_mut(|line| line.take(&update));
    }
}

impl Line {
    /// `false`: nobody is there any more.
    fn take(&mut self, update: &TranscriptUpdate) -> bool {
        let missed = self.missed;
        let sent = self.to.try_send(TranscriptUpdate {
            missed,
            ..update.clone()
        });
        match sent {
            Ok(()) => self.missed = 0,
            Err(TrySendError::Full(_)) => self.missed += 1,
            Err(TrySendError::Disconnected(_)) => return false,
        }
        true
    }
}

/// The thread of one listener.
fn tell(
    from: &Receiver<TranscriptUpdate>,
    over: &AtomicBool,
    listener: &mut dyn FnMut(&TranscriptUpdate),
) {
    while let Ok(update) = from.recv() {
        if over.load(Ordering::SeqCst) {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| listener(&update))).is_err() {
            tracing::warn!(session = %update.session, number = update.number, "a listener to transcript updates panicked");
        }
    }
}

impl Work {
    /// Tells whoever listens of a commit, while the locks are still held: so updates come in the order of the file.
    pub(crate) fn tell(&self, kind: UpdateKind, receipt: &Receipt) {
        let entries = written(receipt);
        if !entries.is_empty() || kind == UpdateKind::HeadMoved {
            self.tell_of(kind, entries);
        }
    }

    pub(crate) fn tell_of(&self, kind: UpdateKind, entries: Vec<EntryId>) {
        let path = &self.session.place.transcript;
        self.updates.wrote(&self.session.id, path, kind, entries);
    }
}

/// What a receipt says was written: nothing for what stood there already.
fn written(receipt: &Receipt) -> Vec<EntryId> {
    let new = |placed: &&Placed| !placed.duplicate;
    let again: &[Placed] = match &receipt.outcome {
        Outcome::Diverged { again, .. } => again,
        _ => &[],
    };
    let all = receipt.placed.iter().filter(new).chain(again);
    all.map(|placed| placed.id.clone()).collect()
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn wrote(updates: &Updates, id: &str) {
        let session = SessionId::new("s").unwrap();
        let entries = vec![EntryId::new(id)];
        updates.wrote(
            &session,
            Path::new("/s.jsonl"),
            UpdateKind::Appended,
            entries,
        );
    }

    fn into(to: Sender<(String, u64)>) -> impl FnMut(&TranscriptUpdate) + Send + 'static {
        move |update| {
            let _gone = to.send((update.entries[0].as_str().to_owned(), update.missed));
        }
    }

    #[test]
    fn who_listens_is_told_in_order_until_that_ends_and_by_the_name_of_the_session() {
        let updates = Updates::default();
        let (to, from) = channel();
        let listening = updates
            .listen(move |update| to.send(update.clone()).unwrap_or_default())
            .unwrap();
        wrote(&updates, "a");
        updates.is_called(Path::new("/s.jsonl"), "main");
        wrote(&updates, "b");
        let told: Vec<_> = from.iter().take(2).collect();
        assert_eq!(told[0].session_key, None);
        assert_eq!(told[1].session_key.as_deref(), Some("main"));
        assert_eq!((told[0].number, told[1].number), (1, 2));
        assert_eq!(told[1].entries, [EntryId::new("b")]);
        drop(listening);
        wrote(&updates, "c");
        assert_eq!(from.iter().count(), 0, "its thread has ended, untold");
    }

    #[test]
    fn a_listener_that_panics_is_told_of_the_next_update_and_nobody_else_notices() {
        let updates = Updates::default();
        let ((to_one, one), (to_other, other)) = (channel(), channel());
        let mut note = into(to_one);
        let first = updates.listen(move |update| {
            note(update);
            assert!(update.number != 1, "as it goes");
        });
        let second = updates.listen(into(to_other));
        wrote(&updates, "a");
        wrote(&updates, "b");
        let both = [("a".to_owned(), 0), ("b".to_owned(), 0)];
        assert_eq!(one.iter().take(2).collect::<Vec<_>>(), both);
        assert_eq!(other.iter().take(2).collect::<Vec<_>>(), both);
        drop((first, second));
    }

    #[test]
    fn a_listener_that_hangs_holds_no_writer_up_and_is_told_what_it_missed() {
        let updates = Updates::default();
        let ((to, told), (open, gate), (to_begun, begun)) = (channel(), channel::<()>(), channel());
        let mut note = into(to);
        let listening = updates.listen(move |update| {
            let _whoever = to_begun.send(());
            let _gone = gate.recv();
            note(update);
        });
        wrote(&updates, "first");
        // It hangs in the first one from here on, and its queue is empty.
        begun.recv().unwrap();
        for number in 0..UPDATES_WAITING_MAX + 7 {
            wrote(&updates, &number.to_string());
        }
        drop(open);
        assert_eq!(
            told.iter().take(1 + UPDATES_WAITING_MAX).count(),
            1 + UPDATES_WAITING_MAX
        );
        wrote(&updates, "last");
        assert_eq!(told.recv().unwrap(), ("last".to_owned(), 7));
        drop(listening);
    }
}
