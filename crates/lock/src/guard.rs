//! The guard of one phase, and what a backend must do to hand one out.
//!
//! Invariants: a guard names its session, its phase and its age; dropping it, cancelling its future or
//! revoking it gives up the right to *start* writes, and the backend frees the session when the last
//! write that was started has ended. Deliberately absent: extending a guard, sharing it, re-entering it.
//! Re-entrancy is borrowing: what writes takes `&mut PhaseGuard<'_>`.

use std::any::Any;
use std::error::Error;
use std::time::{Duration, Instant};

use crate::{Fence, LockScope, Phase, TurnClaim};

/// What a backend holds while a guard lives: an operating-system lock, a database transaction.
///
/// Dropping it without [`release`](Self::release) must free the session too, without blocking for
/// longer than a few system calls: a database backend hands its connection to a task that rolls back.
#[async_trait::async_trait]
pub trait Held: Any + Send + Sync {
    /// The session that is held.
    fn session(&self) -> &str;

    /// Gives up the right to start writes, at once. Writes already started end whole.
    fn revoke(&mut self, why: &str);

    /// Frees the session and waits until that is done.
    ///
    /// # Errors
    /// When the backend cannot say that the session is free. It must be free all the same once the
    /// value is gone, or the error must say how to free it.
    ///
    /// # Cancel safety
    /// Dropping the future frees the session like dropping the value does.
    async fn release(self: Box<Self>) -> Result<(), ReleaseError>;
}

/// A guard could not be given back in order. The session is free or will be when the cause is gone.
#[derive(Debug, thiserror::Error)]
#[error("the guard of session {session:?} could not be given back in order")]
pub struct ReleaseError {
    /// The session.
    pub session: String,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// The right to write one session, for one phase of work: milliseconds.
///
/// It may cross the awaits of storage and nothing else. Give it back by [`release`](Self::release);
/// dropping it is the fallback on every exit path.
#[must_use = "a guard that is dropped at once protects nothing"]
#[clippy::has_significant_drop]
pub struct PhaseGuard<'s> {
    scope: &'s mut LockScope,
    claim: Option<&'s TurnClaim>,
    held: Option<Box<dyn Held>>,
    phase: Phase,
    taken: Instant,
}

impl<'s> PhaseGuard<'s> {
    /// Makes a guard of what a backend holds. **For backends**: everybody else asks one for a guard. A
    /// store accepts only guards whose `held` is of its own making (see [`Self::held_mut`]).
    ///
    /// With a `claim`, every write through this guard is a turn's own write: the backend checks the
    /// claim's [`Fence`] just before it. The claim is borrowed, so it cannot be dropped under its guard.
    pub fn grant(
        scope: &'s mut LockScope,
        claim: Option<&'s TurnClaim>,
        phase: Phase,
        held: Box<dyn Held>,
    ) -> Self {
        scope.enter();
        Self {
            scope,
            claim,
            held: Some(held),
            phase,
            taken: Instant::now(),
        }
    }

    /// The session that may be written.
    #[must_use]
    pub fn session(&self) -> &str {
        self.held.as_deref().map_or("", Held::session)
    }

    /// The phase that it was taken for.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// How long it has been held, on the monotonic clock.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.taken.elapsed()
    }

    /// The claim whose writes go through this guard; `None` for a side writer.
    #[must_use]
    pub const fn claim(&self) -> Option<&'s TurnClaim> {
        self.claim
    }

    /// The fencing pair that each write through this guard must still match.
    #[must_use]
    pub fn fence(&self) -> Option<&'s Fence> {
        self.claim.map(TurnClaim::fence)
    }

    /// What the backend holds, if it is a `T`: the way a store knows its own guards.
    pub fn held_mut<T: Held>(&mut self) -> Option<&mut T> {
        let held: &mut dyn Any = self.held.as_deref_mut()?;
        held.downcast_mut()
    }

    /// Gives up the right to start writes, keeping the guard for what it can still tell.
    pub fn revoke(&mut self, why: &str) {
        if let Some(held) = self.held.as_deref_mut() {
            held.revoke(why);
        }
    }

    /// Frees the session and waits until that is done.
    ///
    /// # Errors
    /// See [`Held::release`]; the guard is gone in any case.
    ///
    /// # Cancel safety
    /// Dropping the future frees the session like dropping the guard does.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "giving back is storage's own wait"
    )]
    pub async fn release(mut self) -> Result<(), ReleaseError> {
        match self.held.take() {
            Some(held) => held.release().await,
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for PhaseGuard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhaseGuard")
            .field("session", &self.session())
            .field("phase", &self.phase)
            .field("age", &self.age())
            .finish_non_exhaustive()
    }
}

impl Drop for PhaseGuard<'_> {
    fn drop(&mut self) {
        self.scope.leave();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Held, PhaseGuard, ReleaseError};
    use crate::{LockScope, Phase};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(crate) struct Nothing;
    #[async_trait::async_trait]
    impl Held for Nothing {
        fn session(&self) -> &str {
            "nothing"
        }
        fn revoke(&mut self, _why: &str) {}
        async fn release(self: Box<Self>) -> Result<(), ReleaseError> {
            Ok(())
        }
    }

    struct Flagged(Arc<AtomicBool>);
    impl Drop for Flagged {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    #[async_trait::async_trait]
    impl Held for Flagged {
        fn session(&self) -> &str {
            "flagged"
        }
        fn revoke(&mut self, _why: &str) {}
        async fn release(self: Box<Self>) -> Result<(), ReleaseError> {
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    fn dropping_a_guard_or_its_release_future_frees_what_the_backend_holds() {
        let mut scope = LockScope::open();
        let freed = Arc::new(AtomicBool::new(false));
        drop(PhaseGuard::grant(
            &mut scope,
            None,
            Phase::RECORD,
            Box::new(Flagged(freed.clone())),
        ));
        assert!(freed.swap(false, Ordering::SeqCst));

        let guard = PhaseGuard::grant(
            &mut scope,
            None,
            Phase::RECORD,
            Box::new(Flagged(freed.clone())),
        );
        let mut release = Box::pin(guard.release());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(release.as_mut().poll(&mut context).is_pending());
        drop(release);
        assert!(freed.load(Ordering::SeqCst));
        let _proof = scope.unlocked();
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    fn a_backend_recognises_only_its_own_guards() {
        let mut scope = LockScope::open();
        let mut guard = PhaseGuard::grant(&mut scope, None, Phase::SIDE, Box::new(Nothing));
        assert!(guard.held_mut::<Nothing>().is_some());
        assert!(guard.held_mut::<Flagged>().is_none());
    }
}
