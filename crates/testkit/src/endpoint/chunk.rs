//! The shapes of Chat Completions chunks, as events of a stream.

use serde_json::{Value, json};

use super::ToolCall;

/// Into how many pieces the arguments of a call are split.
const ARGUMENT_PIECES: usize = 3;

/// What all chunks of one reply have in common.
pub(super) struct Chunks {
    pub(super) id: String,
    pub(super) model: Value,
}

impl Chunks {
    pub(super) fn delta(&self, delta: &Value) -> Vec<u8> {
        self.event(
            &json!([{"index": 0, "delta": delta, "finish_reason": null}]),
            None,
        )
    }

    pub(super) fn finish(&self, reason: &str) -> Vec<u8> {
        self.event(
            &json!([{"index": 0, "delta": {}, "finish_reason": reason}]),
            None,
        )
    }

    pub(super) fn usage(&self, prompt_tokens: u64, completion_tokens: u64) -> Vec<u8> {
        let usage = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        });
        self.event(&json!([]), Some(usage))
    }

    fn event(&self, choices: &Value, usage: Option<Value>) -> Vec<u8> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": 1_767_225_600,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into_bytes()
    }
}

/// The event that ends a stream.
pub(super) fn done() -> Vec<u8> {
    b"data: [DONE]\n\n".to_vec()
}

/// The deltas of parallel calls, the first of which has the index `first`: all heads, then the argument pieces in turn.
pub(super) fn tool_call_deltas(first: usize, calls: &[ToolCall]) -> Vec<Value> {
    let mut deltas = Vec::new();
    for (index, call) in (first..).zip(calls) {
        let function = json!({"name": call.name, "arguments": ""});
        deltas.push(json!({"tool_calls": [
            {"index": index, "id": call.id, "type": "function", "function": function}
        ]}));
    }
    for piece in 0..ARGUMENT_PIECES {
        for (index, call) in (first..).zip(calls) {
            let text = piece_of(&call.arguments, piece);
            if !text.is_empty() {
                deltas.push(json!({"tool_calls": [
                    {"index": index, "function": {"arguments": text}}
                ]}));
            }
        }
    }
    deltas
}

fn piece_of(text: &str, piece: usize) -> String {
    let length = text.chars().count().div_ceil(ARGUMENT_PIECES).max(1);
    text.chars().skip(piece * length).take(length).collect()
}
