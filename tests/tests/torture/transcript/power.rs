//! The power goes: a workload runs once on a disk in memory, is cut after each of its changes, in several ways, recovered by the
//! product and judged; some recoveries are cut again. And the same with kills, which tear the last write.
//!
//! Everything is decided by the seed: a workload is named by its own seed, and a state of it by the change, the way and the dice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchwork_sys::{Choice as _, Dice, OpLog, PowerLoss, SimDisk};
use latchwork_testkit::history::{Case, Image, Story, Survives, Told};
use latchwork_tests::workload::{Mood, Mutant, Numbers};

use super::figures::Done;
use super::memory::{self, Workload};

/// How many ways there are to go on from one change.
const WAYS: u64 = 4;
/// Out of so many recoveries, so many are cut again.
const CUT_AGAIN: (u32, u32) = (3, 10);
/// How many threads there are.
const THREADS: usize = 2;

/// A campaign of states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Power {
    pub(crate) seed: u64,
    /// So many states; or as many as fit into `time`.
    pub(crate) states: u64,
    pub(crate) time: Option<Duration>,
    pub(crate) mutant: Option<Mutant>,
    /// The device says of everything since some moment that it is durable, and it is not.
    pub(crate) lies: bool,
    /// Until something is found.
    pub(crate) until_caught: bool,
}

impl Power {
    pub(crate) fn run(&self) -> Done {
        let (next, begun) = (AtomicU64::new(0), Done::begin(self.seed));
        let states = AtomicU64::new(0);
        let parts: Vec<Done> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| self.part(&next, &states)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        parts.into_iter().fold(begun, Done::and).end()
    }

    /// One thread's share: a workload after the other.
    fn part(&self, next: &AtomicU64, states: &AtomicU64) -> Done {
        let mut done = Done::begin(self.seed);
        let runtime = memory::runtime();
        let is_over = |done: &Done| {
            states.load(Ordering::Relaxed) >= self.states
                || self.time.is_some_and(|time| done.age() >= time)
                || (self.until_caught && !done.broken.is_empty())
        };
        while !is_over(&done) {
            let seed = Numbers(self.seed.wrapping_add(next.fetch_add(1, Ordering::Relaxed))).draw();
            let workload = runtime.block_on(memory::record(seed, self.mutant));
            if self.mutant.is_none() {
                let at = format!("workload {seed} with {}", workload.begun_with);
                done.found(workload.order.iter().cloned(), &at);
            }
            done.calls += workload.story.calls();
            done.acknowledgements += workload.story.acknowledgements();
            for op in 0..=workload.log.len() {
                if is_over(&done) {
                    break;
                }
                for way in 0..WAYS {
                    let before = done.faults;
                    runtime.block_on(self.state(&workload, op, way, &mut done));
                    states.fetch_add(done.faults - before, Ordering::Relaxed);
                }
            }
        }
        done
    }

    /// One state, and perhaps one more from within its recovery.
    async fn state(&self, workload: &Workload, op: usize, way: u64, done: &mut Done) {
        let mut dice = Dice::new(workload.seed ^ (op as u64) << 8 ^ way);
        let (disk, until, survives) = self.cut(&workload.log, op, way, &mut dice);
        let at = || {
            let change = op
                .checked_sub(1)
                .and_then(|last| workload.log.changes().nth(last));
            let change = change.map_or_else(String::new, ToString::to_string);
            format!(
                "workload {} with {}, way {way}, after change {op} ({change})",
                workload.seed, workload.begun_with
            )
        };
        let told = Told {
            story: &workload.story,
            until,
            survives,
        };
        let cut_again = dice.below(CUT_AGAIN.1) < CUT_AGAIN.0;
        let point = Point {
            workload,
            disk: &disk,
            told: &[told],
            before: None,
            at: &at,
        };
        let first = self.recover(&point, cut_again, done).await;
        let Some(recovery) = first.filter(|_| cut_again) else {
            return;
        };
        let op = dice.below(u32::try_from(recovery.log.len() + 1).unwrap_or(1)) as usize;
        let way = u64::from(dice.below(4));
        let (disk, until, then) = self.cut(&recovery.log, op, way, &mut dice);
        let power = [survives, then].contains(&Survives::Device);
        let second = Told {
            story: &recovery.story,
            until,
            survives: then,
        };
        let first = Told {
            // What only the memory of the system had after a kill may go with the power.
            survives: if power {
                Survives::Device
            } else {
                Survives::Process
            },
            ..told
        };
        let stays = survives == Survives::Device || then == Survives::Process;
        let point = Point {
            disk: &disk,
            told: &[first, second],
            before: stays.then_some(&recovery.raw),
            at: &|| {
                format!(
                    "{}, cut again, way {way}, after change {op} of its recovery",
                    at()
                )
            },
            ..point
        };
        self.recover(&point, false, done).await;
    }

