//! Answers that break off or cannot be read: an error, and never half a call.

use std::sync::atomic::{AtomicUsize, Ordering};

use latchwork_models::{OpenAi, OpenAiOptions};
use latchwork_session::{ModelError, ModelEvent};
use serde_json::json;

use crate::asking::{ask, asked_of, streamed};
use crate::server::{Do, EVENTS, Server, events, until_close, with_length};
use crate::turn::{assert_is_that_turn, delta, finish, turn_with_calls};

#[tokio::test]
async fn a_stream_cut_at_any_byte_is_the_whole_reply_or_a_break_and_never_half_a_call() {
    let body = turn_with_calls();
    for whole in [
        until_close("200 OK", EVENTS, &body),
        with_length("200 OK", EVENTS, &body),
    ] {
        let head = whole.len() - body.len();
        let said = body.find("\"tool_calls\"}]}").unwrap() + "\"tool_calls\"}]}".len();
        let next = AtomicUsize::new(head);
        let server = Server::start(move || {
            vec![Do::Send(
                whole[..next.fetch_add(1, Ordering::Relaxed)].to_vec(),
            )]
        })
        .await;
        let provider = server.provider();
        for cut in 0..=body.len() {
            match ask(&provider).await.1 {
                Ok(reply) => {
                    assert!(cut >= said, "a reply from {cut} bytes of {said}");
                    assert_is_that_turn(&reply);
                }
                Err(ModelError::BrokenOff { .. }) => {
                    assert!(cut < said + 2, "a break though {cut} bytes had come");
                }
                Err(other) => panic!("cut at {cut}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_before_its_head_is_a_break() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-ty"] {
        let error = asked_of(head).await.unwrap_err();
        assert!(matches!(&error, ModelError::BrokenOff { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_malformed_stream_is_an_error_and_what_came_before_is_kept() {
    let before = events(&[delta(&json!({"content": "so far"}))]);
    for broken in [
        "data: {\"choices\": [\n\n",
        "data: 7\n\n",
        "data: <oops>\n\n",
    ] {
        let server =
            Server::saying(until_close("200 OK", EVENTS, &format!("{before}{broken}"))).await;
        let (events, end) = ask(&server.provider()).await;
        assert!(
            matches!(&events[..], [ModelEvent::Text(text)] if text == "so far"),
            "{events:?}"
        );
        assert!(
            matches!(&end, Err(ModelError::Malformed { provider, .. }) if provider == "local"),
            "{end:?}"
        );
    }
    for page in ["content-type: text/html\r\n", EVENTS, ""] {
        let error = asked_of(until_close("200 OK", page, "<!doctype html><p>hello"))
            .await
            .unwrap_err();
        let names_the_setting = error.to_string().contains("models.local.base_url");
        assert!(
            names_the_setting || (page == EVENTS && matches!(error, ModelError::BrokenOff { .. })),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_call_whose_arguments_never_become_json_is_malformed() {
    let call = delta(
        &json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "ls", "arguments": "{\"path\":"}}]}),
    );
    for reason in ["tool_calls", "length"] {
        let end = streamed(&format!(
            "{}data: [DONE]\n\n",
            events(&[call.clone(), finish(reason)])
        ))
        .await;
        assert!(
            matches!(&end, Err(ModelError::Malformed { why, .. }) if why.contains("\"ls\"")),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_without_a_reason_to_stop_broke_off_even_if_it_says_done() {
    for end in ["", "data: [DONE]\n\n"] {
        let end = streamed(&format!(
            "{}{end}",
            events(&[delta(&json!({"content": "so"}))])
        ))
        .await;
        assert!(matches!(&end, Err(ModelError::BrokenOff { .. })), "{end:?}");
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_ends_it() {
    let limited = json!({"error": {"message": "busy", "code": 429}});
    let end = streamed(&events(&[delta(&json!({"content": "so"})), limited])).await;
    assert!(matches!(&end, Err(ModelError::Limited { .. })), "{end:?}");
    let end = streamed("event: error\ndata: {\"code\": 503, \"details\": \"down\"}\n\n").await;
    assert!(
        matches!(&end, Err(ModelError::Status { status: 503, .. })),
        "{end:?}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_its_limit() {
    let endless = format!(
        "{}{}",
        events(&[delta(&json!({"content": "so"}))]),
        ": noise\n".repeat(10_000)
    );
    let server = Server::saying(until_close("200 OK", EVENTS, &endless)).await;
    let provider = OpenAi::new(OpenAiOptions {
        max_reply_bytes: 5_000,
        ..server.options()
    })
    .unwrap();
    let end = ask(&provider).await.1;
    assert!(
        matches!(&end, Err(ModelError::Malformed { why, .. }) if why.contains("max_reply_bytes")),
        "{end:?}"
    );
}
