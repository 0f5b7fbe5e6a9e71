//! Messages and entries from outside, one JSON line each, made durable one by one.
//!
//! A user's message goes through the inbox: it is durable there before anything else happens, so a busy session still
//! accepts it. In a session that has a reply it is then placed at the head; in one that has none it waits for the first
//! turn, because a transcript without any reply is misread by some peers. An assistant's message answers the user's messages
//! before it in the same input: those that waited are placed in front of it, in the same write, and nobody answers them
//! again. Any other entry is one commit at the head.
//!
//! Whoever says where the lines go ([`AppendHow::base`], [`OnConflict`]) has them there: each continues the one before, and no message goes
//! through the inbox in a session that has a reply.
//!
//! Invariant: what is answered here is as durable as was asked for. Deliberately absent: batching, so that a receipt never waits for
//! the next line.

mod how;
mod line;
mod receipt;

use latchwork_format::{Body, EntryId, Role};
use latchwork_lock::LockScope;
use latchwork_runner::UserMessage;
use latchwork_session::{
    AcquireError, AppendError, Birth, Commit, Head, Inbox, Key, NewEntry, Placed, Receipt,
    SessionLocks, Waiting,
};
use latchwork_sys::uuid_v4;
use serde_json::value::RawValue;

use crate::{Session, WriteError};

pub use how::{AppendHow, OnConflict};
pub use line::LineError;
use line::NewLine;
pub use receipt::{Appended, Stands};

/// Appends to one session, line by line.
#[derive(Debug)]
pub struct Appender {
    session: Session,
    cwd: String,
    how: AppendHow,
    /// What the next line continues, where the caller says where the lines go.
    base: Option<Head>,
    /// The transcript holds a reply. Once true, it stays so.
    has_reply: bool,
    /// The user's messages of this input that no reply of this input has answered.
    unanswered: Vec<Key>,
}

/// A line that was not appended. The lines after it can be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendLineError {
    /// It is nothing that could be appended.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The session did not take it, or could not confirm it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Session {
    /// Begins to append. `cwd` is the working directory that a session born here notes.
    pub fn appender(&self, cwd: impl Into<String>) -> Appender {
        self.appender_as(cwd, AppendHow::default())
    }

    /// Begins to append in a way of one's own.
    pub fn appender_as(&self, cwd: impl Into<String>, how: AppendHow) -> Appender {
        Appender {
            session: self.clone(),
            cwd: cwd.into(),
            how,
            base: None,
            has_reply: false,
            unanswered: Vec::new(),
        }
    }
}

impl Appender {
    /// Appends one JSON line, and returns when that is durable.
    ///
    /// # Errors
    /// See [`AppendLineError`].
    ///
    /// # Cancel safety
    /// A commit, once begun, runs to its end; sending the line again with its key is safe.
    pub async fn append(
        &mut self,
        scope: &mut LockScope,
        line: &str,
    ) -> Result<Appended, AppendLineError> {
        let NewLine { key, body, role } = line::parse(line)?;
        let key = match key {
            Some(key) => key,
            None => self.fresh_key()?,
        };
        match (role, body) {
            (_, body) if self.how.says_where() && self.has_reply().await? => {
                Ok(self.at_base(scope, key, body).await?)
            }
            (Some(Role::User), Body::Message(message)) => {
                Ok(self.user(scope, key, message).await?)
            }
            (Some(Role::Assistant), body) => Ok(self.assistant(scope, key, body).await?),
            (_, body) => Ok(self.other(scope, key, body).await?),
        }
    }

    fn fresh_key(&self) -> Result<Key, LineError> {
        Key::new(uuid_v4(&*self.session.parts().system.entropy)).map_err(LineError::Key)
    }

    async fn user(
        &mut self,
        scope: &mut LockScope,
        key: Key,
        message: Box<RawValue>,
    ) -> Result<Appended, WriteError> {
        let accepted = self
            .session
            .accept(UserMessage {
                key: key.clone(),
                message: message.clone(),
            })
            .await?;
        if accepted.already
            && !self
                .waiting()
                .await?
                .iter()
                .any(|waiting| waiting.key == key)
        {
            return self.retold(key).await;
        }
        self.unanswered.push(key.clone());
        if !self.has_reply().await? {
            return Ok(Appended::pending(key, accepted.already, None));
        }
        let entry = NewEntry::keyed(Body::Message(message), key.clone());
        let commit = Commit::side(vec![entry]);
        let head = Head::default();
        let placed = self.session.commit_at(scope, &head, commit, self.how.level);
        match placed.await {
            Ok(receipt) => Ok(self.placed(key, &receipt)),
            // It is durable in the inbox, and the next turn places it: nothing is lost by not waiting longer.
            Err(WriteError::Acquire(busy @ AcquireError::Busy { .. })) => Ok(Appended::pending(
                key,
                accepted.already,
                Some(busy.to_string()),
            )),
            Err(error) => Err(error),
        }
    }

