//! The proof that nothing is held cannot be kept for later.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, SessionId, SessionLocks, ToolCall, ToolHost};

async fn turn(locks: &dyn SessionLocks, tools: &dyn ToolHost, scope: &mut LockScope, id: &SessionId, call: ToolCall) {
    let proof = scope.unlocked();
    let guard = locks.guard(scope, GuardAsk::side(id, Phase::SIDE, Wait::Forever)).await;
    let _outcome = tools.call(proof, call, Default::default()).await;
    drop(guard);
}

fn main() {}
