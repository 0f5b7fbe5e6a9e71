//! What went wrong, in the words of [`ModelError`].
//!
//! A provider's own words are kept, but shortened, without control characters and without the key, should it have been
//! echoed. Deliberately absent: what to do about an error, beyond what the user can set.

use std::error::Error;
use std::time::{Duration, SystemTime};

use latchwork_session::ModelError;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::chunk::WireError;
use crate::Secret;

/// The most characters of a provider's words that are kept.
const MESSAGE_CHARS: usize = 500;

/// Words by which servers say that a conversation is too long. The codes of OpenAI and llama.cpp come first.
const TOO_LONG: [&str; 10] = [
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "input is too long",
    "too many input tokens",
    "reduce the length of the messages",
];

/// Who was asked for what: what every error names.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) address: String,
    pub(crate) key: Option<Secret>,
    /// What a person can do about the key.
    pub(crate) key_advice: String,
}

impl Asked {
    /// An answer with a status of failure.
    pub(crate) fn refused(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ModelError {
        let text = String::from_utf8_lossy(body);
        let value: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
        let error = match &value {
            Some(value) => WireError::inside(value).unwrap_or_else(|| WireError::of(value)),
            None if looks_like_html(&text) => WireError {
                message: format!(
                    "the answer is a web page; is models.{}.base_url right?",
                    self.provider
                ),
                ..WireError::default()
            },
            None => WireError {
                message: text.into_owned(),
                ..WireError::default()
            },
        };
        self.classify(status, &error, retry_after(headers))
    }

    /// An error that came inside a stream.
    pub(crate) fn failed_midway(&self, error: &WireError) -> ModelError {
        if let Some(status) = error.status {
            return self.classify(status, error, None);
        }
        if error.code.contains("rate_limit") {
            return self.classify(429, error, None);
        }
        if is_too_long(error) {
            return self.classify(400, error, None);
        }
        ModelError::BrokenOff {
            provider: self.provider.clone(),
            why: self.words(&error.message),
        }
    }

    fn classify(
        &self,
        status: u16,
        error: &WireError,
        retry_after: Option<Duration>,
    ) -> ModelError {
        let provider = self.provider.clone();
        let message = self.words(&error.message);
        match status {
            401 | 403 => {
                let advice = &self.key_advice;
                let said = if self.key.is_some() {
                    "the key is refused"
                } else {
                    "there is no key"
                };
                ModelError::Key {
                    provider,
                    why: format!("{said} (status {status}: {message}); {advice}"),
                }
            }
            429 => ModelError::Limited {
                provider,
                retry_after,
                message,
            },
            400 | 413 | 422 if is_too_long(error) => ModelError::TooLong {
                provider,
                model: self.model.clone(),
                message,
            },
            _ => ModelError::Status {
                provider,
                status,
                message,
            },
        }
    }

    /// The request did not get through, or no answer came back.
    pub(crate) fn not_sent(&self, error: &reqwest::Error, connect_timeout: Duration) -> ModelError {
        let provider = self.provider.clone();
        if error.is_builder() {
            return ModelError::Unusable {
                provider,
                why: cause(error),
            };
        }
        if error.is_connect() {
            let why = if error.is_timeout() {
                format!("no connection within {} ms", connect_timeout.as_millis())
            } else {
                cause(error)
            };
            return ModelError::Unreachable {
                provider,
                address: self.address.clone(),
                why,
            };
        }
        ModelError::BrokenOff {
            provider,
            why: format!("no answer came: {}", cause(error)),
        }
    }

    pub(crate) fn malformed(&self, why: impl Into<String>) -> ModelError {
        ModelError::Malformed {
            provider: self.provider.clone(),
            why: self.words(&why.into()),
        }
    }

    pub(crate) fn broken_off(&self, why: impl Into<String>) -> ModelError {
        ModelError::BrokenOff {
            provider: self.provider.clone(),
            why: why.into(),
        }
    }

    pub(crate) fn stalled(&self, after: Duration) -> ModelError {
        ModelError::Stalled {
            provider: self.provider.clone(),
            after,
        }
    }

    pub(crate) fn cancelled(&self) -> ModelError {
        ModelError::Cancelled {
            provider: self.provider.clone(),
        }
    }

    /// A provider's words, fit to be shown.
    fn words(&self, message: &str) -> String {
        let message = self
            .key
            .as_ref()
            .map_or_else(|| message.to_owned(), |key| key.removed_from(message));
        let spaced: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mut words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(MESSAGE_CHARS) {
            words.truncate(end);
            words.push('…');
        }
        if words.is_empty() {
            "no reason was given".into()
        } else {
            words
        }
    }
}

/// What lies at the bottom of an error: "Connection refused", not four layers above it.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let Some(mut deepest) = error.source() else {
        return "the request failed".into();
    };
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    deepest.to_string()
}

