//! Act: tools run side by side in tasks that can hold nothing, and the turn alone records each outcome as it arrives.
//!
//! Invariants: every call of the reply gets one outcome in the transcript, or stays in the handed-back turn; no tool is
//! started twice; a turn that was cancelled, replaced or taken over starts no more tools. The order of the outcomes is
//! that of their arrival. Deliberately absent: running tools (`bench.rs`).

use latchwork_lock::{ClaimLost, LockScope, TurnClaim};
use latchwork_session::{
    AskedToYield, Commit, EntryId, Head, Intent, Level, Outcome, Receipt, ToolCall, ToolOutcome,
    ToolStatus,
};

use super::bench::Bench;
use super::hand_over::handed_over;
use super::prepare::{Prepared, Seen};
use super::record::Recorded;
use crate::entries::why_moved;
use crate::error::chain;
use crate::guarded::{Append, guarded};
use crate::turn::{Core, Over, Turn};
use crate::{Failed, TurnEnd, TurnError, TurnPhase, What};

/// The reply wants tools.
#[derive(Debug)]
pub struct Acting {
    claim: TurnClaim,
    reply: Option<EntryId>,
    /// The base of the next outcome.
    base: Head,
    /// Calls that have not been started.
    calls: Vec<ToolCall>,
    /// Calls that have ended and are not recorded yet.
    ended: Vec<(ToolCall, ToolOutcome)>,
    refusal: Option<Refusal>,
    /// The turn was taken over: what is left is kept beside.
    lost: Option<Box<ClaimLost>>,
    /// What was written last.
    receipt: Option<Receipt>,
}

/// Why the calls of a reply are not run.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The branch that they were said on is not the active one any more.
    Replaced(String),
    /// The reply ran out of tokens: its last call may not be what was meant.
    CutShort,
    /// Somebody asks for the turn.
    HandedOver(Box<AskedToYield>),
}

/// Every call has its outcome.
#[derive(Debug)]
pub struct Acted {
    claim: TurnClaim,
    reply: Option<EntryId>,
    base: Head,
    stop: Option<Stop>,
}

/// Why no model is asked any more.
#[derive(Debug)]
enum Stop {
    Cancelled,
    Replaced(String),
    Superseded(Box<ClaimLost>),
    HandedOver(Box<AskedToYield>),
}

impl From<Acting> for Over {
    fn from(acting: Acting) -> Self {
        Self {
            claim: Some(acting.claim),
        }
    }
}

impl From<Acted> for Over {
    fn from(acted: Acted) -> Self {
        Self {
            claim: Some(acted.claim),
        }
    }
}

/// What follows the tools.
#[derive(Debug)]
#[must_use]
pub enum Round {
    /// The model is to be told the outcomes.
    Again(Turn<Prepared>),
    /// The turn has to end.
    Over(Turn<Recorded>),
}

impl Acting {
    pub(crate) fn new(
        claim: TurnClaim,
        reply: Option<EntryId>,
        base: Head,
        calls: Vec<ToolCall>,
        refusal: Option<Refusal>,
    ) -> Self {
        Self {
            claim,
            reply,
            base,
            calls,
            ended: Vec::new(),
            refusal,
            lost: None,
            receipt: None,
        }
    }

    /// The calls that are not run, each with the outcome that says so.
    fn refuse(&mut self) {
        let (status, why) = match &self.refusal {
            None => return,
            Some(Refusal::Replaced(_)) => (
                ToolStatus::Aborted,
                "Not run: the conversation went on elsewhere.",
            ),
            Some(Refusal::CutShort) => (
                ToolStatus::Error,
                "Not run: the reply reached its limit of tokens, so this call may not be whole.",
            ),
            Some(Refusal::HandedOver(_)) => (
                ToolStatus::Aborted,
                "Not run: the turn was handed over before this call. Call again if it is still wanted.",
            ),
        };
        let refused = self
            .calls
            .drain(..)
            .map(|call| (call, ToolOutcome::text(status, why)));
        self.ended.extend(refused);
    }

    /// Whether its calls are to be run.
    pub(crate) const fn may_run(&self) -> bool {
        self.refusal.is_none()
    }

    pub(crate) fn refuse_for(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
    }

    pub(crate) const fn claim(&self) -> &TurnClaim {
        &self.claim
    }

    fn is_stopped(&self) -> bool {
        self.lost.is_some() || matches!(self.refusal, Some(Refusal::Replaced(_)))
    }
}

impl Turn<Acting> {
    /// Runs the tools and records each outcome as it arrives.
    ///
    /// # Errors
    /// When outcomes cannot be written. They are in the turn that is handed back, and no tool is run again; what is never
    /// recorded is found by the next turn, which says that the outcome is unknown.
    ///
    /// # Cancel safety
    /// Dropping the future kills the tools, and their outcomes are unknown then. Cancel by the token instead.
    pub async fn act(mut self, scope: &mut LockScope) -> Result<Turn<Acted>, Failed<Acting>> {
        let phase = self.core.log.phase(TurnPhase::Act);
        self.phase.refuse();
        if let Err(error) = run(&mut self.core, scope, &mut self.phase).await {
            return Err(Failed::new(error, self));
        }
        drop(phase);
        let Acting {
            claim,
            reply,
            base,
            refusal,
            lost,
            ..
        } = self.phase;
        let stop = match (lost, refusal) {
            (Some(lost), _) => Some(Stop::Superseded(lost)),
            (None, Some(Refusal::Replaced(why))) => Some(Stop::Replaced(why)),
            (None, Some(Refusal::HandedOver(asked))) => Some(Stop::HandedOver(asked)),
            _ => self.core.cancel.is_cancelled().then_some(Stop::Cancelled),
        };
        let turn = Turn {
            core: self.core,
            phase: Acted {
                claim,
                reply,
                base,
                stop,
            },
        };
        turn.core.step("turn:acted").await;
        Ok(turn)
    }
}

