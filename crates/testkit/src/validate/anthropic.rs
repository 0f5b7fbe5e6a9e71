//! Anthropic Messages (`POST /v1/messages`).
//!
//! From the documentation: `max_tokens`, roles, "tool result blocks must immediately follow their corresponding tool use
//! blocks", tool results first in their message, forms of images, thinking handed back unmodified. From its refusals: "`tool_use`
//! ids must be unique", ids and names that match `^[a-zA-Z0-9_-]+$`, "text content blocks must contain non-whitespace text", "the
//! final block in an assistant message cannot be `thinking`", "all content must be type `text` if `is_error` is true", "this model
//! does not support assistant message prefill", and that a block between a `tool_use` and its result is refused.
//! With `thinking` enabled, the reply that holds the last calls must begin with thinking.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Refusals, WEB_IMAGES, is_made_of, plain};

/// Why the provider would refuse this body.
pub fn refusals(body: &Value) -> Vec<String> {
    let mut found = Refusals::default();
    found.words(&body["model"], "model");
    let limited = body["max_tokens"].as_u64().is_some_and(|most| most > 0);
    found.unless(limited, "max_tokens", "must be a number above 0");
    if !body["system"].is_null() {
        found.words(&body["system"], "system");
    }
    let messages = found.list(body, "messages", "body");
    let mut ids = HashSet::new();
    let mut open: Vec<String> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let place = format!("messages.{n}");
        let expected = if n % 2 == 0 { "user" } else { "assistant" };
        found.unless(
            message["role"] == expected,
            &place,
            format!("roles alternate: {expected} expected"),
        );
        if message["role"] == "assistant" {
            refuse_open(&mut open, &mut found, &place);
            open = assistant(message, &mut ids, &mut found, &place);
        } else {
            user(message, &mut open, &mut found, &place);
            refuse_open(&mut open, &mut found, &place);
        }
    }
    let ended = messages.last().is_none_or(|last| last["role"] == "user");
    found.unless(
        ended,
        "messages",
        "the conversation must end with a user message",
    );
    refuse_open(&mut open, &mut found, "messages");
    if body["thinking"]["type"] == "enabled" {
        thinks(messages, &mut found);
    }
    found.finish()
}

fn refuse_open(open: &mut Vec<String>, found: &mut Refusals, place: &str) {
    for id in open.drain(..) {
        found.add(
            place,
            format!("`tool_use` {id:?} without a `tool_result` immediately after"),
        );
    }
}

/// Looks at a reply; gives the ids of its calls.
fn assistant(
    message: &Value,
    ids: &mut HashSet<String>,
    found: &mut Refusals,
    place: &str,
) -> Vec<String> {
    let mut calls = Vec::new();
    let blocks = found.list(message, "content", place);
    for (n, block) in blocks.iter().enumerate() {
        let place = format!("{place}.content.{n}");
        let kind = block["type"].as_str().unwrap_or_default();
        let between = kind != "tool_use" && !calls.is_empty();
        found.unless(
            !between,
            &place,
            "nothing may stand between `tool_use` and its result",
        );
        match kind {
            "text" => found.words(&block["text"], &place),
            "thinking" => {
                found.unless(
                    block["thinking"].is_string(),
                    &place,
                    "`thinking` must be a string",
                );
                found.words(&block["signature"], &place);
            }
            "redacted_thinking" => found.words(&block["data"], &place),
            "tool_use" => {
                let fits = is_made_of(&block["id"], 64, plain);
                found.unless(fits, &place, "`id` must match ^[a-zA-Z0-9_-]+$");
                let fits = is_made_of(&block["name"], 64, plain);
                found.unless(fits, &place, "`name` must match ^[a-zA-Z0-9_-]{1,64}$");
                found.unless(
                    block["input"].is_object(),
                    &place,
                    "`input` must be an object",
                );
                let id = block["id"].as_str().unwrap_or_default().to_owned();
                found.unless(
                    ids.insert(id.clone()),
                    &place,
                    "`tool_use` ids must be unique",
                );
                calls.push(id);
            }
            _ => found.add(
                &place,
                format!("a reply cannot hold a block {}", block["type"]),
            ),
        }
    }
    let last = blocks.last().map(is_thinking);
    found.unless(
        last != Some(true),
        place,
        "the final block cannot be thinking",
    );
    calls
}

fn user(message: &Value, open: &mut Vec<String>, found: &mut Refusals, place: &str) {
    if message["content"].is_string() {
        return found.words(&message["content"], place);
    }
    let mut only_results = true;
    for (n, block) in found.list(message, "content", place).iter().enumerate() {
        let place = format!("{place}.content.{n}");
        if block["type"] != "tool_result" {
            only_results = false;
            told(block, true, found, &place);
            continue;
        }
        found.unless(only_results, &place, "`tool_result` blocks must come first");
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        match open.iter().position(|call| call == id) {
            Some(at) => drop(open.remove(at)),
            None => found.add(&place, "unexpected `tool_use_id` found in a `tool_result`"),
        }
        let failed = block["is_error"] == true;
        for part in found.list(block, "content", &place) {
            told(part, !failed, found, &place);
        }
    }
}

fn told(block: &Value, images: bool, found: &mut Refusals, place: &str) {
    match block["type"].as_str() {
        Some("text") => found.words(&block["text"], place),
        Some("image") if images => {
            let source = &block["source"];
            found.unless(
                source["type"] == "base64",
                place,
                "`source.type` must be base64",
            );
            let said = |key: &str| source[key].as_str().unwrap_or_default();
            found.image(said("media_type"), said("data"), &WEB_IMAGES, place);
        }
        _ => found.add(
            place,
            format!("a block {} cannot stand here", block["type"]),
        ),
    }
}

/// With thinking enabled, the reply before the last results begins with thinking.
fn thinks(messages: &[Value], found: &mut Refusals) {
    let last = messages
        .iter()
        .rposition(|message| message["role"] == "assistant");
    let Some(blocks) = last.and_then(|at| messages[at]["content"].as_array()) else {
        return;
    };
    let calls = blocks.iter().any(|block| block["type"] == "tool_use");
    let begins = blocks.first().is_some_and(is_thinking);
    found.unless(
        !calls || begins,
        "messages",
        "with `thinking` enabled, the last reply with calls must start with thinking",
    );
}

fn is_thinking(block: &Value) -> bool {
    matches!(
        block["type"].as_str(),
        Some("thinking" | "redacted_thinking")
    )
}
