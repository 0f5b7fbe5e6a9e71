//! Plays one reply into an open response, and notices how it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::chunk::{self, Chunks};
use super::reply::{self, Part, Reply, Stream};
use super::{Ending, Request};

/// The body of a response, fed by a [`Player`].
pub(super) struct PlayedBody(mpsc::Receiver<Result<Bytes, Cut>>);

/// The script ends the connection here.
#[derive(Debug, thiserror::Error)]
#[error("cut by the script")]
pub(super) struct Cut;

impl Body for PlayedBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.0
            .poll_recv(cx)
            .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// Feeds a body. An `Err` of its steps is how the reply ended before its time.
pub(super) struct Player {
    body: mpsc::Sender<Result<Bytes, Cut>>,
    pace: Duration,
    left_before_cut: Option<usize>,
}

/// How long the bytes before a cut get to reach the wire.
const BEFORE_CUT: Duration = Duration::from_millis(50);

impl Player {
    pub(super) fn new(reply: &Reply) -> (Self, PlayedBody) {
        // One at a time, so that a script does not run ahead of its client.
        let (body, receiver) = mpsc::channel(1);
        let player = Self {
            body,
            pace: reply.pace,
            left_before_cut: reply.cut_at,
        };
        (player, PlayedBody(receiver))
    }

    /// Plays a body to its end, natural or not.
    pub(super) async fn play(mut self, request: &Request, body: reply::Body) -> Ending {
        let played = match body {
            reply::Body::Stream(stream) => self.stream(request, stream).await,
            reply::Body::Whole(bytes) => self.send(bytes).await,
            reply::Body::HangUp => Err(Ending::Cut),
        };
        played.err().unwrap_or(Ending::Complete)
    }

    async fn stream(&mut self, request: &Request, stream: Stream) -> Result<(), Ending> {
        let chunks = Chunks {
            id: format!("chatcmpl-{}", request.index),
            model: request.body["model"].clone(),
        };
        let role = json!({"role": "assistant", "content": ""});
        self.send(chunks.delta(&role)).await?;
        let reason = stream.finish_reason().to_owned();
        for part in stream.parts {
            match part {
                Part::Delta(delta) => self.send(chunks.delta(&delta)).await?,
                Part::Raw(bytes) => self.send(bytes).await?,
                Part::Gate(gate) => self.unless_client_leaves(gate.pass()).await?,
                Part::Stall => self.unless_client_leaves(std::future::pending()).await?,
            }
        }
        if stream.ends_early {
            return Ok(());
        }
        self.send(chunks.finish(&reason)).await?;
        if let Some((prompt, completion)) = stream.usage
            && asks_for_usage(&request.body)
        {
            self.send(chunks.usage(prompt, completion)).await?;
        }
        self.send(chunk::done()).await
    }

    async fn send(&mut self, mut bytes: Vec<u8>) -> Result<(), Ending> {
        if !self.pace.is_zero() {
            self.unless_client_leaves(sleep(self.pace)).await?;
        }
        let cut_here = self.left_before_cut.is_some_and(|left| left <= bytes.len());
        if let Some(left) = &mut self.left_before_cut {
            bytes.truncate(*left);
            *left -= bytes.len();
        }
        if !bytes.is_empty() {
            self.body
                .send(Ok(bytes.into()))
                .await
                .map_err(|_| Ending::ClientLeft)?;
        }
        if cut_here {
            sleep(BEFORE_CUT).await;
            let _the_client_may_have_left = self.body.send(Err(Cut)).await;
            return Err(Ending::Cut);
        }
        Ok(())
    }

    async fn unless_client_leaves(&self, wait: impl Future<Output = ()>) -> Result<(), Ending> {
        tokio::select! {
            () = wait => Ok(()),
            () = self.body.closed() => Err(Ending::ClientLeft),
        }
    }
}

fn asks_for_usage(body: &Value) -> bool {
    body["stream_options"]["include_usage"] == true
}
