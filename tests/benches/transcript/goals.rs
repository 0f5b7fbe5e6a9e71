//! What was wanted of our transcripts, judged by the medians of the runs. "pi" is the one that OpenClaw carries, by which
//! the goals were set; the tables show the newest, too.

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Figures, Goal, Limit, ratio};

use crate::contender::Contender;
use crate::size::{PEER_ENTRIES_MAX, Size};
use crate::{append, change, device, huge, last, list, open, project};

/// All goals, in the order of the tables.
pub(crate) fn of(figures: &Figures, size: &Size) -> Vec<Goal> {
    let mut goals = Goals {
        figures,
        all: Vec::new(),
    };
    goals.append(size);
    goals.device();
    goals.open(size);
    goals.last(size);
    goals.list(size);
    goals.project(size);
    goals.change();
    goals.huge();
    goals.all
}

// What stands in the way where a goal is not met: said of the goal, once for all whose way it stands in.
const CHECKS: &str = "Around each commit the locks, the claim and the file are looked at again, in eight system calls that cost more than half of it; the \
                      rest is a line made, checked and put into what is known of the session. The bare write is one call.";
const GROWTH: &str = "Something is done for every entry that is there, or the cache of the processor holds less of what is known.";
const AGAINST: &str = "Follows from what an append of ours costs; the peer's own rate differs from one run to another.";
const SYNC: &str = "Between the write and the sync lie the hand-over to a thread that may wait for a disk, and the wake-up of whoever waits.";
const SHARED: &str = "The appends of a round come one after the other before the sync that they share, and each is checked by itself.";
const READING: &str =
    "More of the file is read, or more of it is made into entries, than the context needs.";
