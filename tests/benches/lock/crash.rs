//! The holder is killed: when does a waiter go on, and does the lock still exclude?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use latchwork_tests::measure::{Sample, contention};

use crate::contender::Contender;
use crate::crowd::faults;
use crate::hand_over::phase;
use crate::size::Size;
use crate::stage::Stage;
use crate::worker::{self, Contend, Worker};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "crash";
pub(crate) const ONE: &str = "one waiter";
pub(crate) const P50: &str = "kill to lock had, p50, ms";
pub(crate) const P99: &str = "the same, p99 of all runs, ms";
pub(crate) const BROKEN: &str = "crashes after which the exclusion broke";
pub(crate) const ERRORS: &str = "errors at callers";

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::Flock,
    Contender::Never,
    Contender::Always,
    Contender::OpenClaw,
];
const WAITERS: usize = 6;
/// Of each waiter after the crash.
const OPS: u32 = 5;
/// A holder is not one of those that are judged.
const HOLDER: usize = 99;

pub(crate) fn many(size: &Size) -> String {
    format!("{WAITERS} waiters, {} crashes", size.crashes)
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    latency(stage, size, results)?;
    exclusion(stage, size, results)
}

fn latency(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let mut waiters = Vec::new();
    for who in stage.available(&CONTENDERS) {
        let file = stage.file()?;
        let waiter = stage.worker(who, &file, 0)?;
        waiters.push((who, file, waiter, Vec::new()));
    }
    for _ in 0..size.runs {
        let mut took = vec![Vec::new(); waiters.len()];
        for turn in 0..size.kills {
            for ((who, file, waiter, _), took) in waiters.iter_mut().zip(&mut took) {
                let holder = holder(stage, *who, file)?;
                waiter.tell("acquire");
                thread::sleep(phase(turn));
                let killed = holder.kill();
                took.push((waiter.acquired()? as f64 - killed as f64) / 1e6);
                waiter.release()?;
            }
        }
        for ((who, _, _, all), took) in waiters.iter_mut().zip(took) {
            all.extend_from_slice(&took);
            results
                .figures
                .add(SECTION, ONE, who.name(), P50, Sample::new(took).median());
        }
    }
    for (who, _, waiter, all) in waiters {
        results.figures.add(
            SECTION,
            ONE,
            who.name(),
            P99,
            Sample::new(all).quantile(0.99),
        );
        waiter.end();
    }
    Ok(())
}

fn exclusion(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let case = many(size);
    let mut crowds: Vec<Crowd> = Vec::new();
    for who in stage.available(&CONTENDERS) {
        let file = stage.file()?;
        let waiters = stage.workers(who, &file, WAITERS)?;
        crowds.push(Crowd {
            who,
            file,
            waiters,
            broken: 0,
            errors: BTreeMap::new(),
        });
    }
    for turn in 0..size.crashes {
        for crowd in &mut crowds {
            crowd.crash(stage, turn)?;
        }
    }
    for crowd in crowds {
        let broken = f64::from(crowd.broken);
        results
            .figures
            .add(SECTION, &case, crowd.who.name(), BROKEN, broken);
        results.count_errors(SECTION, &case, crowd.who, ERRORS, &crowd.errors);
        for waiter in crowd.waiters {
            waiter.end();
        }
    }
    Ok(())
}

struct Crowd {
    who: Contender,
    file: PathBuf,
    waiters: Vec<Worker>,
    broken: u32,
    errors: BTreeMap<String, u64>,
}

impl Crowd {
    /// All begin to wait at one moment, as after a message to all; then their holder dies.
    fn crash(&mut self, stage: &Stage, turn: u32) -> Result<(), Failure> {
        // Shortened while nobody holds it: the same file, which the waiters have open.
        fs::write(&self.file, b"")?;
        let holder = holder(stage, self.who, &self.file)?;
        let what = Contend {
            ops: OPS,
            seconds: 0,
            hold_us: 1_000,
        };
        worker::start(&mut self.waiters, what, Duration::from_millis(20));
        thread::sleep(Duration::from_millis(60) + phase(turn));
        holder.kill();
        let (ops, errors) = worker::split(worker::collect(&mut self.waiters)?);
        worker::merge(&mut self.errors, errors);
        let found = contention(&ops, &fs::read_to_string(&self.file)?);
        self.broken += u32::from(faults(&found) > 0);
        Ok(())
    }
}

fn holder(stage: &Stage, who: Contender, file: &Path) -> Result<Worker, Failure> {
    let mut holder = stage.worker(who, file, HOLDER)?;
    holder.tell("acquire");
    holder.acquired()?;
    Ok(holder)
}
