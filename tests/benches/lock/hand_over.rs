//! One holder, one waiter: how long the lock belongs to nobody.

use std::thread;
use std::time::Duration;

use latchwork_tests::measure::Sample;

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::worker::Worker;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "hand-over";
pub(crate) const CASE: &str = "one waiter";
pub(crate) const P50: &str = "release called to lock had, p50, ms";
pub(crate) const P99: &str = "the same, p99 of all runs, ms";

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::Flock,
    Contender::Never,
    Contender::Always,
    Contender::OpenClaw,
];

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let mut pairs = Vec::new();
    for who in stage.available(&CONTENDERS) {
        pairs.push((who, stage.workers(who, &stage.file()?, 2)?, Vec::new()));
    }
    for _ in 0..size.runs {
        let mut took = vec![Vec::new(); pairs.len()];
        for turn in 0..size.hand_overs {
            for ((_, pair, _), took) in pairs.iter_mut().zip(&mut took) {
                if let [holder, waiter] = pair.as_mut_slice() {
                    took.push(hand_over(holder, waiter, turn)?);
                }
            }
        }
        for ((who, _, all), took) in pairs.iter_mut().zip(took) {
            all.extend_from_slice(&took);
            results
                .figures
                .add(SECTION, CASE, who.name(), P50, Sample::new(took).median());
        }
    }
    for (who, pair, all) in pairs {
        results.figures.add(
            SECTION,
            CASE,
            who.name(),
            P99,
            Sample::new(all).quantile(0.99),
        );
        for worker in pair {
            worker.end();
        }
    }
    Ok(())
}

fn hand_over(holder: &mut Worker, waiter: &mut Worker, turn: u32) -> Result<f64, Failure> {
    holder.tell("acquire");
    holder.acquired()?;
    waiter.tell("acquire");
    thread::sleep(phase(turn));
    let called = holder.release()?;
    let had = waiter.acquired()?;
    waiter.release()?;
    Ok((had as f64 - called as f64) / 1e6)
}

/// So long that a waiter surely waits, and so varied that one that looks every 50 ms is met at any moment of its pause.
pub(crate) fn phase(turn: u32) -> Duration {
    Duration::from_millis(u64::from(25 + turn * 17 % 53))
}
