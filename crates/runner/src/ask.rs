//! What one turn is asked to do.

use std::time::Duration;

use latchwork_session::{Key, SessionId, Thinking};
use serde_json::value::RawValue;

/// One turn, as it is asked for.
#[derive(Clone, Debug)]
pub struct TurnAsk {
    /// The session.
    pub session: SessionId,
    /// The name that the session is called by; kept in the transcript when the session begins.
    pub session_key: Option<String>,
    /// The working directory of the conversation; kept in the transcript when the session begins.
    pub cwd: String,
    /// The message to accept and answer; `None` answers what waits.
    pub message: Option<UserMessage>,
    /// The model, by the provider's own name.
    pub model: String,
    /// Standing instructions.
    pub system_prompt: Option<String>,
    /// How much the model may think.
    pub thinking: Thinking,
    /// What to do when another turn of the session is under way; `None` waits as long as the options say.
    pub on_claimed: Option<OnClaimed>,
}

impl TurnAsk {
    /// A turn that answers what waits in a session; fill in the rest by assignment.
    #[must_use]
    pub fn new(session: SessionId, model: impl Into<String>) -> Self {
        Self {
            session,
            session_key: None,
            cwd: String::new(),
            message: None,
            model: model.into(),
            system_prompt: None,
            thinking: Thinking::Off,
            on_claimed: None,
        }
    }
}

/// A message for the session, under the key that names it: sent twice, it is one message.
#[derive(Clone, Debug)]
pub struct UserMessage {
    /// Names the message.
    pub key: Key,
    /// The message as it will stand in the transcript: a JSON object with a role.
    pub message: Box<RawValue>,
}

impl UserMessage {
    /// Words of the user. `now_ms`: milliseconds since 1970.
    ///
    /// # Errors
    /// When the words cannot be written as JSON, which no text is known to cause.
    pub fn text(key: Key, text: &str, now_ms: i64) -> Result<Self, serde_json::Error> {
        let message = serde_json::json!({
            "role": "user",
            "content": [{ "type": "text", "text": text }],
            "timestamp": now_ms,
        });
        Ok(Self {
            key,
            message: serde_json::value::to_raw_value(&message)?,
        })
    }
}

/// What to do when another turn of the session is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnClaimed {
    /// Fail and say whose turn it is. The message stays accepted.
    Fail,
    /// Wait this long for it to end.
    Wait(Duration),
    /// Leave the message in the inbox and return: a later turn answers it.
    Queue,
    /// End that turn, for a reason that it is told. What it had said by then is kept.
    TakeOver(String),
    /// Ask that turn to yield at its next boundary, and end it when the grace is over.
    HandOver {
        /// What it is told.
        reason: String,
        /// How long it has; `None`: as the options say.
        grace: Option<Duration>,
    },
}
