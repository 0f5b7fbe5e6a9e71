//! A claim outlives the guards that are taken for it.
use latchwork_lock::{LockScope, Phase, TurnClaim, Wait};
use latchwork_session::{Commit, GuardAsk, Head, SessionId, SessionLocks, TranscriptStore};

async fn turn(locks: &dyn SessionLocks, store: &dyn TranscriptStore, scope: &mut LockScope, id: &SessionId, claim: TurnClaim) {
    let Ok(mut guard) = locks.guard(scope, GuardAsk::turn(id, &claim, Phase::RECORD, Wait::Forever)).await else { return };
    drop(claim);
    let _receipt = store.append(&mut guard, &Head::default(), Commit::side(Vec::new())).await;
}

fn main() {}
