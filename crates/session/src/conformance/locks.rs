//! The promises of [`SessionLocks`](crate::SessionLocks).

use std::time::Duration;

use latchwork_lock::{LockScope, Phase, TurnClaim, Wait};

use super::{Backend, fresh, soon};
use crate::{
    AcquireError, AskedToYield, ClaimAsk, ClaimError, GuardAsk, HandOver, IfClaimed, SessionId,
    TakeOver, TurnId,
};

/// All of them.
pub async fn keeps(backend: &Backend) {
    one_writer_of_a_session_at_a_time(backend).await;
    a_dropped_request_leaves_nothing_behind(backend).await;
    one_turn_of_a_session_at_a_time(backend).await;
    a_take_over_is_recorded_and_touches_no_guard(backend).await;
    a_holder_is_asked_and_hands_its_turn_over(backend).await;
    a_holder_that_does_not_yield_is_superseded_after_the_grace(backend).await;
    a_request_ends_with_its_asker(backend).await;
}

/// The first turn of a session.
async fn held(backend: &Backend, session: &SessionId) -> TurnClaim {
    let mut scope = LockScope::open();
    let ask = wanted(session, IfClaimed::Wait(soon()));
    let claim = backend.locks.claim(scope.unlocked(), ask).await;
    claim.expect("a claim")
}

fn wanted(session: &SessionId, if_claimed: IfClaimed) -> ClaimAsk<'_> {
    static WANTED: std::sync::LazyLock<TurnId> = std::sync::LazyLock::new(|| TurnId("w".into()));
    ClaimAsk {
        session,
        turn: &WANTED,
        if_claimed,
    }
}

fn hand_over(grace: Duration) -> IfClaimed {
    let reason = "the user moved".to_owned();
    IfClaimed::HandOver(HandOver { reason, grace })
}

/// What the holder finds at a boundary.
async fn asked(backend: &Backend, session: &SessionId, claim: &TurnClaim) -> Option<AskedToYield> {
    let mut scope = LockScope::open();
    let asked = backend.locks.asked(scope.unlocked(), session, claim).await;
    asked.expect("a look for requests")
}

