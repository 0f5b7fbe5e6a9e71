//! What a server may say, and that it is understood.

use latchwork_models::{OpenAi, OpenAiOptions, Secret};
use latchwork_session::ModelEvent;
use serde_json::json;

use crate::asking::{ask, asked_of, request, streamed};
use crate::server::{Do, EVENTS, Seen, Server, events, until_close, with_length};
use crate::turn::{assert_is_that_turn, delta, finish, turn_with_calls};

#[tokio::test]
async fn an_endpoint_keeps_what_every_provider_must() {
    let server = Server::saying(until_close("200 OK", EVENTS, &turn_with_calls())).await;
    latchwork_session::conformance::model::keeps(&server.provider(), request).await;
}

#[tokio::test]
async fn a_turn_with_thinking_and_parallel_calls_comes_through_whole() {
    let server = Server::saying(until_close("200 OK", EVENTS, &turn_with_calls())).await;
    let mut options = server.options();
    options.key = Some(Secret::new("sk-hush"));
    options.headers.insert("x-extra".into(), Secret::new("yes"));
    let (events, reply) = ask(&OpenAi::new(options).unwrap()).await;
    let reply = reply.unwrap();
    assert_is_that_turn(&reply);
    let usage = reply.usage;
    assert_eq!(
        (
            usage.input,
            usage.output,
            usage.cache_read,
            usage.total_tokens
        ),
        (4, 4, 5, 13)
    );
    assert_eq!(
        (
            reply.provider.as_str(),
            reply.api.as_str(),
            reply.model.as_str()
        ),
        ("local", "openai-completions", "m")
    );
    let starts: Vec<(usize, &str)> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::CallStarted { index, id, .. } => Some((*index, id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(starts, [(0, "call_a"), (1, "call_b")]);
    let Seen::Request(head, body) = server.saw().await else {
        panic!("no request")
    };
    assert!(
        head.starts_with("post /v1/chat/completions http/1.1"),
        "{head}"
    );
    assert!(
        head.contains("\r\nauthorization: bearer sk-hush\r\n")
            && head.contains("\r\nx-extra: yes\r\n"),
        "{head}"
    );
    assert_eq!(
        (&body["stream"], &body["model"]),
        (&json!(true), &json!("m"))
    );
}

#[tokio::test]
async fn a_slow_server_is_waited_for_byte_by_byte() {
    let head = until_close("200 OK", EVENTS, "");
    let server = Server::start(move || {
        vec![
            Do::Send(head.clone()),
            Do::Trickle(turn_with_calls().into_bytes()),
        ]
    })
    .await;
    assert_is_that_turn(&ask(&server.provider()).await.1.unwrap());
}

#[tokio::test]
async fn servers_that_depart_from_the_format_are_understood() {
    let text = events(&[delta(&json!({"content": "hi"})), finish("stop")]);
    let crlf = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let no_last_newline = text.trim_end();
    for stream in [text.as_str(), crlf.as_str(), no_last_newline] {
        assert_eq!(streamed(stream).await.unwrap().text(), "hi");
        // No media type, or a wrong one: the first byte tells.
        assert_eq!(
            asked_of(until_close("200 OK", "", stream))
                .await
                .unwrap()
                .text(),
            "hi"
        );
        assert_eq!(
            asked_of(until_close(
                "200 OK",
                "content-type: text/plain\r\n",
                stream
            ))
            .await
            .unwrap()
            .text(),
            "hi"
        );
    }
    let document = json!({"id": "r", "choices": [{"message": {"content": "hi", "tool_calls": [
        {"id": "c", "function": {"name": "ls", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    for fields in ["content-type: application/json; charset=utf-8\r\n", ""] {
        let reply = asked_of(with_length("200 OK", fields, &document.to_string()))
            .await
            .unwrap();
        assert_eq!(
            (
                reply.text().as_str(),
                reply.calls().count(),
                reply.usage.total_tokens
            ),
            ("hi", 1, 2)
        );
    }
}

#[tokio::test]
async fn elsewhere_a_key_is_optional() {
    let server = Server::saying(until_close("200 OK", EVENTS, &events(&[finish("stop")]))).await;
    ask(&server.provider()).await.1.unwrap();
    let Seen::Request(head, _) = server.saw().await else {
        panic!("no request")
    };
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_is_set() {
    let proxy = Server::saying(until_close("200 OK", EVENTS, &events(&[finish("stop")]))).await;
    let mut options = OpenAiOptions::at("far", "http://models.invalid/v1");
    options.proxy = Some(Secret::new(format!("http://127.0.0.1:{}", proxy.port)));
    ask(&OpenAi::new(options).unwrap()).await.1.unwrap();
    let Seen::Request(head, _) = proxy.saw().await else {
        panic!("no request")
    };
    assert!(
        head.starts_with("post http://models.invalid/v1/chat/completions "),
        "{head}"
    );
}