/// Runs what is left to run; gives back when everything is recorded and durable.
async fn run(core: &mut Core, scope: &mut LockScope, acting: &mut Acting) -> Result<(), TurnError> {
    let mut bench = Bench::new(core, std::mem::take(&mut acting.calls));
    while let Some((call, outcome)) = bench.next(core, scope).await {
        core.log.tell(What::ToolEnded {
            id: call.id.clone(),
            name: call.name.clone(),
            status: outcome.status.into(),
        });
        core.step("turn:tool-ended").await;
        acting.ended.push((call, outcome));
        match flush(core, scope, acting).await {
            Ok(()) if acting.is_stopped() => bench.stop(),
            Ok(()) => {}
            // Tried again with the next outcome, and at the end.
            Err(error) if error.may_pass() => core.log.warn(chain(&error)),
            Err(_) => bench.stop(),
        }
    }
    let mut attempt = 1;
    while let Err(error) = flush(core, scope, acting).await {
        if !error.may_pass() || attempt >= core.runtime.options.write_attempts_max {
            return Err(error);
        }
        core.before_another_attempt(&error).await;
        attempt += 1;
    }
    if let Some(receipt) = &acting.receipt {
        core.tally.saved_through = Some(
            receipt
                .reached(Level::Synced)
                .await
                .map_err(TurnError::Unconfirmed)?,
        );
    }
    Ok(())
}

/// Records the outcomes that are there, one commit each.
async fn flush(
    core: &mut Core,
    scope: &mut LockScope,
    acting: &mut Acting,
) -> Result<(), TurnError> {
    while let Some((call, outcome)) = acting.ended.first() {
        let entry = core.outcome_entry(call, outcome)?;
        let (claim, intent) = match &acting.lost {
            None => (Some(&acting.claim), Intent::Continue),
            Some(_) => (None, Intent::Aside),
        };
        let commit = Commit {
            intent,
            ..core.commit(vec![entry])
        };
        let job = Append {
            base: &acting.base,
            commit,
        };
        match guarded(core, scope, claim, TurnPhase::Act, core.guard_wait(), job).await {
            Ok(receipt) => {
                core.note(&receipt);
                core.tally.tool_calls += 1;
                acting.ended.remove(0);
                acting.base = receipt.head.clone();
                if let (Outcome::Aside { because }, None) = (&receipt.outcome, &acting.lost) {
                    acting.refusal = Some(Refusal::Replaced(because.to_string()));
                }
                acting.receipt = Some(receipt);
            }
            Err(TurnError::Superseded { lost, .. }) if acting.lost.is_none() => {
                acting.lost = Some(lost);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Turn<Acted> {
    /// Looks at the session anew for the next round, or ends the turn: it was cancelled, replaced or handed over, or the model has been
    /// asked often enough.
    ///
    /// # Errors
    /// [`TurnError::Superseded`]; or a session that cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn look_again(self) -> Result<Round, Failed<Acted>> {
        let Self {
            core,
            phase:
                Acted {
                    claim,
                    reply,
                    base,
                    stop,
                },
        } = self;
        let over = |core, claim, reply, end| {
            Ok(Round::Over(Turn {
                core,
                phase: Recorded { claim, reply, end },
            }))
        };
        match stop {
            Some(Stop::Cancelled) => {
                let end = Err(core.cancelled(true));
                return over(core, claim, reply, end);
            }
            Some(Stop::Replaced(why)) => {
                return over(core, claim, reply, Ok(TurnEnd::Replaced { why }));
            }
            Some(Stop::HandedOver(asked)) => {
                return over(core, claim, reply, Ok(handed_over(*asked)));
            }
            Some(Stop::Superseded(lost)) => {
                let (session, kept) = (core.ask.session.clone(), reply.clone());
                let turn = Turn {
                    core,
                    phase: Acted {
                        claim,
                        reply,
                        base,
                        stop: None,
                    },
                };
                return Err(Failed::new(
                    TurnError::Superseded {
                        session,
                        kept,
                        lost,
                    },
                    turn,
                ));
            }
            None => {}
        }
        let rounds = core.tally.rounds;
        if rounds >= core.runtime.options.rounds_max {
            let end = Err(TurnError::TooManyRounds {
                session: core.ask.session.clone(),
                rounds,
            });
            return over(core, claim, reply, end);
        }
        let snapshot = match core.storage().look(&[]).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let turn = Turn {
                    core,
                    phase: Acted {
                        claim,
                        reply,
                        base,
                        stop: None,
                    },
                };
                return Err(Failed::new(TurnError::Store(error), turn));
            }
        };
        let held = match (&base.leaf, &snapshot.head.leaf) {
            (Some(base), Some(head)) => snapshot.transcript.is_ancestor(base, head),
            (base, head) => base == head,
        };
        if !held {
            let why = why_moved(&snapshot.transcript);
            return over(core, claim, reply, Ok(TurnEnd::Replaced { why }));
        }
        let seen = Seen {
            snapshot,
            staged: Vec::new(),
            first: false,
        };
        Ok(Round::Again(Turn {
            core,
            phase: Prepared { claim, seen },
        }))
    }
}
