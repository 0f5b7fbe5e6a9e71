//! Handing over: at a boundary of its turn the holder looks whether somebody asks for the turn, and gives it up in order.
//!
//! What was said is recorded by then; calls that were not run get an outcome that says so; what is not answered stays
//! accepted, and the next turn answers it. Invariant: nothing is held while it looks. Deliberately absent: looking while a
//! model speaks or a tool runs. Whoever asks waits for the boundary, and its grace bounds that.

use latchwork_lock::{LockScope, TurnClaim};
use latchwork_session::AskedToYield;

use super::act::{Acting, Refusal};
use super::record::Recorded;
use super::{Assembled, Prepared};
use crate::error::chain;
use crate::turn::{Core, Turn};
use crate::{TurnEnd, What};

/// What follows a look for requests.
#[derive(Debug)]
#[must_use]
pub enum Yielding<P> {
    /// Nobody asks: the turn goes on.
    GoesOn(Turn<P>),
    /// It is given up; it only needs to be settled.
    Yields(Turn<Recorded>),
}

impl Turn<Prepared> {
    /// Gives the turn up if somebody asks for it.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn yield_if_asked(self, scope: &mut LockScope) -> Yielding<Prepared> {
        match look(&self.core, scope, &self.phase.claim).await {
            None => Yielding::GoesOn(self),
            Some(asked) => Yielding::Yields(given_up(self.core, self.phase.claim, asked)),
        }
    }
}

impl Turn<Assembled> {
    /// Gives the turn up, before a model is asked, if somebody asks for it.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn yield_if_asked(self, scope: &mut LockScope) -> Yielding<Assembled> {
        match look(&self.core, scope, &self.phase.claim).await {
            None => Yielding::GoesOn(self),
            Some(asked) => Yielding::Yields(given_up(self.core, self.phase.claim, asked)),
        }
    }
}

impl Turn<Acting> {
    /// Runs none of the calls if somebody asks for the turn: each gets an outcome that says so, and the turn ends with them.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn yield_if_asked(mut self, scope: &mut LockScope) -> Self {
        if self.phase.may_run()
            && let Some(asked) = look(&self.core, scope, self.phase.claim()).await
        {
            self.phase.refuse_for(Refusal::HandedOver(Box::new(asked)));
        }
        self
    }
}

/// Who asks. A look that fails asks for nothing: the turn is taken over if it must be.
async fn look(core: &Core, scope: &mut LockScope, claim: &TurnClaim) -> Option<AskedToYield> {
    let session = &core.ask.session;
    match core
        .runtime
        .locks
        .asked(scope.unlocked(), session, claim)
        .await
    {
        Ok(None) => None,
        Ok(Some(asked)) => {
            core.log.tell(What::AskedToYield {
                by: asked.by.to_string(),
                turn: asked.turn.0.clone(),
                reason: asked.reason.clone(),
            });
            core.step("turn:yields").await;
            Some(asked)
        }
        Err(error) => {
            core.log.warn(chain(&error));
            None
        }
    }
}

fn given_up(core: Box<Core>, claim: TurnClaim, asked: AskedToYield) -> Turn<Recorded> {
    Turn {
        core,
        phase: Recorded {
            claim,
            reply: None,
            end: Ok(handed_over(asked)),
        },
    }
}

/// How such a turn ends.
pub(crate) fn handed_over(asked: AskedToYield) -> TurnEnd {
    TurnEnd::HandedOver {
        to: asked.by.to_string(),
        turn: asked.turn.0,
        reason: asked.reason,
    }
}
