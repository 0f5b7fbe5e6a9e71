//! A real writer killed at each of its system calls: by strace, at the first call of each kind, at the second, until it lives.

use std::process::{Command, Stdio};

use super::figures::Done;
use super::kill::{Session, WORKER};
use super::planted;

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
/// How many calls of one kind are tried at most.
const CALLS_MAX: u64 = 60;
/// What the session begins with (see `planted`), and the moves of the writer. The ordinary tests have the first few alone.
const SCENES: [(u64, &str); 8] = [
    (0, "accept,turn"),
    (3, "rewrite,rewind"),
    (7, "accept,beside"),
    (4, "repair"),
    (8, "repair,rewrite"),
    (5, "mend,repair"),
    (3, "accept,again,cancel,turn"),
    (3, "fork,aside,exact"),
];
const FEW: usize = 2;

/// All of the scenes, or a few; `None` without strace.
pub(crate) fn run(seed: u64, all: bool) -> Option<Done> {
    let there = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    there.ok().filter(std::process::ExitStatus::success)?;
    let mut done = Done::begin(seed);
    let scenes = if all { &SCENES[..] } else { &SCENES[..FEW] };
    for scene in scenes {
        for call in CALLS {
            for nth in 1..=CALLS_MAX {
                if !kill_at(seed, *scene, call, nth, &mut done) {
                    break;
                }
            }
        }
    }
    Some(done.end())
}

/// Whether the writer was killed there; it is not when it makes no such call.
fn kill_at(seed: u64, scene: (u64, &str), call: &str, nth: u64, done: &mut Done) -> bool {
    let (beginning, moves) = scene;
    let session = Session::begin_with(planted::kind(beginning), seed, None);
    let worker = session.worker("w", seed, &["--only", moves]);
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    strace.arg(format!("trace={call}")).arg("-e").arg(inject);
    let finished = strace.arg(WORKER).args(worker.get_args()).output().unwrap();
    if finished.status.success() {
        return false;
    }
    done.faults += 1;
    let at = format!("{call} {nth} of {moves} on {beginning}, seed {seed}");
    session.judge_and_recover(None, "r", done, &at);
    let told = session.told();
    done.calls += told.calls();
    done.acknowledgements += told.acknowledgements();
    true
}
