//! A conversation of nobody's in particular, and how each program would keep it.

use latchwork_import::SourceKind;
use proptest::prelude::*;
use serde_json::{Value, json};

/// One round: what was asked, and replies with calls up to the last one, which has none.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) asked: String,
    pub(crate) replies: Vec<Reply>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) thought: Option<(String, String)>,
    pub(crate) text: String,
    /// The name of a tool, what it was given, what it gave, and whether it failed.
    pub(crate) calls: Vec<(String, String, String, bool)>,
}

/// What must come out, in order: who, the text, the thought, the calls or the call that is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) role: &'static str,
    pub(crate) text: String,
    pub(crate) thought: Option<String>,
    pub(crate) calls: Vec<(String, String, String)>,
    pub(crate) answers: Option<(String, bool)>,
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("plain".to_owned()),
        "[a-zé\"\\\\\n\u{0}-\u{1f}🙂]{1,12}".prop_map(|text| format!("w{text}"))
    ]
}

fn reply(calls: std::ops::Range<usize>) -> impl Strategy<Value = Reply> {
    let call = ("[a-z]{1,5}", word(), word(), any::<bool>());
    (
        proptest::option::of((word(), word())),
        word(),
        proptest::collection::vec(call, calls),
    )
        .prop_map(|(thought, text, calls)| Reply {
            thought,
            text,
            calls,
        })
}

pub(crate) fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let replies = (proptest::collection::vec(reply(1..3), 0..3), reply(0..1));
    let round = (word(), replies).prop_map(|(asked, (mut replies, last))| {
        replies.push(last);
        Round { asked, replies }
    });
    proptest::collection::vec(round, 1..4)
}

pub(crate) fn expected(rounds: &[Round]) -> Vec<Expected> {
    let mut all = Vec::new();
    for (r, round) in rounds.iter().enumerate() {
        let plain = |role, text: &str| Expected {
            role,
            text: text.to_owned(),
            thought: None,
            calls: Vec::new(),
            answers: None,
        };
        all.push(plain("user", &round.asked));
        for (n, reply) in round.replies.iter().enumerate() {
            let id = |c: usize| format!("c-{r}-{n}-{c}");
            let calls = reply
                .calls
                .iter()
                .enumerate()
                .map(|(c, call)| (id(c), call.0.clone(), json!({ "x": call.1 }).to_string()));
            all.push(Expected {
                thought: reply.thought.as_ref().map(|thought| thought.0.clone()),
                calls: calls.collect(),
                ..plain("assistant", &reply.text)
            });
            for (c, call) in reply.calls.iter().enumerate() {
                all.push(Expected {
                    answers: Some((id(c), call.3)),
                    ..plain("toolResult", &call.2)
                });
            }
        }
    }
    all
}

/// The source, as the program would keep it.
pub(crate) fn render(kind: SourceKind, rounds: &[Round]) -> Vec<u8> {
    let mut lines = vec![head(kind)];
    let mut last = Value::Null;
    for (r, round) in rounds.iter().enumerate() {
        let at = |part: &str| format!("u-{r}-{part}");
        lines.extend(ask(kind, &at("q"), &mut last, &round.asked));
        for (n, reply) in round.replies.iter().enumerate() {
            lines.extend(answer(
                kind,
                &at(&n.to_string()),
                &mut last,
                reply,
                &format!("c-{r}-{n}"),
            ));
        }
    }
    lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .into_bytes()
}

fn head(kind: SourceKind) -> Value {
    match kind {
        SourceKind::Codex => {
            json!({ "timestamp": "2026-01-01T10:00:00Z", "type": "session_meta", "payload": { "id": "g" } })
        }
        SourceKind::ClaudeCode => {
            json!({ "type": "file-history-snapshot", "sessionId": "g", "snapshot": {} })
        }
        SourceKind::Goose => json!({ "working_dir": "/g", "id": "g" }),
        _ => json!({ "type": "session", "version": 3, "id": "g" }),
    }
}

fn codex(payload: Value) -> Value {
    json!({ "timestamp": "2026-01-01T10:00:01Z", "type": "response_item", "payload": payload })
}

fn claude(uuid: &str, last: &mut Value, name: &str, message: Value) -> Value {
    let parent = std::mem::replace(last, json!(uuid));
    json!({ "parentUuid": parent, "isSidechain": false, "sessionId": "g", "type": name, "uuid": uuid, "timestamp": "2026-01-01T10:00:01Z", "message": message })
}

fn openclaw(id: &str, last: &mut Value, message: Value) -> Value {
    let parent = std::mem::replace(last, json!(id));
    json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T10:00:01Z", "message": message })
}

