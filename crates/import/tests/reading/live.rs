//! A source that is being written: the same items however its bytes come, and what is cut early is cut there again.

use latchwork_import::{Item, Live, Rest, SourceKind, cut_of};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::placed::read;

fn line(name: &str, payload: Value) -> String {
    let line = json!({ "timestamp": "2026-01-01T10:00:00Z", "type": name, "payload": payload });
    format!("{line}\n")
}

fn item(payload: Value) -> String {
    line("response_item", payload)
}

fn meta() -> String {
    line("session_meta", json!({ "id": "t", "cwd": "/w" }))
}

fn said(role: &str, text: &str) -> String {
    let part = if role == "user" {
        "input_text"
    } else {
        "output_text"
    };
    item(json!({ "type": "message", "role": role, "content": [{ "type": part, "text": text }] }))
}

fn call(id: &str) -> String {
    item(json!({ "type": "function_call", "name": "shell", "arguments": "{}", "call_id": id }))
}

fn outcome(id: &str) -> String {
    item(json!({ "type": "function_call_output", "call_id": id, "output": "done" }))
}

fn event(name: &str) -> String {
    line("event_msg", json!({ "type": name }))
}

/// What an item is and says, without its number.
fn told(item: &Item) -> String {
    let body = match &item.body {
        latchwork_format::Body::Message(message) => message.get().to_owned(),
        other => format!("{other:?}"),
    };
    format!("{} {:?} {body}", item.key, item.kind)
}

fn all(live: &mut Live) -> Vec<Item> {
    std::iter::from_fn(|| live.pop()).collect()
}

fn fed(bytes: &[u8], pieces: &[usize]) -> (Vec<String>, String) {
    let mut live = Live::new();
    let (mut items, mut rest) = (Vec::new(), bytes);
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at(rest.len().min(*piece));
        live.push(now);
        items.extend(all(&mut live));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    live.end();
    items.extend(all(&mut live));
    (
        items.iter().map(told).collect(),
        format!("{:?}", live.report()),
    )
}

fn source() -> impl Strategy<Value = Vec<u8>> {
    let stream = json!({ "method": "item/completed", "params": { "threadId": "t", "turnId": "u", "item": { "type": "agentMessage", "id": "i", "text": "x" } } });
    let line = prop_oneof![
        Just(meta()),
        Just(said("user", "a")),
        Just(said("assistant", "b\u{e9}")),
        Just(call("c1")),
        Just(outcome("c1")),
        Just(event("task_complete")),
        Just(event("token_count")),
        Just("{\"type\":\"of the future\",\"payload\":{\"version\":9}}\n".to_owned()),
        Just("{\"torn\":\n".to_owned()),
        Just(format!("{stream}\n")),
        Just("{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"command_execution\",\"command\":\"ls\"}}\n".to_owned()),
    ]
    .prop_map(String::into_bytes);
    let rubbish = prop::collection::vec(any::<u8>(), 0..40);
    let lines = prop::collection::vec(prop_oneof![4 => line, 1 => rubbish], 0..24);
    lines.prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_items(
        bytes in source(),
        pieces in prop::collection::vec(1_usize..50, 1..8),
    ) {
        prop_assert_eq!(fed(&bytes, &pieces), fed(&bytes, &[usize::MAX]));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _any = fed(&bytes, &[7]);
    }

    #[test]
    fn a_rollout_that_names_itself_is_named_as_an_import_names_it(rest in source()) {
        let bytes = [meta().into_bytes(), rest].concat();
        let (items, _) = read(SourceKind::Codex, &bytes);
        let imported: Vec<String> = items.iter().map(told).collect();
        let live = fed(&bytes, &[11]).0;
        // What calls tools when the source ends waits for its outcome.
        prop_assert!(imported.starts_with(&live) || live == imported, "{:#?} {:#?}", live, imported);
    }

    #[test]
    fn a_reply_that_was_given_early_is_given_alike_by_whoever_reads_on(
        lines in prop::collection::vec(prop_oneof![
            Just(said("user", "a")), Just(said("assistant", "b")), Just(call("c1")), Just(outcome("c1")),
            Just(event("token_count")), Just(event("other")),
        ], 1..20),
        rests in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let mut live = Live::new();
        live.push(meta().as_bytes());
        let mut first = all(&mut live);
        for (line, rest) in lines.iter().zip(rests.iter().cycle()) {
            live.push(line.as_bytes());
            if *rest {
                live.rest();
            }
            first.extend(all(&mut live));
        }
        let mut again = Live::new();
        for cut in first.iter().filter_map(|item| cut_of(&item.key)) {
            again.was_cut(cut.prefix, cut.last);
        }
        again.push(meta().as_bytes());
        again.push(lines.concat().as_bytes());
        let second: Vec<String> = all(&mut again).iter().map(told).collect();
        let first: Vec<String> = first.iter().map(told).collect();
        prop_assert_eq!(&second[..first.len().min(second.len())], &first[..second.len().min(first.len())]);
    }
}

