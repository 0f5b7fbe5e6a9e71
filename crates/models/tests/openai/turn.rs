//! The turn that most tests are told: thinking, words and two calls whose arguments come in pieces.

use latchwork_session::{Reply, ReplyBlock, StopReason};
use serde_json::{Value, json};

use crate::server::events;

pub(crate) fn delta(delta: &Value) -> Value {
    json!({"id": "r-1", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

pub(crate) fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// Thinking, words and two calls whose arguments come in pieces, as OpenAI streams them.
pub(crate) fn turn_with_calls() -> String {
    let call = |index: u32, arguments: &str| {
        delta(&json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}))
    };
    let begin = |index: u32, id: &str, name: &str| {
        delta(
            &json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]}),
        )
    };
    let mut stream = String::from(": keep-alive\n\n");
    stream.push_str(&events(&[
        delta(&json!({"role": "assistant", "content": null})),
        delta(&json!({"reasoning_content": "Let me see."})),
        delta(&json!({"content": "I look"})),
        delta(&json!({"content": " — now."})),
        begin(0, "call_a", "ls"),
        call(0, "{\"path\""),
        begin(1, "call_b", "read"),
        call(1, "{\"path\":\"é\"}"),
        call(0, ":\".\"}"),
        finish("tool_calls"),
        json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}}),
    ]));
    stream.push_str("data: [DONE]\n\n");
    stream
}

pub(crate) fn assert_is_that_turn(reply: &Reply) {
    let call = |id: &str, name: &str, path: &str| ReplyBlock::Call {
        id: id.into(),
        name: name.into(),
        arguments: json!({"path": path}),
        signature: None,
    };
    let said = [
        ReplyBlock::Thinking {
            thinking: "Let me see.".into(),
            signature: Some("reasoning_content".into()),
        },
        ReplyBlock::Text {
            text: "I look — now.".into(),
            signature: None,
        },
        call("call_a", "ls", "."),
        call("call_b", "read", "é"),
    ];
    assert_eq!(reply.blocks, said);
    assert_eq!(
        (reply.stop, reply.response_id.as_deref()),
        (StopReason::ToolUse, Some("r-1"))
    );
}
