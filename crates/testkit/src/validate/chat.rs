//! OpenAI Chat Completions (`POST /v1/chat/completions`).
//!
//! From the API reference: roles, what each message must hold, text only in tool messages. From its refusals: "an assistant message
//! with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'", "messages with role 'tool' must be a
//! response to a preceding message with 'tool_calls'", ids of at most 40 letters, names that match `^[a-zA-Z0-9_-]+$`.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Refusals, is_made_of, plain};

/// Why the provider would refuse this body.
pub fn refusals(body: &Value) -> Vec<String> {
    let mut found = Refusals::default();
    found.words(&body["model"], "model");
    let mut open = Open::default();
    let messages = found.list(body, "messages", "body");
    for (n, message) in messages.iter().enumerate() {
        let place = format!("messages[{n}]");
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" {
            open.close(&mut found, &place);
        }
        match role {
            "system" | "developer" => {
                found.unless(n == 0, &place, "instructions must come first");
                content(&message["content"], false, &mut found, &place);
            }
            "user" => content(&message["content"], true, &mut found, &place),
            "assistant" => assistant(message, &mut open, &mut found, &place),
            "tool" => tool(message, &mut open, &mut found, &place),
            _ => found.add(&place, format!("unknown role {}", message["role"])),
        }
    }
    open.close(&mut found, "messages");
    found.finish()
}

/// The calls that are not answered yet, and all ids of calls.
#[derive(Default)]
struct Open {
    calls: Vec<String>,
    ids: HashSet<String>,
}

impl Open {
    fn close(&mut self, found: &mut Refusals, place: &str) {
        for id in self.calls.drain(..) {
            found.add(
                place,
                format!("tool_calls must be followed by a tool message for {id:?}"),
            );
        }
    }
}

fn content(content: &Value, images: bool, found: &mut Refusals, place: &str) {
    let Some(parts) = content.as_array() else {
        return found.words(content, place);
    };
    found.unless(!parts.is_empty(), place, "`content` is empty");
    for part in parts {
        match part["type"].as_str() {
            Some("text") => found.words(&part["text"], place),
            Some("image_url") if images => found.data_url(&part["image_url"]["url"], place),
            _ => found.add(
                place,
                format!("this message cannot hold a part {}", part["type"]),
            ),
        }
    }
}

fn assistant(message: &Value, open: &mut Open, found: &mut Refusals, place: &str) {
    let calls = match &message["tool_calls"] {
        Value::Null => &[],
        Value::Array(calls) if !calls.is_empty() => calls.as_slice(),
        _ => return found.add(place, "`tool_calls` must be a list that holds something"),
    };
    if !message["content"].is_null() || calls.is_empty() {
        content(&message["content"], false, found, place);
    }
    for (n, call) in calls.iter().enumerate() {
        let place = format!("{place}.tool_calls[{n}]");
        let (id, function) = (&call["id"], &call["function"]);
        let fits = is_made_of(id, 40, |letter| letter.is_ascii_graphic());
        found.unless(fits, &place, "`id` must be a string of at most 40 letters");
        found.unless(
            call["type"] == "function",
            &place,
            "`type` must be function",
        );
        let fits = is_made_of(&function["name"], 64, plain);
        found.unless(fits, &place, "`name` must match ^[a-zA-Z0-9_-]{1,64}$");
        found.object_text(&function["arguments"], &place);
        let id = id.as_str().unwrap_or_default().to_owned();
        found.unless(
            open.ids.insert(id.clone()),
            &place,
            "ids of calls must be unique",
        );
        open.calls.push(id);
    }
}

fn tool(message: &Value, open: &mut Open, found: &mut Refusals, place: &str) {
    content(&message["content"], false, found, place);
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    match open.calls.iter().position(|call| call == id) {
        Some(at) => drop(open.calls.remove(at)),
        None => found.add(
            place,
            "a tool message must respond to a preceding call that is open",
        ),
    }
}