fn ask(kind: SourceKind, id: &str, last: &mut Value, text: &str) -> Vec<Value> {
    vec![match kind {
        SourceKind::Codex => codex(
            json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] }),
        ),
        SourceKind::ClaudeCode => {
            claude(id, last, "user", json!({ "role": "user", "content": text }))
        }
        SourceKind::Goose => {
            json!({ "role": "user", "created": 1, "content": [{ "type": "text", "text": text }] })
        }
        _ => openclaw(id, last, json!({ "role": "user", "content": text })),
    }]
}

fn answer(kind: SourceKind, id: &str, last: &mut Value, reply: &Reply, call: &str) -> Vec<Value> {
    let calls = || {
        reply
            .calls
            .iter()
            .enumerate()
            .map(|(c, given)| (format!("{call}-{c}"), given))
    };
    let args = |given: &(String, String, String, bool)| json!({ "x": given.1 });
    match kind {
        SourceKind::Codex => {
            let thought = reply.thought.iter().map(|(text, seal)| json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": text }], "encrypted_content": seal }));
            let text = json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": reply.text }] });
            let asked = calls().map(|(id, given)| json!({ "type": "function_call", "name": given.0, "arguments": args(given).to_string(), "call_id": id }));
            let gave = calls().map(|(id, given)| json!({ "type": "function_call_output", "call_id": id, "output": { "content": given.2, "success": !given.3 } }));
            thought
                .chain([text])
                .chain(asked)
                .chain(gave)
                .map(codex)
                .collect()
        }
        SourceKind::ClaudeCode => {
            let thought = reply.thought.iter().map(
                |(text, seal)| json!({ "type": "thinking", "thinking": text, "signature": seal }),
            );
            let asked = calls().map(|(id, given)| json!({ "type": "tool_use", "id": id, "name": given.0, "input": args(given) }));
            let blocks: Vec<Value> = thought
                .chain([json!({ "type": "text", "text": reply.text })])
                .chain(asked)
                .collect();
            let mut lines = Vec::new();
            for (n, block) in blocks.into_iter().enumerate() {
                let message = json!({ "id": format!("m{id}"), "role": "assistant", "model": "m", "content": [block] });
                lines.push(claude(&format!("{id}-{n}"), last, "assistant", message));
            }
            // Outcomes fork: each names the line of the reply as its parent.
            let reply_line = last.clone();
            for (n, (call, given)) in calls().enumerate() {
                *last = reply_line.clone();
                let content = json!([{ "type": "tool_result", "tool_use_id": call, "content": given.2, "is_error": given.3 }]);
                lines.push(claude(
                    &format!("{id}-r{n}"),
                    last,
                    "user",
                    json!({ "role": "user", "content": content }),
                ));
            }
            lines
        }
        SourceKind::Goose => {
            let thought = reply.thought.iter().map(
                |(text, seal)| json!({ "type": "thinking", "thinking": text, "signature": seal }),
            );
            let asked = calls().map(|(id, given)| json!({ "type": "toolRequest", "id": id, "toolCall": { "status": "success", "value": { "name": given.0, "arguments": args(given) } } }));
            let content: Vec<Value> = thought
                .chain([json!({ "type": "text", "text": reply.text })])
                .chain(asked)
                .collect();
            let gave = calls().map(|(id, given)| json!({ "type": "toolResponse", "id": id, "toolResult": { "status": "success", "value": { "content": [{ "type": "text", "text": given.2 }], "isError": given.3 } } }));
            let gave: Vec<Value> = gave.collect();
            let mut lines = vec![json!({ "role": "assistant", "created": 2, "content": content })];
            if !gave.is_empty() {
                lines.push(json!({ "role": "user", "created": 3, "content": gave }));
            }
            lines
        }
        _ => {
            let thought = reply.thought.iter().map(|(text, seal)| json!({ "type": "thinking", "thinking": text, "thinkingSignature": seal }));
            let asked = calls().map(|(id, given)| json!({ "type": "toolCall", "id": id, "name": given.0, "arguments": args(given) }));
            let content: Vec<Value> = thought
                .chain([json!({ "type": "text", "text": reply.text })])
                .chain(asked)
                .collect();
            let mut lines = vec![openclaw(
                id,
                last,
                json!({ "role": "assistant", "content": content, "provider": "p", "model": "m" }),
            )];
            for (n, (call, given)) in calls().enumerate() {
                let gave = json!({ "role": "toolResult", "toolCallId": call, "toolName": given.0, "content": [{ "type": "text", "text": given.2 }], "isError": given.3 });
                lines.push(openclaw(&format!("{id}-r{n}"), last, gave));
            }
            lines
        }
    }
}