const VALUES: &str = "Every message is made into a tree of values, which costs memory that is touched for the first time.";
const KEPT: &str = "More of the file is kept in memory than the context needs.";
const ENTRIES: &str = "A quarter of a millisecond is what it costs (see \"again in the same process\"); the rest is a process that has just begun: its code and its \
memory are touched for the first time.";
const LISTING: &str = "Every transcript is opened and its beginning and end are read and parsed.";
const CHANGED: &str = "The session is read and checked before anything is changed, and what was written is read back before it gets the name.";
const PROJECTING: &str =
    "Each message is decoded, checked and made into a conversation's own types.";

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

    fn append(&mut self, size: &Size) {
        let find = |entries, batch, of: Contender| {
            let case = append::case(entries, batch);
            self.figures
                .median(append::SECTION, &case, of.name(), append::RATE)
        };
        let mut found = Vec::new();
        let (one, many) = (1, append::BATCH);
        for entries in size.append_to.iter().copied() {
            let raw = find(entries, one, Contender::Raw);
            let rate = |batch| find(entries, batch, Contender::Ours);
            let from_values = find(entries, one, Contender::OursOfValues);
            let mut add = |what: &str, value, limit, why| {
                let what = format!("append to {entries} entries: {what}");
                found.push((what, value, Limit::AtLeast(limit), why));
            };
            add(
                "rate for that of one bare write each",
                ratio(rate(one), raw),
                0.2,
                CHECKS,
            );
            let batched = ratio(rate(many), raw);
            add(
                "16 a commit, rate for that of one bare write each",
                batched,
                0.5,
                CHECKS,
            );
            if entries <= PEER_ENTRIES_MAX {
                let pi = find(entries, one, Contender::Pi);
                add(
                    "from values, rate for that of pi",
                    ratio(from_values, pi),
                    2.0,
                    AGAINST,
                );
            }
            if entries == PEER_ENTRIES_MAX {
                let theirs = find(entries, one, Contender::OpenClaw);
                let against = ratio(from_values, theirs);
                add(
                    "from values, rate for that of OpenClaw",
                    against,
                    40_000.0,
                    AGAINST,
                );
            }
            if entries > 0 {
                for (batch, how) in [(one, ""), (many, "16 a commit, ")] {
                    let empty = find(0, batch, Contender::Ours);
                    let what = format!("{how}rate for that to an empty session");
                    add(&what, ratio(rate(batch), empty), 0.9, GROWTH);
                }
            }
        }
        for (what, value, limit, why) in found {
            self.add(what, value, limit, why);
        }
    }

    fn device(&mut self) {
        for (case, limit, why) in [(device::ONE, 1.1, SYNC), (device::SHARED, 1.5, SHARED)] {
            let units = self
                .figures
                .median(device::SECTION, case, device::HELD, device::UNITS);
            let what = format!("device, {case}: in lines and fdatasyncs of the same run");
            self.add(what, units, Limit::AtMost(limit), why);
        }
    }

    fn open(&mut self, size: &Size) {
        let entries = size.open.last().copied().unwrap_or_default();
        let (mixed, linear) = (
            open::case(Shape::Mixed, entries),
            open::case(Shape::Linear, entries),
        );
        let find = |case: &str, of: Contender, metric| {
            self.figures.median(open::SECTION, case, of.name(), metric)
        };
        let for_pi = |case: &str, of| {
            ratio(
                find(case, of, open::MS),
                find(case, Contender::Pi, open::MS),
            )
        };
        let memory = |of| find(&mixed, of, open::MORE_PER_BYTE);
        let found = [
            (
                &mixed,
                "without an index, time for that of pi",
                for_pi(&mixed, Contender::Ours),
                0.01,
                READING,
            ),
            (
                &mixed,
                "with what is saved, time for that of pi",
                for_pi(&mixed, Contender::OursSaved),
                0.001,
                READING,
            ),
            (
                &linear,
                "as values, time for that of pi",
                for_pi(&linear, Contender::OursValues),
                0.143,
                VALUES,
            ),
            (
                &linear,
                "as raw JSON, time for that of pi",
                for_pi(&linear, Contender::Ours),
                0.02,
                READING,
            ),
            (
                &mixed,
                "without an index, memory for the file",
                memory(Contender::Ours),
                0.2,
                KEPT,
            ),
            (
                &mixed,
                "with what is saved, memory for the file",
                memory(Contender::OursSaved),
                0.2,
                KEPT,
            ),
        ];
        for (case, what, value, limit, why) in found {
            let what = format!("open, {case}: {what}");
            self.add(what, value, Limit::AtMost(limit), why);
        }
    }

    fn last(&mut self, size: &Size) {
        for entries in size.last_of.iter().copied() {
            let case = last::case(entries);
            let find = |of: Contender| {
                self.figures
                    .median(last::SECTION, &case, of.name(), last::MS)
            };
            let theirs = find(Contender::OpenClaw);
            let found = [
                ("without an index", find(Contender::Ours)),
                ("with what is saved", find(Contender::OursSaved)),
            ];
            for (how, ours) in found {
                let what = format!("last 50 {case}, {how}: time for that of OpenClaw");
                self.add(what, ratio(ours, theirs), Limit::AtMost(0.01), ENTRIES);
            }
        }
    }

    fn list(&mut self, size: &Size) {
        let case = list::case(size);
        for (metric, limit) in [(list::MS, 0.05), (list::AGAIN_MS, 0.01)] {
            let find = |of: Contender| self.figures.median(list::SECTION, &case, of.name(), metric);
            let value = ratio(find(Contender::Ours), find(Contender::Pi));
            let what = format!("{case}, listed {metric}: for that of pi");
            self.add(what, value, Limit::AtMost(limit), LISTING);
        }
    }

    fn project(&mut self, size: &Size) {
        let case = project::case(size);
        let find = |of, metric| self.figures.median(project::SECTION, &case, of, metric);
        let serialised = find(project::SERDE, project::SERIALISE_MS);
        let found = project::PROTOCOLS.map(|protocol| {
            let what = format!("project {case} for {protocol}: time for that of serialising them");
            (what, ratio(find(protocol, project::PROJECT_MS), serialised))
        });
        for (what, value) in found {
            self.add(what, value, Limit::AtMost(2.0), PROJECTING);
        }
    }

    fn change(&mut self) {
        let find = |case: &str, of: Contender, metric: &str| {
            self.figures
                .median(change::SECTION, case, of.name(), metric)
        };
        let (ours, theirs) = (Contender::Ours, Contender::OpenClaw);
        let of_theirs = |case| {
            let found = ratio(find(case, ours, change::MS), find(case, theirs, change::MS));
            (format!("change, {case}: time for that of OpenClaw"), found)
        };
        let size = |case| {
            let what = format!("change, {case}: the file afterwards, of what it was");
            (what, find(case, ours, change::SIZE))
        };
        let copied = ratio(
            find(change::FORK, ours, change::MS),
            find(change::FORK, Contender::Raw, change::MS),
        );
        let branch = find(change::BRANCH, Contender::OursSaved, change::MS);
        let all = [
            (of_theirs(change::SPREAD), 1.0 / 15.0),
            (of_theirs(change::TAIL), 1.0 / 15.0),
            (size(change::SPREAD), 1.0),
            (size(change::TAIL), 1.0),
            (
                (
                    format!("change, {}: with what is saved, ms", change::BRANCH),
                    branch,
                ),
                5.0,
            ),
            (
                (
                    format!("change, {}: time for that of a copy", change::FORK),
                    copied,
                ),
                1.0,
            ),
        ];
        for ((what, value), limit) in all {
            self.add(what, value, Limit::AtMost(limit), CHANGED);
        }
    }

    fn huge(&mut self) {
        let find = |metric| {
            self.figures
                .median(huge::SECTION, huge::CASE, Contender::Ours.name(), metric)
        };
        let what = "a session of 10 GB opened: memory at its peak, MB".to_owned();
        self.add(what, find(huge::PEAK_MB), Limit::AtMost(100.0), KEPT);
    }
}
