//! What is measured of locks and claims, for whoever installs a recorder of the [`metrics`](https://docs.rs/metrics) crate.
//!
//! Without the feature `metrics` nothing is measured. With it and without a recorder it costs a look at a pointer. A wait and a
//! hold are spans of `tracing` as well, of the same names but for the unit (`latchwork_lock_wait`). Units stand in the
//! names. Labels: `phase`, a name of the program's own choice; nothing of a conversation, no path, no session.

use std::time::{Duration, Instant};

use latchwork_lock::Phase;
use tracing::Span;

use crate::{LatchError, Latched};

/// How long a latch was waited for, granted or not: a histogram by `phase` and `outcome` (`granted`, `busy`, `failed`).
pub const WAIT: &str = "latchwork_lock_wait_seconds";
/// How long a latch was held: a histogram by `phase`.
pub const HOLD: &str = "latchwork_lock_hold_seconds";
/// How many requests of this process wait or are just being granted: a gauge.
pub const WAITERS: &str = "latchwork_lock_waiters";
/// Holds that ended because they were too long: a counter by `phase`.
pub const REVOCATIONS: &str = "latchwork_lock_revocations_total";
/// Turns that were taken from another: a counter by `how` (`taken_over`, `handed_over`).
pub const TAKE_OVERS: &str = "latchwork_claim_take_overs_total";

/// One request for a latch. Dropping it ends it, whatever came of it.
#[derive(Debug)]
pub(crate) struct Waiting {
    began: Instant,
    phase: Phase,
}

impl Waiting {
    pub(crate) fn begins(phase: &Phase) -> Self {
        #[cfg(feature = "metrics")]
        metrics::gauge!(WAITERS).increment(1.0);
        Self {
            began: Instant::now(),
            phase: phase.clone(),
        }
    }

    /// The request's span.
    pub(crate) fn span(&self, session: &str) -> Span {
        tracing::debug_span!("latchwork_lock_wait", session, phase = %self.phase)
    }

    pub(crate) fn ended(self, got: &Result<Latched, LatchError>) {
        let outcome = match got {
            Ok(_) => "granted",
            Err(LatchError::Busy { .. }) => "busy",
            Err(_) => "failed",
        };
        histogram(WAIT, &self.phase, Some(outcome), self.began.elapsed());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        #[cfg(feature = "metrics")]
        metrics::gauge!(WAITERS).decrement(1.0);
    }
}

/// The span of a hold.
pub(crate) fn hold_span(session: &str, phase: &Phase) -> Span {
    tracing::debug_span!("latchwork_lock_hold", session, %phase)
}

pub(crate) fn held(phase: &Phase, time: Duration) {
    histogram(HOLD, phase, None, time);
}

pub(crate) fn revoked(phase: &Phase) {
    #[cfg(feature = "metrics")]
    metrics::counter!(REVOCATIONS, "phase" => phase.as_str().to_owned()).increment(1);
    let _ = phase;
}

pub(crate) fn taken_over(how: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!(TAKE_OVERS, "how" => how).increment(1);
    tracing::info!(how, "latchwork_claim_take_over");
}

fn histogram(name: &'static str, phase: &Phase, outcome: Option<&'static str>, time: Duration) {
    #[cfg(feature = "metrics")]
    {
        let mut labels = vec![metrics::Label::new("phase", phase.as_str().to_owned())];
        labels.extend(outcome.map(|outcome| metrics::Label::new("outcome", outcome)));
        metrics::histogram!(name, labels).record(time);
    }
    let _ = (name, phase, outcome, time);
}
