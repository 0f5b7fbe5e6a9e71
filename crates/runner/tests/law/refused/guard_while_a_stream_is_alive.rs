//! No guard is taken while a model's stream is alive.
use futures::StreamExt;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, ModelProvider, ModelRequest, SessionId, SessionLocks};

async fn turn(locks: &dyn SessionLocks, model: &dyn ModelProvider, scope: &mut LockScope, id: &SessionId, ask: ModelRequest) {
    let Ok(mut events) = model.stream(scope.unlocked(), ask, Default::default()).await else { return };
    while let Some(_event) = events.next().await {
        let _guard = locks.guard(scope, GuardAsk::side(id, Phase::RECORD, Wait::Forever)).await;
    }
}

fn main() {}
