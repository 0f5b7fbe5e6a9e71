//! Messages as pi stores them: users, replies with thinking and calls, results of tools.

use std::fmt::Write as _;

use super::text::{code, hex, path, prose, skewed};
use crate::workload::Numbers;

const TOOLS: &[&str] = &["bash", "read", "edit", "write", "grep", "ls"];

/// Provider, model, protocol.
pub(super) const MODELS: [[&str; 3]; 3] = [
    ["anthropic", "claude-sonnet-4-5", "anthropic-messages"],
    ["openai", "gpt-5.2", "openai-responses"],
    ["openrouter", "qwen3-coder", "openai-completions"],
];

/// A call that wants a result.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: String,
    pub tool: &'static str,
}

/// A user's message.
pub(super) fn user(numbers: &mut Numbers, at_ms: i64, out: &mut String) {
    out.push_str(r#"{"role":"user","content":"#);
    let bytes = 60 + skewed(numbers, 260);
    if numbers.one_in(3) {
        out.push('"');
        prose(numbers, bytes, out);
        out.push('"');
    } else {
        out.push_str(r#"[{"type":"text","text":""#);
        prose(numbers, bytes, out);
        out.push_str(r#""}]"#);
    }
    ended(at_ms, out);
}

/// A reply; with calls it goes on, without it ends the turn.
pub(super) fn assistant(
    numbers: &mut Numbers,
    model: [&str; 3],
    calls: &[Call],
    at_ms: i64,
    out: &mut String,
) {
    out.push_str(r#"{"role":"assistant","content":["#);
    let mut parted = "";
    if !numbers.one_in(3) {
        out.push_str(r#"{"type":"thinking","thinking":""#);
        let bytes = 80 + skewed(numbers, 220);
        prose(numbers, bytes, out);
        out.push_str(r#"","thinkingSignature":""#);
        hex(numbers, 64, out);
        out.push_str(r#""}"#);
        parted = ",";
    }
    if calls.is_empty() || numbers.one_in(3) {
        let _ = write!(out, r#"{parted}{{"type":"text","text":""#);
        let bytes = 60 + skewed(numbers, 320);
        prose(numbers, bytes, out);
        out.push_str(r#""}"#);
        parted = ",";
    }
    for call in calls {
        let Call { id, tool } = call;
        let _ = write!(
            out,
            r#"{parted}{{"type":"toolCall","id":"{id}","name":"{tool}","arguments":{{"path":"{}","limit":{},"text":""#,
            path(numbers),
            numbers.below(200)
        );
        code(numbers, 80, out);
        out.push_str(r#""}}"#);
        parted = ",";
    }
    let [provider, model, api] = model;
    let stop = if calls.is_empty() { "stop" } else { "toolUse" };
    let (input, output, cached) = (
        numbers.below(400),
        numbers.below(900),
        numbers.below(90_000),
    );
    let _ = write!(
        out,
        r#"],"api":"{api}","provider":"{provider}","model":"{model}","usage":{{"input":{input},"output":{output},"cacheRead":{cached},"cacheWrite":{output},"totalTokens":{},"cost":{{"input":0.00{input},"output":0.0{output},"cacheRead":0.01,"cacheWrite":0.002,"total":0.0{output}1}}}},"stopReason":"{stop}""#,
        input + 2 * output + cached
    );
    ended(at_ms, out);
}

/// What a tool said, about so many bytes of it.
pub(super) fn result(
    numbers: &mut Numbers,
    call: &Call,
    bytes: usize,
    at_ms: i64,
    out: &mut String,
) {
    let Call { id, tool } = call;
    let _ = write!(
        out,
        r#"{{"role":"toolResult","toolCallId":"{id}","toolName":"{tool}","content":[{{"type":"text","text":""#
    );
    code(numbers, bytes, out);
    let failed = numbers.one_in(25);
    let _ = write!(out, r#""}}],"isError":{failed}"#);
    ended(at_ms, out);
}

/// A call of any tool.
pub(super) fn call(numbers: &mut Numbers) -> Call {
    let mut id = "toolu_".to_owned();
    hex(numbers, 20, &mut id);
    let tool = numbers.of(TOOLS).copied().unwrap_or_default();
    Call { id, tool }
}

/// Message number `number`: the three roles in turn, each of about so many bytes.
pub(super) fn of_about(numbers: &mut Numbers, number: usize, bytes: usize, at_ms: i64) -> String {
    let mut out = String::with_capacity(bytes + 200);
    match number % 3 {
        0 => {
            out.push_str(r#"{"role":"user","content":[{"type":"text","text":""#);
            prose(numbers, bytes - 80, &mut out);
            out.push_str(r#""}]"#);
            ended(at_ms, &mut out);
        }
        1 => {
            let call = call(numbers);
            let [provider, model, api] = MODELS[0];
            out.push_str(r#"{"role":"assistant","content":[{"type":"thinking","thinking":""#);
            prose(numbers, bytes.saturating_sub(550), &mut out);
            let _ = write!(
                out,
                r#""}},{{"type":"toolCall","id":"{}","name":"{}","arguments":{{"path":"{}"}}}}],"api":"{api}","provider":"{provider}","model":"{model}","usage":{{"input":10,"output":200,"cacheRead":3000,"cacheWrite":100,"totalTokens":3310,"cost":{{"input":0.00003,"output":0.003,"cacheRead":0.0009,"cacheWrite":0.0003,"total":0.00423}}}},"stopReason":"toolUse""#,
                call.id,
                call.tool,
                path(numbers)
            );
            ended(at_ms, &mut out);
        }
        _ => {
            let call = call(numbers);
            result(numbers, &call, bytes - 180, at_ms, &mut out);
        }
    }
    out
}

fn ended(at_ms: i64, out: &mut String) {
    let _ = write!(out, r#","timestamp":{at_ms}}}"#);
}