    /// What is there after a cut or a kill; the last moment that had come; what it leaves.
    fn cut(self, log: &OpLog, op: usize, way: u64, dice: &mut Dice) -> (SimDisk, u64, Survives) {
        let how = match way {
            _ if self.lies => PowerLoss::FlushLies,
            0 => PowerLoss::Journal,
            1 | 2 => PowerLoss::Strict,
            // The last write may be torn, so whoever made it has heard nothing yet.
            _ => {
                let heard = (op as u64).saturating_sub(1);
                return (log.kill_at(op, dice), heard, Survives::Process);
            }
        };
        (log.crash_at(op, dice, how), op as u64, Survives::Device)
    }

    /// Lets a writer come as after any crash, and judges before and after it.
    async fn recover(&self, point: &Point<'_>, record: bool, done: &mut Done) -> Option<Recovery> {
        done.faults += 1;
        let raw = memory::image(point.disk);
        done.torn += u64::from(raw.ends_torn());
        // What is lost is not there afterwards either; so this is looked at now and then, and where something must have stayed.
        let looks = point.before.is_some() || done.faults.is_multiple_of(4);
        let broken = if looks {
            point.judge(point.before, &raw, point.told, None)
        } else {
            Vec::new()
        };
        if !broken.is_empty() {
            self.found(point, broken, &[("raw", &raw)], done);
            return None;
        }
        if record {
            point.disk.record();
        }
        let listener = Arc::new(memory::Heard::at(point.disk));
        let name = format!("r{}", point.told.len());
        // Chance of its own: what is drawn twice from one seed is the same name.
        let seed = point.workload.seed.wrapping_add(point.told.len() as u64);
        let mut writer = memory::writer(point.disk, &name, seed, self.mutant, listener.clone());
        writer.moves(Mood::Recovery, 1).await;
        drop(writer);
        let (events, after) = (listener.events(), memory::image(point.disk));
        let number = |name: &str| events.iter().rev().find_map(|event| event[name].as_u64());
        let reported = number("reopened").and_then(|number| usize::try_from(number).ok());
        let is_acknowledged = events.iter().any(|event| event["ack"].is_string());
        let why: Vec<&str> = events
            .iter()
            .filter_map(|event| event["why"].as_str())
            .collect();
        let why = why.join("; ");
        let story = Story::of(events);
        let mut told = point.told.to_vec();
        told.push(Told {
            story: &story,
            until: u64::MAX,
            survives: Survives::Process,
        });
        let mut broken = point.judge(Some(&raw), &after, &told, Some(reported.unwrap_or(0)));
        if reported.is_none() || !is_acknowledged {
            broken.push(format!(
                "recovery: it could not be opened, or not be written: {why}"
            ));
        }
        if !broken.is_empty() {
            self.found(point, broken, &[("raw", &raw), ("recovered", &after)], done);
            return None;
        }
        Some(Recovery {
            log: point.disk.log(),
            story,
            raw,
        })
    }

    /// Keeps what was found, with the files of the case unless it is a control's.
    fn found(
        &self,
        point: &Point<'_>,
        broken: Vec<String>,
        images: &[(&str, &Image)],
        done: &mut Done,
    ) {
        let mut at = (point.at)();
        if self.mutant.is_none() && !self.lies {
            let dir = tempfile::tempdir().unwrap().keep();
            for (name, image) in images {
                let bytes = image.transcript.clone().unwrap_or_default();
                std::fs::write(dir.join(format!("{name}.jsonl")), bytes).unwrap();
            }
            at = format!("{at}; files in {}", dir.display());
        }
        done.found(broken, &at);
    }
}

/// A state to recover from.
struct Point<'a> {
    workload: &'a Workload,
    disk: &'a SimDisk,
    told: &'a [Told<'a>],
    /// What must still be there.
    before: Option<&'a Image>,
    /// Where this is, in words.
    at: &'a dyn Fn() -> String,
}

impl Point<'_> {
    fn judge(
        &self,
        before: Option<&Image>,
        now: &Image,
        told: &[Told<'_>],
        reported: Option<usize>,
    ) -> Vec<String> {
        let case = Case {
            planted: &self.workload.planted,
            before,
            now,
            told,
            settled: reported.is_some(),
            reported,
        };
        case.broken()
    }
}

/// A recovery that may be cut itself.
struct Recovery {
    log: OpLog,
    story: Story,
    raw: Image,
}

/// The files of a session on a disk in memory.
pub(crate) const SESSIONS: &str = "/disk/sessions";

/// The path of the transcript.
pub(crate) fn transcript() -> std::path::PathBuf {
    Path::new(SESSIONS).join("s.jsonl")
}
