//! No guard is taken in the other arm of a join.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, ModelProvider, ModelRequest, SessionId, SessionLocks};

async fn turn(locks: &dyn SessionLocks, model: &dyn ModelProvider, scope: &mut LockScope, id: &SessionId, ask: ModelRequest) {
    let _both = futures::future::join(
        async { model.stream(scope.unlocked(), ask, Default::default()).await.is_ok() },
        async { locks.guard(scope, GuardAsk::side(id, Phase::SIDE, Wait::Forever)).await.is_ok() },
    )
    .await;
}

fn main() {}
