//! Chunks as servers send them, and as none ever should.

use super::*;
use latchwork_session::ProviderInfo;
use proptest::prelude::*;
use serde_json::json;

fn assemble(chunks: &[Value]) -> (Vec<ModelEvent>, Result<Reply, NoReply>) {
    let info = ProviderInfo::new("p", "openai-completions", None);
    let mut assembly = Assembly::new(
        Reply::begun(&info, "m"),
        FreshIds::beside(["old".to_owned()]),
    );
    let mut events = Vec::new();
    for chunk in chunks {
        if let Ok(chunk) = Chunk::read(&chunk.to_string(), false) {
            assembly.take(chunk, &mut events);
        }
    }
    let reply = assembly.finish(&mut events);
    (events, reply)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "written at the call, it reads better without &"
)]
fn calls(pieces: Value) -> Value {
    json!({"choices": [{"delta": {"tool_calls": pieces}}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"delta": {}, "finish_reason": reason}]})
}

fn called(chunks: &[Value]) -> Vec<(String, String, String)> {
    let (_, reply) = assemble(chunks);
    let reply = reply.unwrap();
    assert_eq!(reply.stop, StopReason::ToolUse);
    reply
        .calls()
        .map(|(id, name, arguments)| (id.into(), name.into(), arguments.to_string()))
        .collect()
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.into(), name.into(), arguments.into())
}

