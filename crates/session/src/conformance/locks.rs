//! The promises of [`SessionLocks`](crate::SessionLocks).

use latchwork_lock::{LockScope, Phase, Wait};

use super::{Backend, fresh, soon};
use crate::{AcquireError, ClaimAsk, ClaimError, GuardAsk, TakeOver, TurnId};

/// All of them.
pub async fn keeps(backend: &Backend) {
    one_writer_of_a_session_at_a_time(backend).await;
    a_dropped_request_leaves_nothing_behind(backend).await;
    one_turn_of_a_session_at_a_time(backend).await;
    a_take_over_is_recorded_and_touches_no_guard(backend).await;
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
        wait,
        take_over: None,
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
        wait: soon(),
        take_over: None,
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
        wait: soon(),
        take_over: Some(why),
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
