//! What was wanted of our locks, judged by the figures. Where several runs were made a goal is judged by their median, and
//! exclusion by their worst.

use latchwork_tests::measure::{Figures, Goal, Limit, ratio};

use crate::contender::Contender;
use crate::size::Size;
use crate::{alone, crash, crowd, hand_over, sessions, tasks};

/// The two of ours that are held against the goals.
const OURS: [Contender; 2] = [Contender::Never, Contender::Always];

/// All goals, in the order of the tables.
pub(crate) fn of(figures: &Figures, size: &Size) -> Vec<Goal> {
    let mut goals = Goals {
        figures,
        all: Vec::new(),
    };
    goals.alone();
    for of in OURS {
        for crowd in crowd::CROWDS {
            goals.crowd(of, crowd);
        }
    }
    goals.hand_over();
    goals.crash(size);
    goals.tasks(size);
    goals.sessions(size);
    goals.all
}

// What stands in the way where a goal is not met: said of the goal, once for all whose way it stands in.
const CALLS: &str = "A latch locks two files where `flock` locks one, looks whether each is still the file at its path, and notes who holds it: a cycle is system \
                     calls and little else.";
const FOLDER: &str = "The peers' file appears in the folder and vanishes again in each cycle, and changing a folder costs more than all locks together.";
const AGAINST: &str = "Follows from what a cycle of ours costs; OpenClaw's own rate differs by a third from one run to another.";
const BETWEEN: &str = "Between two holders lies a hand-over. A waiter of ours does more between being woken and having the lock than one of `flock`, and it needs a \
                       core for it, which a busy machine gives late.";
const TURNS: &str = "The kernel wakes those who wait and reserves nothing for them: the first that runs has the lock. How even that is depends on the cores that are free.";
const EXCLUSION: &str = "This must not be: it is a fault, not a cost.";
const DEATH: &str =
    "The kernel frees the locks of a killed process after its memory, and both need a core.";
const KEPT: &str =
    "Something is kept for each session or each cycle; the parts of the table tell which.";

struct Goals<'a> {
    figures: &'a Figures,
    all: Vec<Goal>,
}