#[test]
fn parallel_calls_split_over_chunks_are_put_together_by_index() {
    let chunks = [
        calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": ""}}])),
        calls(
            json!([{"index": 1, "id": "b", "function": {"name": "read", "arguments": "{\"p\""}}]),
        ),
        calls(
            json!([{"index": 0, "function": {"arguments": "{\"x\":"}}, {"index": 1, "function": {"arguments": ":2}"}}]),
        ),
        calls(json!([{"index": 0, "id": "", "function": {"name": null, "arguments": "1}"}}])),
        finish("tool_calls"),
    ];
    assert_eq!(
        called(&chunks),
        [
            call("a", "ls", r#"{"x":1}"#),
            call("b", "read", r#"{"p":2}"#)
        ]
    );
    let (events, _) = assemble(&chunks);
    let said: String = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::CallArguments { index: 0, json } => Some(json.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(said, r#"{"x":1}"#);
}

#[test]
fn whole_calls_are_told_apart_though_the_index_is_missing_or_always_0() {
    let with_ids = |index: Option<u32>| {
        let piece = |id: &str| {
            let mut piece = json!({"id": id, "function": {"name": "ls", "arguments": {"id": id}}});
            if let Some(index) = index {
                piece["index"] = json!(index);
            }
            piece
        };
        [calls(json!([piece("a"), piece("b")])), finish("stop")]
    };
    let expected = [
        call("a", "ls", r#"{"id":"a"}"#),
        call("b", "ls", r#"{"id":"b"}"#),
    ];
    assert_eq!(called(&with_ids(None)), expected);
    assert_eq!(called(&with_ids(Some(0))), expected);
}

#[test]
fn a_missing_id_is_made_up_and_a_used_one_gets_a_suffix() {
    let chunks = [
        calls(json!([{"function": {"name": "ls", "arguments": "{}"}}])),
        calls(json!([{"function": {"name": "ls"}}])),
        calls(json!([{"id": "old", "function": {"name": "ls", "arguments": "{}"}}])),
        finish("weird_new_reason"),
    ];
    assert_eq!(
        called(&chunks),
        [
            call("call_0", "ls", "{}"),
            call("call_1", "ls", "{}"),
            call("old-2", "ls", "{}")
        ]
    );
}

#[test]
fn a_name_repeated_in_each_chunk_is_still_one_call() {
    let piece = |arguments: &str| {
        calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": arguments}}]))
    };
    assert_eq!(
        called(&[piece("{"), piece("}"), piece(""), finish("tool_calls")]),
        [call("a", "ls", "{}")]
    );
}

#[test]
fn a_call_that_is_not_whole_is_never_part_of_a_reply() {
    let half =
        calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": "{\"x\":"}}]));
    let bare = calls(json!([{"index": 0, "id": "a", "function": {"name": "ls"}}]));
    let nameless = calls(json!([{"index": 0, "id": "a", "function": {"arguments": "{}"}}]));
    let list =
        calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": "[]"}}]));
    for chunks in [
        [half.clone(), finish("tool_calls")],
        [half, finish("length")],
        [bare, finish("length")],
        [nameless, finish("stop")],
        [list, finish("stop")],
    ] {
        assert!(
            matches!(assemble(&chunks).1, Err(NoReply::Malformed(_))),
            "{chunks:?}"
        );
    }
}

#[test]
fn the_reasons_to_stop_are_translated_and_unknown_ones_tolerated() {
    let stop = |reason: &str| assemble(&[finish(reason)]).1.map(|reply| reply.stop);
    assert_eq!(stop("stop"), Ok(StopReason::Stop));
    assert_eq!(stop("tool_calls"), Ok(StopReason::Stop));
    assert_eq!(stop("length"), Ok(StopReason::Length));
    assert_eq!(stop("content_filter"), Ok(StopReason::Error));
    assert_eq!(stop("moon_phase"), Ok(StopReason::Stop));
    assert_eq!(stop(""), Err(NoReply::NotFinished));
    let (_, filtered) = assemble(&[finish("content_filter")]);
    assert!(filtered.unwrap().error.unwrap().contains("content_filter"));
}

#[test]
fn blocks_keep_the_order_in_which_they_were_said() {
    let said =
        |field: &str, text: &str| json!({"choices": [{"delta": {field: text}}], "id": "r-1"});
    let (_, reply) = assemble(&[
        said("reasoning", "h"),
        said("reasoning", "m"),
        said("content", "a"),
        said("content", "b"),
        said("reasoning", "!"),
        finish("stop"),
        json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ]);
    let reply = reply.unwrap();
    let thinking = |text: &str| ReplyBlock::Thinking {
        thinking: text.into(),
        signature: Some("reasoning".into()),
    };
    let text = ReplyBlock::Text {
        text: "ab".into(),
        signature: None,
    };
    assert_eq!(reply.blocks, [thinking("hm"), text, thinking("!")]);
    assert_eq!(
        (reply.usage.total_tokens, reply.response_id.as_deref()),
        (3, Some("r-1"))
    );
}

/// Chunks near enough to real ones that every branch is met, with anything in any place.
fn chunk() -> impl Strategy<Value = Value> {
    let word = || {
        prop_oneof![
            Just(json!(null)),
            Just(json!("")),
            "[ab]".prop_map(Value::from),
            Just(json!(0)),
            Just(json!({}))
        ]
    };
    let arguments = prop_oneof![
        Just(json!("{")),
        Just(json!("}")),
        Just(json!("{}")),
        Just(json!("\"a\":1")),
        Just(json!({"x": 1})),
        Just(json!(null))
    ];
    let index = prop_oneof![
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(u64::MAX)),
        Just(json!(null)),
        Just(json!("0"))
    ];
    let call = (index, word(), word(), arguments)
        .prop_map(|(index, id, name, arguments)| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}}));
    let calls =
        prop::collection::vec(prop_oneof![4 => call, 1 => word()], 0..3).prop_map(Value::from);
    let finish =
        prop_oneof![3 => word(), 1 => Just(json!("tool_calls")), 1 => Just(json!("length"))];
    (calls, word(), word(), finish).prop_map(|(calls, content, reasoning, finish)| {
        json!({"choices": [{"delta": {"tool_calls": calls, "content": content, "reasoning": reasoning}, "finish_reason": finish}]})
    })
}

proptest! {
    #[test]
    fn whatever_chunks_come_a_reply_has_whole_calls_with_ids_of_their_own(chunks in prop::collection::vec(chunk(), 0..8)) {
        let (events, reply) = assemble(&chunks);
        let Ok(reply) = reply else { return Ok(()) };
        let mut ids = std::collections::HashSet::from(["old".to_owned()]);
        for (index, (id, name, arguments)) in reply.calls().enumerate() {
            prop_assert!(ids.insert(id.to_owned()));
            prop_assert!(!name.is_empty() && arguments.is_object());
            let announced = events.iter().any(|event| matches!(event,
                ModelEvent::CallStarted { index: at, id: its, name: called } if *at == index && its == id && called == name));
            prop_assert!(announced);
        }
    }

    #[test]
    fn any_json_is_taken_without_a_panic(text in "[\\[\\]{}:,\"a-c0-9 ]{0,60}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = assemble(&[value.clone(), json!({"choices": value}), json!({"choices": [{"delta": value}]}), finish("stop")]);
        }
    }
}
