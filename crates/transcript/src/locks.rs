//! Guards and claims of a store of files, by `latchwork-filelock`.

use std::sync::Arc;

use latchwork_filelock::{ClaimError as FileClaimError, FileClaim, LatchError, Latched};
use latchwork_lock::{LockScope, Phase, PhaseGuard, TurnClaim, Unlocked, Wait};
use latchwork_session::{
    AcquireError, AskedToYield, ClaimAsk, ClaimError, GuardAsk, HandOver, IfClaimed, SessionId,
    SessionLocks, TakeOver, TurnId, WhatIsHeld,
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
            head: Arc::default(),
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
        let (latches, turn) = (self.latches(), &ask.turn.0);
        let claim = match &ask.if_claimed {
            IfClaimed::Wait(wait) => latches.claim(&site, turn, *wait).await,
            IfClaimed::HandOver(HandOver { reason, grace }) => {
                latches.hand_over(&site, turn, reason, *grace).await
            }
            IfClaimed::TakeOver(TakeOver { reason }) => latches.take_over(&site, turn, reason),
        };
        claim.map_err(|error| claim_error(ask.session, error))
    }

    async fn asked(
        &self,
        _nothing_is_held: Unlocked<'_>,
        session: &SessionId,
        claim: &TurnClaim,
    ) -> Result<Option<AskedToYield>, ClaimError> {
        // A claim of another backend's making is asked for there.
        let Some(held) = claim.held::<FileClaim>() else {
            return Ok(None);
        };
        let asked = held
            .asked()
            .map_err(|error| claim_error(session, error.into()))?;
        Ok(asked.map(|asked| AskedToYield {
            by: asked.by,
            turn: TurnId(asked.turn),
            reason: asked.reason,
        }))
    }

    async fn held(&self, session: &SessionId) -> Result<WhatIsHeld, AcquireError> {
        let refused = |why| AcquireError::Refused {
            session: session.clone(),
            why,
            source: None,
        };
        let site = self.site(session).map_err(refused)?;
        let latches = self.latches().clone();
        let held = self.threads().run(move || latches.holders(&site)).await;
        let held = held.map_err(|error| AcquireError::Backend {
            session: session.clone(),
            doing: "look at who holds it".to_owned(),
            source: Box::new(error),
        })?;
        let held = held.map_err(|error| acquire_error(session, error))?;
        let mut what = WhatIsHeld::default();
        what.guard = held.latch;
        what.claim = held.claim;
        what.asker = held.asker;
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
