//! Any OpenAI-compatible Chat Completions endpoint.
//!
//! One request, one streamed answer. Deliberately absent: retries, fail-over and rate limiting, which are the turn's
//! business, and the Responses API, which is another wire format and will be another provider.
//!
//! | file | idea |
//! |---|---|
//! | `options` | the settings of one endpoint |
//! | `connect` | its HTTP client |
//! | `request` | from a conversation to JSON |
//! | `chunk` | from JSON to what a chunk says, leniently |
//! | `assembly` | from chunks to a reply of whole calls |
//! | `answer` | the stream: waiting, limits, cancelling |
//! | `refusal` | what went wrong, in the words of `ModelError` |

mod answer;
mod assembly;
mod chunk;
mod connect;
mod options;
mod refusal;
mod request;

use std::fmt;
use std::time::Duration;

use latchwork_lock::Unlocked;
use latchwork_session::{
    ModelError, ModelProvider, ModelRequest, ModelStream, ProviderInfo, Reply,
};
use reqwest::{Client, Response};
use tokio_util::sync::CancellationToken;

use crate::ids::{FreshIds, ids_in};
use answer::{Answer, AnswerLimits};
use assembly::Assembly;
use options::Target;
use refusal::Asked;

pub use options::{BadOption, OPENAI_BASE_URL, OpenAiOptions, TokenLimitField};

/// The wire format, as it stands in transcripts.
pub const OPENAI_COMPLETIONS: &str = "openai-completions";

/// The most bytes that are read of an error page.
const ERROR_PAGE_BYTES: usize = 64 * 1024;

/// How long is waited for an error page. One that does not come is no reason to forget the error.
const ERROR_PAGE_WAIT: Duration = Duration::from_secs(2);

/// A provider that speaks Chat Completions.
pub struct OpenAi {
    options: OpenAiOptions,
    target: Target,
    client: Client,
}

impl fmt::Debug for OpenAi {
    /// The settings, without what is secret in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAi").field(&self.options).finish()
    }
}

/// Why a provider cannot be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenAiError {
    /// A setting cannot work.
    #[error(transparent)]
    Option(#[from] BadOption),
    /// There is no client to be had on this machine.
    #[error("the client of {provider} cannot be set up: {why}")]
    Client {
        /// The provider.
        provider: String,
        /// Why.
        why: String,
    },
}

impl OpenAi {
    /// Sets up a provider. Nothing is sent.
    ///
    /// # Errors
    /// A setting that cannot work, or a machine without root certificates. A missing key is no error before a request
    /// needs it.
    ///
    /// # Blocking
    /// For an `https` address, while the system's root certificates are read.
    pub fn new(options: OpenAiOptions) -> Result<Self, OpenAiError> {
        options.validate()?;
        let target = options.target()?;
        let over_tls = target.url.scheme() == "https" || options.proxy_speaks_tls();
        let client = connect::client(&options, over_tls).map_err(|why| OpenAiError::Client {
            provider: options.provider.clone(),
            why,
        })?;
        Ok(Self {
            options,
            target,
            client,
        })
    }

    fn asked(&self, request: &ModelRequest) -> Asked {
        Asked {
            provider: self.options.provider.clone(),
            model: request.model.clone(),
            address: self.target.address.clone(),
            key: self.options.key().cloned(),
            key_advice: self.options.how_to_set_the_key(),
        }
    }

    /// OpenAI itself admits nobody without a key, so nothing is sent without one.
    fn key_is_missing(&self) -> bool {
        let by_header = self
            .options
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("authorization"));
        self.target.is_openai && self.options.key().is_none() && !by_header
    }

    /// Sends the request and waits for the head of the answer.
    async fn send(
        &self,
        body: Vec<u8>,
        asked: &Asked,
        cancel: &CancellationToken,
    ) -> Result<Response, ModelError> {
        let idle = self.options.idle_timeout();
        let request = self.client.post(self.target.url.clone()).body(body);
        let response = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(asked.cancelled()),
            response = tokio::time::timeout(idle, request.send()) => response.map_err(|_| asked.stalled(idle))?,
        };
        let mut response =
            response.map_err(|error| asked.not_sent(&error, self.options.connect_timeout()))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let mut page = Vec::new();
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(asked.cancelled()),
            _ = tokio::time::timeout(ERROR_PAGE_WAIT, error_page(&mut response, &mut page)) => {}
        }
        Err(asked.refused(response.status().as_u16(), response.headers(), &page))
    }
}

/// Reads an error page, as far as it comes.
async fn error_page(response: &mut Response, page: &mut Vec<u8>) {
    while page.len() < ERROR_PAGE_BYTES {
        match response.chunk().await {
            Ok(Some(bytes)) => page.extend_from_slice(&bytes),
            Ok(None) | Err(_) => break,
        }
    }
    page.truncate(ERROR_PAGE_BYTES);
}

#[async_trait::async_trait]
impl ModelProvider for OpenAi {
    fn info(&self) -> ProviderInfo {
        ProviderInfo::new(
            &self.options.provider,
            OPENAI_COMPLETIONS,
            self.options.default_model.clone(),
        )
    }

    async fn stream<'a>(
        &'a self,
        nothing_is_held: Unlocked<'a>,
        request: ModelRequest,
        cancel: CancellationToken,
    ) -> Result<ModelStream<'a>, ModelError> {
        let asked = self.asked(&request);
        if self.key_is_missing() {
            return Err(ModelError::Key {
                provider: asked.provider,
                why: format!("there is no key; {}", asked.key_advice),
            });
        }
        let body = request::body(
            &request,
            self.options.token_limit_field,
            self.target.is_openai,
        );
        tracing::debug!(
            provider = asked.provider,
            model = asked.model,
            address = asked.address,
            "asking a model"
        );
        let response = self
            .send(body.to_string().into_bytes(), &asked, &cancel)
            .await?;
        let ids = FreshIds::beside(ids_in(&request.conversation));
        let assembly = Assembly::new(Reply::begun(&self.info(), request.model), ids);
        let limits = AnswerLimits {
            idle: self.options.idle_timeout(),
            bytes: self.options.max_reply_bytes,
        };
        Ok(Answer::new(nothing_is_held, response, assembly, limits, asked, cancel).into_stream())
    }
}
