//! A reply is recorded once.
use latchwork_lock::LockScope;
use latchwork_runner::Turn;
use latchwork_runner::phase::Answered;

async fn turn(answered: Turn<Answered>, scope: &mut LockScope) {
    let _once = answered.record(scope).await;
    let _twice = answered.record(scope).await;
}

fn main() {}
