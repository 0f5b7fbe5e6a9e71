//! The pair of a text-only backend: what the user said and what was answered, in one commit.
//!
//! Whoever runs a backend that keeps its own conversation (a command line, ACP) persists each turn here. What stands already is not
//! written again: by its key, wherever it stands; and, where gaps are to be filled, by its words at the end of the conversation, with
//! space counted as OpenClaw counts it. Words are compared nowhere else: saying the same twice is no mistake.
//!
//! Invariant: what was looked at under the guard is what is written to; a program that takes no lock is noticed and the look
//! repeated. Deliberately absent: the inbox. What is persisted here was answered already, so no turn is to answer it.

use latchwork_format::{Body, EntryId, RawEntry, Role};
use latchwork_lock::{LockScope, PhaseGuard};
use latchwork_session::{
    AppendError, Birth, Commit, Intent, Key, Level, NewEntry, Receipt, Reply, ReplyBlock,
    SessionLocks, Snapshot, StopReason, TranscriptStore, Usage,
};
use serde_json::{Value, json};

use crate::{Session, WriteError};

/// How often is looked anew when somebody without a lock came in between.
const TRIES: usize = 5;

/// What was said in one turn of a text-only backend.
#[derive(Clone, Debug, Default)]
pub struct TextTurn {
    /// What the user said; blank: nothing.
    pub user: String,
    /// Names it: sent again with its key, it is not written twice.
    pub user_key: Option<Key>,
    /// What was answered; blank: nothing.
    pub reply: String,
    /// Names it.
    pub reply_key: Option<Key>,
    /// Who answered.
    pub by: TextBackend,
    /// Something of the turn may stand already, under no key or another one: an end of the conversation that says the same is
    /// taken for it.
    pub fill_gaps: bool,
    /// The working directory that a session born here notes.
    pub cwd: String,
}

/// Who answered a text turn.
#[derive(Clone, Debug)]
pub struct TextBackend {
    /// The protocol.
    pub api: String,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The tokens that it took, where that is known.
    pub usage: Option<Usage>,
}

impl Default for TextBackend {
    fn default() -> Self {
        Self {
            api: "cli".to_owned(),
            provider: "cli".to_owned(),
            model: "default".to_owned(),
            usage: None,
        }
    }
}

/// What became of one message of a text turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persisted {
    /// There was nothing to say.
    Nothing,
    /// It was written, as this entry.
    Written(EntryId),
    /// It stood there already, as this entry.
    Stood(EntryId),
    /// It is not there and was not written: its reply stands, so its place is gone.
    LeftOut,
}

/// What became of a text turn. Durable when it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistedTurn {
    /// What the user said.
    pub user: Persisted,
    /// What was answered.
    pub reply: Persisted,
}

impl PersistedTurn {
    /// Whether anything was written.
    #[must_use]
    pub const fn is_written(&self) -> bool {
        matches!(self.user, Persisted::Written(_)) || matches!(self.reply, Persisted::Written(_))
    }
}

