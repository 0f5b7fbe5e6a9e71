//! One writer of one session: it draws a move, tells it, makes it, and tells how it ended.

use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_lock::{LockScope, Phase, PhaseGuard, Wait};
use latchwork_session::{
    AppendError, Birth, Commit, GuardAsk, Head, Intent, Level, Placed, Receipt, SessionId,
    SessionLocks as _, Snapshot, TranscriptStore as _, View,
};
use latchwork_transcript::FileStore;
use serde_json::{Value, json};

use super::mutant::Mutant;
use super::numbers::Numbers;
use super::story::Listener;
use super::words::{Size, Sort, Words};

/// What a writer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Everything.
    Anything,
    /// One commit at the head, as whoever comes after a crash makes it.
    Recovery,
}

/// A writer.
pub struct Writer {
    pub(super) store: FileStore,
    pub(super) session: SessionId,
    pub(super) name: String,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) numbers: Numbers,
    pub(super) mutant: Option<Mutant>,
    pub(super) wait: Wait,
    size: Size,
    calls: u64,
}

/// What a move needs of a call that was made.
pub(super) enum Made {
    Stands(Receipt),
    Refused,
}

impl Writer {
    /// A writer whose calls are named after `name`, which no other writer has.
    #[must_use]
    pub fn new(
        store: FileStore,
        session: SessionId,
        name: String,
        listener: Arc<dyn Listener>,
        numbers: Numbers,
        mutant: Option<Mutant>,
    ) -> Self {
        Self {
            store,
            session,
            name,
            listener,
            numbers,
            mutant,
            wait: Wait::at_most(std::time::Duration::from_secs(60)),
            size: Size::PAGES,
            calls: 0,
        }
    }

    /// The same with shorter words: a sector or some rather than a page or some.
    #[must_use]
    pub fn brief(self) -> Self {
        Self {
            size: Size::SECTORS,
            ..self
        }
    }

    /// The same, waiting for a lock no longer than this.
    #[must_use]
    pub fn patient_for(self, time: std::time::Duration) -> Self {
        Self {
            wait: Wait::at_most(time),
            ..self
        }
    }

    /// Makes so many moves.
    pub async fn moves(&mut self, mood: Mood, times: u64) {
        for _ in 0..times {
            match mood {
                Mood::Anything => self.any_move().await,
                Mood::Recovery => self.recovery().await,
            }
        }
    }

    /// Reads before now and then, or has it repaired; appends one entry, and reads: after it the end of the file is in order.
    async fn recovery(&mut self) {
        if self.numbers.one_in(8) {
            self.repair().await;
        }
        if self.numbers.one_in(4)
            && let Some(snapshot) = self.open().await
        {
            let report = &snapshot.report;
            self.tell(json!({ "opened": report.damage.len(), "restored": report.restored, "of": report.of }));
        }
        let call = self.next_call();
        let words = vec![self.words(Sort::Custom, &call, 0)];
        self.commit(&call, &Head::default(), words, Intent::AtHead, false)
            .await;
        if let Some(snapshot) = self.open().await {
            let report = &snapshot.report;
            self.tell(json!({ "reopened": report.damage.len(), "restored": report.restored, "of": report.of }));
        }
    }

