//! Named steps of a protocol: the places where a test forces an interleaving or ends a process.
//!
//! In production nobody watches them ([`NoSteps`]). A step's name is `room:what-just-happened`, for
//! example `latch:taken`. Deliberately not here: any effect on the protocol's own decisions.

use std::fmt::{self, Debug};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Watches the named steps of a protocol.
pub trait Steps: Send + Sync + Debug {
    /// The protocol has just reached this step.
    ///
    /// # Blocking
    ///
    /// As long as the watcher likes; a watcher that blocks belongs in tests.
    fn reach(&self, step: &str);

    /// The calling thread has just seen that the lock which guards the file at this path is its own. Said right before each write.
    fn checked(&self, _path: &Path) {}

    /// The first `end` bytes of the file at this path are about to be promised to somebody as durable.
    fn acknowledged(&self, _path: &Path, _end: u64) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn reach(&self, _step: &str) {}
}

/// Runs one prepared action for each step, once, and remembers the order in which steps were reached.
///
/// For tests within one process. The action runs on the thread that reached the step.
#[derive(Default)]
pub struct ScriptedSteps {
    inner: Mutex<Script>,
}

type Action = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Script {
    trace: Vec<String>,
    actions: Vec<(String, Action)>,
}

impl ScriptedSteps {
    /// Nothing prepared.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Prepares what happens when `step` is next reached; several for one step run one at each reach.
    pub fn on(&self, step: &str, action: impl FnOnce() + Send + 'static) {
        self.script()
            .actions
            .push((step.to_owned(), Box::new(action)));
    }

    /// The steps reached so far, in order.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.script().trace.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for ScriptedSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSteps")
            .field("trace", &self.trace())
            .finish_non_exhaustive()
    }
}

impl Steps for ScriptedSteps {
    fn reach(&self, step: &str) {
        let mut script = self.script();
        script.trace.push(step.to_owned());
        let prepared = script.actions.iter().position(|(name, _)| name == step);
        let action = prepared.map(|index| script.actions.remove(index).1);
        // The action may reach steps itself.
        drop(script);
        if let Some(action) = action {
            action();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_prepared_action_runs_once_at_its_step_and_may_reach_steps_itself() {
        let steps = Arc::new(ScriptedSteps::new());
        let ran = Arc::new(AtomicU32::new(0));
        let (inner, count) = (Arc::clone(&steps), Arc::clone(&ran));
        steps.on("b", move || {
            count.fetch_add(1, Ordering::Relaxed);
            inner.reach("within");
        });
        for step in ["a", "b", "b"] {
            steps.reach(step);
        }
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        assert_eq!(steps.trace(), ["a", "b", "within", "b"]);
    }
}
