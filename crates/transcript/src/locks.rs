//! Guards and claims of a store of files, by `latchwork-filelock`.

use std::sync::Arc;

use latchwork_filelock::{ClaimError as FileClaimError, LatchError, Latched};
use latchwork_lock::{LockScope, Phase, PhaseGuard, TurnClaim, Unlocked, Wait};
use latchwork_session::{
    AcquireError, ClaimAsk, ClaimError, GuardAsk, SessionId, SessionLocks, WhatIsHeld,
};

use crate::session::{FileHeld, Session};
use crate::store::FileStore;

#[async_trait::async_trait]
impl SessionLocks for FileStore {
    async fn guard<'s>(
        &self,
        scope: &'s mut LockScope,
        ask: GuardAsk<'s>,
    ) -> Result<PhaseGuard<'s>, AcquireError> {
        let (session, latched) = self.latch(ask.session, ask.phase.clone(), ask.wait).await?;
        let held = FileHeld {
            session,
            store: self.identity(),
            latched,
        };
        Ok(PhaseGuard::grant(
            scope,
            ask.claim,
            ask.phase,
            Box::new(held),
        ))
    }

    async fn claim(
        &self,
        _nothing_is_held: Unlocked<'_>,
        ask: ClaimAsk<'_>,
    ) -> Result<TurnClaim, ClaimError> {
        let refused = |why| ClaimError::Refused {
            session: ask.session.clone(),
            why,
            source: None,
        };
        let site = self.site(ask.session).map_err(refused)?;
        let place = self
            .place(ask.session)
            .ok_or_else(|| refused(NOT_HERE.to_owned()))?;
        self.make_folder(&place)
            .map_err(|error| ClaimError::Backend {
                session: ask.session.clone(),
                doing: error.to_string(),
                source: Box::new(error.source),
            })?;
        let claim = match &ask.take_over {
            Some(take_over) => {
                let (latches, turn) = (self.latches().clone(), ask.turn.0.clone());
                let reason = take_over.reason.clone();
                let work = move || latches.take_over(&site, &turn, &reason);
                match tokio::task::spawn_blocking(work).await {
                    Ok(claim) => claim,
                    Err(error) => {
                        return Err(ClaimError::Backend {
                            session: ask.session.clone(),
                            doing: "take the turn over".to_owned(),
                            source: Box::new(error),
                        });
                    }
                }
            }
            None => self.latches().claim(&site, &ask.turn.0, ask.wait).await,
        };
        claim.map_err(|error| claim_error(ask.session, error))
    }

    async fn held(&self, session: &SessionId) -> Result<WhatIsHeld, AcquireError> {
        let refused = |why| AcquireError::Refused {
            session: session.clone(),
            why,
            source: None,
        };
        let site = self.site(session).map_err(refused)?;
        let latches = self.latches().clone();
        let held = tokio::task::spawn_blocking(move || latches.holders(&site)).await;
        let held = held.map_err(|error| AcquireError::Backend {
            session: session.clone(),
            doing: "look at who holds it".to_owned(),
            source: Box::new(error),
        })?;
        let held = held.map_err(|error| acquire_error(session, error))?;
        let mut what = WhatIsHeld::default();
        what.guard = held.latch;
        what.claim = held.claim;
        Ok(what)
    }
}

impl FileStore {
    /// The latch of a session, in a folder that is made where it is missing.
    pub(crate) async fn latch(
        &self,
        id: &SessionId,
        phase: Phase,
        wait: Wait,
    ) -> Result<(Arc<Session>, Latched), AcquireError> {
        let refused = |why| AcquireError::Refused {
            session: id.clone(),
            why,
            source: None,
        };
        let session = self.session(id).map_err(refused)?;
        let site = self.site(id).map_err(refused)?;
        self.make_folder(&session.place)
            .map_err(|error| AcquireError::Backend {
                session: id.clone(),
                doing: error.to_string(),
                source: Box::new(error.source),
            })?;
        let latched = self.latches().latch(&site, phase, wait).await;
        let latched = latched.map_err(|error| acquire_error(id, error))?;
        Ok((session, latched))
    }
}

pub(crate) const NOT_HERE: &str = "this store keeps another session only";

pub(crate) fn acquire_error(session: &SessionId, error: LatchError) -> AcquireError {
    match error {
        LatchError::Busy {
            obstacle,
            holder,
            waited,
            ..
        } => AcquireError::Busy {
            session: session.clone(),
            what: obstacle.to_string(),
            holder: Some(holder),
            waited,
        },
        LatchError::SelfDeadlock { phase, .. } => AcquireError::SelfDeadlock {
            session: session.clone(),
            phase,
        },
        LatchError::Io(error) => AcquireError::Backend {
            session: session.clone(),
            doing: error.to_string(),
            source: Box::new(error.source),
        },
        refused => AcquireError::Refused {
            session: session.clone(),
            why: refused.to_string(),
            source: None,
        },
    }
}

fn claim_error(session: &SessionId, error: FileClaimError) -> ClaimError {
    match error {
        FileClaimError::Busy { holder, waited, .. } => ClaimError::Claimed {
            session: session.clone(),
            holder: Some(holder),
            waited,
        },
        FileClaimError::Io(error) => ClaimError::Backend {
            session: session.clone(),
            doing: error.to_string(),
            source: Box::new(error.source),
        },
        refused => ClaimError::Refused {
            session: session.clone(),
            why: refused.to_string(),
            source: None,
        },
    }
}
