//! A small store that appends lines and replaces its file is cut at every change, recovers, and is cut again within the recovery. As it is, it loses
//! nothing that it acknowledged; without any one of its syncs it is caught.
//!
//! The controls are the same program on a disk that says of one kind of sync that it was done.

use std::io;
use std::path::Path;
use std::sync::Arc;

use latchwork_sys::{
    Choice, Dice, Disk, Entropy, Fault, FaultDisk, FaultOutcome, OpenHow, Operation, PowerLoss,
    SimDisk, read_at_most, write_whole,
};

const DIR: &str = "/s";
const FILE: &str = "/s/s.jsonl";

/// Names from a seed, so that a run can be repeated.
#[derive(Debug)]
struct Seeded(std::sync::Mutex<Dice>);

impl Entropy for Seeded {
    fn fill(&self, buf: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        buf.fill_with(|| dice.bits() as u8);
    }
}

/// One promise: what the file holds from when to when.
struct Promise {
    begun: u64,
    kept_from: u64,
    lines: Vec<u64>,
}

/// What a run of the store did to a disk.
struct Run {
    start: Vec<u64>,
    promises: Vec<Promise>,
}

fn line(number: u64, dice: &mut Dice) -> String {
    let length = 1 + dice.below(1500) as usize;
    format!("{number} {length} {}\n", "x".repeat(length))
}

fn whole_line(line: &str) -> Option<u64> {
    let mut parts = line.strip_suffix('\n')?.split(' ');
    let (number, length, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = length.parse() == Ok(rest.len()) && rest.bytes().all(|byte| byte == b'x');
    number.parse().ok().filter(|_| is_whole)
}

/// The whole lines from the beginning, and how many bytes they are.
fn recover(disk: &dyn Disk) -> (Vec<u64>, usize, Vec<u8>) {
    let Ok(file) = disk.open(Path::new(FILE), &OpenHow::reading()) else {
        return Default::default();
    };
    let bytes = read_at_most(&*file, 1 << 20).unwrap();
    let (mut lines, mut end) = (Vec::new(), 0);
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(number) = std::str::from_utf8(piece).ok().and_then(whole_line) else {
            break;
        };
        lines.push(number);
        end += piece.len();
    }
    (lines, end, bytes)
}

/// Recovers, then appends lines and replaces the file now and then.
fn work(sim: &SimDisk, disk: &dyn Disk, dice: &mut Dice) -> io::Result<Run> {
    let (start, end, bytes) = recover(disk);
    let entropy = Seeded(std::sync::Mutex::new(dice.clone()));
    let mut run = Run {
        start,
        promises: Vec::new(),
    };
    let replace = |run: &mut Run, lines: Vec<u64>, bytes: &[u8]| {
        let begun = sim.position();
        write_whole(disk, &entropy, Path::new(FILE), bytes, 0o600).map_err(|error| error.source)?;
        run.promises.push(Promise {
            begun,
            kept_from: sim.position(),
            lines,
        });
        io::Result::Ok(())
    };
    if end < bytes.len() {
        let lines = run.start.clone();
        replace(&mut run, lines, &bytes[..end])?;
    }
    let mut file = disk.open(Path::new(FILE), &OpenHow::appending().or_create())?;
    disk.sync_dir(Path::new(DIR))?;
    let mut next = run.start.last().map_or(0, |last| last + 1);
    for _ in 0..2 + dice.below(4) {
        let mut lines = run
            .promises
            .last()
            .map_or(&run.start, |last| &last.lines)
            .clone();
        if dice.below(4) == 0 && lines.len() > 1 {
            lines.drain(..lines.len() / 2);
            let text: String = lines.iter().map(|number| line(*number, dice)).collect();
            replace(&mut run, lines, text.as_bytes())?;
            file = disk.open(Path::new(FILE), &OpenHow::appending())?;
            continue;
        }
        let begun = sim.position();
        file.append(line(next, dice).as_bytes())?;
        file.sync_all()?;
        lines.push(next);
        next += 1;
        run.promises.push(Promise {
            begun,
            kept_from: sim.position(),
            lines,
        });
    }
    Ok(run)
}

