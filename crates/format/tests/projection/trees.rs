//! Random trees of entries: all kinds, pi's and OpenClaw's forms of blocks, and what no program should have written.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The lines of a file behind its header, one entry each.
pub(crate) fn lines() -> impl Strategy<Value = Vec<String>> {
    let alone = body().prop_map(|body| vec![body]);
    let group = prop_oneof![3 => alone, 1 => step()];
    let entry = (group, 0_u8..24, any::<prop::sample::Index>());
    prop::collection::vec(entry, 1..14).prop_map(|groups| {
        let mut lines: Vec<String> = Vec::new();
        let count = groups.len();
        for (bodies, bend, any) in groups {
            for (n, mut line) in bodies.into_iter().enumerate() {
                let place = lines.len();
                let parent = match bend {
                    // Mostly a branch of several entries, sometimes another branch or root, a circle, or a gap.
                    0 if n == 0 => Value::Null,
                    1 if n == 0 => json!("nobody"),
                    2 if n == 0 => json!(format!("e{}", any.index(count))),
                    _ if place == 0 => Value::Null,
                    3 if n == 0 => json!(format!("e{}", any.index(place))),
                    _ => json!(format!("e{}", place - 1)),
                };
                line["id"] = format!("e{place}").into();
                line["parentId"] = parent;
                line["timestamp"] = "2026-01-01T00:00:00.000Z".into();
                lines.push(line.to_string());
            }
        }
        lines
    })
}

/// A reply of calls and what came of them, in any order; the same may come of one twice.
fn step() -> impl Strategy<Value = Vec<Value>> {
    let ids = select(vec!["c1", "c2", "call_1|fc_1", "call_2|fc_2", "a b"]);
    let results = prop::collection::vec((0_usize..3, content(), any::<bool>()), 0..4);
    (prop::collection::vec(ids, 1..4), assistant(), results).prop_map(|(ids, mut reply, results)| {
        let call = |id: &&str| json!({ "type": "toolCall", "id": id, "name": "read", "arguments": { "p": 1 } });
        if let Some(blocks) = reply["content"].as_array_mut() {
            blocks.extend(ids.iter().map(call));
        }
        let result = |(at, content, failed): (usize, Value, bool)| {
            let id = ids[at % ids.len()];
            json!({ "role": "toolResult", "toolCallId": id, "toolName": "read", "content": content, "isError": failed })
        };
        let messages = std::iter::once(reply).chain(results.into_iter().map(result));
        messages.map(|message| json!({ "type": "message", "message": message })).collect()
    })
}

/// An entry without its place.
fn body() -> BoxedStrategy<Value> {
    prop_oneof![
        12 => message().prop_map(|message| json!({ "type": "message", "message": message })),
        1 => (text(), entry_id(), any::<bool>()).prop_map(|(summary, kept, system)| {
            let mut line = json!({ "type": "compaction", "summary": summary, "firstKeptEntryId": kept, "tokensBefore": 1 });
            if system {
                line["systemMessage"] = json!({ "role": "system", "content": "kept instructions" });
            }
            line
        }),
        1 => text().prop_map(|summary| json!({ "type": "branch_summary", "fromId": "root", "summary": summary })),
        1 => content().prop_map(|content| json!({ "type": "custom_message", "customType": "x", "content": content, "display": true })),
        1 => (entry_id(), prop_oneof![content(), reply_content(), Just(Value::Null)]).prop_map(|(target, content)| {
            let replacement = if content.is_null() { Value::Null } else { json!({ "content": content }) };
            json!({ "type": "context_edit", "targetId": target, "replacement": replacement })
        }),
        1 => select(vec![
            json!({ "type": "label", "targetId": "e1", "label": "x" }),
            json!({ "type": "session_info", "name": "x" }),
            json!({ "type": "custom", "customType": "x", "data": { "a": 1 } }),
            json!({ "type": "model_change", "provider": "openai", "modelId": "gpt" }),
            json!({ "type": "thinking_level_change", "thinkingLevel": "high" }),
            json!({ "type": "usage", "input": 1 }),
            json!({ "type": "brand_new", "content": "x" }),
        ]),
    ]
    .boxed()
}

