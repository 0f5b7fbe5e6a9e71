//! Prepare: recover what an earlier turn left open, place the waiting messages, take the snapshot.
//!
//! A turn does not write to a transcript that no model has spoken in yet: one peer would double such a message, another
//! truncate it. Its messages are *staged*: shown to the model, and committed together with the reply. Deliberately
//! absent: mending the last line of the file, which is Settle's and Close's.

use latchwork_format::Body;
use latchwork_lock::{LockScope, PhaseGuard, TurnClaim};
use latchwork_session::{
    AppendError, Commit, Intent, Key, Level, NewEntry, Receipt, Snapshot, ToolOutcome, TurnId,
    Waiting,
};

use super::Claimed;
use crate::entries::has_assistant;
use crate::guarded::{Job, Storage, guarded};
use crate::recover::{Unfinished, unfinished};
use crate::standing::{Standing, standings};
use crate::turn::{Over, Turn};
use crate::{Failed, TurnEnd, TurnError, TurnPhase};

/// What the turn builds on is known.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) claim: TurnClaim,
    pub(crate) seen: Seen,
}

/// What a round of the turn builds on.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The session; its head is the base of the reply.
    pub snapshot: Snapshot,
    /// Messages that are committed together with the reply.
    pub staged: Vec<NewEntry>,
    /// The engine was not told of the session yet.
    pub first: bool,
}

impl From<Prepared> for Over {
    fn from(prepared: Prepared) -> Self {
        Self {
            claim: Some(prepared.claim),
        }
    }
}

/// What came of preparing.
#[derive(Debug)]
#[must_use]
pub enum Preparation {
    /// A model is to be asked.
    Owed(Turn<Prepared>),
    /// There is nothing to answer; so the turn ends.
    Done(Turn<Claimed>, TurnEnd),
}

impl Turn<Claimed> {
    /// Recovers, places messages and takes the snapshot.
    ///
    /// # Errors
    /// Contention, or whatever keeps the session from being read and written. Messages stay accepted.
    ///
    /// # Cancel safety
    /// What was placed stays placed; the next turn finds it so.
    pub async fn prepare(mut self, scope: &mut LockScope) -> Result<Preparation, Failed<Claimed>> {
        let phase = self.core.log.phase(TurnPhase::Prepare);
        let done = tokio::select! {
            biased;
            () = self.core.cancel.cancelled() => Err(self.core.cancelled(false)),
            done = self.look(scope) => done,
        };
        let (placed, snapshot) = match done {
            Ok(done) => done,
            Err(error) => return Err(Failed::new(error, self)),
        };
        self.tell(&placed);
        drop(phase);
        if placed.owed {
            let seen = Seen {
                snapshot,
                staged: placed.staged,
                first: true,
            };
            let turn = Turn {
                core: self.core,
                phase: Prepared {
                    claim: self.phase.claim,
                    seen,
                },
            };
            turn.core.step("turn:prepared").await;
            return Ok(Preparation::Owed(turn));
        }
        let end = self.answer_of_before(&snapshot);
        Ok(Preparation::Done(self, end))
    }

    /// Everything that can fail.
    async fn look(&self, scope: &mut LockScope) -> Result<(Placed, Snapshot), TurnError> {
        let core = &*self.core;
        let storage = core.storage();
        // Read before, so that what is read again under the guard is only what is new.
        storage.look(&[]).await.map_err(TurnError::Store)?;
        let job = Place {
            turn: &core.id,
            now_ms: core.wall_ms(),
        };
        let claim = Some(&self.phase.claim);
        let placed = guarded(
            core,
            scope,
            claim,
            TurnPhase::Prepare,
            core.guard_wait(),
            job,
        )
        .await?;
        if let Some(receipt) = placed.receipts.last() {
            // One sync covers whatever was written before it.
            receipt
                .reached(Level::Synced)
                .await
                .map_err(TurnError::Unconfirmed)?;
        }
        let asked = core.ask.message.iter().map(|message| message.key.clone());
        let snapshot = storage
            .look(&asked.collect::<Vec<_>>())
            .await
            .map_err(TurnError::Store)?;
        Ok((placed, snapshot))
    }

    fn tell(&mut self, placed: &Placed) {
        for receipt in &placed.receipts {
            self.core.note(receipt);
            self.core.tally.saved_through = Some(Level::Synced);
        }
        for (key, why) in &placed.cancelled {
            self.core.log.warn(format!(
                "the message {key} is not answered: the user went back to before it ({why})"
            ));
        }
    }

    /// There is nothing to answer: perhaps because the message was answered before.
    fn answer_of_before(&mut self, snapshot: &Snapshot) -> TurnEnd {
        let Some(message) = &self.core.ask.message else {
            return TurnEnd::Nothing;
        };
        let head = snapshot.head.leaf.as_ref();
        match standings(&snapshot.transcript, head, [&message.key]).pop() {
            Some(Standing::Answered(by)) => {
                let reply = snapshot
                    .transcript
                    .entry(&by)
                    .and_then(latchwork_format::RawEntry::message);
                self.core.tally.text = reply.map(|reply| reply.text()).unwrap_or_default();
                TurnEnd::AlreadyAnswered { by }
            }
            _ => TurnEnd::Nothing,
        }
    }
}

