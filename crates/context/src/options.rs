//! What can be set about the default engine.

use serde::{Deserialize, Serialize};

/// Options of a [`TranscriptEngine`](crate::TranscriptEngine).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[error("{option} must be {range}, and is {found}")]
pub struct BadOptions {
    /// The option, as it is written in a configuration.
    pub option: &'static str,
    /// What it may be.
    pub range: &'static str,
    /// What it is.
    pub found: u64,
}

impl Options {
    /// Checks the ranges.
    ///
    /// # Errors
    /// See [`BadOptions`]; the first that is out of its range.
    pub fn validate(&self) -> Result<(), BadOptions> {
        let checks = [
            (
                self.keep_recent_tokens >= 1,
                "keep_recent_tokens",
                "at least 1",
                self.keep_recent_tokens,
            ),
            (
                self.chunk_chars >= 1_000,
                "chunk_chars",
                "at least 1000",
                self.chunk_chars as u64,
            ),
            (
                self.summary_tokens_max >= 64,
                "summary_tokens_max",
                "at least 64",
                u64::from(self.summary_tokens_max),
            ),
            (
                self.attempts <= 10,
                "attempts",
                "at most 10",
                u64::from(self.attempts),
            ),
        ];
        for (good, option, range, found) in checks {
            if !good {
                return Err(BadOptions {
                    option,
                    range,
                    found,
                });
            }
        }
        Ok(())
    }
}
