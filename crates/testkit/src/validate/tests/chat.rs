//! Chat Completions: what must be refused.

use serde_json::{Value, json};

use super::{Case, assert_refused, list, set};
use crate::validate::chat::refusals;

fn good() -> Value {
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "ls", "arguments": "{\"a\":1}" } });
    json!({ "model": "m", "messages": [
        { "role": "system", "content": "be brief" },
        { "role": "user", "content": [
            { "type": "text", "text": "look" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } },
        ] },
        { "role": "assistant", "content": null, "tool_calls": [call("a"), call("b")] },
        { "role": "tool", "tool_call_id": "b", "content": "two" },
        { "role": "tool", "tool_call_id": "a", "content": "one" },
        { "role": "assistant", "content": "done" },
        { "role": "user", "content": "thanks" },
    ] })
}

const TABLE: &[Case] = &[
    ("model: must be a string", |body| {
        set(body, "/model", Value::Null);
    }),
    ("`messages` is empty", |body| {
        list(body, "/messages").clear();
    }),
    ("`messages` must be a list", |body| {
        set(body, "/messages", Value::Null);
    }),
    ("instructions must come first", |body| {
        list(body, "/messages").swap(0, 1);
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/0/content", " ");
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/6/content", "\n");
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/1/content/0/text", "");
    }),
    ("`content` is empty", |body| {
        set(body, "/messages/6/content", json!([]));
    }),
    ("must be a string", |body| {
        set(body, "/messages/5/content", Value::Null);
    }),
    ("unknown role", |body| {
        set(body, "/messages/6/role", "toolResult");
    }),
    ("must be a data URL", |body| {
        set(body, "/messages/1/content/1/image_url/url", "AA==");
    }),
    ("unsupported image", |body| {
        set(
            body,
            "/messages/1/content/1/image_url/url",
            "data:image/tiff;base64,AA==",
        );
    }),
    ("invalid base64", |body| {
        set(
            body,
            "/messages/1/content/1/image_url/url",
            "data:image/png;base64,A A=",
        );
    }),
    ("cannot hold a part", |body| {
        set(body, "/messages/1/content/0/type", "input_text");
    }),
    ("cannot hold a part", |body| {
        set(
            body,
            "/messages/3/content",
            json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } }]),
        );
    }),
    ("`tool_calls` must be a list", |body| {
        set(body, "/messages/2/tool_calls", json!([]));
    }),
    ("at most 40 letters", |body| {
        set(body, "/messages/2/tool_calls/0/id", "x".repeat(41));
        set(body, "/messages/4/tool_call_id", "x".repeat(41));
    }),
    ("at most 40 letters", |body| {
        set(body, "/messages/2/tool_calls/0/id", "");
        set(body, "/messages/4/tool_call_id", "");
    }),
    ("`type` must be function", |body| {
        set(body, "/messages/2/tool_calls/0/type", "tool");
    }),
    ("`name` must match", |body| {
        set(body, "/messages/2/tool_calls/0/function/name", "a b");
    }),
    ("`name` must match", |body| {
        set(
            body,
            "/messages/2/tool_calls/0/function/name",
            "x".repeat(65),
        );
    }),
    ("text of a JSON object", |body| {
        set(body, "/messages/2/tool_calls/0/function/arguments", "[]");
    }),
    ("text of a JSON object", |body| {
        set(
            body,
            "/messages/2/tool_calls/0/function/arguments",
            json!({}),
        );
    }),
    ("ids of calls must be unique", |body| {
        set(body, "/messages/2/tool_calls/1/id", "a");
    }),
    ("must be followed by a tool message for \"a\"", |body| {
        drop(list(body, "/messages").remove(4));
    }),
    ("must be followed by a tool message for \"a\"", |body| {
        list(body, "/messages").swap(4, 5);
    }),
    ("must be followed by a tool message", |body| {
        list(body, "/messages").truncate(3);
    }),
    ("preceding call that is open", |body| {
        list(body, "/messages").swap(2, 3);
    }),
    ("preceding call that is open", |body| {
        set(body, "/messages/3/tool_call_id", "a");
    }),
    ("preceding call that is open", |body| {
        set(body, "/messages/3/tool_call_id", "z");
    }),
    ("text must not be blank", |body| {
        set(body, "/messages/3/content", "");
    }),
];

#[test]
fn a_chat_request_that_breaks_one_rule_is_refused_for_it() {
    assert_refused(&good(), refusals, TABLE);
}
