//! A turn as a value: its phase is its type, and a step consumes it.
//!
//! ```text
//! Begun -admit-> Admitted -claim-> Claimed -prepare-> Prepared -assemble-> Assembled -ask-> Answered
//!                                                         ^                                    | record
//!                                                    look again                                v
//!                                                       Acted <-act- Acting <---confirm--- Written
//!                                                         |                                    | confirm
//!                                                         +-----stop---> Recorded <------------+
//!                                                                           | settle
//! any phase -over-> Over -close-> the report                             Settled -maintain-> Settled
//! Prepared, Assembled or Acting -yield_if_asked-> Recorded, where another turn asks for this one
//! ```
//!
//! Invariants: from [`Claimed`](crate::phase::Claimed) on, a phase owns the turn's claim; a step that fails hands the
//! turn back as it was ([`Failed`](crate::Failed)). Deliberately absent: which step comes next ([`run_turn`](crate::run_turn)).

use std::sync::Arc;
use std::time::Duration;

use latchwork_format::Body;
use latchwork_lock::{TurnClaim, Wait};
use latchwork_session::{
    Commit, EngineParts, EntryId, Intent, Level, NewEntry, Receipt, SessionRef, ToolCall,
    ToolOutcome, TurnId, Usage,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::chain;
use crate::guarded::Storage;
use crate::log::Log;
use crate::{PlacedAs, Runtime, TurnAsk, TurnError, Watch, What};

/// One turn, in phase `P`.
#[must_use = "a turn that is dropped is not closed: nobody is told how it ended"]
pub struct Turn<P> {
    pub(crate) core: Box<Core>,
    pub(crate) phase: P,
}

/// The turn begins; nothing has been done.
#[derive(Debug)]
pub struct Begun(());

/// The turn is over, well or not; it only needs to be closed.
#[derive(Debug)]
pub struct Over {
    pub(crate) claim: Option<TurnClaim>,
}

impl From<Begun> for Over {
    fn from(_begun: Begun) -> Self {
        Self { claim: None }
    }
}

/// What every phase has.
pub(crate) struct Core {
    pub runtime: Runtime,
    pub ask: TurnAsk,
    pub id: TurnId,
    pub log: Arc<Log>,
    pub cancel: CancellationToken,
    pub parts: EngineParts,
    pub tally: Tally,
}

/// What is counted along the way.
#[derive(Default)]
pub(crate) struct Tally {
    pub text: String,
    pub entries: Vec<EntryId>,
    pub outcome: Option<PlacedAs>,
    pub usage: Usage,
    pub rounds: u32,
    pub tool_calls: u32,
    pub waiting: Option<usize>,
    pub saved_through: Option<Level>,
    pub maintenance_due: bool,
}

impl Tally {
    pub(crate) const fn add_usage(&mut self, more: &Usage) {
        self.usage.input += more.input;
        self.usage.output += more.output;
        self.usage.cache_read += more.cache_read;
        self.usage.cache_write += more.cache_write;
        self.usage.total_tokens += more.total_tokens;
    }
}

impl Turn<Begun> {
    /// A turn that has not done anything yet.
    pub fn begin(
        runtime: &Runtime,
        ask: TurnAsk,
        watch: Arc<dyn Watch>,
        cancel: CancellationToken,
    ) -> Self {
        let system = &runtime.system;
        let id = TurnId(latchwork_sys::uuid_v7(
            &*system.entropy,
            system.clock.wall_ms(),
        ));
        let parts = EngineParts {
            locks: runtime.locks.clone(),
            store: runtime.store.clone(),
            model: runtime.model.clone(),
            wait: runtime.options.guard_wait(),
            cancel: cancel.clone(),
        };
        let log = Arc::new(Log::new(watch, system.clock.clone()));
        let runtime = runtime.clone();
        let core = Core {
            runtime,
            ask,
            id,
            log,
            cancel,
            parts,
            tally: Tally::default(),
        };
        Self {
            core: Box::new(core),
            phase: Begun(()),
        }
    }
}

impl<P> Turn<P> {
    /// The name of the turn, which is written beside each entry that it commits.
    #[must_use]
    pub fn id(&self) -> &TurnId {
        &self.core.id
    }

    /// Ends the turn in whatever phase it is; it only needs to be closed then.
    pub fn over(self) -> Turn<Over>
    where
        P: Into<Over>,
    {
        Turn {
            core: self.core,
            phase: self.phase.into(),
        }
    }
}

impl<P> std::fmt::Debug for Turn<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("id", &self.core.id)
            .field("session", &self.core.ask.session)
            .field("phase", &std::any::type_name::<P>())
            .finish_non_exhaustive()
    }
}

