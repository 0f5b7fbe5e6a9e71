//! The one place where a turn holds a guard: taken, one job of storage done, given back.
//!
//! A job is a value that can reach storage and nothing else, so nothing slow can be waited for here. Waits and holds are
//! told as events. Invariant: the guard is given back before this function returns, whatever the job did.

use std::sync::Arc;
use std::time::Duration;

use latchwork_lock::{LockScope, Phase, PhaseGuard, TurnClaim, Wait};
use latchwork_session::{
    Commit, GuardAsk, Head, Inbox, Key, OpenError, Receipt, SessionId, Snapshot, TranscriptStore,
    View,
};

use crate::log::Log;
use crate::turn::Core;
use crate::{TurnError, TurnPhase, What};

/// What a job under a guard may reach.
pub(crate) struct Storage {
    pub store: Arc<dyn TranscriptStore>,
    pub inbox: Arc<dyn Inbox>,
    pub session: SessionId,
}

impl Storage {
    /// The context of the session, and where these messages stand in it.
    pub(crate) async fn look(&self, keys: &[Key]) -> Result<Snapshot, OpenError> {
        self.store
            .open_for(&self.session, View::Context, keys)
            .await
    }

    pub(crate) async fn append(
        &self,
        guard: &mut PhaseGuard<'_>,
        base: &Head,
        commit: Commit,
    ) -> Result<Receipt, TurnError> {
        let done = self.store.append(guard, base, commit).await;
        done.map_err(|error| TurnError::of_append(&self.session, error))
    }
}

/// A job of storage, done under one guard.
#[async_trait::async_trait]
pub(crate) trait Job: Send {
    /// What comes of it.
    type Done: Send;

    /// Does it.
    async fn run(
        self,
        storage: &Storage,
        guard: &mut PhaseGuard<'_>,
    ) -> Result<Self::Done, TurnError>;
}

/// One commit.
pub(crate) struct Append<'a> {
    pub base: &'a Head,
    pub commit: Commit,
}

#[async_trait::async_trait]
impl Job for Append<'_> {
    type Done = Receipt;

    async fn run(
        self,
        storage: &Storage,
        guard: &mut PhaseGuard<'_>,
    ) -> Result<Receipt, TurnError> {
        storage.append(guard, self.base, self.commit).await
    }
}

/// Takes the guard for a phase, does the job and gives the guard back. With a claim, what the job writes is fenced by it.
///
/// Dropping the future gives the guard back; a commit that had begun ends whole.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the guard crosses the waits of one storage job and of its own release"
)]
pub(crate) async fn guarded<J: Job>(
    core: &Core,
    scope: &mut LockScope,
    claim: Option<&TurnClaim>,
    phase: TurnPhase,
    wait: Wait,
    job: J,
) -> Result<J::Done, TurnError> {
    let storage = core.storage();
    core.log.tell(What::GuardWaiting { phase });
    let asked = core.log.now();
    let ask = GuardAsk {
        session: &core.ask.session,
        phase: name_of(phase),
        claim,
        wait,
    };
    let taken = core.runtime.locks.guard(scope, ask).await;
    let mut guard = taken.map_err(TurnError::of_acquire)?;
    // Made after the guard is held and dropped after it is given back, on every way out.
    let told = Holding::new(&core.log, phase, core.log.since(asked));
    let done = job.run(&storage, &mut guard).await;
    let released = guard.release().await;
    drop(told);
    if let Err(error) = released {
        core.log.warn(crate::error::chain(&error));
    }
    done
}

/// Tells that a guard is held, and, when the value is dropped, that it is not any more.
struct Holding<'a> {
    log: &'a Log,
    phase: TurnPhase,
    since: Duration,
}

impl<'a> Holding<'a> {
    fn new(log: &'a Log, phase: TurnPhase, waited_ms: f64) -> Self {
        let since = log.now();
        log.taken(phase, waited_ms);
        Self { log, phase, since }
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.log.released(self.phase, self.log.since(self.since));
    }
}

fn name_of(phase: TurnPhase) -> Phase {
    match phase {
        TurnPhase::Prepare => Phase::PREPARE,
        TurnPhase::Record => Phase::RECORD,
        TurnPhase::Act => Phase::ACT,
        TurnPhase::Settle => Phase::SETTLE,
        TurnPhase::Maintain => Phase::MAINTAIN,
        TurnPhase::Close => Phase::CLOSE,
        _ => Phase::SIDE,
    }
}
