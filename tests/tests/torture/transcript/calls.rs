//! A real writer killed at each of its system calls: by strace, at the first call of each kind, at the second, until it lives.

use std::process::{Command, Stdio};

use super::figures::Done;
use super::kill::{Session, WORKER};

/// What is done to files. Each kind is counted by itself, in each thread.
const CALLS: [&str; 14] = [
    "openat",
    "write",
    "pwrite64",
    "fdatasync",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "flock",
];
/// How many moves the writer makes; and how many calls of one kind are tried at most.
const MOVES: u64 = 3;
const CALLS_MAX: u64 = 60;
/// How many writers, by their seeds.
const SCENARIOS: u64 = 1;

/// All of them; `None` without strace.
pub(crate) fn run(seed: u64) -> Option<Done> {
    let there = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    there.ok().filter(std::process::ExitStatus::success)?;
    let mut done = Done::begin(seed);
    for scenario in 0..SCENARIOS {
        for call in CALLS {
            for nth in 1..=CALLS_MAX {
                if !kill_at(seed + scenario, call, nth, &mut done) {
                    break;
                }
            }
        }
    }
    Some(done.end())
}

/// Whether the writer was killed there; it is not when it makes no such call.
fn kill_at(seed: u64, call: &str, nth: u64, done: &mut Done) -> bool {
    let session = Session::begin(seed, None);
    let worker = session.worker("w", seed, &["--moves", &MOVES.to_string()]);
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    strace.arg(format!("trace={call}")).arg("-e").arg(inject);
    let finished = strace.arg(WORKER).args(worker.get_args()).output().unwrap();
    if finished.status.success() {
        return false;
    }
    done.faults += 1;
    let at = format!("{call} {nth}, seed {seed}");
    session.judge_and_recover(None, "r", done, &at);
    let told = session.told();
    done.calls += told.calls();
    done.acknowledgements += told.acknowledgements();
    true
}
