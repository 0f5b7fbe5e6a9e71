//! The endpoint, asked by a client that knows nothing but sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::*;

/// What came back: the status line and headers, and the body without its chunking. `whole` is false when the connection
/// ended before the body did.
struct Answer {
    head: String,
    body: String,
    whole: bool,
}

fn connect(endpoint: &Endpoint, body: &Value) -> TcpStream {
    let mut socket = TcpStream::connect(endpoint.address).unwrap();
    socket
        .set_read_timeout(Some(crate::deadline::GENEROUS))
        .unwrap();
    let body = body.to_string();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    socket
}

fn read_answer(mut socket: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _a_cut_may_be_a_reset = socket.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let (mut body, mut whole) = (String::new(), false);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole = size == 0;
        if whole {
            break;
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    Answer {
        head: head.to_owned(),
        body,
        whole,
    }
}

fn ask(endpoint: &Endpoint, body: &Value) -> Answer {
    read_answer(connect(endpoint, body))
}

fn question(messages: &Value) -> Value {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": messages})
}

fn hello() -> Value {
    question(&json!([{"role": "user", "content": "hello"}]))
}

fn chunks(body: &str) -> Vec<Value> {
    body.split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect()
}

#[test]
fn a_text_arrives_as_deltas_with_a_reason_the_usage_and_an_end() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::text("Hello, world.").usage(7, 2));
    let answer = ask(&endpoint, &hello());
    assert!(answer.head.starts_with("HTTP/1.1 200"));
    assert!(answer.head.contains("text/event-stream"));
    assert!(answer.whole && answer.body.ends_with("data: [DONE]\n\n"));

    let chunks = chunks(&answer.body);
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello, world.");
    assert_eq!(
        chunks[chunks.len() - 2]["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(chunks[chunks.len() - 1]["usage"]["total_tokens"], 9);
    assert_eq!(endpoint.requests()[0].texts_of("user"), ["hello"]);
    assert_eq!(endpoint.wait_ending(0), Ending::Complete);
    endpoint.assert_all_asked();
}

#[test]
fn usage_goes_only_to_a_client_that_asks_for_it() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::text("Hi.").usage(7, 2));
    let mut body = hello();
    body["stream_options"] = json!({});
    assert!(!ask(&endpoint, &body).body.contains("usage"));
}

#[test]
fn parallel_calls_come_in_interleaved_pieces_that_join_to_their_arguments() {
    let endpoint = Endpoint::start();
    let arguments = [json!({"path": "é/日本"}), json!({})];
    endpoint.push(Reply::stream().tool_calls(&[
        ToolCall::new("call_a", "read", &arguments[0]),
        ToolCall::new("call_b", "ls", &arguments[1]),
    ]));
    let chunks = chunks(&ask(&endpoint, &hello()).body);
    let mut joined = [String::new(), String::new()];
    let mut order = Vec::new();
    for call in chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array())
        .flatten()
    {
        let index = call["index"].as_u64().unwrap();
        order.push(index);
        joined[usize::try_from(index).unwrap()] += call["function"]["arguments"].as_str().unwrap();
    }
    assert_eq!(joined.map(|text| text.parse::<Value>().unwrap()), arguments);
    assert_eq!(order[..4], [0, 1, 0, 1]);
    let reason = &chunks[chunks.len() - 1]["choices"][0]["finish_reason"];
    assert_eq!(reason, "tool_calls");
}

#[test]
fn a_cut_delivers_exactly_the_bytes_before_it_and_no_proper_end() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::text("The whole text of it."));
    let whole = ask(&endpoint, &hello()).body;
    for byte in [0, 1, 200, whole.len() - 1] {
        endpoint.push(Reply::text("The whole text of it.").cut_at(byte));
        let answer = ask(&endpoint, &hello());
        assert!(!answer.whole, "cut at {byte}");
        // The id names the request, so the bytes are compared up to it alone; their number is exact.
        assert_eq!(answer.body.len(), byte);
    }
    assert_eq!(endpoint.wait_ending(4), Ending::Cut);
}

#[test]
fn a_gate_holds_a_reply_until_the_test_opens_it() {
    let endpoint = Endpoint::start();
    let gate = Gate::new();
    endpoint.push(Reply::text("before ").gate(&gate).and_text("after"));
    let socket = connect(&endpoint, &hello());
    gate.wait_reached();
    assert_eq!(endpoint.requests()[0].ending, Ending::Open);
    gate.open();
    assert!(read_answer(socket).body.contains("after"));
}

