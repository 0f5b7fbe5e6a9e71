//! Steps that hold a process or kill it, steered through a directory from outside.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Steps;

/// Traces steps into a directory and waits where a file there says so.
///
/// On reaching `x`: the line `x` is appended to `<dir>/trace.<pid>`; then, if `<dir>/x.hold` exists,
/// `<dir>/x.reached.<pid>` is made and the process waits until the hold file is gone. A step's name stands in file names
/// as it is, so it has no slash.
#[derive(Debug)]
pub struct FileSteps {
    dir: PathBuf,
}

/// How often a held step looks whether it may go on.
const POLL: Duration = Duration::from_millis(2);

impl FileSteps {
    /// Steered through this directory, which must exist.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The file that holds processes at `step` while it exists.
    #[must_use]
    pub fn hold_file(dir: &Path, step: &str) -> PathBuf {
        dir.join(format!("{step}.hold"))
    }

    /// The file by which process `pid` says that it is held at `step`.
    #[must_use]
    pub fn reached_file(dir: &Path, step: &str, pid: u32) -> PathBuf {
        dir.join(format!("{step}.reached.{pid}"))
    }

    /// The file that lists the steps which process `pid` reached.
    #[must_use]
    pub fn trace_file(dir: &Path, pid: u32) -> PathBuf {
        dir.join(format!("trace.{pid}"))
    }
}

impl Steps for FileSteps {
    fn reach(&self, step: &str) {
        let pid = std::process::id();
        let line = format!("{step}\n");
        if let Ok(mut log) = OpenOptions::new()
            .append(true)
            .create(true)
            .open(Self::trace_file(&self.dir, pid))
        {
            let _ = log.write_all(line.as_bytes());
        }
        let hold = Self::hold_file(&self.dir, step);
        if hold.exists() {
            let _ = std::fs::write(Self::reached_file(&self.dir, step, pid), b"");
            while hold.exists() {
                std::thread::sleep(POLL);
            }
        }
    }
}

/// Kills this process (SIGKILL) when the n-th step is reached, counted from 1.
#[derive(Debug)]
pub struct KillAt {
    left: AtomicU64,
}

impl KillAt {
    /// The n-th step is the last; 0 never kills.
    #[must_use]
    pub fn new(nth: u64) -> Self {
        Self {
            left: AtomicU64::new(nth),
        }
    }
}

impl Steps for KillAt {
    fn reach(&self, _step: &str) {
        let count = |left: u64| left.checked_sub(1);
        if self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, count)
            == Ok(1)
        {
            kill_self();
        }
    }
}

/// Ends this process by SIGKILL.
pub(super) fn kill_self() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is on its way; nothing of ours may happen after it.
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_step_says_so_and_goes_on_when_the_hold_is_lifted() {
        let dir = tempfile::tempdir().unwrap();
        let hold = FileSteps::hold_file(dir.path(), "latch:taken");
        std::fs::write(&hold, b"").unwrap();
        let steps = FileSteps::new(dir.path());
        let held = std::thread::spawn(move || {
            steps.reach("latch:queued");
            steps.reach("latch:taken");
        });
        let reached = FileSteps::reached_file(dir.path(), "latch:taken", std::process::id());
        while !reached.exists() {
            std::thread::yield_now();
        }
        assert!(!held.is_finished());
        std::fs::remove_file(&hold).unwrap();
        held.join().unwrap();
        let trace =
            std::fs::read_to_string(FileSteps::trace_file(dir.path(), std::process::id())).unwrap();
        assert_eq!(trace, "latch:queued\nlatch:taken\n");
    }
}
