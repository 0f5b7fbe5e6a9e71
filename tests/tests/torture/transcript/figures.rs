//! What a campaign has done: told past the capture of the harness, and kept for the page where a file is named.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

/// What was done and what was found.
#[derive(Debug)]
pub(crate) struct Done {
    seed: u64,
    began: Instant,
    took: Duration,
    cpu: Duration,
    /// Kills, or states.
    pub(crate) faults: u64,
    /// Of them, those that left a torn end.
    pub(crate) torn: u64,
    pub(crate) calls: usize,
    pub(crate) acknowledgements: usize,
    /// The broken invariants, with where to find the case.
    pub(crate) broken: Vec<String>,
}

/// So many broken invariants are kept.
const BROKEN_MAX: usize = 20;

impl Done {
    pub(crate) fn begin(seed: u64) -> Self {
        Self {
            seed,
            began: Instant::now(),
            took: Duration::ZERO,
            cpu: cpu_time(),
            faults: 0,
            torn: 0,
            calls: 0,
            acknowledgements: 0,
            broken: Vec::new(),
        }
    }

    /// With what another part has done.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.faults += other.faults;
        self.torn += other.torn;
        self.calls += other.calls;
        self.acknowledgements += other.acknowledgements;
        self.broken.extend(other.broken);
        self
    }

    pub(crate) fn end(mut self) -> Self {
        self.took = self.began.elapsed();
        self.cpu = cpu_time().saturating_sub(self.cpu);
        self
    }

    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn found(&mut self, broken: impl IntoIterator<Item = String>, at: &str) {
        let room = BROKEN_MAX.saturating_sub(self.broken.len());
        let told = broken.into_iter().take(room);
        self.broken
            .extend(told.map(|what| format!("{what} [{at}]")));
    }

    /// One line for people, and one for the page.
    pub(crate) fn say(&self, what: &str) {
        self.say_of("transcript", what);
    }

    /// The same of another campaign.
    pub(crate) fn say_of(&self, campaign: &str, what: &str) {
        let seconds = self.took.as_secs_f64();
        let rate = self.faults as f64 / seconds.max(0.001);
        let cpu = self.cpu.as_secs_f64();
        say(&format!(
            "{campaign}, {what}: seed {}, {} in {seconds:.1} s ({rate:.0}/s, {cpu:.1} s of processor time here), {} left a torn end, {} calls, {} acknowledgements, {} broken",
            self.seed,
            self.faults,
            self.torn,
            self.calls,
            self.acknowledgements,
            self.broken.len(),
        ));
        if let Some(path) = crate::choice::figures() {
            let line = json!({ "what": what, "seed": self.seed, "faults": self.faults, "seconds": seconds, "cpu": cpu, "torn": self.torn,
                "calls": self.calls, "acknowledgements": self.acknowledgements, "broken": self.broken.len() });
            add(&path, &line);
        }
    }
}

/// Something that could not be done here: told past the capture as well, and on the page.
pub(crate) fn skipped(what: &str, why: &str) {
    say(&format!("transcript, {what}: SKIPPED: {why}"));
    if let Some(path) = crate::choice::figures() {
        add(&path, &json!({ "what": what, "skipped": why }));
    }
}

/// One line for the page.
pub(crate) fn add(path: &str, line: &serde_json::Value) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    writeln!(file, "{line}").unwrap();
}

/// What this process has used.
fn cpu_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        used.tv_sec.unsigned_abs(),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

/// Past the capture of the harness: how much was done is part of the result.
pub(crate) fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}
