//! One session of a store, and the guard that a store hands out for it.
//!
//! Invariant: a session is found by what its guard holds, so a guard of one session cannot write another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use latchwork_filelock::Latched;
use latchwork_lock::{Held, ReleaseError};
use latchwork_session::SessionId;
use latchwork_sys::System;

use crate::head_file::HeadFile;
use crate::layout::Place;
use crate::names::Names;
use crate::state::Known;
use crate::sync::SyncGroup;
use crate::threads::Threads;

/// A session, as this process knows it.
#[derive(Debug)]
pub(crate) struct Session {
    pub id: SessionId,
    pub place: Arc<Place>,
    pub system: System,
    pub sync: Arc<SyncGroup>,
    /// The folders whose names are durable.
    pub names: Arc<Names>,
    /// Where its work runs.
    pub threads: Threads,
    known: Mutex<Known>,
    /// What is known, as it was some time ago: for a reader who meets a writer.
    shown: Mutex<Known>,
    /// Random numbers for ids, drawn some at a time. An id that they make is looked up like any other.
    random: Mutex<Vec<u32>>,
}

/// How many random numbers are drawn at a time.
const DRAWN: usize = 64;

/// As many entries more make it worth to show what is known again, and an eighth more of them: what is shared is copied where it grows.
const SHOWN_ANEW: usize = 256;
const SHOWN_GROWN_BY: usize = 8;

impl Session {
    pub(crate) fn new(
        id: SessionId,
        place: Place,
        system: System,
        names: Arc<Names>,
        threads: Threads,
    ) -> Self {
        let place = Arc::new(place);
        Self {
            sync: Arc::new(SyncGroup::new(
                id.clone(),
                place.clone(),
                system.clone(),
                names.clone(),
                threads,
            )),
            names,
            threads,
            place,
            system,
            known: Mutex::default(),
            shown: Mutex::default(),
            random: Mutex::default(),
            id,
        }
    }

    /// A random number.
    pub(crate) fn random(&self) -> u32 {
        let mut drawn = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            let mut bytes = [0; DRAWN * 4];
            self.system.entropy.fill(&mut bytes);
            drawn.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| u32::from_be_bytes(*bytes)),
            );
        }
        drawn.pop().unwrap_or_default()
    }

    /// What is known of the transcript, for a writer. A panic in the middle of reading leaves something that fits no file,
    /// so it is read anew.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(|poisoned| {
            self.known.clear_poison();
            let mut known = PoisonError::into_inner(poisoned);
            known.forget();
            known
        })
    }

    /// What is known of the transcript, for a reader; `None` while a writer of this process works on it. A reader waits
    /// for nobody: it reads on from what was [shown](Self::shown) then.
    pub(crate) fn known_unless_busy(&self) -> Option<MutexGuard<'_, Known>> {
        match self.known.try_lock() {
            Ok(known) => Some(known),
            Err(TryLockError::Poisoned(_)) => Some(self.known()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Saves the head before the guard is given back, if that was put off.
    fn settle(&self, head: &Mutex<Option<HeadFile>>) {
        let mut head = head.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = head
            .as_mut()
            .map(|head| head.settle(&self.system, &self.place));
        if let Some(Err(error)) = settled {
            tracing::debug!(session = %self.id, %error, "the head was not saved");
        }
    }

    /// Shows what is known to readers who meet a writer. Not each time, see [`SHOWN_ANEW`].
    pub(crate) fn show(&self, known: &Known) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, now) = (shown.outline.len(), known.outline.len());
        if shown.inode != known.inode
            || now < then
            || now >= then + SHOWN_ANEW.max(then / SHOWN_GROWN_BY)
        {
            *shown = known.clone();
        }
    }

    /// Nothing is shown any more: what the kernel had cannot be believed.
    pub(crate) fn show_nothing(&self) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }

    /// What was shown last. It may be of another file by now.
    pub(crate) fn shown(&self) -> Known {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What a guard of a store of files holds.
#[derive(Debug)]
pub(crate) struct FileHeld {
    pub session: Arc<Session>,
    /// The store that it is a guard of.
    pub store: usize,
    pub latched: Latched,
    /// The saved head, once a write has asked for it.
    pub head: Arc<Mutex<Option<HeadFile>>>,
}

#[async_trait::async_trait]
impl Held for FileHeld {
    fn session(&self) -> &str {
        self.session.id.as_str()
    }

    fn revoke(&mut self, why: &str) {
        self.latched.revoke(why);
    }

    async fn release(self: Box<Self>) -> Result<(), ReleaseError> {
        let put_off = {
            let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
            head.as_ref().is_some_and(HeadFile::is_put_off)
        };
        if put_off {
            let (session, head) = (self.session.clone(), self.head.clone());
            let settled = self.session.threads.run(move || session.settle(&head));
            // Where it is not saved, it is found by folding.
            drop(settled.await);
        }
        self.latched.release().await;
        Ok(())
    }
}
