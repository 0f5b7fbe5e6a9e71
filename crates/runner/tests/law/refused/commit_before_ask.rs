//! What was not asked cannot be recorded.
use latchwork_lock::LockScope;
use latchwork_runner::Turn;
use latchwork_runner::phase::Assembled;

async fn turn(assembled: Turn<Assembled>, scope: &mut LockScope) {
    let _written = assembled.record(scope).await;
}

fn main() {}
