//! What a recording promises, on a clock that stands still but for the waits.

use std::time::Duration;

use futures::StreamExt as _;
use latchwork_format::Transcript;
use latchwork_format::request::{Conversation, Target, project};
use latchwork_lock::LockScope;
use latchwork_session::{
    ModelError, ModelEvent, ModelProvider as _, ModelRequest, Reply, StopReason, Thinking,
};
use latchwork_sys::System;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Pace, Replay, ReplayError};

/// A session of these messages, one entry a second.
fn session(messages: &[Value]) -> Transcript {
    let mut text = String::from(
        "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"\",\"cwd\":\"/\"}\n",
    );
    for (n, message) in messages.iter().enumerate() {
        let parent = n.checked_sub(1).map(|n| n.to_string());
        let timestamp = format!("2026-01-01T00:00:{n:02}.000Z");
        let entry = json!({"type": "message", "id": n.to_string(), "parentId": parent, "timestamp": timestamp, "message": message});
        text.push_str(&format!("{entry}\n"));
    }
    Transcript::parse(text.as_bytes())
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "written at the call, it reads better without &"
)]
fn assistant(content: Value, stop: &str) -> Value {
    json!({"role": "assistant", "content": content, "provider": "p", "model": "m", "api": "a", "stopReason": stop,
        "usage": {"input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4, "totalTokens": 10}})
}

fn said(text: &str) -> Value {
    assistant(json!([{"type": "text", "text": text}]), "stop")
}

fn called(id: &str) -> Value {
    assistant(
        json!([{"type": "toolCall", "id": id, "name": "ls", "arguments": {"path": "."}}]),
        "toolUse",
    )
}

fn replay(messages: &[Value], pace: &str) -> Replay {
    Replay::of(&session(messages), "a recording", pace.parse().unwrap()).unwrap()
}

fn asking(conversation: Conversation) -> ModelRequest {
    ModelRequest {
        model: "x".into(),
        conversation,
        tools: Vec::new(),
        max_output_tokens: None,
        thinking: Thinking::Off,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "each test is the entry point of its task"
)]
fn scope() -> LockScope {
    LockScope::open()
}

async fn ask_about(
    replay: &Replay,
    conversation: Conversation,
) -> (Vec<ModelEvent>, Result<Reply, ModelError>) {
    let mut scope = scope();
    let stream = replay
        .stream(
            scope.unlocked(),
            asking(conversation),
            CancellationToken::new(),
        )
        .await;
    let mut events = Vec::new();
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => return (events, Err(error)),
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(ModelEvent::Finished(reply)) => {
                assert!(
                    stream.next().await.is_none(),
                    "something came after the end"
                );
                return (events, Ok(*reply));
            }
            Ok(event) => events.push(event),
            Err(error) => return (events, Err(error)),
        }
    }
    panic!("the stream ended without a word")
}

async fn ask(replay: &Replay) -> Result<Reply, ModelError> {
    ask_about(replay, Conversation::default()).await.1
}

#[tokio::test]
async fn a_recording_keeps_what_every_provider_must() {
    let replay = replay(&[user("a"), said("one"), user("b"), said("two")], "instant");
    latchwork_session::conformance::model::keeps(&replay, || asking(Conversation::default())).await;
}

#[tokio::test]
async fn requests_are_answered_in_order_until_the_recording_is_exhausted() {
    let replay = replay(
        &[
            user("a"),
            said("one"),
            user("b"),
            said("two"),
            user("c"),
            said("three"),
        ],
        "instant",
    )
    .starting_at(1);
    assert_eq!(ask(&replay).await.unwrap().text(), "two");
    assert_eq!(ask(&replay).await.unwrap().text(), "three");
    for _ in 0..2 {
        let error = ask(&replay).await.unwrap_err();
        assert!(
            matches!(&error, ModelError::Unusable { why, .. } if why.contains("all 3 replies")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_reply_comes_as_small_pieces_and_then_whole() {
    let content = json!([{"type": "thinking", "thinking": "well now", "thinkingSignature": "s"}, {"type": "text", "text": "so it is"},
        {"type": "toolCall", "id": "c1", "name": "ls", "arguments": {"path": "."}}]);
    let (events, reply) = ask_about(
        &replay(&[assistant(content, "toolUse")], "instant"),
        Conversation::default(),
    )
    .await;
    let shown: Vec<String> = events
        .iter()
        .map(|event| match event {
            ModelEvent::Text(text) => format!("say {text:?}"),
            ModelEvent::Thinking(text) => format!("think {text:?}"),
            ModelEvent::CallStarted { index, id, name } => format!("call {index} {id} {name}"),
            ModelEvent::CallArguments { index, json } => format!("with {index} {json}"),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "think \"well \"",
        "think \"now\"",
        "say \"so \"",
        "say \"it \"",
        "say \"is\"",
        "call 0 c1 ls",
        "with 0 {\"path\":\".\"}",
    ];
    assert_eq!(shown, expected);
    let reply = reply.unwrap();
    assert_eq!(
        (
            reply.provider.as_str(),
            reply.api.as_str(),
            reply.model.as_str()
        ),
        ("replay", "replay", "m")
    );
    assert_eq!(
        (reply.stop, reply.usage.cache_write, reply.blocks.len()),
        (StopReason::ToolUse, 4, 3)
    );
}

#[tokio::test]
async fn a_call_keeps_its_id_unless_the_conversation_has_it_already() {
    let recorded = session(&[user("a"), called("c1"), called("c1"), called("")]);
    let again = Replay::of(&recorded, "r", Pace::Instant).unwrap();
    let id = |reply: Reply| {
        reply
            .calls()
            .map(|(id, ..)| id.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(id(ask(&again).await.unwrap()), ["c1"]);
    let context = latchwork_format::context(&session(&[user("a"), called("c1")]), None);
    let conversation = project(&context, &Target::new("p", "m", "a")).0;
    assert_eq!(
        id(ask_about(&again, conversation).await.1.unwrap()),
        ["c1-2"]
    );
    assert_eq!(id(ask(&again).await.unwrap()), ["call_0"]);
}

#[tokio::test]
async fn replies_that_broke_off_and_those_of_other_branches_are_not_played() {
    let mut lines = session(&[
        user("a"),
        said("left"),
        user("b"),
        assistant(json!([{"type": "text", "text": "bro"}]), "aborted"),
    ]);
    let rejoined = json!({"type": "message", "id": "z", "parentId": "0", "timestamp": "", "message": assistant(json!("kept"), "length")});
    lines
        .push_tail(format!("{rejoined}\n").as_bytes(), lines.saved_through())
        .unwrap();
    let replay = Replay::of(&lines, "r", Pace::Instant).unwrap();
    let reply = ask(&replay).await.unwrap();
    assert_eq!(
        (reply.text().as_str(), reply.stop, replay.reply_count()),
        ("kept", StopReason::Length, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_takes_the_time_of_its_pace_however_many_pieces_it_has() {
    let long = "word ".repeat(5000);
    for (pace, expected) in [
        ("original", 1000),
        ("4x", 250),
        ("3s", 3000),
        ("instant", 0),
    ] {
        for text in ["one", &long] {
            let replay = replay(&[user("a"), said(text)], pace);
            let begun = Instant::now();
            ask(&replay).await.unwrap();
            assert_eq!(
                begun.elapsed().as_millis().next_multiple_of(10),
                expected,
                "{pace}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_stream_at_any_piece() {
    let text = "one two three four";
    for after in 0..4 {
        for pace in ["instant", "4s"] {
            let replay = replay(&[user("a"), said(text)], pace);
            let (mut scope, cancel) = (scope(), CancellationToken::new());
            let request = asking(Conversation::default());
            let mut stream = replay
                .stream(scope.unlocked(), request, cancel.clone())
                .await
                .unwrap();
            for _ in 0..after {
                assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))));
            }
            cancel.cancel();
            assert!(matches!(
                stream.next().await,
                Some(Err(ModelError::Cancelled { .. }))
            ));
            assert!(stream.next().await.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_interrupts_the_wait_for_a_piece() {
    let replay = replay(&[user("a"), said("never said")], "24000s");
    let (mut scope, cancel) = (scope(), CancellationToken::new());
    let mut stream = replay
        .stream(
            scope.unlocked(),
            asking(Conversation::default()),
            cancel.clone(),
        )
        .await
        .unwrap();
    let begun = Instant::now();
    let (event, ()) = tokio::join!(stream.next(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    assert!(matches!(event, Some(Err(ModelError::Cancelled { .. }))));
    assert_eq!(begun.elapsed().as_secs(), 1);
}

#[test]
fn what_is_no_recording_is_refused_with_its_path() {
    let system = System::real();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let open = || Replay::open(&system, &path, Pace::Instant).unwrap_err();
    assert!(matches!(open(), ReplayError::Read(error) if error.is_missing()));
    std::fs::write(&path, "no session at all\n").unwrap();
    assert!(matches!(open(), ReplayError::NoReplies { name } if name.ends_with("r.jsonl")));
    let refused = Replay::open(&system, folder.path(), Pace::Instant).unwrap_err();
    assert!(
        matches!(
            refused,
            ReplayError::NotAFile {
                found: "a directory",
                ..
            }
        ),
        "{refused}"
    );
    std::fs::File::create(&path)
        .unwrap()
        .set_len(super::RECORDING_BYTES + 1)
        .unwrap();
    assert!(matches!(open(), ReplayError::TooLarge { .. }));
}
