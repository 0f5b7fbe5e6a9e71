//! Work that waits for others, in a task that can hold nothing.
//!
//! Parallel tools run while the turn records the outcomes of those that have ended, so their waits cannot
//! all borrow the turn's scope. An errand runs in a task of its own, which is given the proof and no scope;
//! and whoever waits *for* an errand must show the proof too. So nobody waits for a tool under a guard,
//! neither directly nor through a handle.
//!
//! Dropping an errand aborts its task at the task's next await.

use std::future::Future;
use std::pin::Pin;

use tokio::task::{AbortHandle, JoinError, JoinSet};

use crate::Unlocked;

/// The future of an errand: it keeps the proof that it was given.
pub type Errand<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An errand ended without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrandError {
    /// It was aborted.
    #[error("the work was aborted before it had an answer")]
    Aborted,
    /// It panicked.
    #[error("the work panicked: {message}")]
    Panicked {
        /// What the panic said, if it said anything.
        message: String,
    },
}

/// Errands under way. Dropping the set aborts them all.
#[derive(Debug, Default)]
pub struct Errands<K, T> {
    running: JoinSet<(K, T)>,
    keys: Vec<(tokio::task::Id, K, AbortHandle)>,
}

impl<K: Clone + Send + 'static, T: Send + 'static> Errands<K, T> {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            running: JoinSet::new(),
            keys: Vec::new(),
        }
    }

    /// Starts an errand in a task of its own, on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<F>(&mut self, key: K, work: F)
    where
        F: for<'a> FnOnce(Unlocked<'a>) -> Errand<'a, T> + Send + 'static,
    {
        let name = key.clone();
        let handle = self.running.spawn(async move {
            let answer = work(Unlocked::in_a_task_of_its_own()).await;
            (name, answer)
        });
        self.keys.push((handle.id(), key, handle));
    }

    /// Waits for the next errand to end; `None` when none is left.
    ///
    /// # Cancel safety
    /// No answer is lost when the future is dropped.
    pub async fn next(
        &mut self,
        _nothing_is_held: Unlocked<'_>,
    ) -> Option<(K, Result<T, ErrandError>)> {
        let ended = self.running.join_next_with_id().await?;
        Some(match ended {
            Ok((id, (key, answer))) => {
                self.keys.retain(|(known, ..)| *known != id);
                (key, Ok(answer))
            }
            Err(error) => {
                let place = self
                    .keys
                    .iter()
                    .position(|(known, ..)| *known == error.id())?;
                let (_, key, _) = self.keys.swap_remove(place);
                (key, Err(why(error)))
            }
        })
    }

    /// Asks every errand to stop at its next await. Their ends still arrive through [`Self::next`].
    pub fn abort_all(&mut self) {
        self.running.abort_all();
    }

    /// How many are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether none is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}

fn why(error: JoinError) -> ErrandError {
    match error.try_into_panic() {
        Ok(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned());
            ErrandError::Panicked { message }
        }
        Err(_) => ErrandError::Aborted,
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrandError, Errands};
    use crate::LockScope;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    async fn answers_arrive_in_the_order_in_which_the_work_ends() {
        let mut scope = LockScope::open();
        let mut errands = Errands::new();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        errands.start("slow", move |_free| {
            Box::pin(async move {
                let _ = wait.await;
                1
            })
        });
        errands.start("quick", |_free| Box::pin(async { 2 }));
        let (key, answer) = errands.next(scope.unlocked()).await.unwrap();
        assert_eq!((key, answer.unwrap()), ("quick", 2));
        go.send(()).unwrap();
        let (key, answer) = errands.next(scope.unlocked()).await.unwrap();
        assert_eq!((key, answer.unwrap()), ("slow", 1));
        assert!(errands.next(scope.unlocked()).await.is_none());
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
    async fn a_panic_or_an_abort_is_an_answer_with_the_name_of_the_work() {
        let mut scope = LockScope::open();
        let mut errands: Errands<&str, ()> = Errands::new();
        errands.start("bad", |_free| Box::pin(async { panic!("boom") }));
        let (key, answer) = errands.next(scope.unlocked()).await.unwrap();
        assert_eq!(key, "bad");
        assert!(matches!(answer, Err(ErrandError::Panicked { message }) if message == "boom"));
        errands.start("endless", |_free| Box::pin(std::future::pending()));
        errands.abort_all();
        let (key, answer) = errands.next(scope.unlocked()).await.unwrap();
        assert_eq!(key, "endless");
        assert!(matches!(answer, Err(ErrandError::Aborted)));
    }
}
