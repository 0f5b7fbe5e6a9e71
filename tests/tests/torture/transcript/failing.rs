//! Each call to the disk fails, one after the other: once, or from then on, in each way, for every operation of the store.
//!
//! After it the disk is well again and the same writer goes on; then the power goes in one world, and in the other a new writer comes, as
//! after any crash. Both are judged, and the order rules of durability are watched all the time. In memory, so that every call is met.

use std::sync::Arc;
use std::time::Duration;

use latchwork_sys::{
    Dice, Disk, Fault, FaultDisk, FaultOutcome, PowerLoss, SimDisk, System, TraceDisk, TraceRules,
};
use latchwork_testkit::history::{Case, Image, Story, Survives, Told};
use latchwork_tests::workload::{Mood, Move, Writer};

use super::figures::Done;
use super::memory::{self, Heard};
use super::planted;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// No operation makes so many calls.
const CALLS_MAX: u64 = 1_000;
/// A lock that could not be given back is waited for no longer.
const PATIENCE: Duration = Duration::from_millis(3);
/// What the session begins with: nothing, a conversation that goes on, a torn end, damage, the old versions.
const BEGINNINGS: [u64; 6] = [0, TALK, 4, 5, 7, 8];
/// The one that goes on: with turns, and a message that waits.
const TALK: u64 = 3;

/// Files of which nothing is acknowledged: their names may be given before their bytes are durable.
const UNSYNCED: [&str; 13] = [
    ".lock", ".ask", ".latch", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
];

/// The rules that every writer keeps.
pub(crate) fn rules() -> TraceRules {
    TraceRules {
        guarded: vec!["/s.jsonl".to_owned()],
        may_be_unsynced: UNSYNCED.map(str::to_owned).to_vec(),
        ..TraceRules::default()
    }
}

/// The ways in which a call fails.
fn outcomes() -> [FaultOutcome; 6] {
    [
        FaultOutcome::Errno(EIO),
        FaultOutcome::Errno(ENOSPC),
        FaultOutcome::DoneButFailed(EIO),
        FaultOutcome::Interrupted,
        FaultOutcome::Short(3),
        FaultOutcome::Torn {
            bytes: 5,
            errno: ENOSPC,
        },
    ]
}

/// Every case, or every `stride`-th call of each.
pub(crate) fn run(seed: u64, stride: u64) -> Done {
    let mut done = Done::begin(seed);
    let runtime = memory::runtime();
    for beginning in BEGINNINGS {
        let base = runtime.block_on(Base::make(beginning, seed));
        for (name, one) in Move::ALL {
            for outcome in outcomes() {
                for sticky in [false, true] {
                    let sweep = Sweep {
                        base: &base,
                        name,
                        one,
                        outcome: outcome.clone(),
                        sticky,
                        seed,
                    };
                    runtime.block_on(sweep.run(stride, &mut done));
                }
            }
        }
    }
    done.end()
}

/// What each case begins with.
struct Base {
    begun_with: &'static str,
    disk: SimDisk,
    planted: Image,
    story: Story,
}

impl Base {
    async fn make(beginning: u64, seed: u64) -> Self {
        let disk = SimDisk::new(seed);
        let (begun_with, bytes) = planted::kind(beginning);
        memory::plant(&disk, bytes);
        let planted = memory::image(&disk);
        let heard = Arc::new(Heard::at(&disk));
        if beginning == TALK {
            let mut writer = memory::writer(&disk, "p", seed, None, heard.clone());
            for one in [Move::Accept, Move::Turn, Move::Accept] {
                writer.make(one).await;
            }
        }
        Self {
            begun_with,
            disk,
            planted,
            story: Story::of(heard.events()),
        }
    }
}

/// One operation and one way to fail.
struct Sweep<'a> {
    base: &'a Base,
    name: &'static str,
    one: Move,
    outcome: FaultOutcome,
    sticky: bool,
    seed: u64,
}

