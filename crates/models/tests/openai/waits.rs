//! Waits: each is limited, each can be cancelled, and none leaves a connection behind.
//!
//! Servers here go silent for good, so what is tested is that a wait ends, not how long it takes.

use futures::StreamExt as _;
use latchwork_models::{OpenAi, OpenAiOptions};
use latchwork_session::{ModelError, ModelEvent, ModelProvider as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::asking::{ask, ask_until, request, scope};
use crate::server::{Do, EVENTS, Seen, Server, events, until_close};
use crate::turn::{delta, finish};

#[tokio::test]
async fn a_server_that_goes_silent_is_given_up() {
    let begun = until_close(
        "200 OK",
        EVENTS,
        &events(&[delta(&json!({"content": "so"}))]),
    );
    for said in [Vec::new(), b"HTTP/1.1 200 OK\r\n".to_vec(), begun] {
        let server = Server::start(move || vec![Do::Send(said.clone()), Do::AwaitClose]).await;
        let provider = OpenAi::new(OpenAiOptions {
            idle_timeout_ms: 200,
            ..server.options()
        })
        .unwrap();
        let end = ask(&provider).await.1;
        assert!(
            matches!(&end, Err(ModelError::Stalled { after, .. }) if after.as_millis() == 200),
            "{end:?}"
        );
        assert!(matches!(server.saw().await, Seen::Request(..)));
        assert!(matches!(server.saw().await, Seen::Closed));
    }
}

#[tokio::test]
async fn an_error_page_that_never_comes_is_no_reason_to_forget_the_error() {
    let head = b"HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\n".to_vec();
    let server = Server::start(move || vec![Do::Send(head.clone()), Do::AwaitClose]).await;
    let end = ask(&server.provider()).await.1;
    assert!(
        matches!(&end, Err(ModelError::Status { status: 503, .. })),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_server_that_forgets_to_close_after_the_last_word_costs_no_reply() {
    let said = until_close(
        "200 OK",
        EVENTS,
        &events(&[delta(&json!({"content": "all"})), finish("stop")]),
    );
    let server = Server::start(move || vec![Do::Send(said.clone()), Do::AwaitClose]).await;
    assert_eq!(ask(&server.provider()).await.1.unwrap().text(), "all");
}

#[tokio::test]
async fn cancelling_ends_every_wait_and_closes_the_connection() {
    let begun = until_close(
        "200 OK",
        EVENTS,
        &events(&[delta(&json!({"content": "so"}))]),
    );
    let page = b"HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\n".to_vec();
    let stopped = until_close("200 OK", EVENTS, &events(&[finish("stop")]));
    for said in [Vec::new(), begun, page, stopped] {
        let server = Server::start(move || vec![Do::Send(said.clone()), Do::AwaitClose]).await;
        let provider = server.provider();
        let asked = async { assert!(matches!(server.saw().await, Seen::Request(..))) };
        let (_, end) = ask_until(&provider, asked).await;
        assert!(
            matches!(&end, Err(ModelError::Cancelled { provider }) if provider == "local"),
            "{end:?}"
        );
        assert!(matches!(server.saw().await, Seen::Closed));
    }
}

#[tokio::test]
async fn a_request_that_was_cancelled_before_is_not_sent() {
    let server = Server::saying("").await;
    let (_, end) = ask_until(&server.provider(), std::future::ready(())).await;
    assert!(matches!(&end, Err(ModelError::Cancelled { .. })), "{end:?}");
}

#[tokio::test]
async fn cancelling_in_the_middle_of_an_answer_ends_it_after_what_was_said() {
    let begun = until_close(
        "200 OK",
        EVENTS,
        &events(&[
            delta(&json!({"content": "so"})),
            delta(&json!({"content": " far"})),
        ]),
    );
    let server = Server::start(move || vec![Do::Send(begun.clone()), Do::AwaitClose]).await;
    let (provider, mut scope, cancel) = (server.provider(), scope(), CancellationToken::new());
    let mut stream = provider
        .stream(scope.unlocked(), request(), cancel.clone())
        .await
        .unwrap();
    let mut said = String::new();
    while said != "so far" {
        let Some(Ok(ModelEvent::Text(text))) = stream.next().await else {
            panic!("no text")
        };
        said.push_str(&text);
    }
    let (event, ()) = tokio::join!(stream.next(), async { cancel.cancel() });
    assert!(
        matches!(event, Some(Err(ModelError::Cancelled { .. }))),
        "{event:?}"
    );
    assert!(stream.next().await.is_none());
    assert!(matches!(server.saw().await, Seen::Request(..)));
    // The stream is still there: ending it has closed the connection.
    assert!(matches!(server.saw().await, Seen::Closed));
    drop(stream);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let begun = until_close(
        "200 OK",
        EVENTS,
        &events(&[delta(&json!({"content": "so"}))]),
    );
    let server = Server::start(move || vec![Do::Send(begun.clone()), Do::AwaitClose]).await;
    let (provider, mut scope) = (server.provider(), scope());
    let mut stream = provider
        .stream(scope.unlocked(), request(), CancellationToken::new())
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))));
    drop(stream);
    assert!(matches!(server.saw().await, Seen::Request(..)));
    assert!(matches!(server.saw().await, Seen::Closed));
}
