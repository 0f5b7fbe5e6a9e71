//! One worker: it takes the latch, marks the oracle, adds a numbered line and gives back, until it is asked to stop or dies.
//!
//! Where and how it dies is drawn before each hold. What it acknowledged stands in a file of its own.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_sys::{Steps, System};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::oracle::{Oracle, add_line, last_number, line};
use super::takers::{Held, Taker, Way};
use crate::seeded::Numbers;

/// How a worker knows its role.
pub(crate) const ROLE: &str = "LATCHWORK_TEST_ROLE";
/// The exit code of a worker that dies by exit.
pub(crate) const DIED: i32 = 7;
/// The exit code of a worker that got an error.
pub(crate) const FAILED: i32 = 3;
/// One hold in so many ends in death.
const HOLDS_A_DEATH: u64 = 3;
/// Where it dies: at steps of the product, and between the steps of a hold.
const MOMENTS: [&str; 10] = [
    "latch:queued",
    "latch:taken",
    "latch:inode-locked",
    "latch:peer-written",
    "latch:granted",
    "held",
    "checked",
    "written",
    "acknowledged",
    "latch:releasing",
];

/// A role as one string.
pub(crate) fn role(taker: Taker, dir: &Path, slot: usize, seed: u64) -> String {
    format!("{}\n{}\n{slot}\n{seed}", taker.name(), dir.display())
}

/// In a worker: plays its role and answers true, for the test to end.
pub(crate) fn played() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a worker knows that it is one"
    )]
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let words: Vec<&str> = role.split('\n').collect();
    let [taker, dir, slot, seed] = words.try_into().expect("a role of four lines");
    let no_core = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, no_core).unwrap();
    let taker = Taker::ALL.into_iter().find(|one| one.name() == taker);
    // Opened first of all, so that it is none of the descriptors that a take may leave behind.
    let oracle = Oracle::at(Path::new(dir));
    let worker = Worker {
        fate: Arc::default(),
        oracle,
        numbers: Numbers(seed.parse().unwrap()),
        slot: slot.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(worker.work(taker.expect("a way to take"), Path::new(dir)));
    true
}

struct Worker {
    fate: Arc<Fate>,
    oracle: Oracle,
    numbers: Numbers,
    slot: String,
}

impl Worker {
    async fn work(mut self, taker: Taker, dir: &Path) {
        let system = System {
            steps: self.fate.clone(),
            ..System::real()
        };
        let way = Way::new(taker, system);
        let transcript = File::open(dir.join("s.jsonl")).unwrap();
        while !dir.join("stop").exists() {
            self.fate.draw(&mut self.numbers);
            match way.take(dir).await {
                Ok(held) => self.hold(held, dir, &transcript),
                Err(error) => {
                    add_line(&dir.join("errors"), &error);
                    std::process::exit(FAILED);
                }
            }
        }
    }

    fn hold(&self, held: Held, dir: &Path, transcript: &File) {
        self.oracle.enter();
        self.fate.reach("held");
        let writing = held.begin(dir);
        if writing.check() {
            self.fate.reach("checked");
            let text = line(last_number(transcript) + 1, std::process::id());
            writing.append(&text);
            self.fate.reach("written");
            add_line(&dir.join(format!("acked.{}", self.slot)), text.trim());
            self.fate.reach("acknowledged");
        } else {
            add_line(&dir.join("lost"), &self.slot);
        }
        // Only now: a latch that is lost is given back with its last write.
        self.oracle.leave();
        drop((writing, held));
    }
}

/// At which moment this worker dies, and how.
#[derive(Debug, Default)]
struct Fate(Mutex<Option<(&'static str, u64)>>);

impl Fate {
    fn draw(&self, numbers: &mut Numbers) {
        let dies = numbers.below(HOLDS_A_DEATH) == 0;
        let moment = MOMENTS[usize::try_from(numbers.below(MOMENTS.len() as u64)).unwrap()];
        let how = numbers.below(3);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = dies.then_some((moment, how));
    }
}

impl Steps for Fate {
    fn reach(&self, step: &str) {
        let fate = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fate {
            Some((moment, 0)) if moment == step => {
                let _gone = kill_process(getpid(), Signal::KILL);
            }
            Some((moment, 1)) if moment == step => std::process::abort(),
            Some((moment, _)) if moment == step => std::process::exit(DIED),
            _ => {}
        }
    }
}
