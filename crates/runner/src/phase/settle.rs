//! Settle: answered messages are retired, the figures are kept, and the last line of the file is ours. Then the engine is
//! told, with nothing held.
//!
//! What fails here is warned of and fails no turn: the reply is durable, and what is left undone is found by the next
//! turn. Deliberately absent: acknowledging the ledger; it says nothing that the replies do not.

use latchwork_format::Body;
use latchwork_lock::{LockScope, PhaseGuard, TurnClaim};
use latchwork_session::{
    AfterTurn, Commit, EngineScope, EntryId, Intent, Key, NewEntry, Snapshot, TurnId,
    TurnMaintenance,
};
use serde_json::json;

use super::record::Recorded;
use crate::entries::has_assistant;
use crate::error::chain;
use crate::guarded::{Job, Storage, guarded};
use crate::log::PhaseFigures;
use crate::standing::{Standing, standings};
use crate::turn::{Core, Over, Turn};
use crate::{TurnEnd, TurnError, TurnPhase, What};

/// The turn is settled; it only needs to be closed.
#[derive(Debug)]
pub struct Settled {
    claim: TurnClaim,
    end: Result<TurnEnd, TurnError>,
}

impl From<Settled> for Over {
    fn from(settled: Settled) -> Self {
        Self {
            claim: Some(settled.claim),
        }
    }
}

impl Turn<Recorded> {
    /// Settles the turn. It never fails: what goes wrong is warned of.
    ///
    /// # Cancel safety
    /// What is left undone is found by the next turn.
    pub async fn settle(mut self, scope: &mut LockScope) -> Turn<Settled> {
        let phase = self.core.log.phase(TurnPhase::Settle);
        let core = &self.core;
        let job = Settle {
            turn: &core.id,
            ledger: core
                .runtime
                .options
                .ledger
                .then(|| core.ledger(&self.phase.end)),
            // A turn that the user ended is not to be gone on with; one that failed is still owed its answer.
            closes: match &self.phase.end {
                Ok(TurnEnd::Completed) => Closes::Answered,
                Err(error) if error.is_cancelled() => {
                    Closes::Interrupted(self.phase.reply.as_ref())
                }
                _ => Closes::Answered,
            },
        };
        let claim = Some(&self.phase.claim);
        match guarded(
            core,
            scope,
            claim,
            TurnPhase::Settle,
            core.guard_wait(),
            job,
        )
        .await
        {
            Ok(done) => {
                for warning in done.warnings {
                    self.core.log.warn(warning);
                }
                self.core.tally.entries.extend(done.entries);
            }
            Err(error) => self.core.log.warn(chain(&error)),
        }
        // A turn that was handed over before a model was asked adds nothing that the next one does not see itself.
        if self.core.tally.rounds > 0 {
            tell_engine(&self.core, scope, &self.phase.claim).await;
        }
        drop(phase);
        self.core.step("turn:settled").await;
        let Recorded { claim, end, .. } = self.phase;
        Turn {
            core: self.core,
            phase: Settled { claim, end },
        }
    }
}

impl Turn<Settled> {
    /// Lets the engine tidy up, if it does so in the foreground and nobody waits for the turn; else the report says that it
    /// is due.
    ///
    /// # Cancel safety
    /// What an engine had written stays written.
    pub async fn maintain(mut self, scope: &mut LockScope) -> Self {
        let engine = self.core.runtime.engine.clone();
        let handed_over = matches!(self.phase.end, Ok(TurnEnd::HandedOver { .. }));
        if handed_over || engine.info().turn_maintenance == TurnMaintenance::Background {
            self.core.tally.maintenance_due = true;
            return self;
        }
        let phase = self.core.log.phase(TurnPhase::Maintain);
        let core = &self.core;
        let mut lent = EngineScope::new(
            scope,
            Some(&self.phase.claim),
            &core.ask.session,
            &core.parts,
        );
        let session = core.session_ref();
        let done = tokio::select! {
            biased;
            () = core.cancel.cancelled() => {
                self.core.tally.maintenance_due = true;
                drop(phase);
                return self;
            }
            done = engine.maintain(&mut lent, &session) => done,
        };
        if let Err(error) = done {
            core.log.warn(chain(&error));
        }
        drop(phase);
        self
    }

    /// How the turn ends, and the turn to be closed.
    pub fn ended(self) -> (Turn<Over>, Result<TurnEnd, TurnError>) {
        let Settled { claim, end } = self.phase;
        (
            Turn {
                core: self.core,
                phase: Over { claim: Some(claim) },
            },
            end,
        )
    }
}

impl Core {
    /// The figures of the turn: names and numbers, nothing that was said; and to whom it was handed over, and why.
    fn ledger(&self, end: &Result<TurnEnd, TurnError>) -> Body {
        let (tally, guard) = (&self.tally, self.log.guard());
        let mut data = json!({
            "turn": self.id,
            "rounds": tally.rounds,
            "toolCalls": tally.tool_calls,
            "usage": tally.usage,
            "totalMs": self.log.total_ms(),
            "guardMs": guard.held_ms,
        });
        // This phase is still under way, and the end of the turn is to come.
        data["phases"] = self.log.phases().into_iter().map(phase_in_json).collect();
        if let Ok(TurnEnd::HandedOver { to, turn, reason }) = end {
            data["handedOver"] = json!({ "to": to, "turn": turn, "reason": reason });
        }
        Body::Custom {
            custom_type: latchwork_format::ours::TURN.into(),
            data: Some(data),
        }
    }
}

