//! The seam of models: a request goes out, a stream of events comes back, and nothing is held meanwhile.
//!
//! The events are transport; what becomes history is the [`Reply`] at the end, or what of it had been said when the
//! stream ended early. The shapes suit providers with thinking and signatures, images and parallel tools.
//! Deliberately absent: retries and fail-over, which are the turn's business.

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use latchwork_format::request::Conversation;
use latchwork_lock::Unlocked;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{Reply, ToolSpec};

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderInfo {
    /// The provider, as it stands in transcripts (`openai`).
    pub provider: String,
    /// The wire format, as it stands in transcripts (`openai-completions`).
    pub api: String,
    /// The model that answers when a request names none.
    pub default_model: Option<String>,
}

impl ProviderInfo {
    /// Who answers, in which wire format.
    #[must_use]
    pub fn new(
        provider: impl Into<String>,
        api: impl Into<String>,
        default_model: Option<String>,
    ) -> Self {
        Self {
            provider: provider.into(),
            api: api.into(),
            default_model,
        }
    }
}

/// How much a model is asked to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// Not at all, or the provider's own choice.
    #[default]
    Off,
    /// A little.
    Minimal,
    /// Less.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// One request to a model.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// The model, by the provider's own name.
    pub model: String,
    /// What it is shown. Its shape allows no unpaired tool call.
    pub conversation: Conversation,
    /// The tools that it may call.
    pub tools: Vec<ToolSpec>,
    /// The most tokens that it may say; `None`: the provider's choice.
    pub max_output_tokens: Option<u32>,
    /// How much it may think.
    pub thinking: Thinking,
}

/// What comes back, in order. [`ModelEvent::Finished`] is the last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ModelEvent {
    /// More of the answer.
    Text(String),
    /// More of the thinking.
    Thinking(String),
    /// A tool call began.
    CallStarted {
        /// Which of the reply's calls, from 0.
        index: usize,
        /// Its id.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of a call's arguments, as JSON text.
    CallArguments {
        /// Which of the reply's calls, from 0.
        index: usize,
        /// The next piece.
        json: String,
    },
    /// The whole reply.
    Finished(Box<Reply>),
}

/// A model did not answer, or not to the end. What it had said by then came as events.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// There is no key, or it is refused.
    #[error("{provider} does not let us in: {why}")]
    Key {
        /// The provider.
        provider: String,
        /// What is missing or refused.
        why: String,
    },
    /// Nobody answers at the address.
    #[error("{provider} cannot be reached at {address}: {why}")]
    Unreachable {
        /// The provider.
        provider: String,
        /// The address, without credentials.
        address: String,
        /// Why.
        why: String,
    },
    /// Too many requests.
    #[error("{provider} says that there were too many requests (429){}: {message}", retry_after.map(|after| format!(", try again in {} s", after.as_secs())).unwrap_or_default())]
    Limited {
        /// The provider.
        provider: String,
        /// When to try again, if it says so.
        retry_after: Option<Duration>,
        /// Its own words.
        message: String,
    },
    /// The conversation does not fit the model's window.
    #[error("{provider} says that the conversation is too long for {model}: {message}")]
    TooLong {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// Its own words.
        message: String,
    },
    /// Any other refusal.
    #[error("{provider} refused the request (status {status}): {message}")]
    Status {
        /// The provider.
        provider: String,
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The answer is not what the wire format says.
    #[error("{provider} sent an answer that cannot be read: {why}")]
    Malformed {
        /// The provider.
        provider: String,
        /// What is wrong with it.
        why: String,
    },
    /// The answer broke off.
    #[error("{provider} broke off in the middle of its answer: {why}")]
    BrokenOff {
        /// The provider.
        provider: String,
        /// How.
        why: String,
    },
    /// Nothing came for too long.
    #[error("{provider} has sent nothing for {} s: given up", after.as_secs_f64())]
    Stalled {
        /// The provider.
        provider: String,
        /// How long nothing came.
        after: Duration,
    },
    /// The request was cancelled by us.
    #[error("the request to {provider} was cancelled")]
    Cancelled {
        /// The provider.
        provider: String,
    },
    /// The request cannot be made at all (an unknown model, a bad address).
    #[error("{provider} cannot be asked: {why}")]
    Unusable {
        /// The provider.
        provider: String,
        /// Why, and what to do.
        why: String,
    },
}

/// A model's events. It keeps the proof that nothing is held for as long as it lives.
pub type ModelStream<'a> = Pin<Box<dyn Stream<Item = Result<ModelEvent, ModelError>> + Send + 'a>>;

/// A provider of models.
#[async_trait::async_trait]
pub trait ModelProvider: Send + Sync {
    /// Who answers.
    fn info(&self) -> ProviderInfo;

    /// Sends a request. The stream ends with [`ModelEvent::Finished`] or with one error; a cancelled token ends it with
    /// [`ModelError::Cancelled`], at the next await at the latest.
    ///
    /// # Errors
    /// See [`ModelError`].
    ///
    /// # Cancel safety
    /// Dropping the future or the stream closes the connection.
    async fn stream<'a>(
        &'a self,
        nothing_is_held: Unlocked<'a>,
        request: ModelRequest,
        cancel: CancellationToken,
    ) -> Result<ModelStream<'a>, ModelError>;
}
