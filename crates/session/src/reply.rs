//! What a model said, whole or as far as it came, and how it stands in a transcript.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ProviderInfo;

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

#[cfg(test)]
mod tests {
    use super::{Reply, ReplyBlock, StopReason};
    use crate::ProviderInfo;
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
