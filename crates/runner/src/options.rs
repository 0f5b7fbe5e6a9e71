//! What can be set about turns.
//!
//! Deliberately not here: where values come from (a layer above reads configuration), and what belongs to one turn
//! alone ([`TurnAsk`](crate::TurnAsk)).

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What can be set about turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How long a phase waits for other writers of its session; milliseconds.
    pub guard_wait_ms: u64,
    /// How long a turn waits for the one under way, where its ask does not say; milliseconds.
    pub claim_wait_ms: u64,
    /// How long the turn under way has to yield to an ask that names no grace of its own; then it is taken over;
    /// milliseconds.
    pub hand_over_grace_ms: u64,
    /// How often a model may be asked within one turn.
    pub rounds_max: u32,
    /// How many tools of one reply run at once.
    pub parallel_tools_max: usize,
    /// How often a write that met contention is tried before what a model or a tool said is given up.
    pub write_attempts_max: u32,
    /// The most tokens that a prompt may have, by our own estimate; `None`: it is not checked.
    pub token_budget: Option<u64>,
    /// The most tokens that a reply may have; `None`: the provider's choice.
    pub max_output_tokens: Option<u32>,
    /// How long interrupted tools may take to stop by themselves; milliseconds.
    pub cancel_grace_ms: u64,
    /// How long the end of a turn (tidying up and giving back the claim) may take; milliseconds.
    pub close_limit_ms: u64,
    /// Whether each finished turn leaves a small entry with its figures (`latchwork.turn`) in the transcript.
    pub ledger: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            guard_wait_ms: 60_000,
            claim_wait_ms: 60_000,
            hand_over_grace_ms: 10_000,
            rounds_max: 50,
            parallel_tools_max: 8,
            write_attempts_max: 3,
            token_budget: None,
            max_output_tokens: None,
            cancel_grace_ms: 2_000,
            close_limit_ms: 10_000,
            ledger: true,
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

/// The longest time that is waited for anything: a day.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

impl Options {
    /// What `guard_wait_ms` may be.
    pub const GUARD_WAIT_MS: RangeInclusive<u64> = 1..=LONGEST_MS;
    /// What `claim_wait_ms` may be; 0 is not at all.
    pub const CLAIM_WAIT_MS: RangeInclusive<u64> = 0..=LONGEST_MS;
    /// What `hand_over_grace_ms` may be.
    pub const HAND_OVER_GRACE_MS: RangeInclusive<u64> = 0..=LONGEST_MS;
    /// What `rounds_max` may be.
    pub const ROUNDS_MAX: RangeInclusive<u64> = 1..=100_000;
    /// What `parallel_tools_max` may be.
    pub const PARALLEL_TOOLS_MAX: RangeInclusive<u64> = 1..=1_024;
    /// What `write_attempts_max` may be.
    pub const WRITE_ATTEMPTS_MAX: RangeInclusive<u64> = 1..=1_000;
    /// What `token_budget` may be, if it is set.
    pub const TOKEN_BUDGET: RangeInclusive<u64> = 1..=1_000_000_000_000;
    /// What `max_output_tokens` may be, if it is set.
    pub const MAX_OUTPUT_TOKENS: RangeInclusive<u64> = 1..=u32::MAX as u64;
    /// What `cancel_grace_ms` may be.
    pub const CANCEL_GRACE_MS: RangeInclusive<u64> = 0..=LONGEST_MS;
    /// What `close_limit_ms` may be: a claim must have a chance to be given back.
    pub const CLOSE_LIMIT_MS: RangeInclusive<u64> = 100..=LONGEST_MS;

    /// Checks that every value can be worked with.
    ///
    /// # Errors
    /// [`BadOptions`] naming the first that cannot.
    pub fn validate(&self) -> Result<(), BadOptions> {
        let most = self.max_output_tokens.map(u64::from);
        let checks = [
            ("guard_wait_ms", self.guard_wait_ms, Self::GUARD_WAIT_MS),
            ("claim_wait_ms", self.claim_wait_ms, Self::CLAIM_WAIT_MS),
            (
                "hand_over_grace_ms",
                self.hand_over_grace_ms,
                Self::HAND_OVER_GRACE_MS,
            ),
            ("rounds_max", self.rounds_max.into(), Self::ROUNDS_MAX),
            (
                "parallel_tools_max",
                self.parallel_tools_max as u64,
                Self::PARALLEL_TOOLS_MAX,
            ),
            (
                "write_attempts_max",
                self.write_attempts_max.into(),
                Self::WRITE_ATTEMPTS_MAX,
            ),
            (
                "token_budget",
                self.token_budget.unwrap_or(1),
                Self::TOKEN_BUDGET,
            ),
            (
                "max_output_tokens",
                most.unwrap_or(1),
                Self::MAX_OUTPUT_TOKENS,
            ),
            (
                "cancel_grace_ms",
                self.cancel_grace_ms,
                Self::CANCEL_GRACE_MS,
            ),
            ("close_limit_ms", self.close_limit_ms, Self::CLOSE_LIMIT_MS),
        ];
        for (name, value, range) in checks {
            if !range.contains(&value) {
                return Err(BadOptions { name, value, range });
            }
        }
        Ok(())
    }

    pub(crate) const fn guard_wait(&self) -> Duration {
        Duration::from_millis(self.guard_wait_ms)
    }

    pub(crate) const fn claim_wait(&self) -> Duration {
        Duration::from_millis(self.claim_wait_ms)
    }

    pub(crate) const fn hand_over_grace(&self) -> Duration {
        Duration::from_millis(self.hand_over_grace_ms)
    }

    pub(crate) const fn cancel_grace(&self) -> Duration {
        Duration::from_millis(self.cancel_grace_ms)
    }

    pub(crate) const fn close_limit(&self) -> Duration {
        Duration::from_millis(self.close_limit_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn the_defaults_are_valid_and_values_that_cannot_work_are_named() {
        assert_eq!(Options::default().validate(), Ok(()));
        type Spoil = fn(&mut Options);
        let bad: [(&str, Spoil); 6] = [
            ("guard_wait_ms", |options| options.guard_wait_ms = 0),
            ("rounds_max", |options| options.rounds_max = 0),
            ("parallel_tools_max", |options| {
                options.parallel_tools_max = 0;
            }),
            ("write_attempts_max", |options| {
                options.write_attempts_max = 0;
            }),
            ("token_budget", |options| options.token_budget = Some(0)),
            ("close_limit_ms", |options| options.close_limit_ms = 99),
        ];
        for (name, spoil) in bad {
            let mut options = Options::default();
            spoil(&mut options);
            assert_eq!(options.validate().unwrap_err().name, name);
        }
    }

    #[test]
    fn settings_are_spelled_as_in_a_file_and_an_unknown_one_is_refused() {
        let options: Options =
            serde_json::from_str(r#"{"rounds_max":3,"token_budget":100}"#).unwrap();
        assert_eq!(
            (options.rounds_max, options.token_budget, options.ledger),
            (3, Some(100), true)
        );
        assert!(serde_json::from_str::<Options>(r#"{"rounds":3}"#).is_err());
    }
}
