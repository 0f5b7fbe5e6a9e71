//! The parent: starts the workers, starts the dead ones again, and looks at what is left when enough have died.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::oracle::{add_line, damage};
use super::takers::Taker;
use super::worker::{DIED, FAILED, ROLE, role};
use crate::seeded::Numbers;

/// How many workers there are at any moment.
const WORKERS: usize = 8;
/// One worker in so many is killed from outside, whatever it does.
const KILLED_FROM_OUTSIDE: u64 = 8;
/// At the latest so long after it was started, in microseconds.
const KILLED_AFTER_US_MAX: u64 = 30_000;
/// How often the sidecars are deleted, where they are.
const DELETES_EVERY: Duration = Duration::from_millis(3);
const LOOKS_EVERY: Duration = Duration::from_millis(5);

/// What is run.
pub(crate) struct Campaign {
    /// The test that a worker is started for.
    pub(crate) test: &'static str,
    pub(crate) taker: Taker,
    pub(crate) seed: u64,
    pub(crate) deaths: u64,
    /// Whether `.latchwork` is deleted all along.
    pub(crate) deletes: bool,
    /// Whether the first double hold ends it.
    pub(crate) until_caught: bool,
    /// For how long nothing may end before somebody counts as waiting for ever.
    pub(crate) patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    seed: u64,
    took: Duration,
    pub(crate) deaths: u64,
    /// Deaths by their kind.
    pub(crate) ways: BTreeMap<String, u64>,
    pub(crate) lines: usize,
    pub(crate) doubles: usize,
    pub(crate) lost: usize,
    pub(crate) damage: Vec<String>,
    pub(crate) errors: Vec<String>,
    /// Why it was broken off.
    pub(crate) stuck: Option<String>,
}

impl Outcome {
    /// Past the capture of the harness: how much was done is part of the result.
    pub(crate) fn say(&self, whose: &str) {
        use std::io::Write as _;
        let rate = self.deaths as f64 / self.took.as_secs_f64();
        let _closed = writeln!(
            std::io::stderr(),
            "deaths, {whose}: seed {}, {} deaths {:?} in {:.1} s ({rate:.0}/s), {} lines, {} double holds, {} latches lost to deletions, {} errors",
            self.seed,
            self.deaths,
            self.ways,
            self.took.as_secs_f64(),
            self.lines,
            self.doubles,
            self.lost,
            self.errors.len(),
        );
    }
}

/// What the slots share.
#[derive(Default)]
struct Board {
    deaths: AtomicU64,
    ends: AtomicU64,
    over: AtomicBool,
    ways: Mutex<BTreeMap<String, u64>>,
    /// The workers that live, by slot.
    pids: [AtomicU64; WORKERS],
}

impl Campaign {
    pub(crate) fn run(&self) -> Outcome {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s.jsonl"), b"").unwrap();
        let (board, started) = (Board::default(), Instant::now());
        let stuck = std::thread::scope(|scope| {
            for slot in 0..WORKERS {
                let (board, dir) = (&board, dir.path());
                scope.spawn(move || self.keep_one_alive(slot, dir, board));
            }
            if self.deletes {
                let (board, dir) = (&board, dir.path());
                scope.spawn(move || delete(dir, board));
            }
            self.watch(dir.path(), &board)
        });
        let count = |name: &str| lines_of(&dir.path().join(name)).len();
        Outcome {
            seed: self.seed,
            took: started.elapsed(),
            deaths: board.deaths.load(Ordering::SeqCst),
            ways: board.ways.into_inner().unwrap(),
            lines: count("s.jsonl"),
            doubles: count("doubles"),
            lost: count("lost"),
            damage: damage(dir.path()),
            errors: lines_of(&dir.path().join("errors")),
            stuck,
        }
    }

    /// Until enough have died, the control is caught, or nothing happens any more. Then the workers are asked to stop.
    fn watch(&self, dir: &Path, board: &Board) -> Option<String> {
        let (mut seen, mut since) = (0, Instant::now());
        let mut stuck = None;
        loop {
            let ends = board.ends.load(Ordering::SeqCst);
            if ends != seen {
                (seen, since) = (ends, Instant::now());
            }
            let caught = self.until_caught && dir.join("doubles").exists();
            let enough = board.deaths.load(Ordering::SeqCst) >= self.deaths;
            if (enough || caught || dir.join("errors").exists())
                && !board.over.swap(true, Ordering::SeqCst)
            {
                std::fs::write(dir.join("stop"), b"").unwrap();
            }
            let living = board.pids.iter().map(|pid| pid.load(Ordering::SeqCst));
            let living: Vec<u64> = living.filter(|pid| *pid != 0).collect();
            if board.over.load(Ordering::SeqCst) && living.is_empty() {
                return stuck;
            }
            if since.elapsed() > self.patience {
                stuck = Some(format!(
                    "of {living:?} none ended for {} s",
                    self.patience.as_secs()
                ));
                board.over.store(true, Ordering::SeqCst);
                for pid in living {
                    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                    let _ended = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
                since = Instant::now();
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    fn keep_one_alive(&self, slot: usize, dir: &Path, board: &Board) {
        let mut numbers = Numbers(self.seed ^ ((slot as u64 + 1) << 48));
        while !board.over.load(Ordering::SeqCst) {
            let mut child = self.start(slot, dir, numbers.next());
            board.pids[slot].store(u64::from(child.id()), Ordering::SeqCst);
            if numbers.below(KILLED_FROM_OUTSIDE) == 0 {
                let after = numbers.below(KILLED_AFTER_US_MAX);
                std::thread::sleep(Duration::from_micros(after));
                let _ended_before = child.kill();
            }
            let status = child.wait().unwrap();
            if let Some(way) = way_of(status, dir) {
                let mut ways = board.ways.lock().unwrap_or_else(PoisonError::into_inner);
                *ways.entry(way).or_default() += 1;
                board.deaths.fetch_add(1, Ordering::SeqCst);
            }
            board.ends.fetch_add(1, Ordering::SeqCst);
        }
        board.pids[slot].store(0, Ordering::SeqCst);
    }

    fn start(&self, slot: usize, dir: &Path, seed: u64) -> Child {
        let role = role(self.taker, dir, slot, seed);
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", self.test, "--test-threads=1"])
            .env(ROLE, role)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// How a worker died; `None` for one that ended because it was asked to, or that failed (its error stands in a file).
fn way_of(status: ExitStatus, dir: &Path) -> Option<String> {
    match (status.signal(), status.code()) {
        (Some(9), _) => Some("SIGKILL".to_owned()),
        (Some(6), _) => Some("abort".to_owned()),
        (_, Some(DIED)) => Some("exit".to_owned()),
        (_, Some(0 | FAILED)) => None,
        _ => {
            add_line(&dir.join("errors"), &format!("a worker ended by {status}"));
            None
        }
    }
}

fn delete(dir: &Path, board: &Board) {
    while !board.over.load(Ordering::SeqCst) {
        let _made_anew_meanwhile = std::fs::remove_dir_all(dir.join(".latchwork"));
        std::thread::sleep(DELETES_EVERY);
    }
}

fn lines_of(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
