//! The seam of acceptance: a message that was accepted is never lost.
//!
//! Accepting needs neither guard nor claim, so a session that is busy, or whose holder is frozen, still accepts.
//! A message is pending, placed, or cancelled with a reason; it is *retired* when an assistant entry that answers
//! it is durable. Deliberately absent: forgetting a message for any other reason.

use std::error::Error;

use latchwork_format::{EntryId, SessionId};
use latchwork_lock::PhaseGuard;
use serde_json::value::RawValue;

use crate::Key;

/// A message for a session.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Names the message: sent twice, it is accepted once.
    pub key: Key,
    /// The message as it will stand in the transcript (a pi message object with a role).
    pub message: Box<RawValue>,
    /// When it was accepted, milliseconds since 1970.
    pub at_ms: i64,
    /// The name that the session is called by, for a session that does not exist yet.
    pub session_key: Option<String>,
}

/// A message is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its key.
    pub key: Key,
    /// It was there already; the first text counts.
    pub already: bool,
}

/// A message that was accepted and is neither cancelled nor retired.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its key.
    pub key: Key,
    /// The message.
    pub message: Box<RawValue>,
    /// When it was accepted, milliseconds since 1970.
    pub at_ms: i64,
    /// The name that the session was called by.
    pub session_key: Option<String>,
}

/// The inbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The message cannot be accepted as it is.
    #[error("the message {key} for session {session} was not accepted: {why}")]
    BadMessage {
        /// The session.
        session: SessionId,
        /// The key.
        key: Key,
        /// What is wrong with it.
        why: String,
    },
    /// The inbox lies where it cannot be kept.
    #[error("the inbox of session {session} cannot be used: {why}; nothing was accepted")]
    Refused {
        /// The session.
        session: SessionId,
        /// What is wrong, where, and the way out.
        why: String,
    },
    /// The backend failed: the message was not acknowledged. Sending it again with its key is safe.
    #[error("the inbox of session {session} failed: {doing}; send the message again with its key")]
    Backend {
        /// The session.
        session: SessionId,
        /// What was being done, to which path.
        doing: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Accepted messages by session.
#[async_trait::async_trait]
pub trait Inbox: Send + Sync {
    /// Accepts a message: when it returns, the message survives a crash of the machine.
    ///
    /// # Errors
    /// See [`InboxError`].
    ///
    /// # Cancel safety
    /// The message may or may not be accepted; sending it again with its key is safe.
    async fn accept(&self, session: &SessionId, message: Incoming) -> Result<Accepted, InboxError>;

    /// The messages that wait, in the order of their acceptance.
    ///
    /// # Errors
    /// See [`InboxError`].
    async fn waiting(&self, session: &SessionId) -> Result<Vec<Waiting>, InboxError>;

    /// Cancels a message, for a reason that is kept. Whether there was such a message waiting.
    ///
    /// # Errors
    /// See [`InboxError`].
    async fn cancel(
        &self,
        session: &SessionId,
        key: &Key,
        reason: &str,
    ) -> Result<bool, InboxError>;

    /// Retires messages: each was answered by the entry named beside it, and that entry is durable.
    ///
    /// # Errors
    /// See [`InboxError`]. A message that could not be retired is found answered by the next turn, which retires it.
    async fn retire(
        &self,
        guard: &mut PhaseGuard<'_>,
        session: &SessionId,
        answered: &[(Key, EntryId)],
    ) -> Result<(), InboxError>;
}