#[test]
fn a_reply_comes_when_its_turn_is_over_and_one_that_calls_waits_for_that() {
    let mut live = Live::new();
    live.push((meta() + &said("user", "a") + &said("assistant", "b")).as_bytes());
    let kinds = |live: &mut Live| {
        all(live)
            .iter()
            .map(|item| item.kind.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&mut live), ["raw", "user"]);
    live.push(event("task_complete").as_bytes());
    assert_eq!(kinds(&mut live), ["assistant", "raw"]);
    live.push(call("c1").as_bytes());
    assert_eq!(live.rest(), Rest::Calling);
    assert_eq!(kinds(&mut live), [""; 0]);
    live.push(outcome("c1").as_bytes());
    assert_eq!(kinds(&mut live), ["assistant", "toolResult"]);
}

#[test]
fn an_app_servers_stream_has_the_keys_of_openclaws_mirror_and_an_exec_stream_its_own() {
    let note = |method: &str, params: Value| {
        format!("{}\n", json!({ "method": method, "params": params }))
    };
    let done = |item: Value| {
        note(
            "item/completed",
            json!({ "threadId": "t1", "turnId": "u1", "item": item }),
        )
    };
    let text = note(
        "turn/started",
        json!({ "threadId": "t1", "turn": { "id": "u1" } }),
    ) + &done(
        json!({ "type": "userMessage", "id": "i0", "content": [{ "type": "text", "text": "list" }] }),
    ) + &note(
        "item/agentMessage/delta",
        json!({ "threadId": "t1", "turnId": "u1", "delta": "x" }),
    ) + &done(
        json!({ "type": "commandExecution", "id": "i1", "command": "ls", "aggregatedOutput": "a", "status": "failed" }),
    ) + &done(json!({ "type": "agentMessage", "id": "i2", "text": "one file" }))
        + &done(json!({ "type": "ofTheFuture", "id": "i3" }));
    let mut live = Live::new();
    live.push(text.as_bytes());
    let items = all(&mut live);
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    let key = |end: &str| format!("codex-app-server:t1:u1:{end}");
    assert_eq!(
        keys,
        [
            key("prompt"),
            key("tool:i1:call"),
            key("tool:i1:result"),
            key("item:i2"),
            "codex-app-server:t1:~u1:raw:6".to_owned()
        ]
    );
    assert!(
        told(&items[2]).contains(r#""isError":true"#),
        "{}",
        told(&items[2])
    );
    assert_eq!(live.report().left_out.values().sum::<u64>(), 2);

    let exec = |text: &str| {
        let line = |value: Value| format!("{value}\n");
        line(json!({ "type": "thread.started", "thread_id": "t2" }))
            + &line(json!({ "type": "turn.started" }))
            + &line(
                json!({ "type": "item.completed", "item": { "id": "item_0", "type": "agent_message", "text": text } }),
            )
    };
    let keys = |text: &str| fed(text.as_bytes(), &[5]).0;
    assert_eq!(keys(&exec("a")), keys(&exec("a")));
    assert_ne!(keys(&exec("a")), keys(&exec("b")));
}

#[test]
fn a_huge_line_costs_no_memory_and_no_neighbour() {
    let mut live = Live::new();
    live.push(meta().as_bytes());
    live.push(said("user", "before").as_bytes());
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..65 {
        live.push(&piece);
    }
    live.push(b"\n");
    live.push(said("user", "after").as_bytes());
    assert_eq!(all(&mut live).len(), 3);
    assert_eq!(live.report().damaged_lines, 1);
}
