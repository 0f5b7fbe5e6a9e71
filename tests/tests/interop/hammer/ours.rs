//! One greedy process of ours: this very test program, started again with a role.
//!
//! It does what `hammer.mjs` does for OpenClaw, through our latches, and marks the same events in the same third file
//! (`E`, `X`), and two more: `L ID N FROM NOW` where the look before its write said that something was lost, so that it
//! did not write; `N ID N FROM NOW` where only the look after the write said so.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchwork_filelock::{Latches, Options, PeerLock, Site};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{
    Companion, Fault, FaultDisk, FaultOutcome, Liveness, Operation, ProcessIdentity, Processes,
    Steps, System,
};

use super::oracle::LINE;

/// Carries folder, id, microseconds of a hold and manners, one a line.
pub(crate) const ROLE: &str = "LATCHWORK_TEST_HAMMER";

/// How long each eighth section lasts, on both sides.
const LONG_HOLD: Duration = Duration::from_millis(40);

/// How a worker of ours behaves: as the product does, or with a fault that must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// As the product does.
    Ours,
    /// It does not take the peers' lock file.
    NoPeerFile,
    /// Its own pid stands in the lock file, for no process could be started to stand in for it.
    OwnPid,
    /// It cannot write into the latch file, and so remembers no peer that was met.
    Forgetful,
}

impl Manners {
    const ALL: [Self; 4] = [Self::Ours, Self::NoPeerFile, Self::OwnPid, Self::Forgetful];

    fn system(self) -> System {
        let mut system = System::real();
        if self == Self::OwnPid {
            system.processes = Arc::new(NoCompanion(Arc::clone(&system.processes)));
        }
        if self == Self::Forgetful {
            let disk = FaultDisk::new(Arc::clone(&system.disk));
            let eio = FaultOutcome::Errno(5);
            disk.add(Fault::on(Operation::WriteAt, eio).at(".latch").sticky());
            system.disk = Arc::new(disk);
        }
        system
    }

    fn options(self) -> Options {
        let peer_lock = match self {
            Self::NoPeerFile => PeerLock::Never,
            _ => PeerLock::Always,
        };
        Options {
            peer_lock,
            ..Options::default()
        }
    }
}

/// A machine on which no process can be started.
#[derive(Debug)]
struct NoCompanion(Arc<dyn Processes>);

impl Processes for NoCompanion {
    fn own(&self) -> ProcessIdentity {
        self.0.own()
    }

    fn look(&self, pid: u32) -> Liveness {
        self.0.look(pid)
    }

    fn companion(&self, _name: &str) -> io::Result<Box<dyn Companion>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn below(&self, pid: u32, starttime: Option<u64>) -> Option<u32> {
        self.0.below(pid, starttime)
    }

    fn child_gets_lock(&self, path: &Path) -> io::Result<bool> {
        self.0.child_gets_lock(path)
    }
}

/// The role in the words that [`played`] reads.
pub(crate) fn role(dir: &Path, id: u32, hold: Duration, manners: Manners) -> String {
    format!("{}\n{id}\n{}\n{manners:?}", dir.display(), hold.as_micros())
}

/// In a worker: plays its role to the end and answers true, for the test to end.
pub(crate) fn played() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a worker knows that it is one"
    )]
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let words: Vec<_> = role.split('\n').collect();
    let [dir, id, hold, manners] = words[..] else {
        panic!("a role has four lines")
    };
    let manners = Manners::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == manners)
        .expect("known manners");
    let hold = Duration::from_micros(hold.parse().expect("a number"));
    let mut worker = Worker::new(Path::new(dir), id.parse().expect("a number"), hold, manners);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(worker.hammer());
    true
}

struct Worker {
    dir: PathBuf,
    id: u32,
    hold: Duration,
    system: System,
    latches: Latches,
    oracle: File,
    made: Arc<Made>,
}

/// The moment just before our lock file was last given its name.
#[derive(Debug, Default)]
struct Made(AtomicU64);

impl Steps for Made {
    fn reach(&self, step: &str) {
        if step == "peer:staged" {
            self.0.store(now(&System::real()), Ordering::Relaxed);
        }
    }
}

/// `CLOCK_MONOTONIC`, which Node's `hrtime` reads too.
fn now(system: &System) -> u64 {
    u64::try_from(system.clock.monotonic().as_nanos()).expect("not for centuries")
}

impl Worker {
    fn new(dir: &Path, id: u32, hold: Duration, manners: Manners) -> Self {
        let made = Arc::<Made>::default();
        let system = System {
            steps: made.clone(),
            ..manners.system()
        };
        Self {
            dir: dir.to_path_buf(),
            id,
            hold,
            latches: Latches::new(system.clone(), manners.options()),
            system,
            oracle: append_to(&dir.join("oracle")),
            made,
        }
    }

    async fn hammer(&mut self) {
        let site = Site::new(&self.dir, "s", "s.jsonl").expect("a site");
        let ready = format!("{}\n", self.id);
        append_to(&self.dir.join("ready"))
            .write_all(ready.as_bytes())
            .expect("ready");
        for n in 0.. {
            if self.dir.join("stop").exists() {
                return;
            }
            self.section(&site, n).await;
        }
    }

    /// One critical section.
    async fn section(&mut self, site: &Site, n: u64) {
        let asked = self.now();
        let latched = self
            .latches
            .latch(site, Phase::RECORD, Wait::Forever)
            .await
            .expect("a latch, however long it takes");
        let write = latched.begin().expect("a write");
        let made = self.made.0.load(Ordering::Relaxed).max(asked);
        self.mark("E", n, &[self.now(), made]);
        let transcript = write.transcript().expect("the transcript");
        let at = transcript.facts().expect("its size").size;
        std::thread::sleep(if n % 8 == 7 { LONG_HOLD } else { self.hold });
        let from = self.now();
        if write.check().is_ok() {
            let (number, id, mut line) = (at / LINE as u64, self.id, String::new());
            line += &format!("{{\"at\":{number},\"by\":{id},\"n\":{n}");
            line += &" ".repeat(LINE - 2 - line.len());
            line += "}\n";
            transcript
                .write_at(line.as_bytes(), at)
                .expect("a line written");
            self.mark("X", n, &[from, self.now()]);
            let again = self.now();
            if write.check().is_err() {
                self.mark("N", n, &[again, self.now()]);
            }
        } else {
            self.mark("L", n, &[from, self.now()]);
        }
        drop(write);
        latched.release().await;
    }

    fn now(&self) -> u64 {
        now(&self.system)
    }

    fn mark(&self, event: &str, n: u64, numbers: &[u64]) {
        let mut line = format!("{event} {} {n}", self.id);
        for number in numbers {
            line += &format!(" {number}");
        }
        line += "\n";
        (&self.oracle)
            .write_all(line.as_bytes())
            .expect("a mark in the oracle");
    }
}

fn append_to(path: &Path) -> File {
    File::options()
        .append(true)
        .create(true)
        .open(path)
        .expect("a file to append to")
}
