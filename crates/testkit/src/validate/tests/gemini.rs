//! `generateContent`: what must be refused.

use serde_json::{Value, json};

use super::{Case, assert_refused, list, set};
use crate::validate::gemini::refusals;

fn good() -> Value {
    let call = |id: &str| json!({ "functionCall": { "id": id, "name": "ls", "args": {} } });
    let response = |id: &str| json!({ "functionResponse": { "id": id, "name": "ls", "response": { "output": "x" } } });
    let mut first = call("a");
    first["thoughtSignature"] = "AAAA".into();
    json!({ "systemInstruction": { "parts": [{ "text": "be brief" }] }, "contents": [
        { "role": "user", "parts": [{ "text": "look" }, { "inlineData": { "mimeType": "image/png", "data": "AA==" } }] },
        { "role": "model", "parts": [{ "text": "", "thought": true, "thoughtSignature": "AAAA" }, { "text": "so" }, first, call("b")] },
        { "role": "user", "parts": [response("a"), response("b")] },
        { "role": "user", "parts": [{ "text": "and?" }] },
        { "role": "model", "parts": [{ "text": "done" }] },
        { "role": "user", "parts": [{ "text": "thanks" }] },
    ] })
}

const TABLE: &[Case] = &[
    ("`contents` is empty", |body| {
        list(body, "/contents").clear();
    }),
    ("`contents` must be a list", |body| {
        set(body, "/contents", Value::Null);
    }),
    ("systemInstruction: text must not be blank", |body| {
        set(body, "/systemInstruction/parts/0/text", "");
    }),
    ("`parts` is empty", |body| {
        list(body, "/contents/4/parts").clear();
    }),
    ("exactly one kind of data", |body| {
        set(
            body,
            "/contents/4/parts/0",
            json!({ "thoughtSignature": "AAAA" }),
        );
    }),
    ("exactly one kind of data", |body| {
        set(
            body,
            "/contents/0/parts/1",
            json!({ "text": "x", "inlineData": { "mimeType": "image/png", "data": "AA==" } }),
        );
    }),
    ("text must not be blank", |body| {
        set(body, "/contents/5/parts/0/text", " ");
    }),
    ("unsupported image", |body| {
        set(body, "/contents/0/parts/1/inlineData/mimeType", "image/gif");
    }),
    ("invalid base64", |body| {
        set(body, "/contents/0/parts/1/inlineData/data", "AAA");
    }),
    ("valid role", |body| {
        set(body, "/contents/4/role", "assistant");
    }),
    ("a user calls no function", |body| {
        set(body, "/contents/1/role", "user");
    }),
    ("a model gives no function response", |body| {
        set(body, "/contents/2/role", "model");
    }),
    ("holds responses only", |body| {
        list(body, "/contents/2/parts").push(json!({ "text": "x" }));
    }),
    ("first turn must be the user's", |body| {
        drop(list(body, "/contents").remove(0));
    }),
    ("last turn must be the user's", |body| {
        drop(list(body, "/contents").pop());
    }),
    ("last turn must be the user's", |body| {
        list(body, "/contents").truncate(2);
    }),
    ("as many function responses", |body| {
        drop(list(body, "/contents/2/parts").pop());
    }),
    ("must name its call", |body| {
        set(body, "/contents/2/parts/0/functionResponse/name", "other");
    }),
    ("must name its call", |body| {
        set(body, "/contents/2/parts/0/functionResponse/id", "b");
    }),
    ("immediately after a function call turn", |body| {
        drop(list(body, "/contents").remove(2));
    }),
    ("only after a function call turn", |body| {
        drop(list(body, "/contents").remove(1));
    }),
    ("function call turn comes after a user turn", |body| {
        list(body, "/contents").insert(1, json!({ "role": "model", "parts": [{ "text": "x" }] }));
    }),
    ("turns alternate between", |body| {
        list(body, "/contents").push(json!({ "role": "user", "parts": [{ "text": "x" }] }));
    }),
    ("invalid function name", |body| {
        set(body, "/contents/1/parts/2/functionCall/name", "9ls");
        set(body, "/contents/2/parts/0/functionResponse/name", "9ls");
    }),
    ("`args` must be an object", |body| {
        set(body, "/contents/1/parts/2/functionCall/args", "{}");
    }),
    ("`response` must be an object", |body| {
        set(body, "/contents/2/parts/0/functionResponse/response", "x");
    }),
    ("must be base64", |body| {
        set(body, "/contents/1/parts/2/thoughtSignature", "not base64!");
    }),
];

#[test]
fn a_generate_content_request_that_breaks_one_rule_is_refused_for_it() {
    assert_refused(&good(), |body| refusals(body, "gemini-2.5-pro"), TABLE);
    assert_refused(
        &good(),
        |body| refusals(body, "gemini-3-pro-preview"),
        TABLE,
    );
}

#[test]
fn from_gemini_3_on_the_calls_since_the_user_spoke_are_signed() {
    let mut body = good();
    list(&mut body, "/contents").truncate(3);
    let first = body.pointer_mut("/contents/1/parts/2").unwrap();
    first.as_object_mut().unwrap().remove("thoughtSignature");
    assert_eq!(refusals(&body, "gemini-2.5-pro"), Vec::<String>::new());
    let refused = refusals(&body, "gemini-3-pro-preview");
    assert!(
        refused[0].contains("missing a thought_signature"),
        "{refused:?}"
    );
    body["contents"][1]["parts"][2]["thoughtSignature"] = "skip_thought_signature_validator".into();
    assert_eq!(
        refusals(&body, "gemini-3-pro-preview"),
        Vec::<String>::new()
    );
}