fn entry_id() -> impl Strategy<Value = String> {
    (0_u8..18).prop_map(|place| format!("e{place}"))
}

fn text() -> impl Strategy<Value = &'static str> {
    select(vec![
        "hello",
        "two\nlines",
        " x ",
        "",
        "  \n",
        "\u{0}",
        "e\u{301}🙂",
        "\u{feff}",
        "`````",
    ])
}

/// A message of any role, likely ones more often.
fn message() -> BoxedStrategy<Value> {
    let result = (content(), call_id(), select(vec!["toolCallId", "toolUseId"]), any::<bool>()).prop_map(|(content, id, field, failed)| {
        let mut message = json!({ "role": "toolResult", "toolName": "ls", "content": content, "isError": failed });
        message[field] = id;
        message
    });
    let run = (text(), text(), any::<bool>()).prop_map(|(command, output, hidden)| {
        json!({ "role": "bashExecution", "command": command, "output": output, "exitCode": 1, "excludeFromContext": hidden })
    });
    let system = (text(), text()).prop_map(|(content, section)| {
        json!({ "role": "system", "content": content, "sections": { "a": section, "b": null } })
    });
    let said = |role: &'static str| {
        content().prop_map(move |content| json!({ "role": role, "content": content }))
    };
    prop_oneof![
        3 => said("user"),
        5 => assistant(),
        5 => result,
        1 => said("custom"),
        1 => said("stranger"),
        1 => system,
        1 => run,
        1 => select(vec![Value::Null, json!([]), json!({}), json!({ "role": "user" }), json!({ "role": 7, "content": "x" })]),
    ]
    .boxed()
}

fn assistant() -> impl Strategy<Value = Value> {
    let who = select(vec![
        ("openai", "gpt", "openai-completions"),
        ("openai", "gpt", "openai-responses"),
        ("anthropic", "claude", "anthropic-messages"),
        ("google", "gemini-3-pro-preview", "google-generative-ai"),
        ("google", "gemini-2.5-pro", "google-generative-ai"),
        ("x", "", ""),
    ]);
    let stop = select(vec![
        "stop", "toolUse", "toolUse", "length", "error", "aborted",
    ]);
    let prefix = prop::option::weighted(
        0.3,
        select(vec!["0000000000000000", "later", "af1349b9f5f9a1a6"]),
    );
    (reply_content(), who, stop, prefix).prop_map(|(content, (provider, model, api), stop, prefix)| {
        let mut message = json!({ "role": "assistant", "content": content, "provider": provider, "model": model, "api": api, "stopReason": stop });
        if let Some(prefix) = prefix {
            message["latchwork"] = json!({ "prefix": prefix });
        }
        message
    })
}

/// What a user, a tool or an extension says.
fn content() -> BoxedStrategy<Value> {
    let image = (
        select(vec![
            "image/png",
            "image/jpg",
            "image/gif",
            "image/heic",
            "text/plain",
            "",
        ]),
        select(vec![
            "AA==",
            "QUJD",
            "AA=",
            "not base64",
            "data:image/png;base64,AA==",
            "",
        ]),
    )
        .prop_map(|(mime, data)| json!({ "type": "image", "mimeType": mime, "data": data }));
    let block = prop_oneof![
        3 => text().prop_map(|text| json!({ "type": "text", "text": text })),
        2 => image,
        1 => odd_block(),
    ];
    prop_oneof![
        4 => prop::collection::vec(block, 0..4).prop_map(Value::from),
        2 => text().prop_map(Value::from),
        1 => select(vec![Value::Null, json!(7), json!({ "type": "text", "text": "x" })]),
    ]
    .boxed()
}

