//! Several greedy processes: each wants the lock again as soon as it has given it back, and holds it for a millisecond.

use std::collections::BTreeMap;
use std::fs;

use latchwork_tests::measure::{Contention, Sample, contention};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::worker::{self, Contend};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "crowd";
pub(crate) const CROWDS: [usize; 3] = [2, 4, 8];
pub(crate) const HOLD_MS: f64 = 1.0;

pub(crate) const TOTAL: &str = "total, ms";
pub(crate) const WAIT_P50: &str = "wait p50, ms";
pub(crate) const WAIT_P99: &str = "wait p99, ms";
pub(crate) const WAIT_MAX: &str = "longest wait, ms";
pub(crate) const HAND_OVER: &str = "hand-over p50, ms";
pub(crate) const RATE: &str = "operations a second";
pub(crate) const UNFAIRNESS: &str = "busiest / idlest process";
pub(crate) const BROKEN: &str = "overlaps + lost + doubled + torn";
pub(crate) const ERRORS: &str = "errors at callers";

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::Flock,
    Contender::Never,
    Contender::Always,
    Contender::OpenClaw,
];
/// With this many the control is run, which takes no lock.
const CONTROL: usize = 4;

pub(crate) fn case(crowd: usize) -> String {
    format!("{crowd} processes")
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let mut waits = vec![Vec::new(); CONTENDERS.len()];
    for run in 0..size.long_runs {
        for crowd in CROWDS {
            for (at, who) in CONTENDERS.into_iter().enumerate() {
                if stage.available(&[who]).is_empty() {
                    continue;
                }
                let found = one(stage, size, who, crowd, results)?;
                if Some(&crowd) == CROWDS.last() {
                    waits[at].extend_from_slice(found.waits_ms.values());
                }
            }
            if crowd == CONTROL && run == 0 {
                one(stage, size, Contender::Nothing, crowd, results)?;
            }
        }
    }
    let named = CONTENDERS
        .into_iter()
        .zip(waits)
        .filter(|(_, waits)| !waits.is_empty());
    results.waits = named
        .map(|(who, waits)| (who.name(), Sample::new(waits)))
        .collect();
    Ok(())
}

/// A run with a number of operations to reach, and one that lasts so long.
fn one(
    stage: &Stage,
    size: &Size,
    who: Contender,
    crowd: usize,
    results: &mut Results,
) -> Result<Contention, Failure> {
    let case = case(crowd);
    let numbered = Contend {
        ops: size.crowd_ops,
        seconds: 0,
        hold_us: 1_000,
    };
    let (counted, mut errors) = contend(stage, who, crowd, numbered)?;
    let timed = Contend {
        ops: 0,
        seconds: size.crowd_seconds,
        ..numbered
    };
    let (timed, more) = contend(stage, who, crowd, timed)?;
    worker::merge(&mut errors, more);
    let mut add = |metric, value| {
        results
            .figures
            .add(SECTION, &case, who.name(), metric, value);
    };
    add(TOTAL, Some(counted.total_ms));
    add(WAIT_P50, counted.waits_ms.median());
    add(WAIT_P99, counted.waits_ms.quantile(0.99));
    add(WAIT_MAX, counted.waits_ms.max());
    add(HAND_OVER, counted.hand_overs_ms.median());
    add(RATE, Some(timed.ops as f64 / timed.total_ms * 1e3));
    add(UNFAIRNESS, timed.unfairness());
    add(BROKEN, Some(f64::from(faults(&counted) + faults(&timed))));
    results.count_errors(SECTION, &case, who, ERRORS, &errors);
    Ok(counted)
}

fn contend(
    stage: &Stage,
    who: Contender,
    crowd: usize,
    what: Contend,
) -> Result<(Contention, BTreeMap<String, u64>), Failure> {
    let file = stage.file()?;
    let mut workers = stage.workers(who, &file, crowd)?;
    let (ops, errors) = worker::split(worker::contend(&mut workers, what)?);
    for worker in workers {
        worker.end();
    }
    Ok((contention(&ops, &fs::read_to_string(&file)?), errors))
}

/// Everything that is wrong, as one number.
pub(crate) fn faults(found: &Contention) -> u32 {
    let all = found.overlaps + found.lost + found.doubled + found.torn;
    u32::try_from(all).unwrap_or(u32::MAX)
}