impl Session {
    /// Writes what a text-only backend was told and what it answered, as one commit; what stands already is not written again, and where
    /// the reply stands nothing is.
    ///
    /// # Errors
    /// See [`WriteError`]. Saying it again with the same keys is safe.
    ///
    /// # Cancel safety
    /// A commit, once begun, is written whole; saying it again with the same keys is safe.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub async fn persist_text_turn(
        &self,
        scope: &mut LockScope,
        turn: &TextTurn,
    ) -> Result<PersistedTurn, WriteError> {
        let mut done = PersistedTurn {
            user: Persisted::Nothing,
            reply: Persisted::Nothing,
        };
        if turn.user.trim().is_empty() && turn.reply.trim().is_empty() {
            return Ok(done);
        }
        let mut guard = self.store().guard(scope, self.side_guard()).await?;
        let written = self.persist_under(&mut guard, turn, &mut done).await;
        drop(guard);
        if let Some(receipt) = written? {
            receipt.reached(Level::Synced).await?;
        }
        Ok(done)
    }

    async fn persist_under(
        &self,
        guard: &mut PhaseGuard<'_>,
        turn: &TextTurn,
        done: &mut PersistedTurn,
    ) -> Result<Option<Receipt>, WriteError> {
        let keys: Vec<Key> = [&turn.user_key, &turn.reply_key]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        for tried in 1.. {
            let snapshot = self.context(&keys).await?;
            let entries = self.missing(turn, &snapshot, done)?;
            if entries.is_empty() {
                return Ok(None);
            }
            let commit = self.commit_of(turn, entries);
            match self.store().append(guard, &snapshot.head, commit).await {
                Ok(receipt) => {
                    is_written(&receipt, done);
                    return Ok(Some(receipt));
                }
                Err(AppendError::Stale { .. }) if tried < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// What is to be written, in order; `done` says what stands.
    fn missing(
        &self,
        turn: &TextTurn,
        snapshot: &Snapshot,
        done: &mut PersistedTurn,
    ) -> Result<Vec<NewEntry>, WriteError> {
        let end = End::of(snapshot);
        let user = Message {
            role: Role::User,
            text: &turn.user,
            key: turn.user_key.as_ref(),
        };
        let reply = Message {
            role: Role::Assistant,
            text: &turn.reply,
            key: turn.reply_key.as_ref(),
        };
        let asked = says(end.before.as_ref(), &Role::User, &turn.user);
        // The same answer to another question is another answer.
        let may_be_it = turn.fill_gaps && (turn.user.trim().is_empty() || asked.is_some());
        let by_words = |said: &Message<'_>| says(end.last.as_ref(), &said.role, said.text);
        done.reply = reply.stands(snapshot, may_be_it.then(|| by_words(&reply)).flatten());
        let last_said = turn.fill_gaps.then(|| by_words(&user)).flatten();
        done.user = user.stands(snapshot, last_said);
        if let Persisted::Stood(_) = done.reply {
            if let (Persisted::LeftOut, Some(asked)) = (&done.user, asked) {
                done.user = Persisted::Stood(asked);
            }
            return Ok(Vec::new());
        }
        let now = self.now_ms();
        let mut entries = Vec::new();
        if done.user == Persisted::LeftOut {
            let said = json!({ "role": "user", "content": turn.user, "timestamp": now });
            entries.push(entry(&said, user.key)?);
        }
        if done.reply == Persisted::LeftOut {
            entries.push(entry(&reply_json(turn, now), reply.key)?);
        }
        Ok(entries)
    }

    fn commit_of(&self, turn: &TextTurn, entries: Vec<NewEntry>) -> Commit {
        Commit {
            intent: Intent::Exact,
            birth: Some(Birth {
                cwd: turn.cwd.clone(),
                session_key: self.key().map(|key| key.as_str().to_owned()),
                parent_session: None,
            }),
            ..Commit::side(entries)
        }
    }
}

/// What is left to be told of is what was written, in order.
fn is_written(receipt: &Receipt, done: &mut PersistedTurn) {
    let mut placed = receipt.placed.iter().map(|placed| placed.id.clone());
    for part in [&mut done.user, &mut done.reply] {
        if *part == Persisted::LeftOut
            && let Some(id) = placed.next()
        {
            *part = Persisted::Written(id);
        }
    }
}

struct Message<'t> {
    role: Role,
    text: &'t str,
    key: Option<&'t Key>,
}

impl Message<'_> {
    /// Whether it stands; [`Persisted::LeftOut`] as long as it does not.
    fn stands(&self, snapshot: &Snapshot, by_words: Option<EntryId>) -> Persisted {
        if self.text.trim().is_empty() {
            return Persisted::Nothing;
        }
        let by_key = self.key.and_then(|key| {
            let mut entries = snapshot.transcript.entries().rev();
            entries.find(|entry| entry.key().as_deref() == Some(key.as_str()))
        });
        match by_key.map(|entry| entry.id().clone()).or(by_words) {
            Some(id) => Persisted::Stood(id),
            None => Persisted::LeftOut,
        }
    }
}

/// How the conversation ends.
struct End {
    last: Option<Said>,
    /// What was said before that.
    before: Option<Said>,
}

#[derive(Clone)]
struct Said {
    id: EntryId,
    role: Role,
    words: String,
}

impl Said {
    fn of(entry: &RawEntry) -> Option<Self> {
        let message = entry.message()?;
        let counts = matches!(message.role(), Role::User | Role::Assistant);
        (counts && !message.is_mirror()).then(|| Self {
            id: entry.id().clone(),
            role: message.role().clone(),
            words: words(&message.text()),
        })
    }
}

impl End {
    fn of(snapshot: &Snapshot) -> Self {
        let leaf = snapshot.head.leaf.as_ref();
        let branch = leaf.and_then(|leaf| snapshot.transcript.branch(leaf));
        let mut said = branch.into_iter().flatten().rev().filter_map(Said::of);
        Self {
            last: said.next(),
            before: said.next(),
        }
    }
}

/// The entry, if it says just this.
fn says(said: Option<&Said>, role: &Role, text: &str) -> Option<EntryId> {
    let said = said.filter(|said| said.role == *role && said.words == words(text));
    said.map(|said| said.id.clone())
}

/// Words without their space, as OpenClaw compares them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn reply_json(turn: &TextTurn, now: i64) -> Value {
    let reply = Reply {
        provider: turn.by.provider.clone(),
        api: turn.by.api.clone(),
        model: turn.by.model.clone(),
        blocks: vec![ReplyBlock::Text {
            text: turn.reply.clone(),
            signature: None,
        }],
        stop: StopReason::Stop,
        usage: turn.by.usage.unwrap_or_default(),
        response_id: None,
        error: None,
    };
    reply.to_message(now)
}

fn entry(message: &Value, key: Option<&Key>) -> Result<NewEntry, WriteError> {
    let body = Body::message(message).map_err(|error| AppendError::BadEntry {
        index: 0,
        why: error.to_string(),
    })?;
    Ok(match key {
        Some(key) => NewEntry::keyed(body, key.clone()),
        None => NewEntry::new(body),
    })
}
