//! One process and nobody else: what taking and giving back a free lock costs.

use latchwork_tests::measure::Sample;

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::worker::Worker;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "alone";
pub(crate) const CASE: &str = "one process";
pub(crate) const RATE: &str = "cycles a second";
pub(crate) const P50: &str = "cycle p50, us";
pub(crate) const P99: &str = "cycle p99, us";

pub(crate) const CONTENDERS: [Contender; 7] = [
    Contender::Flock,
    Contender::Never,
    Contender::Excl,
    Contender::Link,
    Contender::Always,
    Contender::AlwaysThreaded,
    Contender::OpenClaw,
];

/// A run is cut into so many pieces, and the contenders take turns piece by piece: some need but milliseconds for a run.
const PIECES: u32 = 20;
const WARM_UP: u32 = 300;

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let mut workers: Vec<(Contender, Worker)> = Vec::new();
    for who in stage.available(&CONTENDERS) {
        let mut worker = stage.worker(who, &stage.file()?, 0)?;
        worker.cycle(WARM_UP)?;
        workers.push((who, worker));
    }
    for _ in 0..size.runs {
        let mut took = vec![Vec::new(); workers.len()];
        for _ in 0..PIECES {
            for ((_, worker), took) in workers.iter_mut().zip(&mut took) {
                took.extend(worker.cycle(size.cycles / PIECES)?);
            }
        }
        for ((who, _), took) in workers.iter().zip(took) {
            let sample = Sample::new(took.into_iter().map(|nanos: f64| nanos / 1e3));
            let rate = sample.values().len() as f64 / sample.sum() * 1e6;
            let mut add = |metric, value| {
                results
                    .figures
                    .add(SECTION, CASE, who.name(), metric, value);
            };
            add(RATE, Some(rate));
            add(P50, sample.median());
            add(P99, sample.quantile(0.99));
        }
    }
    for (_, worker) in workers {
        worker.end();
    }
    Ok(())
}
