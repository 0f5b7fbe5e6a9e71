//! Asking a provider, and taking everything that comes.

use std::future::Future;

use futures::StreamExt as _;
use latchwork_format::request::Conversation;
use latchwork_lock::LockScope;
use latchwork_models::OpenAi;
use latchwork_session::{
    ModelError, ModelEvent, ModelProvider as _, ModelRequest, Reply, Thinking,
};
use tokio_util::sync::CancellationToken;

use crate::server::{EVENTS, Server, until_close, with_length};

/// A task's scope.
#[expect(
    clippy::disallowed_methods,
    reason = "each test is the entry point of its task"
)]
pub(crate) fn scope() -> LockScope {
    LockScope::open()
}

pub(crate) fn request() -> ModelRequest {
    ModelRequest {
        model: "m".into(),
        conversation: Conversation::default(),
        tools: Vec::new(),
        max_output_tokens: None,
        thinking: Thinking::Off,
    }
}

/// Asks, and takes everything that comes.
pub(crate) async fn ask(provider: &OpenAi) -> (Vec<ModelEvent>, Result<Reply, ModelError>) {
    ask_until(provider, std::future::pending()).await
}

/// The same, cancelled when `cancelled` is ready.
pub(crate) async fn ask_until(
    provider: &OpenAi,
    cancelled: impl Future<Output = ()>,
) -> (Vec<ModelEvent>, Result<Reply, ModelError>) {
    let cancel = CancellationToken::new();
    let asking = ask_with(provider, cancel.clone());
    tokio::pin!(asking, cancelled);
    tokio::select! {
        answer = &mut asking => return answer,
        () = &mut cancelled => cancel.cancel(),
    }
    asking.await
}

async fn ask_with(
    provider: &OpenAi,
    cancel: CancellationToken,
) -> (Vec<ModelEvent>, Result<Reply, ModelError>) {
    let mut scope = scope();
    let mut events = Vec::new();
    let mut stream = match provider.stream(scope.unlocked(), request(), cancel).await {
        Ok(stream) => stream,
        Err(error) => return (events, Err(error)),
    };
    while let Some(event) = stream.next().await {
        let end = match event {
            Ok(ModelEvent::Finished(reply)) => Ok(*reply),
            Ok(event) => {
                events.push(event);
                continue;
            }
            Err(error) => Err(error),
        };
        assert!(
            stream.next().await.is_none(),
            "something came after the end"
        );
        return (events, end);
    }
    panic!("the stream ended without a reply and without an error")
}

pub(crate) async fn asked_of(answer: impl Into<Vec<u8>>) -> Result<Reply, ModelError> {
    ask(&Server::saying(answer).await.provider()).await.1
}

pub(crate) async fn refused_with(status: &str, fields: &str, body: &str) -> ModelError {
    asked_of(with_length(status, fields, body))
        .await
        .unwrap_err()
}

/// An answer as a stream that the server simply ends.
pub(crate) async fn streamed(body: &str) -> Result<Reply, ModelError> {
    asked_of(until_close("200 OK", EVENTS, body)).await
}
