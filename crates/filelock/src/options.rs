//! What can be set about latches.
//!
//! Deliberately not here: where values come from. A layer above reads configuration and environment.

use std::time::Duration;

use latchwork_lock::Wait;
use serde::{Deserialize, Serialize};

/// What can be set about latches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// How long a request waits, where its caller names no wait of its own; milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long a latch may be held before it is revoked inside its own process; milliseconds.
    pub max_hold_ms: u64,
    /// Whether peers' lock files (`<name>.jsonl.lock`, OpenClaw's protocol) are taken too.
    pub peer_lock: PeerLock,
    /// Work on filesystems whose locks are not trusted. Only for a folder that a single machine uses.
    pub allow_network_fs: bool,
    /// How many threads may wait in the kernel at once; requests beyond that poll.
    pub wait_threads: usize,
}

/// Policy for the lock file that peers look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerLock {
    /// Always take it.
    #[default]
    Always,
    /// Take it in a folder of OpenClaw's, and where a peer's lock file was seen.
    Auto,
    /// Neither take it nor look at it. Peers are then not excluded.
    Never,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            acquire_timeout_ms: 60_000,
            max_hold_ms: 300_000,
            peer_lock: PeerLock::Always,
            allow_network_fs: false,
            wait_threads: 8,
        }
    }
}

/// A value that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}, but must be {must}")]
pub struct BadOptions {
    /// The setting, as it is spelled in a configuration.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// What it must be.
    pub must: &'static str,
}

impl Options {
    /// Checks that every value can be worked with.
    ///
    /// # Errors
    ///
    /// [`BadOptions`] naming the first that cannot.
    pub fn validate(&self) -> Result<(), BadOptions> {
        let bad = |name, value, must| Err(BadOptions { name, value, must });
        if self.acquire_timeout_ms == 0 {
            return bad("acquireTimeoutMs", 0, "at least 1");
        }
        if self.max_hold_ms < 1_000 {
            return bad(
                "maxHoldMs",
                self.max_hold_ms,
                "at least 1000: a shorter hold would revoke ordinary writes",
            );
        }
        if self.wait_threads > 1_024 {
            return bad("waitThreads", self.wait_threads as u64, "at most 1024");
        }
        Ok(())
    }

    /// The wait that [`acquire_timeout_ms`](Self::acquire_timeout_ms) means, from now on.
    #[must_use]
    pub fn wait(&self) -> Wait {
        Wait::at_most(Duration::from_millis(self.acquire_timeout_ms))
    }

    pub(crate) fn max_hold(&self) -> Duration {
        Duration::from_millis(self.max_hold_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_values_that_cannot_work_are_named() {
        assert_eq!(Options::default().validate(), Ok(()));
        for (name, bad) in [
            (
                "acquireTimeoutMs",
                Options {
                    acquire_timeout_ms: 0,
                    ..Options::default()
                },
            ),
            (
                "maxHoldMs",
                Options {
                    max_hold_ms: 10,
                    ..Options::default()
                },
            ),
            (
                "waitThreads",
                Options {
                    wait_threads: 5_000,
                    ..Options::default()
                },
            ),
        ] {
            assert_eq!(bad.validate().unwrap_err().name, name);
        }
    }

    #[test]
    fn settings_are_spelled_as_peers_spell_them_and_an_unknown_one_is_refused() {
        let text = r#"{"acquireTimeoutMs": 5, "maxHoldMs": 9000, "peerLock": "auto"}"#;
        let options: Options = serde_json::from_str(text).unwrap();
        assert_eq!(
            (options.acquire_timeout_ms, options.peer_lock),
            (5, PeerLock::Auto)
        );
        assert!(serde_json::from_str::<Options>(r#"{"acquireTimeout": 5}"#).is_err());
    }
}
