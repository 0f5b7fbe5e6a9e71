//! A tool may not be called while a guard is held.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, SessionId, SessionLocks, ToolCall, ToolHost};

async fn turn(locks: &dyn SessionLocks, tools: &dyn ToolHost, scope: &mut LockScope, id: &SessionId, call: ToolCall) {
    let guard = locks.guard(scope, GuardAsk::side(id, Phase::ACT, Wait::Forever)).await;
    let _outcome = tools.call(scope.unlocked(), call, Default::default()).await;
    drop(guard);
}

fn main() {}
