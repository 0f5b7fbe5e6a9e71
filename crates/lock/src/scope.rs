//! The scope of a task and the proof that nothing is held.
//!
//! Invariant: while a [`PhaseGuard`](crate::PhaseGuard) or an [`Unlocked`] of a scope lives, the scope
//! is mutably borrowed; so at most one of them exists. Deliberately absent: any way to turn a shared
//! reference into a guard or a proof, and any global state.

use std::marker::PhantomData;

/// What one task may hold: at most one guard at a time. Neither `Clone` nor `Copy`.
#[derive(Debug)]
pub struct LockScope {
    held: u32,
}

/// Proof that nothing is held, for as long as it lives.
///
/// Whatever waits for a model, a tool, a plugin or a person takes it by value and keeps it in its future
/// and in any stream that it returns. It is `Copy`, so that several waits may be joined.
#[derive(Clone, Copy, Debug)]
pub struct Unlocked<'s>(PhantomData<&'s mut LockScope>);

impl LockScope {
    /// Opens the scope of a task. Only the entry point of a task should call it; everything below takes
    /// `&mut LockScope`. This workspace bans it by lint elsewhere.
    #[must_use = "a scope is what guards are taken in"]
    pub const fn open() -> Self {
        Self { held: 0 }
    }

    /// The proof that nothing is held.
    ///
    /// # Panics
    /// When a guard of this scope was leaked by [`std::mem::forget`]: it still holds its session, and
    /// waiting for a model would be waiting under a lock.
    pub fn unlocked(&mut self) -> Unlocked<'_> {
        assert_eq!(
            self.held, 0,
            "a phase guard was forgotten, not dropped: its session is still locked"
        );
        Unlocked(PhantomData)
    }

    pub(crate) const fn enter(&mut self) {
        self.held += 1;
    }

    pub(crate) const fn leave(&mut self) {
        self.held = self.held.saturating_sub(1);
    }
}

impl Unlocked<'_> {
    /// The proof inside a task that was started without anything to hold (see [`crate::Errand`]).
    pub(crate) const fn in_a_task_of_its_own() -> Self {
        Self(PhantomData)
    }
}

#[cfg(test)]
mod tests {
    use super::LockScope;
    use crate::{Phase, PhaseGuard, guard::tests::Nothing};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    fn a_scope_is_free_again_after_its_guard_is_dropped() {
        let mut scope = LockScope::open();
        for _ in 0..3 {
            let guard = PhaseGuard::grant(&mut scope, None, Phase::RECORD, Box::new(Nothing));
            drop(guard);
            let _proof = scope.unlocked();
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    fn a_forgotten_guard_is_noticed_before_the_next_wait() {
        let mut scope = LockScope::open();
        std::mem::forget(PhaseGuard::grant(
            &mut scope,
            None,
            Phase::RECORD,
            Box::new(Nothing),
        ));
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = scope.unlocked();
        }));
        assert!(seen.is_err());
    }
}
