//! What is held once a latch is granted, and how the right to write ends.
//!
//! Two things end apart from each other. The *right to start writes* ends when [`Latched`] is dropped or
//! revoked. The *locks* are given back when, besides, the last write that was started has ended, that
//! is, when the last [`WritePermit`] is dropped. So no write of ours ever goes on without its locks.
//!
//! Invariants: locks are given back in the order peers' file, transcript, latch, place in the queue;
//! giving back is a few system calls and never waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use latchwork_lock::{Phase, Ticket};
use latchwork_sys::DiskFile;

use crate::Revoked;
use crate::joined::Joined;
use crate::latch_file::Locked;
use crate::latches::Shared;
use crate::peer::PeerFile;
use crate::place::{Key, Place};

/// The latch of one session. Dropping it gives up the right to start writes.
#[derive(Debug)]
#[must_use = "a latch that is dropped at once keeps nobody out"]
pub struct Latched {
    pub(crate) core: Arc<Core>,
}

/// A write that was started. The locks stay until it is dropped, whatever becomes of the [`Latched`].
///
/// It may be moved to another thread or task, and should be dropped as soon as the write has ended.
#[derive(Debug)]
#[must_use = "the locks are kept for as long as the permit lives"]
pub struct WritePermit {
    pub(crate) core: Arc<Core>,
}

/// What is held. Fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) peer: Option<PeerFile>,
    pub(crate) transcript: Option<Locked>,
    pub(crate) latch: Locked,
    /// Of a latch that is another process's, joined by this one: the turn among those who joined it.
    pub(crate) joined: Option<Joined>,
    pub(crate) _ticket: Ticket<Key>,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Place,
    phase: Phase,
    taken: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    revoked: Option<String>,
    permits: usize,
    pub(crate) parts: Option<Parts>,
    watchdog: Option<tokio::task::AbortHandle>,
}

impl Latched {
    pub(crate) fn new(shared: Arc<Shared>, place: Place, phase: Phase, parts: Parts) -> Self {
        let max_hold = shared.options.max_hold();
        let state = State {
            revoked: None,
            permits: 0,
            parts: Some(parts),
            watchdog: None,
        };
        let core = Arc::new(Core {
            shared,
            place,
            phase,
            taken: Instant::now(),
            state: Mutex::new(state),
        });
        let watched = Arc::downgrade(&core);
        let watchdog = tokio::spawn(watch(watched, max_hold)).abort_handle();
        core.state().watchdog = Some(watchdog);
        Self { core }
    }

    /// The session whose latch it is.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.core.place.session
    }

    /// The phase that it was taken for.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.core.phase
    }

    /// How long it has been held, on the monotonic clock.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.core.taken.elapsed()
    }

    /// The locked transcript, for reading; `None` if there is none yet or the latch was given back.
    #[must_use]
    pub fn transcript(&self) -> Option<Arc<dyn DiskFile>> {
        self.core.transcript()
    }

    /// Starts a write.
    ///
    /// # Errors
    ///
    /// [`Revoked`] if no write may be started any more.
    pub fn begin(&self) -> Result<WritePermit, Revoked> {
        if self.age() > self.core.shared.options.max_hold() {
            self.core
                .revoke(&held_too_long(self.core.shared.options.max_hold()));
        }
        let mut state = self.core.state();
        if let Some(reason) = &state.revoked {
            let session = self.core.place.session.clone();
            return Err(Revoked {
                session,
                reason: reason.clone(),
                held_for: self.core.taken.elapsed(),
            });
        }
        state.permits += 1;
        drop(state);
        Ok(WritePermit {
            core: Arc::clone(&self.core),
        })
    }

    /// Gives up the right to start writes; the locks are given back when the last started one has ended.
    pub fn revoke(&self, reason: &str) {
        self.core.revoke(reason);
    }

    /// Gives the latch back and waits until the last write that was started has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the latch back as dropping the latch does.
    pub async fn release(self) {
        self.core.revoke(GIVEN_BACK);
        if let Some(end) = self.core.shared.ending.end_of(&self.core.place.key)
            && self.core.state().parts.is_some()
        {
            end.await;
        }
    }
}

const GIVEN_BACK: &str = "it was given back";

impl Drop for Latched {
    fn drop(&mut self) {
        self.core.revoke(GIVEN_BACK);
    }
}

impl WritePermit {
    /// The locked transcript, through which alone is written; `None` if there is none yet.
    #[must_use]
    pub fn transcript(&self) -> Option<Arc<dyn DiskFile>> {
        self.core.transcript()
    }
}

impl Drop for WritePermit {
    fn drop(&mut self) {
        let mut state = self.core.state();
        state.permits -= 1;
        self.core.settle(state);
    }
}

impl Core {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transcript(&self) -> Option<Arc<dyn DiskFile>> {
        let state = self.state();
        let parts = state.parts.as_ref()?;
        parts
            .transcript
            .as_ref()
            .map(|locked| Arc::clone(locked.file()))
    }

    /// From now on the latch is held for as long as somebody else says: see `command_lock`.
    pub(crate) fn outlives_max_hold(&self) {
        if let Some(watchdog) = self.state().watchdog.take() {
            watchdog.abort();
        }
    }

    /// The first reason given stays.
    pub(crate) fn revoke(&self, reason: &str) {
        let mut state = self.state();
        if state.revoked.is_none() {
            state.revoked = Some(reason.to_owned());
        }
        self.settle(state);
    }

    /// Gives the locks back if nobody may start a write and none is under way.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        if state.revoked.is_none() || state.parts.is_none() {
            return;
        }
        if state.permits > 0 {
            self.shared.ending.begins(&self.place.key);
            return;
        }
        let (parts, watchdog) = (state.parts.take(), state.watchdog.take());
        drop(state);
        if let Some(watchdog) = watchdog {
            watchdog.abort();
        }
        self.shared.system.steps.reach("latch:releasing");
        drop(parts);
        self.shared.ending.has_ended(&self.place.key);
    }
}

fn held_too_long(max_hold: Duration) -> String {
    format!(
        "it was held for more than {} ms (maxHoldMs)",
        max_hold.as_millis()
    )
}

/// Revokes a latch that is held for too long.
async fn watch(core: Weak<Core>, max_hold: Duration) {
    tokio::time::sleep(max_hold).await;
    if let Some(core) = core.upgrade() {
        let session = &core.place.session;
        tracing::warn!(session, phase = %core.phase, "a latch was held for too long; it may start no more writes");
        core.revoke(&held_too_long(max_hold));
    }
}
