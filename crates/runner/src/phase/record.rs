//! Record: the reply is committed with its tool calls, and its base is checked. Then the commit is acknowledged.
//!
//! Writing and acknowledging are two steps, because only one of them can be tried again: a reply that is written must not
//! be written twice, and no tool runs before it is durable. Invariant: an [`Answered`] becomes one [`Written`], or is kept
//! beside the active branch, or is handed back.

use latchwork_lock::{ClaimLost, LockScope, TurnClaim};
use latchwork_session::{
    Birth, Commit, EntryId, Intent, Level, NewEntry, Outcome, Receipt, Reply, ReplyBlock,
    StopReason, ToolCall, ToolOutcome, ToolStatus,
};

use super::Answered;
use super::act::{Acting, Refusal};
use crate::error::chain;
use crate::guarded::{Append, guarded};
use crate::turn::{Over, Turn};
use crate::{Failed, PlacedAs, TurnEnd, TurnError, TurnPhase};

/// The reply is written; what it survives is not known yet.
#[derive(Debug)]
pub struct Written {
    claim: TurnClaim,
    receipt: Receipt,
    calls: Vec<ToolCall>,
    refusal: Option<Refusal>,
    failure: Option<TurnError>,
}

/// The turn has said its last; it only needs to be settled.
#[derive(Debug)]
pub struct Recorded {
    pub(crate) claim: TurnClaim,
    /// The last reply.
    pub(crate) reply: Option<EntryId>,
    /// How the turn ends.
    pub(crate) end: Result<TurnEnd, TurnError>,
}

/// What was said is kept beside the active branch; the turn is not this one's any more.
#[derive(Debug)]
pub struct Kept {
    claim: TurnClaim,
}

/// What follows a reply that is durable.
#[derive(Debug)]
#[must_use]
pub enum Next {
    /// It wants tools.
    Acting(Turn<Acting>),
    /// It was the last.
    Recorded(Turn<Recorded>),
}

impl From<Written> for Over {
    fn from(written: Written) -> Self {
        Self {
            claim: Some(written.claim),
        }
    }
}

impl From<Recorded> for Over {
    fn from(recorded: Recorded) -> Self {
        Self {
            claim: Some(recorded.claim),
        }
    }
}

impl From<Kept> for Over {
    fn from(kept: Kept) -> Self {
        Self {
            claim: Some(kept.claim),
        }
    }
}

impl Turn<Answered> {
    /// Commits the reply; staged messages go before it, in the same write.
    ///
    /// # Errors
    /// Contention, or a session that cannot be written. Nothing was written, and the turn is handed back with its reply:
    /// after [`TurnError::Superseded`] only [`keep_aside`](Self::keep_aside) can write it.
    ///
    /// # Cancel safety
    /// A commit, once begun, runs to its end.
    pub async fn record(
        mut self,
        scope: &mut LockScope,
    ) -> Result<Turn<Written>, Failed<Answered>> {
        let phase = self.core.log.phase(TurnPhase::Record);
        let receipt = match self.write(scope).await {
            Ok(receipt) => receipt,
            Err(error) => return Err(Failed::new(error, self)),
        };
        self.core.note(&receipt);
        self.core.tally.outcome = Some(PlacedAs::from(&receipt.outcome));
        drop(phase);
        let Answered {
            claim,
            reply,
            failure,
            ..
        } = self.phase;
        let refusal = match &receipt.outcome {
            Outcome::Aside { because } => Some(Refusal::Replaced(because.to_string())),
            _ if reply.stop == StopReason::Length => Some(Refusal::CutShort),
            _ => None,
        };
        let calls = calls_of(&reply).collect();
        let turn = Turn {
            core: self.core,
            phase: Written {
                claim,
                receipt,
                calls,
                refusal,
                failure,
            },
        };
        turn.core.step("turn:recorded").await;
        Ok(turn)
    }

    async fn write(&self, scope: &mut LockScope) -> Result<Receipt, TurnError> {
        let core = &*self.core;
        let seen = &self.phase.seen;
        let mut entries = seen.staged.clone();
        entries.push(self.reply_entry()?);
        let birth = Birth {
            cwd: core.ask.cwd.clone(),
            session_key: core.ask.session_key.clone(),
            parent_session: None,
        };
        let commit = Commit {
            birth: Some(birth),
            ..core.commit(entries)
        };
        let job = Append {
            base: &seen.snapshot.head,
            commit,
        };
        guarded(
            core,
            scope,
            Some(&self.phase.claim),
            TurnPhase::Record,
            core.guard_wait(),
            job,
        )
        .await
    }