#[test]
fn a_held_reply_has_no_status_before_the_test_opens_the_gate() {
    let endpoint = Endpoint::start();
    let gate = Gate::new();
    endpoint.push(Reply::rate_limited(3).held(&gate));
    let mut socket = connect(&endpoint, &hello());
    gate.wait_reached();
    socket.set_nonblocking(true).unwrap();
    let nothing_yet = socket.read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing_yet.kind(), std::io::ErrorKind::WouldBlock);
    socket.set_nonblocking(false).unwrap();
    gate.open();
    let answer = read_answer(socket);
    assert!(answer.head.starts_with("HTTP/1.1 429"));
    assert!(answer.head.contains("retry-after: 3"));
}

#[test]
fn a_client_that_leaves_a_stalled_or_a_held_reply_is_noticed() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::text("and then").stall());
    let socket = connect(&endpoint, &hello());
    endpoint.wait_requests(1);
    drop(socket);
    assert_eq!(endpoint.wait_ending(0), Ending::ClientLeft);

    let gate = Gate::new();
    endpoint.push(Reply::text("never").held(&gate));
    let socket = connect(&endpoint, &hello());
    gate.wait_reached();
    drop(socket);
    assert_eq!(endpoint.wait_ending(1), Ending::ClientLeft);
}

#[test]
fn a_hang_up_answers_nothing_and_nobody_listens_at_a_refused_url() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::hang_up());
    assert_eq!(ask(&endpoint, &hello()).head, "");
    assert_eq!(endpoint.wait_ending(0), Ending::Cut);

    let url = refused_base_url();
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn raw_bytes_and_early_ends_are_sent_as_scripted() {
    let endpoint = Endpoint::start();
    endpoint.push(Reply::text("so far").raw("data: {\"id\":\n\n").ends_early());
    let answer = ask(&endpoint, &hello());
    assert!(answer.whole && answer.body.ends_with("data: {\"id\":\n\n"));
    endpoint.push(Reply::unauthorized());
    assert!(ask(&endpoint, &hello()).head.starts_with("HTTP/1.1 401"));
    endpoint.push(Reply::web_page());
    assert!(ask(&endpoint, &hello()).head.contains("text/html"));
}

#[test]
fn an_unpaired_conversation_is_refused_and_fails_the_test() {
    let call = json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let user = json!({"role": "user", "content": "x"});
    let endpoint = Endpoint::start();
    for unpaired in [
        json!([user, call]),
        json!([user, call, user]),
        json!([user, result("a")]),
        json!([user, call, result("a"), result("a")]),
        json!([user, call, result("b")]),
        json!([]),
    ] {
        let answer = ask(&endpoint, &question(&unpaired));
        assert!(answer.head.starts_with("HTTP/1.1 400"), "{unpaired}");
        assert_eq!(endpoint.take_failures().len(), 1, "{unpaired}");
    }
    endpoint.push(Reply::text("fine"));
    ask(
        &endpoint,
        &question(&json!([user, call, result("a"), user])),
    );
    assert!(endpoint.take_failures().is_empty());
}

#[test]
fn an_unscripted_request_fails_the_test_unless_there_is_a_rule_for_it() {
    let endpoint = Endpoint::start();
    assert!(ask(&endpoint, &hello()).head.starts_with("HTTP/1.1 500"));
    assert_eq!(endpoint.take_failures().len(), 1);

    endpoint.otherwise(|request| Reply::text(&format!("number {}", request.index)));
    assert!(ask(&endpoint, &hello()).body.contains("\"1\""));
    assert!(endpoint.take_failures().is_empty());
}

#[test]
fn a_check_runs_while_the_request_is_open_and_its_failure_reaches_the_test() {
    let endpoint = Endpoint::start();
    endpoint
        .push(Reply::text("ok").on_open(|request| assert_eq!(request.texts_of("user"), ["hello"])));
    assert!(ask(&endpoint, &hello()).head.starts_with("HTTP/1.1 200"));

    endpoint.push(Reply::text("ok").on_open(|_| panic!("not as it should be")));
    assert!(ask(&endpoint, &hello()).head.starts_with("HTTP/1.1 500"));
    let failures = endpoint.take_failures();
    assert!(failures[0].contains("not as it should be"), "{failures:?}");
}

#[test]
fn a_failure_that_nobody_takes_fails_the_test_that_drops_the_endpoint() {
    let dropped = std::panic::catch_unwind(|| {
        let endpoint = Endpoint::start();
        ask(&endpoint, &hello());
    });
    assert!(dropped.is_err());
}
