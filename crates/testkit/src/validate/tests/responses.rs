//! Responses: what must be refused.

use serde_json::{Value, json};

use super::{Case, assert_refused, list, set};
use crate::validate::responses::refusals;

fn good() -> Value {
    let call = |n: &str| json!({ "type": "function_call", "id": format!("fc_{n}"), "call_id": n, "name": "ls", "arguments": "{}" });
    let output =
        |n: &str| json!({ "type": "function_call_output", "call_id": n, "output": "listed" });
    json!({ "model": "m", "instructions": "be brief", "store": false, "input": [
        { "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "look" },
            { "type": "input_image", "image_url": "data:image/png;base64,AA==" },
        ] },
        { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "x" },
        { "type": "message", "role": "assistant", "id": "msg_1", "content": [{ "type": "output_text", "text": "so" }] },
        call("a"), call("b"), output("b"),
        { "type": "function_call_output", "call_id": "a", "output": [{ "type": "input_text", "text": "one" }] },
        { "type": "message", "role": "user", "content": "and?" },
    ] })
}

const TABLE: &[Case] = &[
    ("model: must be a string", |body| {
        set(body, "/model", Value::Null);
    }),
    ("instructions: text must not be blank", |body| {
        set(body, "/instructions", " ");
    }),
    ("`input` is empty", |body| list(body, "/input").clear()),
    ("unknown item", |body| set(body, "/input/0/type", "text")),
    ("unknown role", |body| set(body, "/input/0/role", "tool")),
    ("`content` is empty", |body| {
        list(body, "/input/0/content").clear();
    }),
    ("text must not be blank", |body| {
        set(body, "/input/0/content/0/text", "");
    }),
    ("text must not be blank", |body| {
        set(body, "/input/7/content", " ");
    }),
    ("cannot hold a part", |body| {
        set(body, "/input/0/content/0/type", "output_text");
    }),
    ("cannot hold a part", |body| {
        set(body, "/input/2/content/0/type", "input_text");
    }),
    ("must be a data URL", |body| {
        set(body, "/input/0/content/1/image_url", json!({ "url": "x" }));
    }),
    ("unsupported image", |body| {
        set(
            body,
            "/input/0/content/1/image_url",
            "data:image/heic;base64,AA==",
        );
    }),
    ("begins with \"fc_\"", |body| {
        set(body, "/input/3/id", "call_a");
    }),
    ("begins with \"msg_\"", |body| {
        set(body, "/input/2/id", format!("msg_{}", "x".repeat(61)));
    }),
    ("begins with \"rs_\"", |body| {
        set(body, "/input/1/id", Value::Null);
    }),
    ("duplicate item found", |body| {
        set(body, "/input/4/id", "fc_a");
    }),
    ("duplicate call_id", |body| {
        let again = body["input"][3].clone();
        list(body, "/input").insert(4, again);
        set(body, "/input/4/id", "fc_other");
    }),
    ("at most 64 letters", |body| {
        set(body, "/input/3/call_id", "x".repeat(65));
        set(body, "/input/6/call_id", "x".repeat(65));
    }),
    ("`name` must match", |body| {
        set(body, "/input/3/name", "a.b");
    }),
    ("text of a JSON object", |body| {
        set(body, "/input/3/arguments", json!({}));
    }),
    ("text of a JSON object", |body| {
        set(body, "/input/3/arguments", "");
    }),
    ("no tool output found", |body| {
        drop(list(body, "/input").remove(5));
    }),
    ("no tool call found", |body| {
        drop(list(body, "/input").remove(3));
    }),
    ("no tool call found", |body| list(body, "/input").swap(3, 6)),
    ("no tool call found", |body| {
        set(body, "/input/5/call_id", "a");
    }),
    ("text must not be blank", |body| {
        set(body, "/input/5/output", "");
    }),
    ("`output` is empty", |body| {
        list(body, "/input/6/output").clear();
    }),
    ("`output` must be a list", |body| {
        set(body, "/input/5/output", Value::Null);
    }),
    ("`summary` must be a list", |body| {
        set(body, "/input/1/summary", Value::Null);
    }),
    ("`summary` holds summary_text", |body| {
        set(body, "/input/1/summary/0/type", "text");
    }),
    ("no encrypted_content", |body| {
        set(body, "/input/1/encrypted_content", "");
    }),
    ("without its required following item", |body| {
        list(body, "/input").swap(0, 1);
    }),
    ("without its required following item", |body| {
        let reasoning = list(body, "/input").remove(1);
        list(body, "/input").push(reasoning);
    }),
];

#[test]
fn a_responses_request_that_breaks_one_rule_is_refused_for_it() {
    assert_refused(&good(), refusals, TABLE);
}

#[test]
fn reasoning_that_the_server_stored_needs_no_content() {
    let mut body = good();
    set(&mut body, "/input/1/encrypted_content", Value::Null);
    set(&mut body, "/store", true);
    assert_eq!(refusals(&body), Vec::<String>::new());
}