    /// A message that the inbox knows and that no longer waits: it was answered, or cancelled.
    async fn retold(&self, key: Key) -> Result<Appended, WriteError> {
        let snapshot = self.session.context(std::slice::from_ref(&key)).await?;
        let entry = snapshot
            .transcript
            .entries()
            .rev()
            .find(|entry| entry.key().as_deref() == Some(key.as_str()));
        Ok(match entry {
            Some(entry) => Appended::placed(key, entry.id().clone(), entry.parent().cloned(), true),
            None => Appended::cancelled(key),
        })
    }

    async fn assistant(
        &mut self,
        scope: &mut LockScope,
        key: Key,
        body: Body,
    ) -> Result<Appended, WriteError> {
        let mut entries = Vec::new();
        if !self.has_reply().await? {
            // Header, messages and reply go out in one write; see the head of this file.
            let ours = self
                .waiting()
                .await?
                .into_iter()
                .filter(|waiting| self.unanswered.contains(&waiting.key));
            entries.extend(
                ours.map(|waiting| NewEntry::keyed(Body::Message(waiting.message), waiting.key)),
            );
        }
        entries.push(NewEntry::keyed(body, key.clone()));
        let (born, level) = (self.born(entries), self.how.level);
        let receipt = self
            .session
            .commit_at(scope, &Head::default(), born, level)
            .await?;
        self.has_reply = true;
        let done = self.placed(key, &receipt);
        if let Stands::Placed { id, .. } = &done.stands {
            self.retire(scope, id).await?;
        }
        Ok(done)
    }

    async fn other(
        &mut self,
        scope: &mut LockScope,
        key: Key,
        body: Body,
    ) -> Result<Appended, WriteError> {
        let born = self.born(vec![NewEntry::keyed(body, key.clone())]);
        let receipt = self
            .session
            .commit_at(scope, &Head::default(), born, self.how.level)
            .await?;
        Ok(self.placed(key, &receipt))
    }

    /// Where the caller says: behind the line before, or behind the base.
    async fn at_base(
        &mut self,
        scope: &mut LockScope,
        key: Key,
        body: Body,
    ) -> Result<Appended, WriteError> {
        let base = match self.base.take() {
            Some(base) => base,
            None => self.first_base().await?,
        };
        let commit = Commit {
            intent: self.how.intent(),
            ..self.born(vec![NewEntry::keyed(body, key.clone())])
        };
        // A line that is refused does not move what the next one continues.
        self.base = Some(base.clone());
        let receipt = self
            .session
            .commit_at(scope, &base, commit, self.how.level)
            .await?;
        self.base = Some(receipt.head.clone());
        Ok(self.placed(key, &receipt))
    }

    /// The entry that the caller names, or the head as it is now.
    async fn first_base(&self) -> Result<Head, WriteError> {
        let snapshot = self.session.context(&[]).await?;
        let Some(base) = &self.how.base else {
            return Ok(snapshot.head);
        };
        if !snapshot.transcript.has_entry(base) {
            let why = format!("there is no entry {base} to continue");
            return Err(AppendError::BadEntry { index: 0, why }.into());
        }
        Ok(Head {
            leaf: Some(base.clone()),
            ..snapshot.head
        })
    }

    /// The messages of this input are answered by an entry that is durable.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    async fn retire(&mut self, scope: &mut LockScope, by: &EntryId) -> Result<(), WriteError> {
        let answered: Vec<(Key, EntryId)> = self
            .unanswered
            .drain(..)
            .map(|key| (key, by.clone()))
            .collect();
        if answered.is_empty() {
            return Ok(());
        }
        let store = self.session.store();
        let mut guard = store.guard(scope, self.session.side_guard()).await?;
        let retired = store.retire(&mut guard, self.session.id(), &answered).await;
        drop(guard);
        Ok(retired?)
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, WriteError> {
        Ok(self.session.store().waiting(self.session.id()).await?)
    }

    async fn has_reply(&mut self) -> Result<bool, WriteError> {
        if !self.has_reply {
            let snapshot = self.session.context(&[]).await?;
            self.has_reply = snapshot.transcript.has_message_from(&Role::Assistant);
        }
        Ok(self.has_reply)
    }

    fn born(&self, entries: Vec<NewEntry>) -> Commit {
        let birth = Birth {
            cwd: self.cwd.clone(),
            session_key: self.session.key().map(|key| key.as_str().to_owned()),
            parent_session: None,
        };
        Commit {
            birth: Some(birth),
            ..Commit::side(entries)
        }
    }

    /// The line's own entry is the last of its commit.
    fn placed(&self, key: Key, receipt: &Receipt) -> Appended {
        match receipt.placed.last() {
            Some(Placed {
                id,
                parent,
                duplicate,
                ..
            }) => Appended::placed(key, id.clone(), parent.clone(), *duplicate)
                .at(self.how.level, &receipt.outcome),
            None => Appended::pending(key, false, None),
        }
    }
}
