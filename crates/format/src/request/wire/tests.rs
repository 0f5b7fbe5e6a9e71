//! What each protocol is told of one and the same conversation, and the shapes that only some of them want.

use serde_json::{Value, json};

use super::{Empty, anthropic, chat, gemini, responses};
use crate::request::{Conversation, Target, project};
use crate::{Context, ContextMessage};

/// The conversation of these messages, made for that protocol of `p`'s model `m`.
fn conversation(api: &str, messages: &[Value]) -> (Conversation, Target) {
    let message = |message: &Value| {
        ContextMessage::new(None, &serde_json::value::to_raw_value(message).unwrap())
    };
    let context = Context {
        messages: messages.iter().map(message).collect(),
        ..Context::default()
    };
    let target = Target::new("p", "m", api);
    (project(&context, &target).0, target)
}

fn reply(api: &str, blocks: &Value) -> Value {
    json!({ "role": "assistant", "content": blocks, "provider": "p", "model": "m", "api": api, "stopReason": "toolUse" })
}

fn call(id: &str) -> Value {
    json!({ "type": "toolCall", "id": id, "name": "read", "arguments": { "p": id } })
}

fn result(id: &str, content: &Value) -> Value {
    json!({ "role": "toolResult", "toolCallId": id, "content": content, "isError": false })
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn image() -> Value {
    json!({ "type": "image", "data": "QUJD", "mimeType": "image/png" })
}

fn chat_messages(messages: &[Value]) -> Value {
    chat::messages(&conversation("openai-completions", messages).0).into()
}

fn responses_input(messages: &[Value]) -> Value {
    let (conversation, target) = conversation("openai-responses", messages);
    responses::render(&conversation, &target).unwrap()["input"].take()
}

fn anthropic_messages(messages: &[Value]) -> Value {
    let (conversation, target) = conversation("anthropic-messages", messages);
    anthropic::render(&conversation, &target).unwrap()["messages"].take()
}

fn gemini_contents(model: &str, messages: &[Value]) -> Value {
    let (conversation, target) = conversation("google-generative-ai", messages);
    let target = Target {
        model: model.into(),
        ..target
    };
    gemini::render(&conversation, &target).unwrap()["contents"].take()
}

#[test]
fn a_branch_that_says_nothing_renders_to_no_request() {
    let (nothing, target) = conversation(
        "openai-completions",
        &[json!({ "role": "system", "content": "be brief" })],
    );
    for render in [
        chat::render,
        responses::render,
        anthropic::render,
        gemini::render,
    ] {
        assert_eq!(render(&nothing, &target), Err(Empty));
    }
}

#[test]
fn instructions_stand_where_each_protocol_looks_for_them() {
    let messages = [
        json!({ "role": "system", "content": "be brief" }),
        user("hi"),
    ];
    let (conversation, target) = conversation("openai-completions", &messages);
    let chat = chat::render(&conversation, &target).unwrap();
    assert_eq!(
        chat["messages"][0],
        json!({ "role": "system", "content": "be brief" })
    );
    assert_eq!(
        responses::render(&conversation, &target).unwrap()["instructions"],
        "be brief"
    );
    assert_eq!(
        anthropic::render(&conversation, &target).unwrap()["system"],
        "be brief"
    );
    let gemini = gemini::render(&conversation, &target).unwrap();
    assert_eq!(gemini["systemInstruction"]["parts"][0]["text"], "be brief");
}

#[test]
fn chat_puts_results_behind_their_calls_and_their_images_behind_the_results() {
    let sent = chat_messages(&[
        user("go"),
        reply(
            "openai-completions",
            &json!([text("ok"), call("a"), call("b")]),
        ),
        result("a", &json!([image()])),
        result("b", &json!([text("words")])),
    ]);
    let roles: Vec<_> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
    assert_eq!(
        sent[1]["tool_calls"][0]["function"],
        json!({ "name": "read", "arguments": "{\"p\":\"a\"}" })
    );
    assert_eq!(
        (&sent[2]["tool_call_id"], &sent[3]["content"]),
        (&json!("a"), &json!("words"))
    );
    assert_eq!(
        sent[4]["content"][1]["image_url"]["url"],
        "data:image/png;base64,QUJD"
    );
}

#[test]
fn chat_hands_thinking_back_in_the_field_that_it_came_in_and_in_no_other() {
    let thinking =
        |seal: &str| json!({ "type": "thinking", "thinking": "hm", "thinkingSignature": seal });
    let sent = chat_messages(&[
        reply(
            "openai-completions",
            &json!([thinking("reasoning_content"), text("a")]),
        ),
        reply(
            "openai-completions",
            &json!([thinking("content"), thinking(""), text("b")]),
        ),
    ]);
    assert_eq!(
        sent[0],
        json!({ "role": "assistant", "content": "a", "reasoning_content": "hm" })
    );
    assert_eq!(sent[1], json!({ "role": "assistant", "content": "b" }));
}

#[test]
fn an_id_that_a_provider_refuses_is_replaced_in_call_and_result_alike_and_stays_as_the_conversation_grows()
 {
    let calls = json!([
        call("a|b"),
        call(&"x".repeat(41)),
        call("call_0"),
        call("functions.ls:3")
    ]);
    let mut messages = vec![reply("openai-completions", &calls)];
    let ids = |messages: &[Value]| -> Vec<String> {
        let sent = chat_messages(messages);
        let calls = sent[0]["tool_calls"].as_array().unwrap();
        let ids = calls
            .iter()
            .map(|call| call["id"].as_str().unwrap().to_owned());
        let ids: Vec<String> = ids.collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(sent[n + 1]["tool_call_id"], **id);
        }
        ids
    };
    let before = ids(&messages);
    assert_eq!(before[2..], ["call_0", "functions.ls:3"]);
    assert!(
        before[..2]
            .iter()
            .all(|id| id.starts_with("call_") && id.len() == 21),
        "{before:?}"
    );
    assert_ne!(before[0], before[1]);
    messages.push(reply(
        "openai-completions",
        &json!([call("a|c"), call("z".repeat(50).as_str())]),
    ));
    assert_eq!(ids(&messages), before);
    // One that is written like a made one keeps its id, and the made one gives way.
    messages.push(reply("openai-completions", &json!([call(&before[0])])));
    let after = ids(&messages);
    assert_eq!(after[0], format!("{}_2", before[0]));
    assert_eq!(after[1..], before[1..]);
}

