//! One scope holds one guard: there is no order of locks to get wrong.
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{GuardAsk, SessionId, SessionLocks};

async fn turn(locks: &dyn SessionLocks, scope: &mut LockScope, one: &SessionId, two: &SessionId) {
    let first = locks.guard(scope, GuardAsk::side(one, Phase::SIDE, Wait::Forever)).await;
    let second = locks.guard(scope, GuardAsk::side(two, Phase::SIDE, Wait::Forever)).await;
    drop((first, second));
}

fn main() {}
