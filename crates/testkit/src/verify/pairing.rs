//! Tool calls and their results along a path: every call answered exactly once, before the conversation goes on.

use serde_json::Value;

/// What does not pair, in sentences. An id may come again in a later message of the assistant; within one it is unique.
pub(super) fn unpaired(path: &[&Value]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut unanswered: Vec<String> = Vec::new();
    for entry in path.iter().filter(|entry| entry["type"] == "message") {
        let (id, message) = (&entry["id"], &entry["message"]);
        match message["role"].as_str() {
            Some("toolResult") => {
                let call = message["toolCallId"].as_str().unwrap_or_default();
                match unanswered.iter().position(|open| open == call) {
                    Some(at) => drop(unanswered.remove(at)),
                    None => problems.push(format!(
                        "{id} is a result of {call:?}, which is not an open call"
                    )),
                }
            }
            Some("assistant" | "user") => {
                for call in unanswered.drain(..) {
                    problems.push(format!("{id} comes before a result of the call {call:?}"));
                }
                for call in calls_of(message) {
                    if unanswered.contains(&call) {
                        problems.push(format!("{id} calls {call:?} twice"));
                    } else {
                        unanswered.push(call);
                    }
                }
            }
            _ => {}
        }
    }
    let open = unanswered.into_iter();
    problems.extend(open.map(|call| format!("the call {call:?} has no result")));
    problems
}

/// The ids of the tool calls of an assistant's message; of a message of anybody else there are none.
fn calls_of(message: &Value) -> Vec<String> {
    if message["role"] != "assistant" {
        return Vec::new();
    }
    let blocks = message["content"].as_array().into_iter().flatten();
    blocks
        .filter(|block| block["type"] == "toolCall")
        .map(|block| block["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}