impl Run {
    /// Whether these lines may be there after a cut at this change.
    fn allows(&self, ops: u64, lines: &[u64]) -> bool {
        let kept = self
            .promises
            .iter()
            .rfind(|promise| promise.kept_from <= ops);
        let under_way = |promise: &&Promise| promise.begun <= ops && promise.kept_from > ops;
        let under_way = self.promises.iter().find(under_way);
        kept.map_or(&self.start, |promise| &promise.lines) == lines
            || under_way.is_some_and(|promise| promise.lines == lines)
    }
}

/// How many of the runs lost something, and how many states were looked at.
fn campaign(runs: u64, how: PowerLoss, control: Option<&Fault>) -> (u64, u64) {
    let (mut broken, mut states) = (0, 0);
    for seed in 0..runs {
        let mut dice = Dice::new(seed);
        let sim = SimDisk::new(seed);
        let machine = sim.process();
        machine.create_dir(Path::new(DIR), 0o700).unwrap();
        machine.sync_dir(Path::new("/")).unwrap();
        broken += u64::from(!holds(&sim.copy(), how, control, &mut dice, 2, &mut states));
    }
    (broken, states)
}

fn holds(
    sim: &SimDisk,
    how: PowerLoss,
    control: Option<&Fault>,
    dice: &mut Dice,
    depth: u32,
    states: &mut u64,
) -> bool {
    sim.record();
    let disk = FaultDisk::new(Arc::new(sim.process()));
    if let Some(fault) = control {
        disk.add(fault.clone());
    }
    let run = work(sim, &disk, dice).unwrap();
    let log = sim.log();
    for ops in 0..=log.len() {
        for _ in 0..2 {
            *states += 1;
            let after = log.crash_at(ops, dice, how);
            let (lines, ..) = recover(&after.process());
            let again = depth > 1 && dice.below(10) < 3;
            if !run.allows(ops as u64, &lines)
                || again && !holds(&after, how, control, dice, depth - 1, states)
            {
                return false;
            }
        }
    }
    true
}

fn lies(on: Operation, at: &str) -> Fault {
    Fault::on(on, FaultOutcome::LyingSync).at(at).sticky()
}

#[test]
fn a_store_that_syncs_what_it_must_loses_nothing_that_it_acknowledged() {
    for how in [PowerLoss::Journal, PowerLoss::Strict] {
        let (broken, states) = campaign(30, how, None);
        assert_eq!(broken, 0, "{how:?}");
        assert!(states > 2_000, "only {states} states");
    }
}

#[test]
fn a_store_without_any_one_of_its_syncs_is_caught() {
    for (what, fault) in [
        (
            "the file before it is acknowledged",
            lies(Operation::Sync, "s.jsonl"),
        ),
        (
            "the file before it is renamed",
            lies(Operation::Sync, ".tmp"),
        ),
        ("any name", lies(Operation::SyncDir, DIR)),
        (
            "the name of a new file",
            Fault::on(Operation::SyncDir, FaultOutcome::LyingSync),
        ),
        (
            "the name after a rename",
            lies(Operation::SyncDir, DIR).nth(2),
        ),
    ] {
        for how in [PowerLoss::Journal, PowerLoss::Strict] {
            let (broken, _) = campaign(25, how, Some(&fault));
            assert!(
                broken > 0,
                "a store that does not sync {what} was not caught ({how:?})"
            );
        }
    }
}

#[test]
fn a_device_that_lies_loses_what_the_store_acknowledged() {
    assert!(campaign(10, PowerLoss::FlushLies, None).0 > 0);
}

#[test]
fn the_same_seed_finds_the_same_states() {
    let run = || {
        let mut dice = Dice::new(7);
        let sim = SimDisk::new(7);
        let machine = sim.process();
        machine.create_dir(Path::new(DIR), 0o700).unwrap();
        sim.record();
        work(&sim, &machine, &mut dice).unwrap();
        let log = sim.log();
        let changes: Vec<String> = log.changes().map(ToString::to_string).collect();
        let found = |ops| recover(&log.crash_at(ops, &mut dice, PowerLoss::Strict).process());
        (changes, (0..=log.len()).map(found).collect::<Vec<_>>())
    };
    assert_eq!(run(), run());
}
