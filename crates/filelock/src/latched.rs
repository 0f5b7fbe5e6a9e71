//! What is held once a latch is granted, and how the right to write ends.
//!
//! Two things end apart from each other. The *right to start writes* ends when [`Latched`] is dropped or
//! revoked. The *locks* are given back when, besides, the last write that was started has ended, that
//! is, when the last [`WritePermit`] is dropped. So no write of ours ever goes on without its locks.
//!
//! Invariants: locks are given back in the order peers' file, transcript, latch, place in the queue;
//! giving back is a few system calls and never waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use latchwork_lock::{Phase, Ticket};
use latchwork_sys::DiskFile;

use crate::Revoked;
use crate::fair;
use crate::grants;
use crate::joined::Joined;
use crate::latches::Shared;
use crate::locked::Locked;
use crate::meter;
use crate::peer::PeerFile;
use crate::place::{Key, Place};
use crate::watchdog::{WATCHDOG, Watch};

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

/// What is held. Fields are dropped in this order, where they are not given back one by one.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) peer: Option<PeerFile>,
    pub(crate) transcript: Option<Locked>,
    pub(crate) latch: Locked,
    /// Of a latch that is another process's, joined by this one: the turn among those who joined it.
    pub(crate) joined: Option<Joined>,
    pub(crate) ticket: Ticket<Key>,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Arc<Place>,
    phase: Phase,
    taken: Instant,
    /// Lasts as long as the hold.
    span: tracing::Span,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    revoked: Option<String>,
    permits: usize,
    pub(crate) parts: Option<Parts>,
    watch: Option<Watch>,
}

impl Latched {
    pub(crate) fn new(shared: Arc<Shared>, place: Arc<Place>, phase: Phase, parts: Parts) -> Self {
        let taken = Instant::now();
        let end = taken.checked_add(shared.options.max_hold());
        let state = State {
            revoked: None,
            permits: 0,
            parts: Some(parts),
            watch: None,
        };
        let span = meter::hold_span(&place.session, &phase);
        let core = Arc::new(Core {
            shared,
            place,
            phase,
            taken,
            span,
            state: Mutex::new(state),
        });
        if let Some(end) = end {
            let watch = WATCHDOG.watch(end, Arc::downgrade(&core));
            core.state().watch = Some(watch);
        }
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
        let watch = self.state().watch.take();
        if let Some(watch) = watch {
            WATCHDOG.forget(watch);
        }
    }

    /// The first reason given stays.
    pub(crate) fn revoke(&self, reason: &str) {
        let mut state = self.state();
        if state.revoked.is_none() {
            if reason != GIVEN_BACK {
                meter::revoked(&self.phase);
            }
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
        let (parts, watch) = (state.parts.take(), state.watch.take());
        drop(state);
        if let Some(watch) = watch {
            WATCHDOG.forget(watch);
        }
        self.shared.system.steps.reach("latch:releasing");
        if let Some(parts) = parts {
            self.give_back(parts);
        }
        self.shared.ending.has_ended(&self.place.key);
        meter::held(&self.phase, self.taken.elapsed());
    }

    /// Gives everything back, in the order peers' file, transcript, latch, place in the queue.
    fn give_back(&self, mut parts: Parts) {
        drop(parts.peer);
        self.shared.system.steps.reach("latch:peer-removed");
        drop(parts.transcript);
        let latch = parts.latch.open_file();
        if grants::is_over(latch, self.taken.elapsed(), &self.shared.system) {
            fair::look_again(latch);
        }
        if let Some(mut latch) = parts.latch.unlock() {
            fair::is_given_back(&mut latch);
            self.shared.lately.put_latch(&self.place, latch);
        }
        drop(parts.joined);
        drop(parts.ticket);
    }

    /// The watchdog's word.
    pub(crate) fn held_too_long(&self) {
        let session = &self.place.session;
        tracing::warn!(parent: &self.span, session, phase = %self.phase, "a latch was held for too long; it may start no more writes");
        self.revoke(&held_too_long(self.shared.options.max_hold()));
    }
}

fn held_too_long(max_hold: Duration) -> String {
    format!(
        "it was held for more than {} ms (max_hold_ms)",
        max_hold.as_millis()
    )
}
