//! The HTTP client of one endpoint.
//!
//! Chosen here: HTTP/1.1 over rustls with ring, certificates judged by the system's own roots; no redirect is followed
//! (a POST with a key is not to be sent elsewhere); no proxy but the one that is set; idle connections are closed before
//! servers usually do, because a request on a connection that has just died would have to be repeated.
//! Nothing process-wide is installed.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Proxy, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::options::{OpenAiOptions, bearer, header};
use super::refusal::cause;

/// How long an unused connection is kept.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// A client for these settings, which are valid.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn client(options: &OpenAiOptions, over_tls: bool) -> Result<Client, String> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls(over_tls)?)
        .user_agent(concat!("latchwork/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(options))
        .redirect(redirect::Policy::none())
        .connect_timeout(options.connect_timeout())
        .pool_idle_timeout(POOL_IDLE)
        .no_proxy();
    if let Some(proxy) = options.proxy.as_ref().filter(|proxy| !proxy.is_blank()) {
        builder = builder.proxy(Proxy::all(proxy.reveal()).map_err(|error| cause(&error))?);
    }
    builder.build().map_err(|error| cause(&error))
}

/// A plain address needs no certificates, and must work on a machine that has none.
fn tls(over_tls: bool) -> Result<ClientConfig, String> {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let no_tls = |error: rustls::Error| {
        format!("TLS cannot be set up ({error}); are the system's CA certificates installed?")
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto))
        .with_safe_default_protocol_versions()
        .map_err(no_tls)?;
    if !over_tls {
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = Arc::new(Verifier::new(crypto).map_err(no_tls)?);
    // "Dangerous" is rustls' word for any verifier but its own; this one is the rustls project's, on the system's roots.
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The headers of every request. Those of the settings win.
fn headers(options: &OpenAiOptions) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/event-stream, application/json"),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = options.key().and_then(bearer) {
        headers.insert(AUTHORIZATION, key);
    }
    for (name, value) in options
        .headers
        .iter()
        .filter_map(|(name, value)| header(name, value))
    {
        headers.insert(name, value);
    }
    headers
}
