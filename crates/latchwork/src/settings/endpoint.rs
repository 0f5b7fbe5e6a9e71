//! How one OpenAI-compatible endpoint is reached, with references where secrets are needed.
//!
//! Invariant: every field of [`OpenAiOptions`] but the provider's name has a setting here, under the same name.

use std::collections::BTreeMap;

use latchwork_config::{SecretError, SecretRef, SecretSource};
use latchwork_models::{OpenAiOptions, Secret, TokenLimitField};
use serde::{Deserialize, Serialize};

/// The settings of one endpoint: `models.NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// The address, up to and without `/chat/completions`.
    pub base_url: String,
    /// Where the key is.
    pub key: Option<SecretRef>,
    /// The model that answers when only the provider is named.
    pub default_model: Option<String>,
    /// How long a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long nothing at all may come, in milliseconds.
    pub idle_timeout_ms: u64,
    /// The most bytes that one answer may have.
    pub max_reply_bytes: u64,
    /// Which field carries the limit on output tokens.
    pub token_limit_field: TokenLimitField,
    /// Where the address of the proxy is; it may hold a password.
    pub proxy: Option<SecretRef>,
    /// Headers sent with each request, each a reference.
    pub headers: BTreeMap<String, SecretRef>,
}

impl Default for Endpoint {
    fn default() -> Self {
        let plain = OpenAiOptions::default();
        Self {
            base_url: plain.base_url,
            key: None,
            default_model: plain.default_model,
            connect_timeout_ms: plain.connect_timeout_ms,
            idle_timeout_ms: plain.idle_timeout_ms,
            max_reply_bytes: plain.max_reply_bytes,
            token_limit_field: plain.token_limit_field,
            proxy: None,
            headers: BTreeMap::new(),
        }
    }
}

impl Endpoint {
    /// The options of the provider called `name`, its secrets fetched.
    ///
    /// # Errors
    /// See [`SecretError`].
    ///
    /// # Blocking
    /// As the source does: files are read, commands are run.
    pub(crate) fn options(
        &self,
        name: &str,
        secrets: &dyn SecretSource,
    ) -> Result<OpenAiOptions, SecretError> {
        let fetch = |reference: &SecretRef| {
            reference
                .resolve(secrets)
                .map(|secret| Secret::new(secret.expose()))
        };
        let headers = self
            .headers
            .iter()
            .map(|(header, value)| Ok((header.clone(), fetch(value)?)));
        Ok(OpenAiOptions {
            provider: name.to_owned(),
            base_url: self.base_url.clone(),
            key: self.key.as_ref().map(fetch).transpose()?,
            default_model: self.default_model.clone(),
            connect_timeout_ms: self.connect_timeout_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            max_reply_bytes: self.max_reply_bytes,
            token_limit_field: self.token_limit_field,
            proxy: self.proxy.as_ref().map(fetch).transpose()?,
            headers: headers.collect::<Result<_, SecretError>>()?,
        })
    }
}
