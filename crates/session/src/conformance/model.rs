//! The promises of [`ModelProvider`](crate::ModelProvider), for a provider that can answer a plain request.

use futures::StreamExt;
use latchwork_lock::LockScope;
use tokio_util::sync::CancellationToken;

use crate::{ModelError, ModelEvent, ModelProvider, ModelRequest};

/// All of them. `request` must be one that the provider answers with some words.
pub async fn keeps(provider: &dyn ModelProvider, request: impl Fn() -> ModelRequest) {
    the_words_of_the_reply_are_the_words_that_were_streamed(provider, request()).await;
    a_cancelled_request_says_so(provider, request()).await;
}

/// One end, and it holds what was said.
pub async fn the_words_of_the_reply_are_the_words_that_were_streamed(
    provider: &dyn ModelProvider,
    request: ModelRequest,
) {
    let mut scope = LockScope::open();
    let mut events = provider
        .stream(scope.unlocked(), request, CancellationToken::new())
        .await
        .expect("a stream begins");
    let (mut said, mut reply) = (String::new(), None);
    while let Some(event) = events.next().await {
        assert!(reply.is_none(), "nothing comes after the end");
        match event.expect("the stream goes well") {
            ModelEvent::Text(text) => said.push_str(&text),
            ModelEvent::Finished(whole) => reply = Some(whole),
            _ => {}
        }
    }
    let reply = reply.expect("a stream ends with a reply");
    assert_eq!(reply.text(), said);
    assert_eq!(reply.provider, provider.info().provider);
}

/// A token that is cancelled before the request ends it.
pub async fn a_cancelled_request_says_so(provider: &dyn ModelProvider, request: ModelRequest) {
    let mut scope = LockScope::open();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ended = match provider.stream(scope.unlocked(), request, cancel).await {
        Err(error) => Some(error),
        Ok(mut events) => loop {
            match events.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        },
    };
    assert!(
        matches!(ended, Some(ModelError::Cancelled { .. })),
        "{ended:?}"
    );
}
