//! A model may not be asked while a guard is held.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, ModelProvider, ModelRequest, SessionId, SessionLocks};

async fn turn(locks: &dyn SessionLocks, model: &dyn ModelProvider, scope: &mut LockScope, id: &SessionId, ask: ModelRequest) {
    let guard = locks.guard(scope, GuardAsk::side(id, Phase::RECORD, Wait::Forever)).await;
    let _events = model.stream(scope.unlocked(), ask, Default::default()).await;
    drop(guard);
}

fn main() {}