pub(crate) fn looks_like_html(text: &str) -> bool {
    let start: String = text
        .trim_start()
        .chars()
        .take(9)
        .collect::<String>()
        .to_lowercase();
    start.starts_with("<!doctype") || start.starts_with("<html")
}

fn is_too_long(error: &WireError) -> bool {
    let message = error.message.to_lowercase();
    TOO_LONG
        .iter()
        .any(|words| error.code.contains(words) || message.contains(words))
}

/// When to try again: milliseconds, seconds, or a date, which is compared with the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    if let Some(after) = text("retry-after-ms").and_then(seconds) {
        return Some(after / 1000);
    }
    let after = text("retry-after")?;
    seconds(after).or_else(|| {
        let date = |text: &str| -> Option<SystemTime> { httpdate::parse_http_date(text).ok() };
        date(after)?.duration_since(date(text("date")?)?).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn asked() -> Asked {
        Asked {
            provider: "p".into(),
            model: "m".into(),
            address: "http://h".into(),
            key: Some(Secret::new("sk-hush")),
            key_advice: "set it".into(),
        }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn a_refused_key_says_what_to_set_and_never_the_key() {
        let error = asked().refused(
            401,
            &HeaderMap::new(),
            br#"{"error":{"message":"bad key sk-hush"}}"#,
        );
        let text = error.to_string();
        assert!(matches!(error, ModelError::Key { .. }));
        assert!(
            text.contains("set it") && text.contains("bad key") && !text.contains("sk-hush"),
            "{text}"
        );
        let without = Asked {
            key: None,
            ..asked()
        };
        assert!(
            without
                .refused(401, &HeaderMap::new(), b"")
                .to_string()
                .contains("there is no key")
        );
    }

    #[test]
    fn when_to_try_again_is_read_in_all_three_spellings() {
        let after = |fields: &[(&'static str, &str)]| match asked().refused(
            429,
            &headers(fields),
            b"slow down",
        ) {
            ModelError::Limited {
                retry_after,
                message,
                ..
            } => {
                assert_eq!(message, "slow down");
                retry_after
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            after(&[("retry-after", "7"), ("retry-after-ms", "1500")]),
            Some(Duration::from_millis(1500))
        );
        let dates = [
            ("date", "Sun, 06 Nov 1994 08:49:30 GMT"),
            ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert_eq!(after(&dates), Some(Duration::from_secs(7)));
        assert_eq!(after(&[("retry-after", "-1")]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn a_conversation_that_is_too_long_is_told_from_other_refusals() {
        for body in [
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            r#"{"message":"Prompt is too long"}"#,
        ] {
            let error = asked().refused(400, &HeaderMap::new(), body.as_bytes());
            assert!(matches!(error, ModelError::TooLong { .. }), "{body}");
        }
        let other = asked().refused(
            400,
            &HeaderMap::new(),
            br#"{"error":{"message":"unknown model"}}"#,
        );
        assert!(
            matches!(&other, ModelError::Status { status: 400, message, .. } if message == "unknown model")
        );
        let busy = asked().refused(503, &HeaderMap::new(), b"context length");
        assert!(matches!(busy, ModelError::Status { status: 503, .. }));
    }

    #[test]
    fn an_error_inside_a_stream_is_classified_like_a_refusal() {
        let error = |status, code: &str| WireError {
            status,
            code: code.into(),
            message: "words".into(),
        };
        assert!(matches!(
            asked().failed_midway(&error(Some(401), "")),
            ModelError::Key { .. }
        ));
        assert!(matches!(
            asked().failed_midway(&error(None, "rate_limit_exceeded")),
            ModelError::Limited { .. }
        ));
        assert!(matches!(
            asked().failed_midway(&error(None, "context_length_exceeded")),
            ModelError::TooLong { .. }
        ));
        assert!(matches!(
            asked().failed_midway(&error(Some(502), "")),
            ModelError::Status { status: 502, .. }
        ));
        assert!(matches!(
            asked().failed_midway(&error(None, "server_error")),
            ModelError::BrokenOff { .. }
        ));
    }

    #[test]
    fn a_web_page_is_not_quoted_but_explained() {
        let error = asked().refused(404, &HeaderMap::new(), b"\n<!DOCTYPE html><title>x</title>");
        assert!(error.to_string().contains("models.p.base_url"), "{error}");
    }

    proptest! {
        #[test]
        fn a_providers_words_are_short_and_hold_no_control_character(body in prop::collection::vec(any::<u8>(), 0..3000), status in 400u16..600) {
            let text = asked().refused(status, &HeaderMap::new(), &body).to_string();
            prop_assert!(text.chars().count() < MESSAGE_CHARS + 120);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
