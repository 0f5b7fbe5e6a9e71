//! Guard, model, guard: one after the other, in a spawned task.
use std::sync::Arc;

use futures::StreamExt;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{Commit, GuardAsk, Head, ModelProvider, ModelRequest, SessionId, SessionLocks, TranscriptStore};

async fn turn(
    locks: Arc<dyn SessionLocks>,
    store: Arc<dyn TranscriptStore>,
    model: Arc<dyn ModelProvider>,
    id: SessionId,
    ask: ModelRequest,
) {
    let mut scope = LockScope::open();
    let base = Head::default();
    {
        let Ok(claim) = locks.guard(&mut scope, GuardAsk::side(&id, Phase::PREPARE, Wait::Forever)).await else { return };
        drop(claim);
    }
    if let Ok(mut events) = model.stream(scope.unlocked(), ask, Default::default()).await {
        while let Some(_event) = events.next().await {}
    }
    let Ok(mut guard) = locks.guard(&mut scope, GuardAsk::side(&id, Phase::RECORD, Wait::Forever)).await else { return };
    let _receipt = store.append(&mut guard, &base, Commit::side(Vec::new())).await;
    let _given_back = guard.release().await;
}

fn spawned(
    locks: Arc<dyn SessionLocks>,
    store: Arc<dyn TranscriptStore>,
    model: Arc<dyn ModelProvider>,
    id: SessionId,
    ask: ModelRequest,
) {
    tokio::spawn(turn(locks, store, model, id, ask));
}

fn main() {
    let _ = spawned;
}
