//! Claim: this turn becomes the session's turn. Nothing is held while another one is waited for.

use latchwork_lock::{LockScope, TurnClaim, Wait};
use latchwork_session::{ClaimAsk, HandOver, IfClaimed, TakeOver};

use super::Admitted;
use crate::turn::{Over, Turn};
use crate::{Failed, OnClaimed, TurnError, TurnPhase};

/// The turn is this one's.
#[derive(Debug)]
pub struct Claimed {
    pub(crate) claim: TurnClaim,
}

impl From<Claimed> for Over {
    fn from(claimed: Claimed) -> Self {
        Self {
            claim: Some(claimed.claim),
        }
    }
}

/// What came of asking for the turn.
#[derive(Debug)]
#[must_use]
pub enum Claiming {
    /// It is this one's.
    Claimed(Turn<Claimed>),
    /// Another one is under way, and the ask was to leave the message in the inbox then.
    Queued(Turn<Admitted>),
}

impl Turn<Admitted> {
    /// Takes the turn of the session, as the ask says.
    ///
    /// # Errors
    /// [`TurnError::Claimed`] when another turn is under way and the wait is over, [`TurnError::Claim`] when the session
    /// cannot be claimed, [`TurnError::Cancelled`]. The message stays accepted.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no claim behind.
    pub async fn claim(self, scope: &mut LockScope) -> Result<Claiming, Failed<Admitted>> {
        let phase = self.core.log.phase(TurnPhase::Claim);
        let claim = match self.take(scope).await {
            Ok(claim) => claim,
            Err(TurnError::Claimed(_)) if self.core.ask.on_claimed == Some(OnClaimed::Queue) => {
                return Ok(Claiming::Queued(self));
            }
            Err(error) => return Err(Failed::new(error, self)),
        };
        drop(phase);
        let turn = Turn {
            core: self.core,
            phase: Claimed { claim },
        };
        turn.core.step("turn:claimed").await;
        Ok(Claiming::Claimed(turn))
    }

    async fn take(&self, scope: &mut LockScope) -> Result<TurnClaim, TurnError> {
        let core = &*self.core;
        let options = &core.runtime.options;
        let at_most = |limit| IfClaimed::Wait(Wait::at_most(limit));
        let if_claimed = match &core.ask.on_claimed {
            None => at_most(options.claim_wait()),
            Some(OnClaimed::Fail | OnClaimed::Queue) => IfClaimed::Wait(Wait::Never),
            Some(OnClaimed::Wait(limit)) => at_most(*limit),
            Some(OnClaimed::TakeOver(reason)) => IfClaimed::TakeOver(TakeOver {
                reason: reason.clone(),
            }),
            Some(OnClaimed::HandOver { reason, grace }) => IfClaimed::HandOver(HandOver {
                reason: reason.clone(),
                grace: grace.unwrap_or(options.hand_over_grace()),
            }),
        };
        let ask = ClaimAsk {
            session: &core.ask.session,
            turn: &core.id,
            if_claimed,
        };
        tokio::select! {
            biased;
            () = core.cancel.cancelled() => Err(core.cancelled(false)),
            claim = core.runtime.locks.claim(scope.unlocked(), ask) => claim.map_err(TurnError::of_claim),
        }
    }
}
