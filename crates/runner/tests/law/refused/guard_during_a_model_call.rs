//! No guard is taken while a request to a model is in flight.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, ModelProvider, ModelRequest, SessionId, SessionLocks};

async fn turn(locks: &dyn SessionLocks, model: &dyn ModelProvider, scope: &mut LockScope, id: &SessionId, ask: ModelRequest) {
    let asking = model.stream(scope.unlocked(), ask, Default::default());
    let guard = locks.guard(scope, GuardAsk::side(id, Phase::RECORD, Wait::Forever)).await;
    let _events = asking.await;
    drop(guard);
}

fn main() {}