    /// One entry beside any turn.
    pub(super) async fn beside(&mut self, intent: Intent) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let call = self.next_call();
        let sort = if self.numbers.one_in(2) {
            Sort::Custom
        } else {
            Sort::User
        };
        let words = vec![self.words(sort, &call, 0)];
        self.commit(&call, &snapshot.head, words, intent, false)
            .await;
    }

    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn rewind(&mut self) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let Some(leaf) = &snapshot.head.leaf else {
            return;
        };
        let branch = snapshot.transcript.branch(leaf).unwrap_or_default();
        let ids: Vec<EntryId> = branch.iter().map(|entry| entry.id().clone()).collect();
        let to = self
            .numbers
            .of(&ids)
            .cloned()
            .filter(|_| !self.numbers.one_in(8));
        let call = self.next_call();
        self.tell(json!({ "call": call, "entries": [] }));
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return;
        };
        let moved = self
            .store
            .move_head(&mut guard, to.as_ref(), "the campaign")
            .await;
        drop(guard.release().await);
        self.ended(&call, moved.as_ref());
        if let Ok(receipt) = moved {
            self.acknowledge(&call, &receipt, Level::Synced).await;
        }
    }

    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn fork(&mut self) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let call = self.next_call();
        let to = format!("fork-{}", call.replace('.', "-"));
        let Ok(session) = SessionId::new(&to) else {
            return;
        };
        self.tell(json!({ "fork": call, "to": to }));
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &session).await else {
            return;
        };
        let birth = Birth {
            parent_session: Some("source".to_owned()),
            ..self.birth()
        };
        let forked = self.store.fork(&mut guard, &snapshot, birth).await;
        drop(guard.release().await);
        self.tell(match forked {
            Ok(()) => json!({ "forked": call }),
            Err(error) => json!({ "unforked": call, "why": said(&error) }),
        });
    }

    pub(super) async fn read(&mut self) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let last = snapshot
            .transcript
            .entries()
            .next_back()
            .map(|entry| entry.id().to_string());
        if snapshot.exists && snapshot.report.damage.is_empty() {
            self.tell(json!({ "read": snapshot.head.seen.0, "last": last }));
        }
    }

    pub(super) async fn open(&self) -> Option<Snapshot> {
        match self.store.open(&self.session, View::Everything).await {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                self.tell(json!({ "unopened": self.name, "why": said(&error) }));
                None
            }
        }
    }

    /// One commit under a guard of its own; acknowledged after it.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn commit(
        &mut self,
        call: &str,
        base: &Head,
        words: Vec<Words>,
        intent: Intent,
        again: bool,
    ) -> Made {
        let told: Vec<Value> = words.iter().map(Words::told).collect();
        self.tell(json!({ "call": call, "entries": told }));
        if self.mutant == Some(Mutant::AckBeforeWrite) {
            self.tell(json!({ "done": call, "placed": words.iter().map(|_| json!({ "id": "early", "new": true })).collect::<Vec<_>>() }));
        }
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return Made::Refused;
        };
        let commit = Commit {
            intent,
            birth: Some(self.birth()),
            ..Commit::side(words.iter().map(|words| words.entry(again)).collect())
        };
        let done = self.store.append(&mut guard, base, commit).await;
        drop(guard.release().await);
        self.ended(call, done.as_ref());
        match done {
            Ok(receipt) => {
                let level = if self.numbers.one_in(3) {
                    Level::Buffered
                } else {
                    Level::Synced
                };
                self.acknowledge(call, &receipt, level).await;
                Made::Stands(receipt)
            }
            Err(_) => Made::Refused,
        }
    }

    pub(super) fn ended(&self, call: &str, done: Result<&Receipt, &AppendError>) {
        self.tell(match done {
            Ok(receipt) => {
                let place =
                    |placed: &Placed| json!({ "id": placed.id.as_str(), "new": !placed.duplicate });
                let placed: Vec<Value> = receipt.placed.iter().map(place).collect();
                json!({ "done": call, "placed": placed })
            }
            Err(error) => {
                let unknown = matches!(error, AppendError::Unknown { .. });
                json!({ "failed": call, "unknown": unknown, "why": said(error) })
            }
        });
    }

    pub(super) async fn acknowledge(&self, call: &str, receipt: &Receipt, level: Level) {
        let device = json!({ "ack": call, "level": "device" });
        if self.mutant == Some(Mutant::AckBeforeSync) {
            self.tell(device);
            return;
        }
        match receipt.reached(level).await {
            Ok(Level::Synced) => self.tell(device),
            Ok(_) => self.tell(json!({ "ack": call, "level": "process" })),
            Err(error) => self.tell(json!({ "unacked": call, "why": said(&error) })),
        }
    }

    pub(super) async fn guard<'s>(
        &self,
        scope: &'s mut LockScope,
        session: &'s SessionId,
    ) -> Option<PhaseGuard<'s>> {
        let ask = GuardAsk::side(session, Phase::SIDE, self.wait);
        match self.store.guard(scope, ask).await {
            Ok(guard) => Some(guard),
            Err(error) => {
                self.tell(json!({ "unguarded": self.name, "why": said(&error) }));
                None
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "each move of a writer is a task's entry point"
    )]
    pub(super) fn scope(&self) -> LockScope {
        LockScope::open()
    }

    fn birth(&self) -> Birth {
        Birth {
            cwd: "/".to_owned(),
            session_key: Some("campaign".to_owned()),
            ..Birth::default()
        }
    }

    pub(super) fn words(&mut self, sort: Sort, call: &str, index: usize) -> Words {
        Words::new(
            sort,
            format!("{call}.{index}"),
            &mut self.numbers,
            self.size,
        )
    }

    pub(super) fn next_call(&mut self) -> String {
        self.calls += 1;
        format!("{}.{}", self.name, self.calls)
    }

    pub(super) fn tell(&self, event: Value) {
        self.listener.hear(event);
    }
}

/// An error with its causes.
pub(super) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        below = cause.source();
    }
    text
}
