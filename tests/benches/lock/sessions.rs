//! Very many sessions in one process: what an idle one costs, and what is left after many cycles.

use serde::Deserialize;

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "sessions";
pub(crate) const EACH: &str = "bytes of an idle session";
pub(crate) const GROWTH: &str = "memory gained by the cycles, KiB";
pub(crate) const UNYIELDING: &str = "memory gained by 10,000 more that never yield, KiB";
pub(crate) const THREADS: &str = "threads at the end";
pub(crate) const MORE_THREADS: &str = "threads gained by the cycles";
pub(crate) const DESCRIPTORS: &str = "descriptors at the end";
pub(crate) const MORE_DESCRIPTORS: &str = "descriptors gained by the cycles";
pub(crate) const LEFT: &str = "files left behind";
pub(crate) const RATE: &str = "cycles a second";

pub(crate) const CONTENDERS: [Contender; 2] = [Contender::Never, Contender::Always];

pub(crate) fn case(size: &Size) -> String {
    format!("{} sessions, {} cycles", size.sessions, size.leak_cycles)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    before: Usage,
    idle: Usage,
    after: Usage,
    unyielding: Usage,
    took_ns: f64,
    left: u32,
}

/// Memory in bytes.
#[derive(Debug, Deserialize)]
struct Usage {
    rss: f64,
    threads: f64,
    descriptors: f64,
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let case = case(size);
    for who in stage.available(&CONTENDERS) {
        let mut worker = stage.worker(who, &stage.file()?, 0)?;
        worker.tell(&format!("sessions {} {}", size.sessions, size.leak_cycles));
        let told: Told = serde_json::from_str(&worker.answer_after("sessions")?)?;
        worker.end();
        let mut add = |metric, value: f64| {
            results
                .figures
                .add(SECTION, &case, who.name(), metric, value);
        };
        let (before, idle, after) = (&told.before, &told.idle, &told.after);
        add(RATE, f64::from(size.leak_cycles) / told.took_ns * 1e9);
        add(EACH, (idle.rss - before.rss) / f64::from(size.sessions));
        add(GROWTH, (after.rss - idle.rss) / 1024.0);
        add(UNYIELDING, (told.unyielding.rss - after.rss) / 1024.0);
        add(THREADS, after.threads);
        add(MORE_THREADS, after.threads - idle.threads);
        add(DESCRIPTORS, after.descriptors);
        add(MORE_DESCRIPTORS, after.descriptors - idle.descriptors);
        add(LEFT, f64::from(told.left));
    }
    Ok(())
}
