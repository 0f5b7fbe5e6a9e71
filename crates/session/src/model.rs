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
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::ToolSpec;

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

/// Why a model stopped, in the words of the transcript format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// It had said what it wanted.
    Stop,
    /// It ran out of tokens.
    Length,
    /// It wants tools.
    ToolUse,
    /// The provider failed.
    Error,
    /// It was interrupted.
    Aborted,
}

impl StopReason {
    /// As it stands in a transcript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolUse => "toolUse",
            Self::Error => "error",
            Self::Aborted => "aborted",
        }
    }
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// All of them.
    pub total_tokens: u64,
}

/// One block of a reply.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplyBlock {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// The provider's signature, kept for it alone.
        signature: Option<String>,
    },
    /// Thinking.
    Thinking {
        /// The words, or what the provider shows of them.
        thinking: String,
        /// The provider's signature, kept for it alone.
        signature: Option<String>,
    },
    /// A whole call of a tool.
    Call {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
        /// The provider's signature, kept for it alone.
        signature: Option<String>,
    },
}

/// A model's reply, whole or as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The provider that said it.
    pub provider: String,
    /// The wire format that it came in.
    pub api: String,
    /// The model that said it.
    pub model: String,
    /// What it said.
    pub blocks: Vec<ReplyBlock>,
    /// Why it stopped.
    pub stop: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// The provider's name for the reply.
    pub response_id: Option<String>,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

impl Reply {
    /// An empty reply that is filled as it comes.
    #[must_use]
    pub fn begun(info: &ProviderInfo, model: impl Into<String>) -> Self {
        Self {
            provider: info.provider.clone(),
            api: info.api.clone(),
            model: model.into(),
            blocks: Vec::new(),
            stop: StopReason::Stop,
            usage: Usage::default(),
            response_id: None,
            error: None,
        }
    }

    /// The calls among the blocks.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.blocks.iter().filter_map(|block| match block {
            ReplyBlock::Call {
                id,
                name,
                arguments,
                ..
            } => Some((id.as_str(), name.as_str(), arguments)),
            _ => None,
        })
    }

    /// The words among the blocks, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| match block {
                ReplyBlock::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The message as it stands in a pi v3 transcript. `now_ms`: milliseconds since 1970.
    #[must_use]
    pub fn to_message(&self, now_ms: i64) -> Value {
        let content: Vec<Value> = self.blocks.iter().map(block_to_json).collect();
        let usage = &self.usage;
        let mut message = json!({
            "role": "assistant",
            "content": content,
            "api": self.api,
            "provider": self.provider,
            "model": self.model,
            "usage": {
                "input": usage.input,
                "output": usage.output,
                "cacheRead": usage.cache_read,
                "cacheWrite": usage.cache_write,
                "totalTokens": usage.total_tokens,
                "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0 },
            },
            "stopReason": self.stop.as_str(),
        });
        if let Value::Object(fields) = &mut message {
            if let Some(id) = &self.response_id {
                fields.insert("responseId".into(), Value::from(id.as_str()));
            }
            if let Some(error) = &self.error {
                fields.insert("errorMessage".into(), Value::from(error.as_str()));
            }
            fields.insert("timestamp".into(), Value::from(now_ms));
        }
        message
    }
}

fn block_to_json(block: &ReplyBlock) -> Value {
    let (mut value, name, signature) = match block {
        ReplyBlock::Text { text, signature } => (
            json!({ "type": "text", "text": text }),
            "textSignature",
            signature,
        ),
        ReplyBlock::Thinking {
            thinking,
            signature,
        } => (
            json!({ "type": "thinking", "thinking": thinking }),
            "thinkingSignature",
            signature,
        ),
        ReplyBlock::Call {
            id,
            name,
            arguments,
            signature,
        } => (
            json!({ "type": "toolCall", "id": id, "name": name, "arguments": arguments }),
            "thoughtSignature",
            signature,
        ),
    };
    if let (Value::Object(fields), Some(signature)) = (&mut value, signature) {
        fields.insert(name.into(), Value::from(signature.as_str()));
    }
    value
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
    #[error("{provider} has sent nothing for {} s: given up", after.as_secs())]
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

#[cfg(test)]
mod tests {
    use super::{ProviderInfo, Reply, ReplyBlock, StopReason};
    use serde_json::json;

    #[test]
    fn a_reply_stands_in_the_transcript_with_its_signatures_and_its_reason_to_stop() {
        let mut reply = Reply::begun(
            &ProviderInfo::new("openai", "openai-completions", None),
            "m-1",
        );
        reply.blocks = vec![
            ReplyBlock::Thinking {
                thinking: "hm".into(),
                signature: Some("s".into()),
            },
            ReplyBlock::Call {
                id: "c".into(),
                name: "ls".into(),
                arguments: json!({"path": "."}),
                signature: None,
            },
        ];
        reply.stop = StopReason::ToolUse;
        let message = reply.to_message(5);
        assert_eq!(
            message["content"][0],
            json!({"type":"thinking","thinking":"hm","thinkingSignature":"s"})
        );
        assert_eq!(
            message["content"][1],
            json!({"type":"toolCall","id":"c","name":"ls","arguments":{"path":"."}})
        );
        assert_eq!(
            (
                message["stopReason"].as_str(),
                message["timestamp"].as_i64()
            ),
            (Some("toolUse"), Some(5))
        );
        assert_eq!(reply.calls().count(), 1);
    }
}
