//! What was found, for the terminal and as `docs/performance/lock.md`.
//!
//! All words that do not depend on a run stand here, so that a new run replaces the whole document.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use latchwork_tests::measure::{Goal, Table, Verdict};

use crate::machine::{self, Machine};
use crate::size::Size;
use crate::{Failure, Results, alone, crash, crowd, hand_over, plot, say, sessions, tasks};

pub(crate) struct Report<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) size: &'a Size,
    pub(crate) quick: bool,
    pub(crate) took: Duration,
    pub(crate) load_after: String,
    pub(crate) goals: Vec<Goal>,
    pub(crate) results: &'a Results,
}

/// The parts, and how each was measured.
const PARTS: [(&str, &str, &str); 6] = [
    (alone::SECTION, "Alone", ALONE),
    (crowd::SECTION, "A crowd", CROWD),
    (hand_over::SECTION, "Hand-over", HAND_OVER),
    (crash::SECTION, "The holder is killed", CRASH),
    (tasks::SECTION, "Tasks of one process", TASKS),
    (sessions::SECTION, "Many sessions in one process", SESSIONS),
];

const ALONE: &str = "One process takes and gives back a lock that nobody else wants, on one file, with nothing in between.";
const CROWD: &str = "So many processes, started together, each wanting the lock again as soon as it has given it back. Under the lock: take the file's \
size, sleep 1 ms, write one line at that size. Total, waits and hand-overs are of a run in which each has a number of operations to do; the rate and the \
ratio of the busiest to the idlest are of one that lasts so many seconds. A hand-over is from the end of one process's section to the start of another's. \
The control takes no lock, and must be found broken.";
const HAND_OVER: &str = "One holder, one waiter that has waited 25 to 77 ms, so that a contender that looks every 50 ms is met at any moment of its pause.";
const CRASH: &str = "The holder is killed (SIGKILL) while one waiter waits; and, for the exclusion, while six wait that began at one moment and then each do \
five operations.";
const TASKS: &str = "Sixteen tasks of one process want one lock and sleep 1 ms under it.";
const SESSIONS: &str = "One process takes and gives back the latch of each session once, then goes over them in turn. Memory is resident memory as the \
kernel counts it, before, after the first round, and after the cycles.";

const HOW_TO_READ: &str = "\
Each cell is the median of its runs, with the lowest and the highest run in brackets where there were several. All contenders are processes that speak one \
protocol and time themselves on the machine's monotonic clock; each run goes through all of them before the next begins, so that noise hits all alike. \
Compare within one document only: the same machine gives other numbers on another day.

- **ours**: a latch as it is set when nothing is set, with the peers' lock file. **peers' file off**: `peer_lock = never`.
- **flock**: `open`, `flock`, `close`, and nothing else. **excl**: `open(O_EXCL)`, `write`, `close`, `unlink`. **link**: the same under a temporary name, \
`link`, `unlink`, and `unlink` to release.
- **OpenClaw**: its own function `acquireSessionWriteLock` under Node, its processes named so that they respect each other.";

const BUSY: &str = "**The machine was busy with other work when this began (see the load): every figure is noisy, those of the slowest hundredth most.**";

const BY_ANOTHER: &str = "\
Ours can be measured by another harness: `cargo build --release -p latchwork-tests --bin lock-worker` builds a process that takes its lock when it is told \
to, one command a line; `tests/lock_worker/protocol.rs` has the commands.";

const WHY_NOT: &str = "\
Why those that are not met are not. One that is missed by little may be met on an idle machine, and one that is met by little may be missed on a busy one: see \
the load.

";

const NOT_MEASURED: &str = "\
- Durability: no lock calls fsync, and neither does this.
- Network filesystems, other kernels than this, and machines with many cores.
- Our locks and OpenClaw's over one file at once: `cargo test -p latchwork-tests --test interop` proves their exclusion and times nothing.
- The memory of a session that is held, and of one that was used by the store above the latch.
- A holder that is stopped rather than dead: it keeps its lock, by design.";

