//! The moves that write anew what is there: an entry of the active branch replaced, the end mended, the whole file repaired.

use latchwork_format::{EntryId, Kind, Role};
use latchwork_session::{Key, Level, Rewrite, Snapshot, TranscriptStore as _};
use serde_json::{Value, json};

use super::words::Sort;
use super::writer::{Writer, said};

/// At most so many entries at the end of the branch are written anew, so that a session does not double with each rewrite.
const SUFFIX_MAX: u64 = 5;

/// An entry that is to be replaced.
struct Chosen {
    id: EntryId,
    sort: Sort,
    key: Option<Key>,
}

impl Writer {
    /// Replaces one of the last entries of the active branch; what stands behind it is copied.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn rewrite(&mut self) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let Some(chosen) = self.choose(&snapshot) else {
            return;
        };
        let call = self.next_call();
        let mut words = self.words(chosen.sort, &call, 0);
        words.key = chosen.key;
        self.tell(json!({ "call": call, "entries": [words.told()], "anew": "rewrite" }));
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return;
        };
        let rewrite = Rewrite {
            replacements: vec![(chosen.id, words.body)],
            ..Rewrite::default()
        };
        let rewritten = self
            .store
            .rewrite(&mut guard, &snapshot.head, rewrite)
            .await;
        drop(guard.release().await);
        match rewritten {
            Ok(rewritten) => {
                // Where nothing was changed nothing is promised of the call.
                if let Some(receipt) = rewritten.receipt {
                    self.ended(&call, Ok(&receipt));
                    self.acknowledge(&call, &receipt, Level::Synced).await;
                }
            }
            Err(error) => self.ended(&call, Err(&error)),
        }
    }

    fn choose(&mut self, snapshot: &Snapshot) -> Option<Chosen> {
        let leaf = snapshot.head.leaf.as_ref()?;
        let branch = snapshot.transcript.branch(leaf)?;
        let behind = usize::try_from(self.numbers.below(SUFFIX_MAX)).ok()?;
        let entry = branch.iter().rev().nth(behind)?;
        let sort = match entry.kind() {
            Kind::Message(Role::User) => Sort::User,
            Kind::Message(Role::Assistant) => Sort::Answer,
            Kind::Message(Role::ToolResult) => Sort::Result,
            _ => return None,
        };
        Some(Chosen {
            id: entry.id().clone(),
            sort,
            key: entry.key().and_then(|key| Key::new(key).ok()),
        })
    }

    /// Puts the end in order, and nothing else.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn mend(&mut self) {
        let call = self.next_call();
        self.tell(json!({ "call": call, "entries": [], "anew": "mend" }));
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return;
        };
        let mended = self.store.mend(&mut guard).await;
        drop(guard.release().await);
        let mended = mended.map(|_| ());
        self.settled(&call, mended.map_err(|error| said(&error)));
    }

    /// Writes the whole file anew of what can be read, where anything is wrong with it.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    pub(super) async fn repair(&mut self) {
        let call = self.next_call();
        self.tell(json!({ "call": call, "entries": [], "anew": "repair" }));
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return;
        };
        let repaired = self.store.repair(&mut guard).await;
        drop(guard.release().await);
        let repaired = repaired.map(|_| ());
        self.settled(&call, repaired.map_err(|error| said(&error)));
    }

    /// Of what writes no entry only its end is told.
    fn settled(&self, call: &str, done: Result<(), String>) {
        let nothing: [Value; 0] = [];
        self.tell(match done {
            Ok(()) => json!({ "done": call, "placed": nothing }),
            Err(why) => json!({ "failed": call, "unknown": true, "why": why }),
        });
    }
}
