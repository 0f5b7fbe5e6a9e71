//! How one OpenAI-compatible endpoint is reached: plain settings, and what is wrong with them.
//!
//! Times are milliseconds, sizes are bytes, and their names say so. Deliberately absent: where settings come from
//! (files, variables), which is the caller's business.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::Secret;

/// The address of OpenAI itself, which admits nobody without a key.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// The longest wait that makes sense, and that every clock can count.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// Which field carries the limit on output tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenLimitField {
    /// `max_completion_tokens` at OpenAI itself, whose newer models refuse the old name; `max_tokens` elsewhere, because
    /// every compatible server knows it and some ignore the new one.
    #[default]
    Auto,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_tokens`.
    MaxTokens,
}

/// The settings of one endpoint.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenAiOptions {
    /// The provider, as it stands in transcripts and in `PROVIDER/MODEL`. The registry sets it to the name under which
    /// the settings stand.
    #[serde(skip)]
    pub provider: String,
    /// The address, up to and without `/chat/completions`. A query (`?api-version=…`) is kept.
    pub base_url: String,
    /// The key, sent as a bearer token. OpenAI's own address needs one; others may not.
    pub key: Option<Secret>,
    /// The model that answers when none is named.
    pub default_model: Option<String>,
    /// How long a connection may take, name look-up and TLS included.
    pub connect_timeout_ms: u64,
    /// How long nothing at all may come, before and during the answer. Keep-alive comments count as something.
    /// Models that think in silence need minutes.
    pub idle_timeout_ms: u64,
    /// The most bytes that one answer may have on the wire.
    pub max_reply_bytes: u64,
    /// Which field carries the limit on output tokens.
    pub token_limit_field: TokenLimitField,
    /// The proxy that requests go through. The environment is not looked at.
    pub proxy: Option<Secret>,
    /// Headers sent with each request. Their values are treated as secrets.
    pub headers: BTreeMap<String, Secret>,
}

impl Default for OpenAiOptions {
    fn default() -> Self {
        Self {
            provider: "openai".into(),
            base_url: OPENAI_BASE_URL.into(),
            key: None,
            default_model: None,
            connect_timeout_ms: 10_000,
            idle_timeout_ms: 300_000,
            max_reply_bytes: 64 * 1024 * 1024,
            token_limit_field: TokenLimitField::Auto,
            proxy: None,
            headers: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for OpenAiOptions {
    /// An address may hold credentials: what is shown of it is its origin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiOptions")
            .field("provider", &self.provider)
            .field(
                "base_url",
                &Url::parse(&self.base_url)
                    .map_or_else(|_| "no address".into(), |url| origin(&url)),
            )
            .field("key", &self.key)
            .field("default_model", &self.default_model)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("models.{provider}.{field} {why}")]
pub struct BadOption {
    /// The provider whose settings these are.
    pub provider: String,
    /// The setting.
    pub field: String,
    /// What is wrong with it. A secret value is not repeated.
    pub why: String,
}

/// The settings, looked through: what a request needs of them.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where requests go.
    pub(crate) url: Url,
    /// What people are shown of it.
    pub(crate) address: String,
    /// Whether it is OpenAI's own.
    pub(crate) is_openai: bool,
}

impl OpenAiOptions {
    /// What `connect_timeout_ms` may be.
    pub const CONNECT_TIMEOUT_MS: RangeInclusive<u64> = 1..=LONGEST_MS;
    /// What `idle_timeout_ms` may be.
    pub const IDLE_TIMEOUT_MS: RangeInclusive<u64> = 1..=LONGEST_MS;
    /// What `max_reply_bytes` may be.
    pub const MAX_REPLY_BYTES: RangeInclusive<u64> = 1..=1 << 40;

    /// Settings of a compatible server at this address.
    #[must_use]
    pub fn at(provider: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            base_url: base_url.into(),
            ..Self::default()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`BadOption`]: the first that cannot work, by name.
    pub fn validate(&self) -> Result<(), BadOption> {
        self.target()?;
        for (name, value, range) in [
            (
                "connect_timeout_ms",
                self.connect_timeout_ms,
                Self::CONNECT_TIMEOUT_MS,
            ),
            (
                "idle_timeout_ms",
                self.idle_timeout_ms,
                Self::IDLE_TIMEOUT_MS,
            ),
            (
                "max_reply_bytes",
                self.max_reply_bytes,
                Self::MAX_REPLY_BYTES,
            ),
        ] {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(self.bad(name, format!("must be from {least} to {most}")));
            }
        }
        if self.provider.is_empty() || self.provider.contains(['/', ':']) {
            return Err(self.bad("provider", "must be a name without / and :"));
        }
        if self.key.as_ref().is_some_and(|key| bearer(key).is_none()) {
            return Err(self.bad("key", "holds characters that no header can carry"));
        }
        for (name, value) in &self.headers {
            header(name, value)
                .ok_or_else(|| self.bad(&format!("headers.{name}"), "is no valid HTTP header"))?;
        }
        if let Some(proxy) = &self.proxy {
            reqwest::Proxy::all(proxy.reveal())
                .map_err(|_| self.bad("proxy", "is no address of a proxy"))?;
        }
        Ok(())
    }

    /// Where requests go.
    pub(crate) fn target(&self) -> Result<Target, BadOption> {
        let bad = |why: &str| self.bad("base_url", why);
        let mut url = Url::parse(self.base_url.trim())
            .map_err(|error| bad(&format!("is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad("must begin with https:// or http:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "must not hold a user or a password; put them into key or headers",
            ));
        }
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| bad("must have a path"))?
            .pop_if_empty()
            .extend(["chat", "completions"]);
        let is_openai = url.host_str() == Some("api.openai.com");
        Ok(Target {
            address: origin(&url),
            url,
            is_openai,
        })
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Whether the way to the proxy is itself encrypted.
    pub(crate) fn proxy_speaks_tls(&self) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| {
            let scheme = proxy.reveal().trim_start().get(..6);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
        })
    }

    /// The key, if one is set to something.
    pub(crate) fn key(&self) -> Option<&Secret> {
        self.key.as_ref().filter(|key| !key.is_blank())
    }

    /// What a person can do about a missing or refused key.
    pub(crate) fn how_to_set_the_key(&self) -> String {
        match self.provider.as_str() {
            "openai" => "set OPENAI_API_KEY, or models.openai.key in the settings".into(),
            other => format!("set models.{other}.key in the settings"),
        }
    }

    fn bad(&self, field: &str, why: impl Into<String>) -> BadOption {
        BadOption {
            provider: self.provider.clone(),
            field: field.into(),
            why: why.into(),
        }
    }
}

/// The header that carries a key.
pub(crate) fn bearer(key: &Secret) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {}", key.reveal().trim()))
}

/// A header of the settings.
pub(crate) fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::try_from(name).ok()?, sensitive(value.reveal())?))
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Scheme, host and port: no user, no path, no query.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_lead_to_openai() {
        let options = OpenAiOptions::default();
        options.validate().unwrap();
        let target = options.target().unwrap();
        assert_eq!(
            target.url.as_str(),
            "https://api.openai.com/v1/chat/completions"
        );
        assert!(target.is_openai);
    }

    #[test]
    fn an_address_keeps_its_path_and_its_query() {
        for (base, url) in [
            (
                "http://localhost:8080/v1/",
                "http://localhost:8080/v1/chat/completions",
            ),
            (
                "http://localhost:8080",
                "http://localhost:8080/chat/completions",
            ),
            (
                "https://h/a/b?api-version=1#x",
                "https://h/a/b/chat/completions?api-version=1",
            ),
        ] {
            assert_eq!(
                OpenAiOptions::at("p", base).target().unwrap().url.as_str(),
                url
            );
        }
    }

    #[test]
    fn what_cannot_work_is_named_and_secrets_are_not_repeated() {
        let name_of = |change: &dyn Fn(&mut OpenAiOptions)| {
            let mut options = OpenAiOptions::default();
            change(&mut options);
            let error = options.validate().unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
            error.field
        };
        assert_eq!(
            name_of(&|options| options.base_url = "not one".into()),
            "base_url"
        );
        assert_eq!(
            name_of(&|options| options.base_url = "ftp://host/".into()),
            "base_url"
        );
        assert_eq!(
            name_of(&|options| options.base_url = "https://me:hush@host/v1".into()),
            "base_url"
        );
        assert_eq!(
            name_of(&|options| options.idle_timeout_ms = 0),
            "idle_timeout_ms"
        );
        assert_eq!(
            name_of(&|options| options.connect_timeout_ms = u64::MAX),
            "connect_timeout_ms"
        );
        assert_eq!(
            name_of(&|options| options.key = Some(Secret::new("hush\n1"))),
            "key"
        );
        assert_eq!(
            name_of(&|options| options.proxy = Some(Secret::new("http://u:hush@"))),
            "proxy"
        );
        assert_eq!(
            name_of(&|options| options.provider = "a/b".into()),
            "provider"
        );
        assert_eq!(
            name_of(&|options| drop(options.headers.insert("a b".into(), Secret::new("hush")))),
            "headers.a b"
        );
    }

    #[test]
    fn settings_are_shown_without_what_is_secret_in_them() {
        let mut options = OpenAiOptions::at("p", "https://me:hush@host/v1?key=hush");
        options.key = Some(Secret::new("hush"));
        options.proxy = Some(Secret::new("http://hush@proxy"));
        options
            .headers
            .insert("x-token".into(), Secret::new("hush"));
        assert!(!format!("{options:?}").contains("hush"));
        assert!(format!("{options:?}").contains("https://host"));
    }

    #[test]
    fn an_unknown_setting_is_refused_and_a_missing_one_has_its_default() {
        let read: OpenAiOptions =
            serde_json::from_str(r#"{"base_url":"http://h/v1","token_limit_field":"max_tokens"}"#)
                .unwrap();
        assert_eq!(
            read.idle_timeout_ms,
            OpenAiOptions::default().idle_timeout_ms
        );
        assert_eq!(read.token_limit_field, TokenLimitField::MaxTokens);
        assert!(serde_json::from_str::<OpenAiOptions>(r#"{"base_uri":"http://h/v1"}"#).is_err());
    }
}
