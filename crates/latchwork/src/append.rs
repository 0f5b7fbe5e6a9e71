//! Messages and entries from outside, one JSON line each, made durable one by one.
//!
//! A user's message goes through the inbox: it is durable there before anything else happens, so a busy session still
//! accepts it. In a session that has a reply it is then placed at the head; in one that has none it waits for the first
//! turn, because a transcript without any reply is misread by some peers. An assistant's message answers the user's messages
//! before it in the same input: those that waited are placed in front of it, in the same write, and nobody answers them
//! again. Any other entry is one commit at the head.
//!
//! Invariant: what is answered here is durable. Deliberately absent: batching, so that a receipt never waits for the next
//! line.

mod line;
mod receipt;

use latchwork_format::{Body, EntryId, Role};
use latchwork_lock::LockScope;
use latchwork_runner::UserMessage;
use latchwork_session::{
    AcquireError, Birth, Commit, Inbox, Key, NewEntry, Placed, Receipt, SessionLocks, Waiting,
};
use latchwork_sys::uuid_v4;
use serde_json::value::RawValue;

use crate::{Session, WriteError};

pub use line::LineError;
use line::NewLine;
pub use receipt::{Appended, Stands};

/// Appends to one session, line by line.
#[derive(Debug)]
pub struct Appender {
    session: Session,
    cwd: String,
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
        Appender {
            session: self.clone(),
            cwd: cwd.into(),
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
        let placed = self.session.commit(
            scope,
            Commit::side(vec![NewEntry::keyed(Body::Message(message), key.clone())]),
        );
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
        let snapshot = self.session.snapshot().await?;
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
        let receipt = self.session.commit(scope, self.born(entries)).await?;
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
        let receipt = self
            .session
            .commit(scope, self.born(vec![NewEntry::keyed(body, key.clone())]))
            .await?;
        Ok(self.placed(key, &receipt))
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
            let snapshot = self.session.snapshot().await?;
            self.has_reply = snapshot
                .transcript
                .entries()
                .any(|entry| entry.role() == Some(&Role::Assistant));
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
            }) => Appended::placed(key, id.clone(), parent.clone(), *duplicate),
            None => Appended::pending(key, false, None),
        }
    }
}
