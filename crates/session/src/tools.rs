//! The seam of tools: a call goes out, an outcome comes back, and nothing is held meanwhile.
//!
//! A host never fails as a whole: whatever goes wrong with a call is an outcome that the model is shown.
//! Deliberately absent: recording the outcome, which the turn alone does.

use latchwork_lock::Unlocked;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What may be done with a call whose outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replay {
    /// Calling it again is harmless: it only looks.
    Safe,
    /// It may have acted: never again by itself.
    Never,
}

/// A tool, as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// What may be done with a call whose outcome is not known.
    pub replay: Replay,
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, as the model gave them.
    pub arguments: Value,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolStatus {
    /// As asked.
    Ok,
    /// With an error that the model should see.
    Error,
    /// It was interrupted by us.
    Aborted,
    /// Nobody knows: it may or may not have acted.
    Unknown,
}

/// One part of what a tool answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentPart {
    /// Words.
    Text(String),
    /// A picture.
    Image {
        /// Its bytes, base64.
        data: String,
        /// Its media type.
        mime_type: String,
    },
}

/// The outcome of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutcome {
    /// How it ended.
    pub status: ToolStatus,
    /// What the model is shown.
    pub content: Vec<ContentPart>,
    /// What else is kept with it, for programs; never shown to the model.
    pub details: Option<Value>,
}

impl ToolOutcome {
    /// An outcome in words.
    #[must_use]
    pub fn text(status: ToolStatus, text: impl Into<String>) -> Self {
        Self {
            status,
            content: vec![ContentPart::Text(text.into())],
            details: None,
        }
    }

    /// What is recorded for a call that nobody saw the end of.
    #[must_use]
    pub fn unknown() -> Self {
        Self::text(
            ToolStatus::Unknown,
            "Outcome unknown: the program ended while this tool was running. It may or may not have taken effect; check \
             before you run it again.",
        )
    }

    /// The message as it stands in a pi v3 transcript. `now_ms`: milliseconds since 1970.
    #[must_use]
    pub fn to_message(&self, call_id: &str, tool: &str, now_ms: i64) -> Value {
        let content: Vec<Value> = self
            .content
            .iter()
            .map(|part| match part {
                ContentPart::Text(text) => json!({ "type": "text", "text": text }),
                ContentPart::Image { data, mime_type } => {
                    json!({ "type": "image", "data": data, "mimeType": mime_type })
                }
            })
            .collect();
        let mut message = json!({
            "role": "toolResult",
            "toolCallId": call_id,
            "toolName": tool,
            "content": content,
            "isError": self.status != ToolStatus::Ok,
        });
        if let Value::Object(fields) = &mut message {
            let mut details = match &self.details {
                Some(Value::Object(details)) => details.clone(),
                Some(other) => [("value".to_owned(), other.clone())].into_iter().collect(),
                None => serde_json::Map::new(),
            };
            match self.status {
                ToolStatus::Aborted => details.insert("outcome".into(), "aborted".into()),
                ToolStatus::Unknown => details.insert("outcome".into(), "unknown".into()),
                ToolStatus::Ok | ToolStatus::Error => None,
            };
            if !details.is_empty() {
                fields.insert("details".into(), details.into());
            }
            fields.insert("timestamp".into(), now_ms.into());
        }
        message
    }
}

/// A host of tools.
#[async_trait::async_trait]
pub trait ToolHost: Send + Sync {
    /// The tools that there are.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Runs one call to its end, or to the end that `cancel` or the tool's own limits put to it. An unknown tool and
    /// bad arguments are outcomes.
    ///
    /// # Cancel safety
    /// Dropping the future kills what the call started; whether it had acted by then is unknown.
    async fn call<'a>(
        &'a self,
        nothing_is_held: Unlocked<'a>,
        call: ToolCall,
        cancel: CancellationToken,
    ) -> ToolOutcome;
}

#[cfg(test)]
mod tests {
    use super::{ToolOutcome, ToolStatus};

    #[test]
    fn an_unknown_outcome_says_so_to_the_model_and_to_programs() {
        let message = ToolOutcome::unknown().to_message("c1", "bash", 7);
        assert_eq!(message["isError"], true);
        assert_eq!(message["details"]["outcome"], "unknown");
        assert!(
            message["content"][0]["text"]
                .as_str()
                .unwrap()
                .starts_with("Outcome unknown")
        );
        let fine = ToolOutcome::text(ToolStatus::Ok, "x").to_message("c1", "ls", 7);
        assert!(fine.get("details").is_none() && fine["isError"] == false);
    }
}
