//! What can be set about the default engine.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Options of a [`TranscriptEngine`](crate::TranscriptEngine).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The newest part of the conversation that a compaction keeps as it is, in estimated tokens.
    pub keep_recent_tokens: u64,
    /// The most text that is given to the model at once to be summarised, in characters.
    pub chunk_chars: usize,
    /// The most tokens that a summary may have.
    pub summary_tokens_max: u32,
    /// How often a summary is tried before a plain one is made without a model.
    pub attempts: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep_recent_tokens: 20_000,
            chunk_chars: 200_000,
            summary_tokens_max: 13_000,
            attempts: 3,
        }
    }
}

/// An option is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}, but must be from {} to {}", range.start(), range.end())]
pub struct BadOptions {
    /// The setting, as it is spelled in a configuration.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// What it may be.
    pub range: RangeInclusive<u64>,
}

impl Options {
    /// What `keep_recent_tokens` may be.
    pub const KEEP_RECENT_TOKENS: RangeInclusive<u64> = 1..=1_000_000_000;
    /// What `chunk_chars` may be.
    pub const CHUNK_CHARS: RangeInclusive<u64> = 1_000..=1_000_000_000;
    /// What `summary_tokens_max` may be.
    pub const SUMMARY_TOKENS_MAX: RangeInclusive<u64> = 64..=1_000_000_000;
    /// What `attempts` may be.
    pub const ATTEMPTS: RangeInclusive<u64> = 0..=10;

    /// Checks the ranges.
    ///
    /// # Errors
    /// See [`BadOptions`]; the first that is out of its range.
    pub fn validate(&self) -> Result<(), BadOptions> {
        let checks = [
            (
                "keep_recent_tokens",
                self.keep_recent_tokens,
                Self::KEEP_RECENT_TOKENS,
            ),
            ("chunk_chars", self.chunk_chars as u64, Self::CHUNK_CHARS),
            (
                "summary_tokens_max",
                self.summary_tokens_max.into(),
                Self::SUMMARY_TOKENS_MAX,
            ),
            ("attempts", self.attempts.into(), Self::ATTEMPTS),
        ];
        for (name, value, range) in checks {
            if !range.contains(&value) {
                return Err(BadOptions { name, value, range });
            }
        }
        Ok(())
    }
}
