//! The bench: calls that wait for a place, and tools that run in tasks of their own.
//!
//! A stopped bench starts nothing more. Its tools are told by their token, then aborted, then left behind; each call gets
//! an outcome in any case, so waiting for the bench always ends. Deliberately absent: writing outcomes down.

use std::collections::VecDeque;

use latchwork_lock::{ErrandError, Errands, LockScope};
use latchwork_session::{ToolCall, ToolOutcome, ToolStatus};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::What;
use crate::turn::Core;

/// Tools at work.
pub(crate) struct Bench {
    queue: VecDeque<ToolCall>,
    running: Errands<ToolCall, ToolOutcome>,
    under_way: Vec<ToolCall>,
    stop: CancellationToken,
    patience: Patience,
    /// Outcomes of calls that nobody waits for any longer.
    left: Vec<(ToolCall, ToolOutcome)>,
}

/// How far a stopped bench has gone.
#[derive(Clone, Copy)]
enum Patience {
    /// It is not stopped.
    Working,
    /// Tools may stop by themselves until then.
    Asked(Instant),
    /// Tools were aborted, which takes effect at their next await, or never.
    Aborted(Instant),
}

impl Bench {
    pub(crate) fn new(core: &Core, calls: Vec<ToolCall>) -> Self {
        Self {
            queue: calls.into(),
            running: Errands::new(),
            under_way: Vec::new(),
            stop: core.cancel.child_token(),
            patience: Patience::Working,
            left: Vec::new(),
        }
    }

    /// Starts nothing more and asks what runs to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// The next outcome; `None` when every call has had one.
    pub(crate) async fn next(
        &mut self,
        core: &Core,
        scope: &mut LockScope,
    ) -> Option<(ToolCall, ToolOutcome)> {
        loop {
            self.fill(core).await;
            if let Some(left) = self.left.pop() {
                return Some(left);
            }
            if self.running.is_empty() {
                return self
                    .queue
                    .pop_front()
                    .map(|call| (call, aborted("Not run: the turn was interrupted.")));
            }
            let grace = core.runtime.options.cancel_grace();
            let until = match self.patience {
                Patience::Working => None,
                Patience::Asked(until) | Patience::Aborted(until) => Some(until),
            };
            let ended = tokio::select! {
                biased;
                ended = self.running.next(scope.unlocked()) => ended,
                () = self.stop.cancelled(), if until.is_none() => {
                    self.patience = Patience::Asked(Instant::now() + grace);
                    continue;
                }
                () = at(until), if until.is_some() => {
                    match self.patience {
                        Patience::Asked(_) => {
                            self.running.abort_all();
                            self.patience = Patience::Aborted(Instant::now() + grace);
                        }
                        _ => self.leave_behind(),
                    }
                    continue;
                }
            };
            if let Some((call, answer)) = ended {
                self.under_way.retain(|known| known.id != call.id);
                return Some((call, answer.unwrap_or_else(|error| outcome_of(&error))));
            }
        }
    }

    /// Starts tools while there is room.
    async fn fill(&mut self, core: &Core) {
        while self.running.len() < core.runtime.options.parallel_tools_max
            && !self.stop.is_cancelled()
        {
            let Some(call) = self.queue.pop_front() else {
                return;
            };
            core.log.tell(What::ToolStarted {
                id: call.id.clone(),
                name: call.name.clone(),
            });
            self.under_way.push(call.clone());
            let (tools, token, work) =
                (core.runtime.tools.clone(), self.stop.clone(), call.clone());
            self.running.start(call, move |free| {
                Box::pin(async move { tools.call(free, work, token).await })
            });
            core.step("turn:tool-started").await;
        }
    }

    /// What still runs cannot be stopped, and is not waited for any longer. Nobody knows what it did.
    fn leave_behind(&mut self) {
        self.running = Errands::new();
        let unknown = || ToolOutcome::text(ToolStatus::Unknown, STILL_RUNNING);
        self.left
            .extend(self.under_way.drain(..).map(|call| (call, unknown())));
    }
}

const STILL_RUNNING: &str = "Outcome unknown: the turn was interrupted and this tool could not be stopped. It may still take effect; check \
     before you run it again.";

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn aborted(text: &str) -> ToolOutcome {
    ToolOutcome::text(ToolStatus::Aborted, text)
}

fn outcome_of(error: &ErrandError) -> ToolOutcome {
    match error {
        ErrandError::Panicked { message } => ToolOutcome::text(
            ToolStatus::Error,
            format!("The tool failed inside (it panicked): {message}"),
        ),
        _ => aborted("Interrupted while it ran. It may have taken effect in part."),
    }
}