impl Goals<'_> {
    fn add(&mut self, what: String, value: Option<f64>, limit: Limit, why: &'static str) {
        self.all.push(Goal {
            what,
            value,
            limit,
            why,
        });
    }

    fn alone(&mut self) {
        let find = |of: Contender, metric| {
            self.figures
                .median(alone::SECTION, alone::CASE, of.name(), metric)
        };
        let p50 = |of| find(of, alone::P50);
        let rate = |of| find(of, alone::RATE);
        let flock = p50(Contender::Flock);
        let raw = p50(Contender::Link)
            .zip(flock)
            .map(|(link, flock)| link + flock);
        let (never, always) = (Contender::Never, Contender::Always);
        let theirs = rate(Contender::OpenClaw);
        let found = [
            (
                "alone, peers' file off: cycle p50 for one of flock",
                ratio(p50(never), flock),
                Limit::AtMost(3.0),
                CALLS,
            ),
            (
                "alone, peers' file on: cycle p50 for one of link plus one of flock",
                ratio(p50(always), raw),
                Limit::AtMost(1.5),
                FOLDER,
            ),
            (
                "alone, peers' file off: cycles for one of OpenClaw",
                ratio(rate(never), theirs),
                Limit::AtLeast(60.0),
                AGAINST,
            ),
            (
                "alone, peers' file on: cycles for one of OpenClaw",
                ratio(rate(always), theirs),
                Limit::AtLeast(12.0),
                AGAINST,
            ),
        ];
        for (what, value, limit, why) in found {
            self.add(what.to_owned(), value, limit, why);
        }
    }

    fn crowd(&mut self, of: Contender, crowd: usize) {
        let case = crowd::case(crowd);
        let find = |of: Contender, metric| {
            self.figures
                .median(crowd::SECTION, &case, of.name(), metric)
        };
        let against = |other, metric| ratio(find(of, metric), find(other, metric));
        let limit = 3.0 * crowd as f64 * crowd::HOLD_MS;
        let worst = |metric| self.figures.worst(crowd::SECTION, &case, of.name(), metric);
        let found = [
            (
                "total for that of flock",
                against(Contender::Flock, crowd::TOTAL),
                Limit::AtMost(1.05),
                BETWEEN,
            ),
            (
                "operations of the busiest for those of the idlest",
                find(of, crowd::UNFAIRNESS),
                Limit::AtMost(1.2),
                TURNS,
            ),
            (
                "wait p99, ms",
                find(of, crowd::WAIT_P99),
                Limit::AtMost(limit),
                TURNS,
            ),
            (
                "longest wait for that of OpenClaw",
                against(Contender::OpenClaw, crowd::WAIT_MAX),
                Limit::AtMost(0.1),
                TURNS,
            ),
            (
                "overlaps, damaged lines, errors",
                both(worst(crowd::BROKEN), worst(crowd::ERRORS)),
                Limit::AtMost(0.0),
                EXCLUSION,
            ),
        ];
        for (what, value, limit, why) in found {
            self.add(format!("{case}, {of}: {what}"), value, limit, why);
        }
    }

    fn hand_over(&mut self) {
        for of in OURS {
            let value = self.figures.median(
                hand_over::SECTION,
                hand_over::CASE,
                of.name(),
                hand_over::P50,
            );
            self.add(
                format!("hand-over, {of}: p50, ms"),
                value,
                Limit::AtMost(0.2),
                BETWEEN,
            );
        }
    }

    fn crash(&mut self, size: &Size) {
        let many = crash::many(size);
        for of in OURS {
            let find =
                |case: &str, metric| self.figures.median(crash::SECTION, case, of.name(), metric);
            let found = [
                (
                    "holder killed",
                    "p50, ms",
                    find(crash::ONE, crash::P50),
                    Limit::AtMost(1.0),
                    DEATH,
                ),
                (
                    "holder killed",
                    "p99, ms",
                    find(crash::ONE, crash::P99),
                    Limit::AtMost(5.0),
                    DEATH,
                ),
                (
                    &many,
                    "crashes after which the exclusion broke",
                    find(&many, crash::BROKEN),
                    Limit::AtMost(0.0),
                    EXCLUSION,
                ),
                (
                    &many,
                    "errors at callers",
                    find(&many, crash::ERRORS),
                    Limit::AtMost(0.0),
                    EXCLUSION,
                ),
            ];
            for (case, what, value, limit, why) in found {
                self.add(format!("{case}, {of}: {what}"), value, limit, why);
            }
        }
    }

    fn tasks(&mut self, size: &Size) {
        let case = tasks::case(size);
        for of in [
            Contender::Never,
            Contender::Always,
            Contender::AlwaysThreaded,
        ] {
            let worst = |metric| self.figures.worst(tasks::SECTION, &case, of.name(), metric);
            let value = both(worst(tasks::BROKEN), worst(tasks::ERRORS));
            let what = format!("{case}, {of}: overlaps, damaged lines, errors");
            self.add(what, value, Limit::AtMost(0.0), EXCLUSION);
        }
    }

    /// "Flat" is less than a byte a cycle: an allocator may still settle, but nothing that is allocated is so small.
    /// Threads: the worker's two, and what the latches may have for waiting.
    fn sessions(&mut self, size: &Size) {
        let case = sessions::case(size);
        let flat = f64::from(size.leak_cycles) / 1024.0;
        for of in OURS {
            for (metric, limit) in [
                (sessions::EACH, 1_024.0),
                (sessions::THREADS, 10.0),
                (sessions::MORE_THREADS, 0.0),
                (sessions::MORE_DESCRIPTORS, 0.0),
                (sessions::GROWTH, flat.ceil()),
                (sessions::LEFT, 0.0),
            ] {
                let value = self
                    .figures
                    .median(sessions::SECTION, &case, of.name(), metric);
                self.add(
                    format!("{case}, {of}: {metric}"),
                    value,
                    Limit::AtMost(limit),
                    KEPT,
                );
            }
        }
    }
}

/// The sum of two numbers, if both were counted.
fn both(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? + other?)
}