/// The job under the guard.
struct Place<'a> {
    turn: &'a TurnId,
    now_ms: i64,
}

/// What the job did.
struct Placed {
    receipts: Vec<Receipt>,
    staged: Vec<NewEntry>,
    cancelled: Vec<(Key, String)>,
    owed: bool,
}

#[async_trait::async_trait]
impl Job for Place<'_> {
    type Done = Placed;

    async fn run(self, storage: &Storage, guard: &mut PhaseGuard<'_>) -> Result<Placed, TurnError> {
        let mut done = Placed {
            receipts: Vec::new(),
            staged: Vec::new(),
            cancelled: Vec::new(),
            owed: false,
        };
        let waiting = storage.inbox.waiting(&storage.session);
        let waiting = waiting.await.map_err(TurnError::Inbox)?;
        let keys: Vec<Key> = waiting.iter().map(|message| message.key.clone()).collect();
        let mut snapshot = storage.look(&keys).await.map_err(TurnError::Store)?;
        writable(&snapshot)?;
        if let Some(lost) = unfinished(&path(&snapshot)) {
            done.receipts
                .push(self.recover(storage, guard, &snapshot, lost).await?);
            snapshot = storage.look(&keys).await.map_err(TurnError::Store)?;
        }
        let entries = self.decide(storage, &snapshot, waiting, &mut done).await?;
        if has_assistant(&snapshot.transcript) {
            if !entries.is_empty() {
                let commit = self.commit(entries);
                done.receipts
                    .push(storage.append(guard, &snapshot.head, commit).await?);
            }
        } else {
            done.staged = entries;
        }
        Ok(done)
    }
}

impl Place<'_> {
    fn commit(&self, entries: Vec<NewEntry>) -> Commit {
        Commit {
            entries,
            intent: Intent::Continue,
            turn: Some(self.turn.clone()),
            birth: None,
        }
    }

    /// Says of each lost call that its outcome is unknown.
    async fn recover(
        &self,
        storage: &Storage,
        guard: &mut PhaseGuard<'_>,
        snapshot: &Snapshot,
        lost: Unfinished,
    ) -> Result<Receipt, TurnError> {
        let mut entries = Vec::new();
        for (call, tool) in &lost.calls {
            let message = ToolOutcome::unknown().to_message(call, tool, self.now_ms);
            let body = Body::message(&message).map_err(|source| TurnError::Unwritable {
                session: storage.session.clone(),
                doing: "an unknown outcome",
                source,
            })?;
            entries.push(NewEntry::new(body));
        }
        let mut base = snapshot.head.clone();
        base.leaf = Some(lost.after);
        storage.append(guard, &base, self.commit(entries)).await
    }

    /// What is to be placed, and whether anything is owed an answer.
    async fn decide(
        &self,
        storage: &Storage,
        snapshot: &Snapshot,
        waiting: Vec<Waiting>,
        done: &mut Placed,
    ) -> Result<Vec<NewEntry>, TurnError> {
        let head = snapshot.head.leaf.as_ref();
        let standings = standings(
            &snapshot.transcript,
            head,
            waiting.iter().map(|message| &message.key),
        );
        let mut entries = Vec::new();
        for (message, standing) in waiting.into_iter().zip(standings) {
            match standing {
                Standing::New => {
                    entries.push(NewEntry::keyed(Body::Message(message.message), message.key));
                }
                Standing::Beside => {
                    let entry = NewEntry::keyed(Body::Message(message.message), message.key);
                    entries.push(NewEntry {
                        again: true,
                        ..entry
                    });
                }
                Standing::InContext => done.owed = true,
                // Retired when this turn settles: only then is it sure that the answer is durable.
                Standing::Answered(_) => {}
                Standing::Rewound(why) => {
                    let cancelled = storage
                        .inbox
                        .cancel(&storage.session, &message.key, &why)
                        .await;
                    cancelled.map_err(TurnError::Inbox)?;
                    done.cancelled.push((message.key, why));
                }
            }
        }
        done.owed |= !entries.is_empty();
        Ok(entries)
    }
}

/// The active path.
pub(crate) fn path(snapshot: &Snapshot) -> Vec<&latchwork_format::RawEntry> {
    let leaf = snapshot.head.leaf.as_ref();
    leaf.and_then(|leaf| snapshot.transcript.branch(leaf))
        .unwrap_or_default()
}

/// A session that cannot be written is refused before a model is paid for.
fn writable(snapshot: &Snapshot) -> Result<(), TurnError> {
    match &snapshot.report.read_only {
        Some(why) => {
            let (session, why) = (snapshot.session.clone(), why.clone());
            Err(TurnError::Write(AppendError::ReadOnly { session, why }))
        }
        None => Ok(()),
    }
}
