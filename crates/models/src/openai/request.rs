//! From a request to the JSON that goes over the wire.
//!
//! The messages are [`chat::messages`]; tools, limits and effort are put beside them here.
//!
//! Deliberately absent: any decision about what the model is shown; the conversation is valid when it comes here.

use latchwork_format::request::wire::chat;
use latchwork_session::{ModelRequest, Thinking as Effort, ToolSpec};
use serde_json::{Value, json};

use super::options::TokenLimitField;

/// The body of a request.
pub(crate) fn body(request: &ModelRequest, limit: TokenLimitField, is_openai: bool) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": chat::messages(&request.conversation),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let mut set = |name: &str, value: Value| {
        body.as_object_mut()
            .and_then(|fields| fields.insert(name.into(), value))
    };
    if !request.tools.is_empty() {
        set("tools", request.tools.iter().map(tool).collect());
    }
    if let Some(most) = request.max_output_tokens {
        set(limit_field(limit, is_openai), most.into());
    }
    if let Some(effort) = effort(request.thinking) {
        set("reasoning_effort", effort.into());
    }
    body
}

fn limit_field(limit: TokenLimitField, is_openai: bool) -> &'static str {
    match limit {
        TokenLimitField::Auto if !is_openai => "max_tokens",
        TokenLimitField::MaxTokens => "max_tokens",
        TokenLimitField::Auto | TokenLimitField::MaxCompletionTokens => "max_completion_tokens",
    }
}

fn effort(thinking: Effort) -> Option<&'static str> {
    match thinking {
        Effort::Off => None,
        Effort::Minimal => Some("minimal"),
        Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
    }
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": spec.name, "description": spec.description, "parameters": spec.parameters },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchwork_format::Transcript;
    use latchwork_format::request::{Conversation, Target, project};
    use latchwork_session::Replay;

    /// The conversation of a session with these messages.
    fn conversation(messages: &[Value]) -> Conversation {
        let mut text = String::from(
            "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"\",\"cwd\":\"/\"}\n",
        );
        for (n, message) in messages.iter().enumerate() {
            let parent = n.checked_sub(1).map(|n| n.to_string());
            let entry = json!({"type": "message", "id": n.to_string(), "parentId": parent, "timestamp": "", "message": message});
            text.push_str(&format!("{entry}\n"));
        }
        let transcript = Transcript::parse(text.as_bytes());
        let context = latchwork_format::context(&transcript, None);
        project(&context, &Target::new("p", "m", "openai-completions")).0
    }

    fn request() -> ModelRequest {
        ModelRequest {
            model: "m".into(),
            conversation: conversation(&[json!({"role": "user", "content": "hi"})]),
            tools: Vec::new(),
            max_output_tokens: None,
            thinking: Effort::Off,
        }
    }

    #[test]
    fn a_plain_request_holds_nothing_that_was_not_asked_for() {
        assert_eq!(
            body(&request(), TokenLimitField::Auto, true),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})
        );
    }

    #[test]
    fn limits_thinking_and_tools_go_where_the_server_looks_for_them() {
        let mut request = request();
        request.max_output_tokens = Some(9);
        request.thinking = Effort::Low;
        request.tools.push(ToolSpec {
            name: "ls".into(),
            description: "lists".into(),
            parameters: json!({"type": "object"}),
            replay: Replay::Safe,
        });
        let sent = body(&request, TokenLimitField::Auto, true);
        assert_eq!(
            (&sent["max_completion_tokens"], &sent["reasoning_effort"]),
            (&json!(9), &json!("low"))
        );
        assert_eq!(
            sent["tools"][0]["function"]["parameters"],
            json!({"type": "object"})
        );
        assert_eq!(
            body(&request, TokenLimitField::Auto, false)["max_tokens"],
            9
        );
        assert_eq!(
            body(&request, TokenLimitField::MaxCompletionTokens, false)["max_completion_tokens"],
            9
        );
        assert_eq!(
            body(&request, TokenLimitField::MaxTokens, true)["max_tokens"],
            9
        );
    }
}