/// What the holder finds at the first boundary where it finds anything.
async fn asked_at_last(backend: &Backend, session: &SessionId, claim: &TurnClaim) -> AskedToYield {
    let look = async {
        loop {
            if let Some(asked) = asked(backend, session, claim).await {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let limit = soon().left().unwrap_or_default();
    let asked = tokio::time::timeout(limit, look).await;
    asked.expect("a holder finds that it is asked")
}

/// The holder learns who asks and why, readers and side writers go on, and the turn it gives back is the asker's.
pub async fn a_holder_is_asked_and_hands_its_turn_over(backend: &Backend) {
    let session = fresh("handover");
    let old = held(backend, &session).await;
    assert_eq!(
        asked(backend, &session, &old).await,
        None,
        "nobody asks yet"
    );
    let epoch = old.fence().epoch;
    let (mut scope, mut beside) = (LockScope::open(), LockScope::open());
    let never = hand_over(Duration::from_secs(3_600));
    let asks = backend
        .locks
        .claim(scope.unlocked(), wanted(&session, never));
    let yields = async {
        let asked = asked_at_last(backend, &session, &old).await;
        assert_eq!(asked.reason, "the user moved");
        assert_eq!(asked.turn.0, "w");
        let held = backend.locks.held(&session).await.expect("a look");
        // A backend need not tell outsiders; what it tells is true.
        if let Some(wish) = held.asker.and_then(|asker| asker.wish) {
            let words = (wish.turn.as_str(), wish.reason.as_str());
            assert_eq!(words, ("w", "the user moved"));
        }
        backend.open(&session).await;
        let ask = GuardAsk::side(&session, Phase::SIDE, soon());
        let guard = backend.locks.guard(&mut beside, ask).await;
        assert!(guard.is_ok(), "a request keeps out no side writer");
        drop(guard);
        old.release().await.expect("a claim is given back");
    };
    let (new, ()) = tokio::join!(asks, yields);
    let new = new.expect("a turn that was given back is the asker's");
    assert!(new.fence().epoch > epoch, "epochs grow");
    assert_eq!(
        asked(backend, &session, &new).await,
        None,
        "a request is met once"
    );
}

/// When the grace is over the turn is had, and the old holder's write fails with the reason.
pub async fn a_holder_that_does_not_yield_is_superseded_after_the_grace(backend: &Backend) {
    let session = fresh("deaf");
    let old = held(backend, &session).await;
    let base = backend.open(&session).await.head;
    let (mut one, mut two) = (LockScope::open(), LockScope::open());
    let short = hand_over(Duration::from_millis(20));
    let new = backend
        .locks
        .claim(one.unlocked(), wanted(&session, short))
        .await
        .expect("a grace ends");
    assert!(new.fence().epoch > old.fence().epoch, "epochs grow");
    let ask = GuardAsk::turn(&session, &old, Phase::RECORD, soon());
    let mut guard = backend.locks.guard(&mut two, ask).await.expect("a guard");
    let commit = super::born(vec![super::user("late")], crate::Intent::Continue);
    match backend.store.append(&mut guard, &base, commit).await {
        Err(crate::AppendError::Superseded(lost)) => {
            assert_eq!(lost.reason.as_deref(), Some("the user moved"));
        }
        other => panic!("a superseded turn's write must be refused, and was {other:?}"),
    }
}

/// A request that is dropped is not there any more.
pub async fn a_request_ends_with_its_asker(backend: &Backend) {
    let session = fresh("gone");
    let old = held(backend, &session).await;
    let mut scope = LockScope::open();
    {
        let never = hand_over(Duration::from_secs(3_600));
        let asks = backend
            .locks
            .claim(scope.unlocked(), wanted(&session, never));
        tokio::select! {
            _ = asks => panic!("a turn was had that nobody gave back"),
            _ = asked_at_last(backend, &session, &old) => {}
        }
    }
    assert_eq!(
        asked(backend, &session, &old).await,
        None,
        "its asker has gone"
    );
}

/// While a guard lives there is no second one, and its end lets the next in.
pub async fn one_writer_of_a_session_at_a_time(backend: &Backend) {
    let (session, other) = (fresh("guard"), fresh("guard"));
    let (mut one, mut two) = (LockScope::open(), LockScope::open());
    let guard = backend
        .locks
        .guard(&mut one, GuardAsk::side(&session, Phase::RECORD, soon()))
        .await
        .expect("the first guard");
    assert_eq!(guard.session(), session.as_str());
    {
        let refused = backend
            .locks
            .guard(&mut two, GuardAsk::side(&session, Phase::SIDE, Wait::Never))
            .await;
        assert!(matches!(
            refused,
            Err(AcquireError::Busy { .. } | AcquireError::SelfDeadlock { .. })
        ));
    }
    {
        let apart = backend
            .locks
            .guard(&mut two, GuardAsk::side(&other, Phase::SIDE, soon()))
            .await;
        assert!(apart.is_ok(), "another session is free");
    }
    guard.release().await.expect("a guard is given back");
    let next = backend
        .locks
        .guard(&mut two, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await;
    assert!(
        next.is_ok(),
        "a session is free when its guard was given back"
    );
}

/// A request that is dropped while it waits keeps nobody out.
pub async fn a_dropped_request_leaves_nothing_behind(backend: &Backend) {
    let session = fresh("dropped");
    let (mut one, mut two) = (LockScope::open(), LockScope::open());
    let guard = backend
        .locks
        .guard(&mut one, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await
        .expect("a guard");
    let waiting = backend.locks.guard(
        &mut two,
        GuardAsk::side(&session, Phase::SIDE, Wait::Forever),
    );
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(30), waiting)
            .await
            .is_err()
    );
    drop(guard);
    let next = backend
        .locks
        .guard(&mut two, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await;
    assert!(next.is_ok(), "a dropped request keeps nobody out");
}

/// While a claim lives there is no second one; guards are free all the while.
pub async fn one_turn_of_a_session_at_a_time(backend: &Backend) {
    let session = fresh("claim");
    let (mut one, mut two) = (LockScope::open(), LockScope::open());
    let (a, b) = (TurnId("a".into()), TurnId("b".into()));
    let ask = |turn, wait| ClaimAsk {
        session: &session,
        turn,
        if_claimed: IfClaimed::Wait(wait),
    };
    let first = backend
        .locks
        .claim(one.unlocked(), ask(&a, soon()))
        .await
        .expect("the first claim");
    let refused = backend
        .locks
        .claim(two.unlocked(), ask(&b, Wait::Never))
        .await;
    assert!(
        matches!(refused, Err(ClaimError::Claimed { .. })),
        "a session has one turn"
    );
    let beside = backend
        .locks
        .guard(&mut two, GuardAsk::side(&session, Phase::SIDE, soon()))
        .await;
    assert!(beside.is_ok(), "a claim keeps out no side writer");
    drop(beside);
    let epoch = first.fence().epoch;
    first.release().await.expect("a claim is given back");
    let second = backend
        .locks
        .claim(two.unlocked(), ask(&b, soon()))
        .await
        .expect("the second claim");
    assert!(second.fence().epoch > epoch, "epochs grow");
}

/// A take-over is had at once, guard or no guard, and the old turn's next write fails and says why.
pub async fn a_take_over_is_recorded_and_touches_no_guard(backend: &Backend) {
    let session = fresh("takeover");
    let (mut one, mut two) = (LockScope::open(), LockScope::open());
    let (a, b) = (TurnId("a".into()), TurnId("b".into()));
    let old = ClaimAsk {
        session: &session,
        turn: &a,
        if_claimed: IfClaimed::Wait(soon()),
    };
    let old = backend
        .locks
        .claim(one.unlocked(), old)
        .await
        .expect("a claim");
    let base = backend.open(&session).await.head;
    let ask = GuardAsk::turn(&session, &old, Phase::RECORD, soon());
    let mut guard = backend.locks.guard(&mut one, ask).await.expect("a guard");
    let why = TakeOver {
        reason: "the user asked for it".into(),
    };
    let new = ClaimAsk {
        session: &session,
        turn: &b,
        if_claimed: IfClaimed::TakeOver(why),
    };
    let new = backend
        .locks
        .claim(two.unlocked(), new)
        .await
        .expect("a take-over waits for nobody");
    assert!(new.fence().epoch > old.fence().epoch, "epochs grow");
    let commit = super::born(vec![super::user("late")], crate::Intent::Continue);
    match backend.store.append(&mut guard, &base, commit).await {
        Err(crate::AppendError::Superseded(lost)) => {
            assert_eq!(lost.reason.as_deref(), Some("the user asked for it"));
        }
        other => panic!("a superseded turn's write must be refused, and was {other:?}"),
    }
    drop(guard);
    assert!(
        backend.said(&session).await.is_empty(),
        "a superseded turn writes nothing"
    );
}
