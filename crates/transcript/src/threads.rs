//! Where the blocking work of a store runs: on a thread of tokio's pool, or on the thread that asks.
//!
//! A pool keeps the caller's runtime free while the disk is slow, and each hand-over costs more than the work does when the disk is
//! not. Invariant: on either, work that has begun runs to its end though nobody waits for it any more.

use tokio::task::JoinError;

/// Where work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Threads {
    /// On a thread of tokio's pool for blocking work.
    #[default]
    Pool,
    /// On the thread that asks, which does nothing else meanwhile.
    Here,
}

impl Threads {
    /// Runs the work and answers what it answered.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if it panicked on a thread of the pool, or the runtime is being shut down. A panic here goes on to the caller.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Self::Pool => tokio::task::spawn_blocking(work).await,
            Self::Here => Ok(work()),
        }
    }
}