/// What a model says.
fn reply_content() -> BoxedStrategy<Value> {
    let texts = (text(), seal())
        .prop_map(|(text, seal)| json!({ "type": "text", "text": text, "textSignature": seal }));
    let thinking = (text(), seal(), any::<bool>()).prop_map(|(text, seal, redacted)| {
        json!({ "type": "thinking", "thinking": text, "thinkingSignature": seal, "redacted": redacted })
    });
    let redacted = seal().prop_map(|seal| json!({ "type": "redacted_thinking", "data": seal }));
    let block =
        prop_oneof![3 => texts, 3 => thinking, 1 => redacted, 5 => call(), 1 => odd_block()];
    prop_oneof![
        8 => prop::collection::vec(block, 0..6).prop_map(Value::from),
        1 => text().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
    .boxed()
}

fn odd_block() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "type": "later", "text": "x" }),
        json!({ "type": "text" }),
        json!({ "text": "untyped" }),
        json!("bare"),
        Value::Null,
        json!({ "type": "toolCall" }),
        json!({ "type": "tool_result", "tool_use_id": "c1", "content": "x" }),
    ])
}

/// What stands in a seal's place, in the forms of all providers.
fn seal() -> impl Strategy<Value = Value> {
    let item = |id: &str, content: Value| {
        json!(json!({ "type": "reasoning", "id": id, "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": content }).to_string())
    };
    select(vec![
        Value::Null,
        json!(""),
        json!("QUJD"),
        json!("not base64"),
        json!("reasoning_content"),
        json!("msg_1"),
        json!(json!({ "v": 1, "id": "msg_2", "phase": "commentary" }).to_string()),
        json!(format!("msg_{}", "x".repeat(70))),
        item("rs_1", json!("sealed")),
        item("rs_1", json!("sealed")),
        item("rs_1", json!("sealed")),
        item("rs_2", json!("sealed")),
        item("rs_3", Value::Null),
        item("other", json!("sealed")),
        json!(
            "{\"type\":\"reasoning\",\"id\":\"rs_4\",\"summary\":7,\"encrypted_content\":\"sealed\"}"
        ),
        json!("{\"type\":\"reasoning\""),
    ])
}

/// Mostly one of a few, so that calls meet their results and each other.
fn call_id() -> impl Strategy<Value = Value> {
    let odd = select(vec![
        json!("c1_2"),
        json!("call_2|other"),
        json!("functions.ls:0"),
        json!("a b/ü"),
        json!("x".repeat(41)),
        json!("x".repeat(65)),
        json!("|"),
        json!(" "),
        json!(""),
        json!(7),
        Value::Null,
    ]);
    let likely = select(vec![
        json!("c1"),
        json!("c2"),
        json!("call_1|fc_1"),
        json!("call_1|fc_2"),
        json!("call_3|fc_1"),
    ]);
    prop_oneof![4 => likely, 1 => odd]
}

/// A call in any of its forms.
fn call() -> impl Strategy<Value = Value> {
    let kind = select(vec![
        "toolCall",
        "toolCall",
        "toolUse",
        "functionCall",
        "tool_call",
        "tool_use",
        "function_call",
    ]);
    let id = (
        select(vec!["id", "id", "call_id", "toolCallId", "toolUseId"]),
        call_id(),
    );
    let name = select(vec![
        json!("ls"),
        json!("ls"),
        json!("read"),
        json!("read"),
        json!("bash"),
        json!("bash"),
        json!("ls"),
        json!(" ls "),
        json!("mcp.server:tool"),
        json!("9lives"),
        json!("é"),
        json!("n".repeat(70)),
        json!(format!("7{}", "n".repeat(63))),
        json!(" "),
        Value::Null,
    ]);
    let deep = (0..120).fold(json!({}), |inner, _| json!({ "x": inner }));
    let arguments = select(vec![
        json!({}),
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": [1] }),
        json!({ "a": "\u{2028}" }),
        json!({ "b": null }),
        json!({ "path": ".", "n": 12_345_678_901_234_567_890_u64 }),
        json!("{\"path\":\".\"}"),
        json!("{\"path\":"),
        json!("[]"),
        json!(""),
        json!([1]),
        json!(7),
        Value::Null,
        deep,
    ]);
    (
        kind,
        id,
        name,
        select(vec!["arguments", "input"]),
        arguments,
        seal(),
    )
        .prop_map(|(kind, (field, id), name, given, arguments, seal)| {
            let mut block = json!({ "type": kind, "name": name, "thoughtSignature": seal });
            block[field] = id;
            block[given] = arguments;
            block
        })
}
