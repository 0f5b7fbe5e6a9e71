//! An answer on its way in: bytes from the connection, events to the turn.
//!
//! One error ends it, or one [`ModelEvent::Finished`]; what came before an error is handed out before it. Every wait can
//! be cancelled and is limited; the end of the answer, or dropping it, closes its connection. The proof that nothing is
//! held is kept as long as it lives.
//!
//! A server that has said why the model stopped has said everything that counts. If it then goes silent, keeps the
//! connection open or breaks off, the reply is whole all the same; the wait for its usage is short.

use std::collections::VecDeque;
use std::time::Duration;

use latchwork_lock::Unlocked;
use latchwork_session::{ModelError, ModelEvent, ModelStream};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio_util::sync::CancellationToken;

use super::assembly::{Assembly, NoReply};
use super::chunk::Chunk;
use super::refusal::{Asked, cause, looks_like_html};
use crate::sse::{SseDecoder, SseEvent};

/// How long is waited for usage once the model has stopped.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// What limits an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerLimits {
    /// How long nothing may come.
    pub(crate) idle: Duration,
    /// The most bytes of the whole answer.
    pub(crate) bytes: u64,
}

/// An answer that is coming in.
pub(crate) struct Answer<'a> {
    _nothing_is_held: Unlocked<'a>,
    asked: Asked,
    limits: AnswerLimits,
    cancel: CancellationToken,
    /// What was received and not yet handed out.
    ready: VecDeque<ModelEvent>,
    /// What comes after that, if the answer failed.
    failed: Option<ModelError>,
    /// What is still open; `None` once the answer has ended.
    open: Option<Open>,
}

struct Open {
    response: Response,
    body: Body,
    assembly: Assembly,
    received: u64,
}

/// What the bytes are.
enum Body {
    /// Not said: the first of them tell.
    Unknown,
    /// Server-sent events.
    Events(SseDecoder),
    /// One JSON document, from a server that does not stream.
    Document(Vec<u8>),
}

/// Whether more is to come.
#[derive(PartialEq)]
enum Next {
    More,
    End,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        nothing_is_held: Unlocked<'a>,
        response: Response,
        assembly: Assembly,
        limits: AnswerLimits,
        asked: Asked,
        cancel: CancellationToken,
    ) -> Self {
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let body = match media_type {
            events if events.contains("event-stream") => Body::Events(SseDecoder::default()),
            json if json.starts_with("application/json") => Body::Document(Vec::new()),
            _ => Body::Unknown,
        };
        Self {
            _nothing_is_held: nothing_is_held,
            asked,
            limits,
            cancel,
            ready: VecDeque::new(),
            failed: None,
            open: Some(Open {
                response,
                body,
                assembly,
                received: 0,
            }),
        }
    }

    /// The events, one by one.
    pub(crate) fn into_stream(self) -> ModelStream<'a> {
        Box::pin(futures::stream::unfold(self, |mut answer| async move {
            let event = answer.next().await?;
            Some((event, answer))
        }))
    }

    async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            let mut open = self.open.take()?;
            match self.step(&mut open).await {
                Ok(Next::More) => self.open = Some(open),
                Ok(Next::End) => self.failed = self.conclude(open.assembly).err(),
                Err(error) => self.failed = Some(error),
            }
        }
    }

    /// Waits for the next bytes and reads them.
    async fn step(&mut self, open: &mut Open) -> Result<Next, ModelError> {
        let has_finished = open.assembly.has_finished();
        let patience = if has_finished {
            AFTER_FINISH.min(self.limits.idle)
        } else {
            self.limits.idle
        };
        let came = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(self.asked.cancelled()),
            came = tokio::time::timeout(patience, open.response.chunk()) => came,
        };
        match came {
            Ok(Ok(Some(bytes))) => self.read(open, &bytes),
            Ok(Ok(None)) => self.close(open),
            _ if has_finished => Ok(Next::End),
            Ok(Err(error)) => Err(self.asked.broken_off(cause(&error))),
            Err(_) => Err(self.asked.stalled(patience)),
        }
    }

    fn read(&mut self, open: &mut Open, bytes: &[u8]) -> Result<Next, ModelError> {
        open.received = open.received.saturating_add(bytes.len() as u64);
        if open.received > self.limits.bytes {
            let (provider, most) = (&self.asked.provider, self.limits.bytes);
            return Err(self.asked.malformed(format!(
                "it is longer than models.{provider}.max_reply_bytes ({most})"
            )));
        }
        if matches!(open.body, Body::Unknown) {
            open.body = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return Ok(Next::More),
                Some(b'{' | b'<') => Body::Document(Vec::new()),
                Some(_) => Body::Events(SseDecoder::default()),
            };
        }
        match &mut open.body {
            Body::Events(decoder) => {
                let mut events = Vec::new();
                decoder.push(bytes, &mut events);
                for event in events {
                    if self.event(&event, &mut open.assembly)? == Next::End {
                        return Ok(Next::End);
                    }
                }
            }
            Body::Document(document) => document.extend_from_slice(bytes),
            Body::Unknown => {}
        }
        Ok(Next::More)
    }

    /// Reads one event. The word `[DONE]` is the end, for servers that send it.
    fn event(&mut self, event: &SseEvent, assembly: &mut Assembly) -> Result<Next, ModelError> {
        let data = event.data.trim();
        match data {
            "" => Ok(Next::More),
            "[DONE]" => Ok(Next::End),
            _ => {
                let chunk = Chunk::read(data, event.name.as_deref() == Some("error"));
                self.chunk(chunk.map_err(|why| self.asked.malformed(why))?, assembly)
            }
        }
    }

    fn chunk(&mut self, chunk: Chunk, assembly: &mut Assembly) -> Result<Next, ModelError> {
        if let Some(error) = &chunk.error {
            return Err(self.asked.failed_midway(error));
        }
        assembly.take(chunk, &mut self.ready);
        Ok(Next::More)
    }

    /// The stream has ended: reads what it left unclosed, if that is whole.
    fn close(&mut self, open: &mut Open) -> Result<Next, ModelError> {
        match std::mem::replace(&mut open.body, Body::Unknown) {
            Body::Unknown => {}
            Body::Events(decoder) => {
                // A cut inside the last event is a break, not bad JSON.
                if let Some(event) = decoder
                    .finish()
                    .filter(|event| Chunk::read(event.data.trim(), false).is_ok())
                {
                    self.event(&event, &mut open.assembly)?;
                }
            }
            Body::Document(document) => {
                let text = String::from_utf8_lossy(&document);
                if looks_like_html(&text) {
                    let provider = &self.asked.provider;
                    return Err(self.asked.malformed(format!(
                        "it is a web page; is models.{provider}.base_url right?"
                    )));
                }
                let chunk = Chunk::read(&text, false).map_err(|why| self.asked.malformed(why))?;
                self.chunk(chunk, &mut open.assembly)?;
            }
        }
        Ok(Next::End)
    }

    fn conclude(&mut self, assembly: Assembly) -> Result<(), ModelError> {
        let reply = assembly
            .finish(&mut self.ready)
            .map_err(|no_reply| match no_reply {
                NoReply::NotFinished => self
                    .asked
                    .broken_off("it ended without saying why the model had stopped"),
                NoReply::Malformed(why) => self.asked.malformed(why),
            })?;
        self.ready.push_back(ModelEvent::Finished(Box::new(reply)));
        Ok(())
    }
}