impl Core {
    /// What a job under a guard may reach: storage, and neither model nor tools.
    pub(crate) fn storage(&self) -> Storage {
        Storage {
            store: self.runtime.store.clone(),
            inbox: self.runtime.inbox.clone(),
            session: self.ask.session.clone(),
        }
    }

    pub(crate) fn session_ref(&self) -> SessionRef {
        SessionRef {
            id: self.ask.session.clone(),
            key: self.ask.session_key.clone(),
        }
    }

    pub(crate) fn guard_wait(&self) -> Wait {
        Wait::at_most(self.runtime.options.guard_wait())
    }

    /// Milliseconds since 1970.
    pub(crate) fn wall_ms(&self) -> i64 {
        self.runtime.system.clock.wall_ms()
    }

    /// A commit of this turn, on its base.
    pub(crate) fn commit(&self, entries: Vec<NewEntry>) -> Commit {
        Commit {
            entries,
            intent: Intent::Continue,
            turn: Some(self.id.clone()),
            birth: None,
        }
    }

    /// A message as an entry. `doing` says what it is, for the case that it cannot be written.
    pub(crate) fn entry(
        &self,
        message: &Value,
        doing: &'static str,
    ) -> Result<NewEntry, TurnError> {
        let session = || self.ask.session.clone();
        let body = Body::message(message);
        body.map(NewEntry::new)
            .map_err(|source| TurnError::Unwritable {
                session: session(),
                doing,
                source,
            })
    }

    /// The outcome of a call as an entry.
    pub(crate) fn outcome_entry(
        &self,
        call: &ToolCall,
        outcome: &ToolOutcome,
    ) -> Result<NewEntry, TurnError> {
        self.entry(
            &outcome.to_message(&call.id, &call.name, self.wall_ms()),
            "the outcome of a tool",
        )
    }

    /// Keeps and tells what was written.
    pub(crate) fn note(&mut self, receipt: &Receipt) {
        let ids: Vec<EntryId> = receipt
            .placed
            .iter()
            .filter(|own| !own.duplicate)
            .map(|own| own.id.clone())
            .collect();
        if !ids.is_empty() {
            let outcome = PlacedAs::from(&receipt.outcome);
            self.log.tell(What::Recorded {
                ids: ids.iter().map(ToString::to_string).collect(),
                outcome,
            });
            self.tally.entries.extend(ids);
        }
    }

    /// A write met contention and will be tried again. A session whose last write could not be confirmed has to be opened
    /// again first.
    pub(crate) async fn before_another_attempt(&self, error: &TurnError) {
        self.log
            .warn(format!("{}; it is tried again", chain(error)));
        if let Err(error) = self.storage().look(&[]).await {
            self.log.warn(chain(&error));
        }
    }

    /// The protocol has reached a named step. A watcher may block there, so it is asked on a thread of its own.
    pub(crate) async fn step(&self, name: &'static str) {
        let steps = self.runtime.system.steps.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || steps.reach(name)).await {
            self.log
                .warn(format!("the watcher of the step {name} failed: {error}"));
        }
    }

    /// The error of a turn that was cancelled.
    pub(crate) fn cancelled(&self, kept: bool) -> TurnError {
        TurnError::Cancelled {
            session: self.ask.session.clone(),
            kept,
        }
    }

    pub(crate) const fn close_limit(&self) -> Duration {
        self.runtime.options.close_limit()
    }
}