fn reasoning(id: &str) -> Value {
    let item =
        json!({ "type": "reasoning", "id": id, "summary": [], "encrypted_content": "sealed" });
    json!({ "type": "thinking", "thinking": "", "thinkingSignature": item.to_string() })
}

#[test]
fn responses_hands_reasoning_back_with_what_followed_it_and_names_both() {
    let said =
        json!({ "type": "text", "text": "so", "textSignature": "{\"v\":1,\"id\":\"msg_1\"}" });
    let sent = responses_input(&[
        user("go"),
        reply(
            "openai-responses",
            &json!([
                reasoning("rs_1"),
                said,
                call("call_1|fc_1"),
                reasoning("rs_2")
            ]),
        ),
        result("call_1|fc_1", &json!([text("done"), image()])),
    ]);
    let kinds: Vec<_> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["type"].as_str().unwrap(), item["id"].as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("message", None),
            ("reasoning", Some("rs_1")),
            ("message", Some("msg_1")),
            ("function_call", Some("fc_1")),
            ("function_call_output", None),
        ]
    );
    assert_eq!(
        (&sent[3]["call_id"], &sent[4]["call_id"]),
        (&json!("call_1"), &json!("call_1"))
    );
    assert_eq!(sent[4]["output"][1]["type"], "input_image");
}

#[test]
fn without_its_reasoning_no_item_of_responses_is_named() {
    let said = json!({ "type": "text", "text": "so", "textSignature": "msg_1" });
    let sent = responses_input(&[reply(
        "openai-responses",
        &json!([said, call("call_1|fc_1")]),
    )]);
    assert!(
        sent.as_array()
            .unwrap()
            .iter()
            .all(|item| item["id"].is_null()),
        "{sent}"
    );
}