impl Sweep<'_> {
    async fn run(&self, stride: u64, done: &mut Done) {
        let first = 1 + self.seed % stride;
        let mut nth = first;
        while nth < CALLS_MAX && self.case(nth, done).await {
            nth += stride;
        }
    }

    /// A write that goes out in pieces is one write: whoever goes on with it looks at its lock once.
    fn rules(&self) -> TraceRules {
        let in_pieces = [FaultOutcome::Interrupted, FaultOutcome::Short(3)];
        TraceRules {
            writes_for_a_check: if in_pieces.contains(&self.outcome) {
                u32::MAX
            } else {
                1
            },
            ..rules()
        }
    }

    /// Whether a call failed; none does beyond the last.
    async fn case(&self, nth: u64, done: &mut Done) -> bool {
        let disk = self.base.disk.copy();
        let process: Arc<dyn Disk> = Arc::new(disk.process());
        let faulty = FaultDisk::new(process.clone());
        let (traced, trace) =
            TraceDisk::looking_through(Arc::new(faulty.clone()), process, self.rules());
        let fault = Fault::any(self.outcome.clone()).nth(nth);
        faulty.add(if self.sticky { fault.sticky() } else { fault });
        let system = System {
            disk: Arc::new(traced),
            steps: trace.steps(memory::machine().steps.clone()),
            ..memory::machine().clone()
        };
        let heard = Arc::new(Heard::at(&disk));
        let writer = memory::writer_on(system, "w", self.seed, None, heard.clone());
        let mut writer = writer.patient_for(PATIENCE);
        writer.make(self.one).await;
        let fired = faulty.fired();
        faulty.heal();
        let Some(fired) = fired.first() else {
            return false;
        };
        writer.make(Move::Beside).await;
        done.faults += 1;
        let at = format!(
            "{} of a session that began with {}, call {nth} ({:?} of {}) {:?}{}, seed {}",
            self.name,
            self.base.begun_with,
            fired.operation,
            fired.path.display(),
            self.outcome,
            if self.sticky { " and all later" } else { "" },
            self.seed
        );
        let rules: Vec<String> = trace.broken().iter().map(ToString::to_string).collect();
        done.found(rules.into_iter().map(|rule| format!("order: {rule}")), &at);
        let told = Story::of(heard.events());
        done.calls += told.calls();
        done.acknowledgements += told.acknowledgements();
        let lost = disk.crash(&mut Dice::new(self.seed ^ nth), PowerLoss::Strict);
        let world = |survives| World {
            base: self.base,
            told: &told,
            survives,
            at: &at,
        };
        world(Survives::Device)
            .end(&lost, None, self.seed, done)
            .await;
        world(Survives::Process)
            .end(&disk, Some(writer), self.seed, done)
            .await;
        true
    }
}

/// How it ends: the power goes, or the process does.
struct World<'a> {
    base: &'a Base,
    told: &'a Story,
    survives: Survives,
    at: &'a str,
}

impl World<'_> {
    /// Judges, lets a writer come, judges again.
    async fn end(&self, disk: &SimDisk, writer: Option<Writer>, seed: u64, done: &mut Done) {
        let raw = memory::image(disk);
        done.torn += u64::from(raw.ends_torn());
        self.judge(None, &raw, None, None, done);
        // Its locks go with it.
        drop(writer);
        let heard = Arc::new(Heard::at(disk));
        let mut recovery = memory::writer(disk, "r", seed.wrapping_add(1), None, heard.clone());
        recovery.moves(Mood::Recovery, 1).await;
        let events = heard.events();
        let reported = events
            .iter()
            .rev()
            .find_map(|event| event["reopened"].as_u64());
        if reported.is_none() || !events.iter().any(|event| event["ack"].is_string()) {
            let why: Vec<&str> = events
                .iter()
                .filter_map(|one| one["why"].as_str())
                .collect();
            let what = format!("recovery: it could not be opened, or not be written: {why:?}");
            done.found([what], self.at);
        }
        let reported = reported.and_then(|number| usize::try_from(number).ok());
        let story = Story::of(events);
        let after = memory::image(disk);
        self.judge(
            Some(&raw),
            &after,
            Some(&story),
            Some(reported.unwrap_or(0)),
            done,
        );
    }

    fn judge(
        &self,
        before: Option<&Image>,
        now: &Image,
        recovery: Option<&Story>,
        reported: Option<usize>,
        done: &mut Done,
    ) {
        let of = |story, survives| Told {
            story,
            until: u64::MAX,
            survives,
        };
        let mut told = vec![
            of(&self.base.story, self.survives),
            of(self.told, self.survives),
        ];
        told.extend(recovery.map(|story| of(story, Survives::Process)));
        let case = Case {
            planted: &self.base.planted,
            before,
            now,
            told: &told,
            settled: reported.is_some(),
            reported,
        };
        let power = match self.survives {
            Survives::Device => "then the power went: ",
            Survives::Process => "",
        };
        done.found(case.broken(), &format!("{power}{}", self.at));
    }
}
