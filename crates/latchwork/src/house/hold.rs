//! A session in hand while it is moved: its turn, so that nobody begins one, and its guard, so that nobody writes.
//!
//! Neither is waited for: who is at work keeps the session. Whoever waits meanwhile gets the session as it is afterwards: at its
//! place, or as one that is not there. Invariant: what is held is given back however it ends.

use std::path::Path;

use latchwork_lock::{LockScope, Phase, TurnClaim, Wait};
use latchwork_session::{
    ClaimAsk, GuardAsk, IfClaimed, SessionId, SessionLocks, TurnId, WhatIsHeld,
};
use latchwork_transcript::{Belonging, FileStore, IfWaiting};

use super::HouseError;

/// How a transcript looked: when it was changed, and its size in bytes.
pub(super) type Look = (i64, u64);

/// Moves the session into the folder `into`. With a look, only if its transcript looks like that still.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the guard crosses the wait of storage alone"
)]
pub(super) async fn away(
    store: &FileStore,
    scope: &mut LockScope,
    session: &SessionId,
    into: &Path,
    if_waiting: IfWaiting,
    expected: Option<(&latchwork_sys::System, Look)>,
) -> Result<Vec<Belonging>, HouseError> {
    let claim = turn(store, scope, session).await?;
    let ask = GuardAsk::turn(session, &claim, phase(), Wait::Never);
    let done = match store.guard(scope, ask).await {
        Err(error) => Err(HouseError::from(error)),
        Ok(mut guard) => {
            let done =
                if expected.is_some_and(|(system, look)| !looks(store, session, system, look)) {
                    Err(HouseError::Changed {
                        session: session.clone(),
                    })
                } else {
                    let moved = store.put_away(&mut guard, into, if_waiting).await;
                    moved.map_err(HouseError::from)
                };
            drop(guard.release().await);
            done
        }
    };
    give_back(store, scope, session, claim).await;
    done
}

/// Moves a session back from the folder `from`.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the guard crosses the wait of storage alone"
)]
pub(super) async fn back(
    store: &FileStore,
    scope: &mut LockScope,
    session: &SessionId,
    from: &Path,
) -> Result<Vec<Belonging>, HouseError> {
    let claim = turn(store, scope, session).await?;
    let ask = GuardAsk::turn(session, &claim, phase(), Wait::Never);
    let done = match store.guard(scope, ask).await {
        Err(error) => Err(HouseError::from(error)),
        Ok(mut guard) => {
            let moved = store.bring_back(&mut guard, from).await;
            drop(guard.release().await);
            moved.map_err(HouseError::from)
        }
    };
    give_back(store, scope, session, claim).await;
    done
}

const fn phase() -> Phase {
    Phase::SIDE
}

fn looks(
    store: &FileStore,
    session: &SessionId,
    system: &latchwork_sys::System,
    look: Look,
) -> bool {
    let place = store.place(session);
    let facts = place.and_then(|place| system.disk.facts(&place.transcript).ok());
    facts.is_some_and(|facts| (facts.modified_ms, facts.size) == look)
}

/// The turn of a session, if nobody has it.
pub(super) async fn turn(
    store: &FileStore,
    scope: &mut LockScope,
    session: &SessionId,
) -> Result<TurnClaim, HouseError> {
    // Whoever was taken over may be at work still, without the turn.
    if !store.nobody_is_in_a_turn(session).await? {
        let held = store.held(session).await.unwrap_or_default();
        return Err(in_use(session, &held));
    }
    let turn = TurnId("housekeeping".to_owned());
    let ask = ClaimAsk {
        session,
        turn: &turn,
        if_claimed: IfClaimed::Wait(Wait::Never),
    };
    Ok(store.claim(scope.unlocked(), ask).await?)
}

/// What is held, in words.
pub(super) fn in_use(session: &SessionId, held: &WhatIsHeld) -> HouseError {
    let mut by = Vec::new();
    by.extend(
        held.claim
            .as_ref()
            .map(|by| format!("a turn is under way: {by}")),
    );
    by.extend(
        held.guard
            .as_ref()
            .map(|by| format!("it is being written by {by}")),
    );
    by.extend(
        held.asker
            .as_ref()
            .map(|by| format!("its turn is asked for by {by}")),
    );
    if by.is_empty() {
        by.push("a turn that was taken over has not ended".to_owned());
    }
    HouseError::InUse {
        session: session.clone(),
        by: by.join(", "),
    }
}

/// Gives the turn back. Where the session is gone, the files of its locks go, too, unless somebody has them by now.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "the guard crosses the wait of storage alone"
)]
pub(super) async fn give_back(
    store: &FileStore,
    scope: &mut LockScope,
    session: &SessionId,
    claim: TurnClaim,
) {
    if let Err(error) = claim.release().await {
        tracing::warn!(%session, %error, "a claim could not be given back in order");
    }
    let left = store.belongings(session).await;
    if !left.is_ok_and(|left| left.iter().all(|one| !one.moves())) {
        return;
    }
    // One that was taken while there was a transcript keeps that; one that is taken now knows of none.
    let ask = GuardAsk::side(session, phase(), Wait::Never);
    if let Ok(mut guard) = store.guard(scope, ask).await {
        if let Err(error) = store.clear_leftovers(&mut guard).await {
            tracing::warn!(%session, %error, "the locks of a session that is gone could not be cleared");
        }
        drop(guard.release().await);
    }
}

/// Whether nobody is at work on a session.
pub(super) async fn nobody(store: &FileStore, session: &SessionId) -> Result<(), HouseError> {
    let held = store.held(session).await?;
    if held.guard.is_none() && store.nobody_is_in_a_turn(session).await? {
        return Ok(());
    }
    Err(in_use(session, &held))
}
