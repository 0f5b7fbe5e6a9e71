//! What a test can tell the endpoint to answer: built part by part, well-behaved or not.
//!
//! A stream that the script does not cut or stall is finished as the real endpoint finishes it: a finish reason
//! (`tool_calls` when there was a call, else `stop`), the usage if the client asked for it, and `[DONE]`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Gate, Request, chunk};

pub(super) type Callback = Box<dyn FnOnce(&Request) + Send>;

/// One scripted answer.
#[must_use = "a reply does nothing before it is pushed to an endpoint"]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    /// Waited for before the first byte of the answer.
    pub(super) gate: Option<Gate>,
    pub(super) on_open: Option<Callback>,
    /// After how many bytes of the body the connection is cut.
    pub(super) cut_at: Option<usize>,
    /// What is waited before each chunk.
    pub(super) pace: Duration,
}

pub(super) enum Body {
    Stream(Stream),
    Whole(Vec<u8>),
    /// The connection is closed without an answer.
    HangUp,
}

#[derive(Default)]
pub(super) struct Stream {
    pub(super) parts: Vec<Part>,
    pub(super) usage: Option<(u64, u64)>,
    pub(super) finish: Option<String>,
    pub(super) ends_early: bool,
    calls: usize,
}

pub(super) enum Part {
    /// A chunk whose only choice has this delta.
    Delta(Value),
    /// Bytes as they are.
    Raw(Vec<u8>),
    Gate(Gate),
    Stall,
}

/// A tool call for [`Reply::tool_calls`].
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The id that the result will name.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments, as the text that is streamed; it need not be valid JSON.
    pub arguments: String,
}

impl ToolCall {
    /// A call with valid arguments.
    pub fn new(id: &str, name: &str, arguments: &Value) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        }
    }
}

impl Reply {
    /// An empty stream, to be filled.
    pub fn stream() -> Self {
        Self::with_body(200, Body::Stream(Stream::default()))
    }

    /// A stream of one text, in several deltas.
    pub fn text(text: &str) -> Self {
        Self::stream().and_text(text)
    }

    /// A stream of one tool call.
    pub fn tool_call(id: &str, name: &str, arguments: &Value) -> Self {
        Self::stream().tool_calls(&[ToolCall::new(id, name, arguments)])
    }

    /// An error in the shape that the real endpoint gives it.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let error =
            json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
        Self::with_body(status, Body::Whole(error.to_string().into_bytes()))
            .header("content-type", "application/json")
    }

    /// 401: the key is wrong.
    pub fn unauthorized() -> Self {
        Self::error(401, "invalid_request_error", "Incorrect API key provided.")
    }

    /// 429, with the seconds after which to come back.
    pub fn rate_limited(retry_after_seconds: u32) -> Self {
        Self::error(429, "requests", "Rate limit reached.")
            .header("retry-after", &retry_after_seconds.to_string())
    }

    /// 500.
    pub fn server_error() -> Self {
        Self::error(500, "server_error", "The server had an error.")
    }

    /// 200 with a page of HTML, as a captive portal or a wrong base URL gives it.
    pub fn web_page() -> Self {
        let page = b"<!doctype html><title>Welcome</title>".to_vec();
        Self::with_body(200, Body::Whole(page)).header("content-type", "text/html")
    }

    /// The connection is closed without an answer.
    pub fn hang_up() -> Self {
        Self::with_body(200, Body::HangUp)
    }

    fn with_body(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            gate: None,
            on_open: None,
            cut_at: None,
            pace: Duration::ZERO,
        }
    }

    /// One more header of the answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Then this text, a word a delta.
    pub fn and_text(mut self, text: &str) -> Self {
        for word in text.split_inclusive(' ') {
            self = self.delta(json!({"content": word}));
        }
        self
    }

    /// Then these tool calls, in parallel: all of them begin, then the pieces of their arguments come in turn.
    pub fn tool_calls(mut self, calls: &[ToolCall]) -> Self {
        let stream = self.stream_mut();
        let first = stream.calls;
        stream.calls += calls.len();
        let deltas = chunk::tool_call_deltas(first, calls);
        stream.parts.extend(deltas.into_iter().map(Part::Delta));
        self
    }

    /// Then a chunk whose choice has this delta, whatever it is.
    pub fn delta(self, delta: Value) -> Self {
        self.part(Part::Delta(delta))
    }

    /// Then these bytes, as they are: a line that is no event, an event that is no JSON.
    pub fn raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.part(Part::Raw(bytes.into()))
    }

    /// Then nothing more before the test opens the gate.
    pub fn gate(self, gate: &Gate) -> Self {
        self.part(Part::Gate(gate.clone()))
    }

    /// Then nothing more, and the connection stays open.
    pub fn stall(self) -> Self {
        self.part(Part::Stall)
    }

    /// The figures that a client which asks for them gets: tokens of the prompt and of the completion.
    pub fn usage(mut self, prompt_tokens: u64, completion_tokens: u64) -> Self {
        self.stream_mut().usage = Some((prompt_tokens, completion_tokens));
        self
    }

    /// Another finish reason than the natural one (`length`, `content_filter`).
    pub fn finish(mut self, reason: &str) -> Self {
        self.stream_mut().finish = Some(reason.to_owned());
        self
    }

    /// The response ends, properly as HTTP goes, but without a finish reason and without `[DONE]`.
    pub fn ends_early(mut self) -> Self {
        self.stream_mut().ends_early = true;
        self
    }

    /// After so many bytes of the body the connection is cut.
    pub fn cut_at(mut self, byte: usize) -> Self {
        self.cut_at = Some(byte);
        self
    }

    /// Waits so long before each chunk.
    pub fn pace(mut self, before_each_chunk: Duration) -> Self {
        self.pace = before_each_chunk;
        self
    }

    /// Nothing is answered, not even a status, before the test opens the gate.
    pub fn held(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Runs `check` when the request has arrived and before any answer to it; an assertion that fails there fails the test
    /// when the endpoint is dropped, and the client gets a 500.
    pub fn on_open(mut self, check: impl FnOnce(&Request) + Send + 'static) -> Self {
        self.on_open = Some(Box::new(check));
        self
    }

    fn part(mut self, part: Part) -> Self {
        self.stream_mut().parts.push(part);
        self
    }

    fn stream_mut(&mut self) -> &mut Stream {
        match &mut self.body {
            Body::Stream(stream) => stream,
            Body::Whole(_) | Body::HangUp => panic!("only a stream can have parts"),
        }
    }
}

impl Stream {
    /// The finish reason that the client is told.
    pub(super) fn finish_reason(&self) -> &str {
        match &self.finish {
            Some(reason) => reason,
            None if self.calls > 0 => "tool_calls",
            None => "stop",
        }
    }
}
