//! What a model may pass to each tool, read strictly: a misspelt name or a wrong type is said, not guessed at.
//!
//! `null` counts as left out; models write it for what they do not set.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    pub(crate) path: String,
    pub(crate) offset: Option<NonZeroUsize>,
    pub(crate) limit: Option<NonZeroUsize>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ls {
    pub(crate) path: Option<String>,
    pub(crate) limit: Option<NonZeroUsize>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bash {
    pub(crate) command: String,
    /// Seconds.
    pub(crate) timeout: Option<f64>,
}

/// The arguments, or what is wrong with them.
pub(crate) fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    // A sequence would be taken for the fields in their order.
    if !arguments.is_object() {
        return Err("they must be one JSON object".to_owned());
    }
    serde_json::from_value(arguments).map_err(|error| error.to_string())
}

impl Bash {
    /// The command and its time limit in milliseconds, at most `limit_ms`.
    pub(crate) fn checked(self, limit_ms: u64) -> Result<(String, u64), String> {
        if self.command.contains('\0') {
            return Err("`command` holds a NUL byte".to_owned());
        }
        let asked_ms = match self.timeout {
            None => limit_ms,
            Some(seconds) if seconds > 0.0 => milliseconds(seconds),
            Some(_) => return Err("`timeout` must be more than 0 seconds".to_owned()),
        };
        Ok((self.command, asked_ms.min(limit_ms)))
    }
}

/// Rounded up to whole milliseconds; a cast from a float saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is positive"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Bash, Ls, Read, parse};

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let wrong = |arguments| parse::<Read>(arguments).unwrap_err();
        assert_eq!(wrong(json!("path")), "they must be one JSON object");
        assert_eq!(wrong(json!(["a"])), "they must be one JSON object");
        assert_eq!(wrong(json!({})), "missing field `path`");
        assert!(
            wrong(json!({ "path": "a", "file": 1 }))
                .contains("unknown field `file`, expected one of `path`")
        );
        assert!(wrong(json!({ "path": 3 })).contains("expected a string"));
        assert!(wrong(json!({ "path": "a", "offset": 0 })).contains("nonzero"));
        assert!(wrong(json!({ "path": "a", "limit": -1 })).contains("-1"));
    }

    #[test]
    fn null_is_left_out() {
        let arguments = json!({ "path": null, "limit": null });
        assert_eq!(
            parse::<Ls>(arguments).unwrap(),
            Ls {
                path: None,
                limit: None
            }
        );
    }

    #[test]
    fn a_command_may_ask_for_less_time_but_not_for_more() {
        let limit = |timeout| {
            Bash {
                command: "x".into(),
                timeout,
            }
            .checked(5_000)
            .map(|(_, limit)| limit)
        };
        assert_eq!(limit(None), Ok(5_000));
        assert_eq!(limit(Some(0.0001)), Ok(1));
        assert_eq!(limit(Some(1e300)), Ok(5_000));
        assert!(
            limit(Some(0.0)).is_err()
                && limit(Some(-1.0)).is_err()
                && limit(Some(f64::NAN)).is_err()
        );
        assert!(
            Bash {
                command: "a\0b".into(),
                timeout: None
            }
            .checked(1)
            .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_json_is_answered(text in "[\\[\\]{}\":,a-z0-9 ]{0,24}", key in "(path|limit|offset|x)", value: i64) {
            if let Ok(json) = serde_json::from_str(&text) {
                let _ = parse::<Bash>(json);
            }
            let parsed = parse::<Read>(json!({ "path": "p", key.clone(): value }));
            prop_assert_eq!(parsed.is_ok(), (key == "limit" || key == "offset") && value > 0);
        }
    }
}
