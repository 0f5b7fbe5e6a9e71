//! What the real endpoint refuses, as far as a client of ours could get it wrong.
//!
//! Deliberately lenient elsewhere: this is not a validator of the API, it guards the one law that providers enforce on a
//! conversation (every tool call is answered, every answer was called for) and the way that we ask.

use serde_json::Value;

use super::Request;

/// The rule that a request breaks, in a sentence; none when it would be served.
pub(super) fn broken_by(request: &Request) -> Option<String> {
    if request.method != "POST" || !request.path.ends_with("/chat/completions") {
        return Some(format!(
            "nothing is served at {} {}",
            request.method, request.path
        ));
    }
    let key = request.headers.get("authorization").map(String::as_str);
    if !key.is_some_and(|key| {
        key.strip_prefix("Bearer ")
            .is_some_and(|key| !key.is_empty())
    }) {
        return Some(format!("the authorization is {key:?}, not a bearer key"));
    }
    if !request.body["model"].is_string() {
        return Some("the body names no model".to_owned());
    }
    if request.body["stream"] != true {
        return Some("the body does not ask for a stream".to_owned());
    }
    if request.messages().is_empty() {
        return Some("there are no messages".to_owned());
    }
    broken_pair(request.messages())
}

fn broken_pair(messages: &[Value]) -> Option<String> {
    let mut unanswered: Vec<&str> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(at) = unanswered.iter().position(|call| *call == id) else {
                return Some(format!(
                    "message {place} answers the tool call {id:?}, which does not stand before it"
                ));
            };
            unanswered.remove(at);
            continue;
        }
        if !unanswered.is_empty() {
            return Some(format!(
                "message {place} comes before an answer to the tool calls {unanswered:?}"
            ));
        }
        if message["role"] == "assistant" {
            let calls = message["tool_calls"].as_array().into_iter().flatten();
            unanswered.extend(calls.map(|call| call["id"].as_str().unwrap_or_default()));
        }
    }
    (!unanswered.is_empty())
        .then(|| format!("the conversation ends before an answer to the tool calls {unanswered:?}"))
}
