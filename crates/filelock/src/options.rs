//! What can be set about latches.
//!
//! Deliberately not here: where values come from. A layer above reads configuration and environment.

use std::ops::RangeInclusive;
use std::time::Duration;

use latchwork_lock::Wait;
use serde::{Deserialize, Serialize};

/// What is added to the time that an operation may take, to get the time that it may hold; milliseconds.
pub const HOLD_GRACE_MS: u64 = 120_000;
/// The shortest hold that is derived from a time limit, and the default; milliseconds.
pub const HOLD_FLOOR_MS: u64 = 300_000;
/// The longest hold that can be set or derived; milliseconds (about 24.8 days, the longest timer of the peers' runtime).
pub const HOLD_CAP_MS: u64 = 2_147_000_000;

/// What a time without end is written as: the greatest whole number that every reader of JSON agrees on.
pub const ENDLESS_MS: u64 = (1 << 53) - 1;

/// What can be set about latches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How long a request waits, where its caller names no wait of its own; milliseconds.
    pub acquire_timeout_ms: u64,
    /// From which age on the lock file of a live peer is reported as stale; milliseconds. It is never taken for that.
    pub stale_ms: u64,
    /// How long a latch may be held before it is revoked inside its own process; milliseconds.
    pub max_hold_ms: u64,
    /// Whether peers' lock files (`<name>.jsonl.lock`, OpenClaw's protocol) are taken too.
    pub peer_lock: PeerLock,
    /// Work on filesystems whose locks are not trusted. Only for a folder that a single machine uses.
    pub allow_network_fs: bool,
    /// How many threads may begin to wait in the kernel at about the same time; requests beyond that poll. Threads behind a
    /// holder that is slow or frozen do not count, but all together are never more than eight times as many.
    pub wait_threads: usize,
}

/// Policy for the lock file that peers look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
            stale_ms: 1_800_000,
            max_hold_ms: HOLD_FLOOR_MS,
            peer_lock: PeerLock::Always,
            allow_network_fs: false,
            wait_threads: 8,
        }
    }
}

/// A value that cannot be worked with.
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
    /// What `acquire_timeout_ms` may be; the greatest is what a wait without end is written as.
    pub const ACQUIRE_TIMEOUT_MS: RangeInclusive<u64> = 1..=ENDLESS_MS;
    /// What `stale_ms` may be.
    pub const STALE_MS: RangeInclusive<u64> = 1..=ENDLESS_MS;
    /// What `max_hold_ms` may be: a shorter hold would revoke ordinary writes.
    pub const MAX_HOLD_MS: RangeInclusive<u64> = 1_000..=HOLD_CAP_MS;
    /// What `wait_threads` may be.
    pub const WAIT_THREADS: RangeInclusive<u64> = 0..=1_024;

    /// Checks that every value can be worked with.
    ///
    /// # Errors
    ///
    /// [`BadOptions`] naming the first that cannot.
    pub fn validate(&self) -> Result<(), BadOptions> {
        let checks = [
            (
                "acquire_timeout_ms",
                self.acquire_timeout_ms,
                Self::ACQUIRE_TIMEOUT_MS,
            ),
            ("max_hold_ms", self.max_hold_ms, Self::MAX_HOLD_MS),
            ("stale_ms", self.stale_ms, Self::STALE_MS),
            ("wait_threads", self.wait_threads as u64, Self::WAIT_THREADS),
        ];
        for (name, value, range) in checks {
            if !range.contains(&value) {
                return Err(BadOptions { name, value, range });
            }
        }
        Ok(())
    }

    /// Refuses a maximum that is shorter than what an operation needs: obeying it would rob the operation in its midst.
    ///
    /// # Errors
    ///
    /// [`HoldTooShort`] with both times.
    pub fn must_allow(&self, operation: &'static str, needs: Duration) -> Result<(), HoldTooShort> {
        if self.max_hold() >= needs {
            return Ok(());
        }
        Err(HoldTooShort {
            max_hold_ms: self.max_hold_ms,
            operation,
            needs_ms: millis(needs),
        })
    }

    /// The wait that [`acquire_timeout_ms`](Self::acquire_timeout_ms) means, from now on.
    #[must_use]
    pub fn wait(&self) -> Wait {
        Wait::at_most(Duration::from_millis(self.acquire_timeout_ms))
    }

    /// For comparison with an age by the wall clock.
    pub(crate) fn stale_ms_signed(&self) -> i64 {
        i64::try_from(self.stale_ms).unwrap_or(i64::MAX)
    }

    pub(crate) fn max_hold(&self) -> Duration {
        Duration::from_millis(self.max_hold_ms)
    }
}