impl Report<'_> {
    pub(crate) fn for_the_terminal(&self) -> String {
        let mut text = String::new();
        for (section, title, _) in PARTS {
            let table = Table::of_section(&self.results.figures, section);
            if !table.is_empty() {
                let _ = writeln!(text, "\n{title}\n{}", table.aligned());
            }
        }
        for line in self.results.errors.iter().chain(&self.results.missing) {
            let _ = writeln!(text, "! {line}");
        }
        let _ = writeln!(text, "\nGoals\n{}", Table::of_goals(&self.goals).aligned());
        let _ = writeln!(
            text,
            "{}; {:.0} s; load after: {}",
            self.summary(),
            self.took.as_secs_f64(),
            self.load_after
        );
        text
    }

    /// Writes the document and its plot.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("lock.svg"), plot::draw(self.results)?)?;
        fs::write(folder.join("lock.md"), self.markdown())?;
        say("Written: docs/performance/lock.md and lock.svg.");
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = String::from("# What locks cost\n\n");
        let _ = writeln!(
            text,
            "Written by `cargo xtask bench lock -- --write`; do not edit. It took {:.0} s.\n",
            self.took.as_secs_f64()
        );
        if self.quick {
            let _ = writeln!(
                text,
                "**A quick run (`--quick`): these figures mean little.**\n"
            );
        }
        if machine::was_busy(&self.machine.load_before) {
            let _ = writeln!(text, "{BUSY}\n");
        }
        for (name, value) in self.machine.facts() {
            let _ = writeln!(text, "- {name}: {value}");
        }
        let _ = writeln!(
            text,
            "- Load after (the measurement itself makes some): {}",
            self.load_after
        );
        let _ = writeln!(
            text,
            "- Runs: {}\n\n{HOW_TO_READ}\n\n{BY_ANOTHER}\n\n![{ALT}](lock.svg)\n",
            self.runs()
        );
        let _ = writeln!(
            text,
            "## Goals\n\n{}.\n\n{}\n{}",
            self.summary(),
            Table::of_goals(&self.goals).markdown(),
            self.why()
        );
        for (section, title, how) in PARTS {
            let table = Table::of_section(&self.results.figures, section);
            if !table.is_empty() {
                let _ = writeln!(text, "## {title}\n\n{how}\n\n{}", table.markdown());
            }
        }
        if !self.results.errors.is_empty() {
            let _ = writeln!(text, "## Errors that callers saw\n");
            for line in &self.results.errors {
                let _ = writeln!(text, "- {line}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "## What is not measured\n");
        for line in &self.results.missing {
            let _ = writeln!(text, "- {line}");
        }
        let _ = writeln!(text, "{NOT_MEASURED}");
        text
    }

    fn runs(&self) -> String {
        let Size {
            runs,
            long_runs,
            cycles,
            crowd_ops,
            crowd_seconds,
            hand_overs,
            kills,
            ..
        } = self.size;
        format!(
            "{runs} of {cycles} cycles alone, of {hand_overs} hand-overs and of {kills} kills; {long_runs} of {crowd_ops} operations a process and of \
             {crowd_seconds} s in a crowd, and of tasks; one each of the crashes and of the sessions"
        )
    }

    /// What stands in the way of the goals that are not met, each reason once.
    fn why(&self) -> String {
        let missed = self
            .goals
            .iter()
            .filter(|goal| goal.verdict() == Verdict::NotMet);
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for goal in missed {
            match reasons.iter_mut().find(|(why, _)| *why == goal.why) {
                Some((_, goals)) => goals.push(&goal.what),
                None => reasons.push((goal.why, vec![&goal.what])),
            }
        }
        if reasons.is_empty() {
            return String::new();
        }
        let mut text = String::from(WHY_NOT);
        for (why, goals) in reasons {
            let _ = writeln!(text, "- {why} ({})", goals.join("; "));
        }
        text
    }

    fn summary(&self) -> String {
        let count = |verdict| {
            self.goals
                .iter()
                .filter(|goal| goal.verdict() == verdict)
                .count()
        };
        format!(
            "Of {} goals {} are met, {} are not, {} were not measured",
            self.goals.len(),
            count(Verdict::Met),
            count(Verdict::NotMet),
            count(Verdict::NotMeasured)
        )
    }
}

const ALT: &str = "Median and 99th percentile of a cycle alone, of a hand-over and of a take-over after a kill; share of waits in a crowd of eight";
