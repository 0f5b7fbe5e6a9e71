//! A value that must not be shown: a key, or a header that may carry one.
//!
//! It is read from settings and sent to its provider; `Debug` and `Serialize` never give it away, and there is no
//! `Display`. Deliberately absent: wiping memory, which copies inside the HTTP client would make an empty promise.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What stands where a secret would.
const HIDDEN: &str = "[hidden]";

/// A key or another secret value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the request alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is empty or blank: settings that come from an empty variable count as not set.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// `text` without this secret, should a provider have echoed it.
    pub(crate) fn removed_from(&self, text: &str) -> String {
        if self.is_blank() {
            text.to_owned()
        } else {
            text.replace(self.0.trim(), HIDDEN)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    /// Settings that are shown or saved say that there is a secret, not which.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_shown_by_no_formatter_and_no_serializer() {
        let secret: Secret = serde_json::from_str("\"sk-123\"").unwrap();
        assert_eq!(secret.reveal(), "sk-123");
        assert!(!format!("{secret:?} {secret:#?}").contains("sk-123"));
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"[hidden]\"");
    }

    #[test]
    fn an_echoed_secret_is_taken_out_of_a_message() {
        assert_eq!(
            Secret::new("sk-1 ").removed_from("bad key sk-1!"),
            "bad key [hidden]!"
        );
        assert_eq!(Secret::new("").removed_from("as it was"), "as it was");
    }
}
