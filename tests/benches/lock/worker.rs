//! One contender as a process: it is told a line and answers with a line.

use std::collections::BTreeMap;
use std::time::Duration;

use latchwork_testkit::program::Live;
use latchwork_tests::measure::Op;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

use crate::Failure;
use crate::contender::Contender;

/// How long all of a crowd have to get to the start.
const HEAD_START: Duration = Duration::from_millis(100);

pub(crate) struct Worker {
    who: Contender,
    live: Live,
}

/// What a contender did, as it says itself.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    pub(crate) ops: Vec<Op>,
    pub(crate) errs: BTreeMap<String, u64>,
}

/// What a crowd is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contend {
    pub(crate) ops: u32,
    pub(crate) seconds: u32,
    pub(crate) hold_us: u32,
}

impl Worker {
    pub(crate) fn new(who: Contender, live: Live) -> Self {
        Self { who, live }
    }

    pub(crate) fn tell(&mut self, command: &str) {
        self.live.send(format!("{command}\n"));
    }

    /// The rest of the answer, which must begin with that word.
    pub(crate) fn answer(&mut self, word: &str) -> Result<String, Failure> {
        let line = self.live.next_line().ok_or_else(|| {
            let said = self.live.stderr_so_far();
            format!(
                "the worker of {} ended instead of `{word}`:\n{said}",
                self.who
            )
        })?;
        let rest = line.strip_prefix(word).map(|rest| rest.trim().to_owned());
        Ok(rest.ok_or_else(|| {
            format!(
                "the worker of {} said {line:?} instead of `{word}`",
                self.who
            )
        })?)
    }

    /// The same, after any number of lines that say that it is still at work.
    pub(crate) fn answer_after(&mut self, word: &str) -> Result<String, Failure> {
        loop {
            let rest = self.answer("")?;
            if let Some(rest) = rest.strip_prefix(word) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    pub(crate) fn ask(&mut self, command: &str, word: &str) -> Result<String, Failure> {
        self.tell(command);
        self.answer(word)
    }

    /// Acquires and releases so many times; nanoseconds for each.
    pub(crate) fn cycle(&mut self, cycles: u32) -> Result<Vec<f64>, Failure> {
        Ok(serde_json::from_str(
            &self.ask(&format!("cycle {cycles}"), "cycled")?,
        )?)
    }

    /// The moment at which it got the lock that it was told to acquire.
    pub(crate) fn acquired(&mut self) -> Result<u64, Failure> {
        Ok(self.answer("acquired")?.parse()?)
    }

    /// Releases; the moment at which it began to.
    pub(crate) fn release(&mut self) -> Result<u64, Failure> {
        let moments = self.ask("release", "released")?;
        let called = moments.split_ascii_whitespace().next().unwrap_or_default();
        Ok(called.parse()?)
    }

    /// Kills it where it stands; the moment before.
    pub(crate) fn kill(self) -> u64 {
        let at = now();
        self.live.kill();
        at
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) {
        self.tell("exit");
        self.live.wait();
    }
}

/// Lets all of them contend from one moment on.
pub(crate) fn contend(workers: &mut [Worker], what: Contend) -> Result<Vec<Done>, Failure> {
    start(workers, what, HEAD_START);
    collect(workers)
}

/// Tells them to, from a moment on that lies so far ahead.
pub(crate) fn start(workers: &mut [Worker], what: Contend, ahead: Duration) {
    let start = now() + u64::try_from(ahead.as_nanos()).unwrap_or(0);
    let Contend {
        ops,
        seconds,
        hold_us,
    } = what;
    for worker in workers {
        worker.tell(&format!("contend {start} {ops} {seconds} {hold_us} 0"));
    }
}

pub(crate) fn collect(workers: &mut [Worker]) -> Result<Vec<Done>, Failure> {
    let mut all = Vec::new();
    for worker in workers {
        all.push(serde_json::from_str(&worker.answer("done")?)?);
    }
    Ok(all)
}

/// The operations of each contender alone, and all errors together.
pub(crate) fn split(all: Vec<Done>) -> (Vec<Vec<Op>>, BTreeMap<String, u64>) {
    let (mut ops, mut errors) = (Vec::new(), BTreeMap::new());
    for done in all {
        ops.push(done.ops);
        merge(&mut errors, done.errs);
    }
    (ops, errors)
}

/// Adds the errors of another to these.
pub(crate) fn merge(errors: &mut BTreeMap<String, u64>, others: BTreeMap<String, u64>) {
    for (code, times) in others {
        *errors.entry(code).or_default() += times;
    }
}

/// The monotonic clock, as the workers read it.
pub(crate) fn now() -> u64 {
    let at = clock_gettime(ClockId::Monotonic);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(at.tv_sec) * 1_000_000_000 + part(at.tv_nsec)
}