/// The hold that an operation with this time limit needs: the limit and a grace, within floor and cap.
///
/// `None` is no limit, a limit of zero is none that could be meant: they get the cap and the floor.
#[must_use]
pub fn hold_for(limit: Option<Duration>) -> Duration {
    let hold_ms = match limit.map(millis) {
        None => HOLD_CAP_MS,
        Some(0) => HOLD_FLOOR_MS,
        Some(limit_ms) => limit_ms
            .saturating_add(HOLD_GRACE_MS)
            .clamp(HOLD_FLOOR_MS, HOLD_CAP_MS),
    };
    Duration::from_millis(hold_ms)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A maximum hold below what an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "max_hold_ms is {max_hold_ms}, but {operation} may hold a session for {needs_ms} ms and would be revoked in its midst: \
     set max_hold_ms to at least {needs_ms}, or shorten {operation}"
)]
pub struct HoldTooShort {
    /// What is configured, in milliseconds.
    pub max_hold_ms: u64,
    /// What needs longer, as a person would call it.
    pub operation: &'static str,
    /// What it needs, in milliseconds.
    pub needs_ms: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_maximum_below_what_an_operation_needs_is_refused_with_both_times() {
        let options = Options {
            max_hold_ms: 5_000,
            ..Options::default()
        };
        assert_eq!(
            options.must_allow("a commit", Duration::from_secs(5)),
            Ok(())
        );
        let refused = options.must_allow("the end of a turn", Duration::from_secs(10));
        let said = refused.unwrap_err().to_string();
        for part in ["5000", "10000", "the end of a turn"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_hold_is_derived_from_a_limit_as_peers_derive_it() {
        let hold = |limit_ms: u64| hold_for(Some(Duration::from_millis(limit_ms))).as_millis();
        assert_eq!(hold_for(None).as_millis(), 2_147_000_000);
        assert_eq!(
            (hold(0), hold(1), hold(180_000)),
            (300_000, 300_000, 300_000)
        );
        assert_eq!((hold(180_001), hold(900_000)), (300_001, 1_020_000));
        assert_eq!(hold(u64::MAX), 2_147_000_000);
    }

    proptest! {
        #[test]
        fn a_derived_hold_lets_the_operation_end_unless_the_cap_forbids_it(limit_ms in 1_u64..) {
            let hold = hold_for(Some(Duration::from_millis(limit_ms)));
            prop_assert!(hold.as_millis() >= u128::from(limit_ms.min(HOLD_CAP_MS)));
            prop_assert!((u128::from(HOLD_FLOOR_MS)..=u128::from(HOLD_CAP_MS)).contains(&hold.as_millis()));
        }
    }

    #[test]
    fn the_defaults_are_valid_and_values_that_cannot_work_are_named() {
        assert_eq!(Options::default().validate(), Ok(()));
        for (name, bad) in [
            (
                "acquire_timeout_ms",
                Options {
                    acquire_timeout_ms: 0,
                    ..Options::default()
                },
            ),
            (
                "max_hold_ms",
                Options {
                    max_hold_ms: 10,
                    ..Options::default()
                },
            ),
            (
                "wait_threads",
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
    fn settings_are_spelled_as_their_fields_are_and_an_unknown_one_is_refused() {
        let text = r#"{"acquire_timeout_ms": 5, "max_hold_ms": 9000, "peer_lock": "auto"}"#;
        let options: Options = serde_json::from_str(text).unwrap();
        assert_eq!(
            (options.acquire_timeout_ms, options.peer_lock),
            (5, PeerLock::Auto)
        );
        assert!(serde_json::from_str::<Options>(r#"{"acquireTimeout": 5}"#).is_err());
    }
}
