//! Close: the claim is given back. Always runs, after errors and interruptions too, and is bounded in time.
//!
//! A claim that cannot be given back in time is dropped, which frees it as well. Deliberately absent: waiting for anybody.

use latchwork_lock::{LockScope, PhaseGuard, TurnClaim, Wait};

use crate::error::chain;
use crate::guarded::{Job, Storage, guarded};
use crate::turn::{Core, Over, Turn};
use crate::{TurnEnd, TurnError, TurnPhase, TurnReport, What};

impl Turn<Over> {
    /// Gives the claim back and tells how the turn ended.
    ///
    /// # Errors
    /// Those of `end`; closing itself only warns.
    ///
    /// # Cancel safety
    /// Dropping the future frees the claim.
    pub async fn close(
        mut self,
        scope: &mut LockScope,
        end: Result<TurnEnd, TurnError>,
    ) -> Result<TurnReport, TurnError> {
        let phase = self.core.log.phase(TurnPhase::Close);
        let limit = self.core.close_limit();
        let work = tidy_up(&mut self.core, scope, self.phase.claim, end.is_err());
        if tokio::time::timeout(limit, work).await.is_err() {
            let limit = limit.as_millis();
            self.core.log.warn(format!(
                "the end of the turn took longer than {limit} ms and was cut short"
            ));
        }
        drop(phase);
        self.core.step("turn:closed").await;
        let (how, error) = match &end {
            Ok(how) => (how.clone(), None),
            Err(error) => (TurnEnd::Failed, Some(chain(error))),
        };
        let report = self.core.report(how);
        self.core.log.tell(What::Ended {
            report: Box::new(report.clone()),
            error,
        });
        end.map(|_| report)
    }
}

async fn tidy_up(core: &mut Core, scope: &mut LockScope, claim: Option<TurnClaim>, failed: bool) {
    if let Some(claim) = claim {
        // A turn that was settled has done this already.
        if failed {
            let wait = Wait::at_most(core.close_limit() / 2);
            if let Err(error) =
                guarded(core, scope, Some(&claim), TurnPhase::Close, wait, Mend).await
                && !error.is_contention()
            {
                core.log.warn(chain(&error));
            }
        }
        if let Err(error) = claim.release().await {
            core.log.warn(chain(&error));
        }
    }
    core.count_waiting().await;
}

/// The job under the guard: what this turn placed stays where a stale peer looks for it.
struct Mend;

#[async_trait::async_trait]
impl Job for Mend {
    type Done = ();

    async fn run(self, storage: &Storage, guard: &mut PhaseGuard<'_>) -> Result<(), TurnError> {
        let snapshot = storage.look(&[]).await.map_err(TurnError::Store)?;
        storage.mend_last_line(guard, &snapshot).await
    }
}

impl Core {
    fn report(&self, end: TurnEnd) -> TurnReport {
        let tally = &self.tally;
        TurnReport {
            turn: self.id.0.clone(),
            end,
            text: tally.text.clone(),
            entries: tally.entries.clone(),
            outcome: tally.outcome,
            usage: tally.usage,
            rounds: tally.rounds,
            tool_calls: tally.tool_calls,
            guard: self.log.guard(),
            total_ms: self.log.total_ms(),
            waiting: tally.waiting,
            saved_through: tally.saved_through,
            maintenance_due: tally.maintenance_due,
        }
    }
}