fn phase_in_json((phase, figures): (TurnPhase, PhaseFigures)) -> serde_json::Value {
    let mut value = json!(figures);
    value["phase"] = json!(phase);
    value
}

/// What makes a message of this turn answered.
enum Closes<'a> {
    /// A final reply.
    Answered,
    /// The user's interruption; this is what had been said last.
    Interrupted(Option<&'a EntryId>),
}

/// The job under the guard.
struct Settle<'a> {
    turn: &'a TurnId,
    ledger: Option<Body>,
    closes: Closes<'a>,
}

#[derive(Default)]
struct Done {
    entries: Vec<EntryId>,
    warnings: Vec<String>,
}

#[async_trait::async_trait]
impl Job for Settle<'_> {
    type Done = Done;

    async fn run(self, storage: &Storage, guard: &mut PhaseGuard<'_>) -> Result<Done, TurnError> {
        let mut done = Done::default();
        let waiting = storage.inbox.waiting(&storage.session);
        let waiting = waiting.await.map_err(TurnError::Inbox)?;
        let keys: Vec<Key> = waiting.into_iter().map(|message| message.key).collect();
        let snapshot = storage.look(&keys).await.map_err(TurnError::Store)?;
        let answered = self.answered(&snapshot, &keys);
        if !answered.is_empty()
            && let Err(error) = storage
                .inbox
                .retire(guard, &storage.session, &answered)
                .await
        {
            done.warnings.push(chain(&error));
        }
        // A turn that was handed over before any model had spoken leaves the transcript as it is, or unborn.
        let ledger = self.ledger.filter(|_| has_assistant(&snapshot.transcript));
        if let Some(body) = ledger {
            let entries = vec![NewEntry::new(body)];
            let commit = Commit {
                entries,
                intent: Intent::IfAncestor,
                turn: Some(self.turn.clone()),
                birth: None,
            };
            match storage.append(guard, &snapshot.head, commit).await {
                // The ledger is the last line now, and it continues the head.
                Ok(receipt) => done
                    .entries
                    .extend(receipt.placed.into_iter().map(|placed| placed.id)),
                Err(error) => done.warnings.push(chain(&error)),
            }
        } else if let Err(error) = storage.mend_last_line(guard, &snapshot).await {
            done.warnings.push(chain(&error));
        }
        Ok(done)
    }
}

impl Settle<'_> {
    /// The messages that are answered. Their answers are durable: what this turn wrote was confirmed after them.
    fn answered(&self, snapshot: &Snapshot, keys: &[Key]) -> Vec<(Key, EntryId)> {
        let head = snapshot.head.leaf.as_ref();
        let standings = standings(&snapshot.transcript, head, keys);
        let by = |key: &Key, standing: Standing| match (standing, &self.closes) {
            (Standing::Answered(by), _) => Some(by),
            (Standing::InContext, Closes::Interrupted(Some(reply))) => {
                let placement = crate::standing::newest_placement(&snapshot.transcript, key)?;
                snapshot
                    .transcript
                    .is_ancestor(placement.id(), reply)
                    .then(|| (*reply).clone())
            }
            _ => None,
        };
        keys.iter()
            .zip(standings)
            .filter_map(|(key, standing)| Some((key.clone(), by(key, standing)?)))
            .collect()
    }
}

impl Storage {
    /// A stale peer may have written the last line of the file, and would take that for the head. Says where the head is
    /// in a line of its own, if so.
    pub(crate) async fn mend_last_line(
        &self,
        guard: &mut PhaseGuard<'_>,
        seen: &Snapshot,
    ) -> Result<(), TurnError> {
        let head = seen.head.leaf.as_ref();
        if !seen.exists
            || seen.report.read_only.is_some()
            || head.is_none()
            || seen.transcript.leaf() == head
        {
            return Ok(());
        }
        let why = "kept: another program had written beside the active branch";
        let moved = self.store.move_head(guard, head, why).await;
        moved
            .map(drop)
            .map_err(|error| TurnError::of_append(&self.session, error))
    }
}

/// Tells the engine what the turn added to the active branch.
async fn tell_engine(core: &Core, scope: &mut LockScope, claim: &TurnClaim) {
    let snapshot = match core.storage().look(&[]).await {
        Ok(snapshot) => snapshot,
        Err(error) => return core.log.warn(chain(&error)),
    };
    let head = snapshot.head.leaf.clone();
    let on_path = |id: &&EntryId| {
        head.as_ref()
            .is_some_and(|head| snapshot.transcript.is_ancestor(id, head))
    };
    let added = core.tally.entries.iter().filter(on_path).cloned().collect();
    let token_budget = core.runtime.options.token_budget;
    let turn = AfterTurn {
        session: core.session_ref(),
        snapshot,
        added,
        token_budget,
        heartbeat: false,
    };
    let mut lent = EngineScope::new(scope, Some(claim), &core.ask.session, &core.parts);
    if let Err(error) = core.runtime.engine.after_turn(&mut lent, turn).await {
        core.log.warn(chain(&error));
    }
}

impl Core {
    /// Counts and tells what waits.
    pub(crate) async fn count_waiting(&mut self) {
        match self.runtime.inbox.waiting(&self.ask.session).await {
            Ok(waiting) => {
                self.tally.waiting = Some(waiting.len());
                self.log.tell(What::Waiting { n: waiting.len() });
            }
            Err(error) => self.log.warn(chain(&error)),
        }
    }
}