#[test]
fn anthropic_gets_alternating_roles_calls_last_and_results_first() {
    let thinking = json!({ "type": "thinking", "thinking": "hm", "thinkingSignature": "seal" });
    let sent = anthropic_messages(&[
        reply(
            "anthropic-messages",
            &json!([thinking, call("a"), text("after the call"), thinking]),
        ),
        user("one"),
        result("a", &json!([text("listed")])),
        user("two"),
        reply("anthropic-messages", &json!([text("done"), thinking])),
    ]);
    let shape: Vec<(&str, Vec<&str>)> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let blocks = message["content"].as_array().unwrap().iter();
            (
                message["role"].as_str().unwrap(),
                blocks
                    .map(|block| block["type"].as_str().unwrap())
                    .collect(),
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("user", vec!["text"]),
            (
                "assistant",
                vec!["thinking", "text", "thinking", "tool_use"]
            ),
            ("user", vec!["tool_result", "text", "text"]),
            ("assistant", vec!["text"]),
            ("user", vec!["text"]),
        ]
    );
}

#[test]
fn anthropic_gets_the_images_of_a_failure_behind_the_results() {
    let mut failed = result("a", &json!([text("broken"), image()]));
    failed["isError"] = true.into();
    let sent = anthropic_messages(&[
        user("go"),
        reply("anthropic-messages", &json!([call("a")])),
        failed,
    ]);
    let told = sent[2]["content"].as_array().unwrap();
    let kinds: Vec<_> = told
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_result", "text", "image"]);
    assert_eq!(told[0]["is_error"], true);
}

#[test]
fn gemini_answers_a_turn_of_calls_with_a_turn_of_responses_and_nothing_else() {
    let api = "google-generative-ai";
    let mut signed = call("a");
    signed["thoughtSignature"] = "QUJD".into();
    let sent = gemini_contents(
        "m",
        &[
            user("go"),
            reply(api, &json!([text("ok"), signed, call("b")])),
            result("b", &json!([image()])),
            user("and?"),
        ],
    );
    let contents = sent.as_array().unwrap();
    assert_eq!(contents.len(), 4);
    assert_eq!(contents[1]["parts"][1]["thoughtSignature"], "QUJD");
    let responses: Vec<_> = contents[2]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["functionResponse"])
        .collect();
    assert!(
        responses[0]["response"]["error"]
            .as_str()
            .unwrap()
            .contains("unknown")
    );
    assert!(responses[1]["response"]["output"].is_string());
    let after: Vec<_> = contents[3]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part.get("inlineData").is_some())
        .collect();
    assert_eq!(
        after,
        [false, true, false],
        "the heading, the image, and what the user said"
    );
}

#[test]
fn only_a_gemini_that_wants_seals_is_told_that_there_is_none() {
    let messages = [user("go"), reply("x", &json!([call("a"), call("b")]))];
    let seals = |model: &str| {
        let sent = gemini_contents(model, &messages);
        let parts = sent[1]["parts"].as_array().unwrap().clone();
        parts
            .into_iter()
            .map(|mut part| part["thoughtSignature"].take())
            .collect::<Vec<_>>()
    };
    let stand_in = json!("skip_thought_signature_validator");
    for model in [
        "gemini-3-pro-preview",
        "models/gemini-3.1-flash",
        "gemini-10",
    ] {
        assert_eq!(seals(model), [stand_in.clone(), Value::Null], "{model}");
    }
    for model in ["gemini-2.5-pro", "claude-3", "gemini"] {
        assert_eq!(seals(model), [Value::Null, Value::Null], "{model}");
    }
}

#[test]
fn chat_shows_images_of_a_user_as_data_urls_beside_the_words() {
    let sent = chat_messages(&[json!({ "role": "user", "content": [text("look"), image()] })]);
    assert_eq!(
        sent[0]["content"],
        json!([text("look"), { "type": "image_url", "image_url": { "url": "data:image/png;base64,QUJD" } }])
    );
}
