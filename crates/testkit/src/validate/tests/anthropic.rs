//! Messages: what must be refused.

use serde_json::{Value, json};

use super::{Case, assert_refused, list, set};
use crate::validate::anthropic::refusals;

fn good() -> Value {
    let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "ls", "input": {} });
    let image = image();
    json!({ "model": "m", "max_tokens": 9, "system": "be brief", "thinking": { "type": "enabled", "budget_tokens": 1024 }, "messages": [
        { "role": "user", "content": [{ "type": "text", "text": "look" }, image] },
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "hm", "signature": "s" },
            { "type": "redacted_thinking", "data": "d" },
            { "type": "text", "text": "so" }, call("a"), call("b"),
        ] },
        { "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "b", "content": [image] },
            { "type": "tool_result", "tool_use_id": "a", "content": [{ "type": "text", "text": "one" }], "is_error": true },
            { "type": "text", "text": "go on" },
        ] },
        { "role": "assistant", "content": [{ "type": "text", "text": "done" }] },
        { "role": "user", "content": "thanks" },
    ] })
}

const TABLE: &[Case] = &[
    ("model: must be a string", |body| set(body, "/model", 7)),
    ("max_tokens", |body| set(body, "/max_tokens", 0)),
    ("system: text must not be blank", |body| {
        set(body, "/system", "");
    }),
    ("`messages` is empty", |body| {
        list(body, "/messages").clear();
    }),
    ("roles alternate: user expected", |body| {
        drop(list(body, "/messages").remove(0));
    }),
    ("roles alternate: user expected", |body| {
        set(body, "/messages/0/role", "system");
    }),
    ("roles alternate: assistant expected", |body| {
        list(body, "/messages").insert(0, json!({ "role": "user", "content": "x" }));
    }),
    ("must end with a user message", |body| {
        drop(list(body, "/messages").pop());
    }),
    ("`content` is empty", |body| {
        list(body, "/messages/3/content").clear();
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/3/content/0/text", " \n");
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/4/content", "");
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/1/content/0/signature", "");
    }),
    ("must be a string", |body| {
        set(body, "/messages/1/content/0/signature", Value::Null);
    }),
    ("`thinking` must be a string", |body| {
        set(body, "/messages/1/content/0/thinking", Value::Null);
    }),
    ("must be a string", |body| {
        set(body, "/messages/1/content/1/data", Value::Null);
    }),
    ("final block cannot be thinking", |body| {
        list(body, "/messages/3/content")
            .push(json!({ "type": "thinking", "thinking": "x", "signature": "s" }));
    }),
    ("must start with thinking", |body| {
        list(body, "/messages").truncate(3);
        list(body, "/messages/1/content").drain(..2);
    }),
    ("nothing may stand between", |body| {
        list(body, "/messages/1/content").swap(2, 3);
    }),
    ("`id` must match", |body| {
        set(body, "/messages/1/content/3/id", "a|b");
        set(body, "/messages/2/content/1/tool_use_id", "a|b");
    }),
    ("`name` must match", |body| {
        set(body, "/messages/1/content/3/name", "");
    }),
    ("`input` must be an object", |body| {
        set(body, "/messages/1/content/3/input", "{}");
    }),
    ("`tool_use` ids must be unique", |body| {
        set(body, "/messages/1/content/4/id", "a");
    }),
    ("cannot hold a block", |body| {
        set(body, "/messages/3/content/0/type", "image");
    }),
    ("\"a\" without a `tool_result`", |body| {
        drop(list(body, "/messages/2/content").remove(1));
    }),
    ("\"a\" without a `tool_result`", |body| {
        let late = list(body, "/messages/2/content").remove(1);
        set(body, "/messages/4/content", json!([late]));
    }),
    ("without a `tool_result`", |body| {
        list(body, "/messages").truncate(2);
    }),
    ("unexpected `tool_use_id`", |body| {
        set(body, "/messages/2/content/0/tool_use_id", "z");
    }),
    ("unexpected `tool_use_id`", |body| {
        set(body, "/messages/2/content/0/tool_use_id", "a");
    }),
    ("`tool_result` blocks must come first", |body| {
        list(body, "/messages/2/content").swap(1, 2);
    }),
    ("a block \"image\" cannot stand here", |body| {
        set(body, "/messages/2/content/1/content", json!([image()]));
    }),
    ("`content` is empty", |body| {
        list(body, "/messages/2/content/0/content").clear();
    }),
    ("unsupported image", |body| {
        set(
            body,
            "/messages/0/content/1/source/media_type",
            "image/heic",
        );
    }),
    ("invalid base64", |body| {
        set(body, "/messages/0/content/1/source/data", "A");
    }),
    ("`source.type` must be base64", |body| {
        set(body, "/messages/0/content/1/source/type", "file");
    }),
    ("cannot stand here", |body| {
        set(body, "/messages/0/content/0/type", "thinking");
    }),
];

fn image() -> Value {
    json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AA==" } })
}

#[test]
fn a_messages_request_that_breaks_one_rule_is_refused_for_it() {
    assert_refused(&good(), refusals, TABLE);
}
