//! The turn's voice: numbers its events, stamps them, and adds up what was held.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use latchwork_sys::Clock;
use serde::Serialize;

use crate::{GuardFigures, TurnEvent, TurnPhase, Watch, What};

/// Shared by the steps of one turn.
pub(crate) struct Log {
    watch: Arc<dyn Watch>,
    clock: Arc<dyn Clock>,
    began: Duration,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    seq: u64,
    guard: GuardFigures,
    phases: Vec<(TurnPhase, PhaseFigures)>,
}

/// What a phase of the turn came to, all its times together, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhaseFigures {
    /// How often there was one that is over.
    times: u64,
    took_ms: f64,
    /// How often it took a guard.
    guards: u64,
    waited_ms: f64,
    held_ms: f64,
}

impl Told {
    fn figures(&mut self, phase: TurnPhase) -> &mut PhaseFigures {
        let at = self.phases.iter().position(|(known, _)| *known == phase);
        let at = at.unwrap_or_else(|| {
            self.phases.push((phase, PhaseFigures::default()));
            self.phases.len() - 1
        });
        &mut self.phases[at].1
    }
}

impl Log {
    pub(crate) fn new(watch: Arc<dyn Watch>, clock: Arc<dyn Clock>) -> Self {
        let began = clock.monotonic();
        Self {
            watch,
            clock,
            began,
            told: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Milliseconds since `then`.
    pub(crate) fn since(&self, then: Duration) -> f64 {
        millis(self.now().saturating_sub(then))
    }

    pub(crate) fn total_ms(&self) -> f64 {
        self.since(self.began)
    }

    pub(crate) fn tell(&self, what: What) {
        let seq = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.seq += 1;
            told.seq
        };
        self.watch.event(&TurnEvent {
            seq,
            ms: self.total_ms(),
            what,
        });
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!(%text, "a turn goes on with a warning");
        self.tell(What::Warning { text });
    }

    pub(crate) fn taken(&self, phase: TurnPhase, waited_ms: f64) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.guard.taken += 1;
            told.guard.longest_wait_ms = told.guard.longest_wait_ms.max(waited_ms);
            let figures = told.figures(phase);
            figures.guards += 1;
            figures.waited_ms += waited_ms;
        }
        self.tell(What::GuardTaken { phase, waited_ms });
    }

    pub(crate) fn released(&self, phase: TurnPhase, held_ms: f64) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.guard.held_ms += held_ms;
            told.guard.longest_hold_ms = told.guard.longest_hold_ms.max(held_ms);
            told.figures(phase).held_ms += held_ms;
        }
        self.tell(What::GuardReleased { phase, held_ms });
    }

    pub(crate) fn guard(&self) -> GuardFigures {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .guard
    }

    /// The phases so far, in the order in which they came.
    pub(crate) fn phases(&self) -> Vec<(TurnPhase, PhaseFigures)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.phases.clone()
    }

    /// Tells that a phase begins, and, when the value is dropped, that it is over.
    pub(crate) fn phase(self: &Arc<Self>, phase: TurnPhase) -> InPhase {
        self.tell(What::PhaseStarted { phase });
        InPhase {
            log: self.clone(),
            phase,
            since: self.now(),
        }
    }
}

/// A phase that is under way.
pub(crate) struct InPhase {
    log: Arc<Log>,
    phase: TurnPhase,
    since: Duration,
}

impl Drop for InPhase {
    fn drop(&mut self) {
        let took_ms = self.log.since(self.since);
        {
            let told = &self.log.told;
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let figures = told.figures(self.phase);
            figures.times += 1;
            figures.took_ms += took_ms;
        }
        self.log.tell(What::PhaseEnded {
            phase: self.phase,
            took_ms,
        });
    }
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    let micros =
        u32::try_from(time.as_micros()).map_or_else(|_| time.as_secs_f64() * 1e6, f64::from);
    micros / 1e3
}

#[cfg(test)]
mod tests {
    use super::{Log, millis};
    use crate::{TurnEvent, TurnPhase};
    use latchwork_sys::RealClock;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    #[test]
    fn events_are_numbered_without_gaps_and_a_phase_that_fails_still_ends() {
        let seen = Arc::new(Mutex::new(Vec::<TurnEvent>::new()));
        let sink = seen.clone();
        let watch = move |event: &TurnEvent| sink.lock().unwrap().push(event.clone());
        let log = Arc::new(Log::new(Arc::new(watch), Arc::new(RealClock)));
        {
            let _prepare = log.phase(TurnPhase::Prepare);
            log.taken(TurnPhase::Prepare, 2.0);
            log.released(TurnPhase::Prepare, 3.0);
        }
        let seen = seen.lock().unwrap();
        assert_eq!(
            seen.iter().map(|event| event.seq).collect::<Vec<_>>(),
            [1, 2, 3, 4]
        );
        assert!(
            serde_json::to_string(&seen[3])
                .unwrap()
                .contains("phaseEnded")
        );
        let figures = log.guard();
        assert_eq!(
            (figures.taken, figures.held_ms, figures.longest_wait_ms),
            (1, 3.0, 2.0)
        );
        // Whoever is told of it next must not find the list taken.
        drop(seen);
        log.taken(TurnPhase::Prepare, 0.5);
        let phases = log.phases();
        let (phase, figures) = phases.first().copied().unwrap();
        assert_eq!((phase, phases.len()), (TurnPhase::Prepare, 1));
        assert_eq!((figures.times, figures.guards), (1, 2));
        assert_eq!((figures.waited_ms, figures.held_ms), (2.5, 3.0));
    }

    #[test]
    fn milliseconds_keep_their_microseconds() {
        assert_eq!(millis(Duration::from_micros(1_234)), 1.234);
        assert_eq!(millis(Duration::from_secs(7_200)), 7_200_000.0);
    }
}