    fn reply_entry(&self) -> Result<NewEntry, TurnError> {
        let Answered { reply, shown, .. } = &self.phase;
        let mut message = reply.to_message(self.core.wall_ms());
        // Seals hold behind what the model was shown; whoever asks it again looks whether that still stands.
        if let (Some(shown), Some(fields)) =
            (shown.filter(|_| is_sealed(reply)), message.as_object_mut())
        {
            let (field, note) = shown.note();
            fields.insert(field.into(), note);
        }
        self.core.entry(&message, "the reply")
    }

    /// The turn was taken over: keeps what it said on a branch of its own, as a writer beside the turn. Nobody's head
    /// moves. The error says who took over, why, and which entry keeps the reply.
    ///
    /// # Cancel safety
    /// A commit, once begun, runs to its end.
    pub async fn keep_aside(mut self, scope: &mut LockScope, lost: Box<ClaimLost>) -> Failed<Kept> {
        let session = self.core.ask.session.clone();
        let kept = match self.write_aside(scope).await {
            Ok(receipt) => {
                self.core.note(&receipt);
                self.core.tally.outcome = Some(PlacedAs::Aside);
                if let Err(error) = receipt.reached(Level::Synced).await {
                    self.core.log.warn(chain(&error));
                }
                receipt
                    .placed
                    .get(self.phase.seen.staged.len())
                    .map(|placed| placed.id.clone())
            }
            Err(error) => {
                self.core.log.warn(format!(
                    "what was said could not be kept: {}",
                    chain(&error)
                ));
                None
            }
        };
        let turn = Turn {
            core: self.core,
            phase: Kept {
                claim: self.phase.claim,
            },
        };
        Failed::new(
            TurnError::Superseded {
                session,
                kept,
                lost,
            },
            turn,
        )
    }

    async fn write_aside(&self, scope: &mut LockScope) -> Result<Receipt, TurnError> {
        let core = &*self.core;
        let seen = &self.phase.seen;
        // Copies without their keys: the messages themselves are the newer turn's to place.
        let mut entries: Vec<NewEntry> = seen
            .staged
            .iter()
            .map(|entry| NewEntry::new(entry.body.clone()))
            .collect();
        entries.push(self.reply_entry()?);
        for call in calls_of(&self.phase.reply) {
            let outcome =
                ToolOutcome::text(ToolStatus::Aborted, "Not run: another turn took over.");
            entries.push(core.outcome_entry(&call, &outcome)?);
        }
        let birth = Birth {
            cwd: core.ask.cwd.clone(),
            session_key: core.ask.session_key.clone(),
            parent_session: None,
        };
        let commit = Commit {
            intent: Intent::Aside,
            birth: Some(birth),
            ..core.commit(entries)
        };
        let job = Append {
            base: &seen.snapshot.head,
            commit,
        };
        guarded(core, scope, None, TurnPhase::Record, core.guard_wait(), job).await
    }
}

impl Turn<Written> {
    /// Waits until the reply survives a crash of the machine. Nothing is held.
    ///
    /// # Errors
    /// [`TurnError::Unconfirmed`]: the reply is written, and nobody can say what it survives. No tool was run.
    ///
    /// # Cancel safety
    /// The sync goes on; what is written stays written.
    pub async fn confirm(mut self) -> Result<Next, Failed<Written>> {
        match self.phase.receipt.reached(Level::Synced).await {
            Ok(level) => self.core.tally.saved_through = Some(level),
            Err(error) => return Err(Failed::new(TurnError::Unconfirmed(error), self)),
        }
        let Written {
            claim,
            receipt,
            calls,
            refusal,
            failure,
        } = self.phase;
        let reply = receipt.placed.last().map(|placed| placed.id.clone());
        if !calls.is_empty() {
            let acting = Acting::new(claim, reply, receipt.head, calls, refusal);
            return Ok(Next::Acting(Turn {
                core: self.core,
                phase: acting,
            }));
        }
        let end = match (failure, refusal) {
            (Some(error), _) => Err(error),
            (None, Some(Refusal::Replaced(why))) => Ok(TurnEnd::Replaced { why }),
            (None, _) => Ok(TurnEnd::Completed),
        };
        Ok(Next::Recorded(Turn {
            core: self.core,
            phase: Recorded { claim, reply, end },
        }))
    }
}

fn is_sealed(reply: &Reply) -> bool {
    reply.blocks.iter().any(|block| match block {
        ReplyBlock::Text { signature, .. }
        | ReplyBlock::Thinking { signature, .. }
        | ReplyBlock::Call { signature, .. } => signature.is_some(),
        _ => false,
    })
}

fn calls_of(reply: &Reply) -> impl Iterator<Item = ToolCall> {
    reply.calls().map(|(id, name, arguments)| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.clone(),
    })
}
