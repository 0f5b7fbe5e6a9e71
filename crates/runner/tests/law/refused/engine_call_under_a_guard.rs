//! An engine may not work while a guard is held.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{ContextEngine, EngineParts, EngineScope, GuardAsk, SessionId, SessionRef};

async fn turn(parts: &EngineParts, engine: &dyn ContextEngine, scope: &mut LockScope, id: &SessionId, session: &SessionRef) {
    let guard = parts.locks.guard(scope, GuardAsk::side(id, Phase::MAINTAIN, Wait::Forever)).await;
    let mut lent = EngineScope::new(scope, None, id, parts);
    let _report = engine.maintain(&mut lent, session).await;
    drop(guard);
}

fn main() {}
