//! What fails, when, and how: rules over the operations of a disk.
//!
//! Rules are asked in the order in which they were added; each counts its own matches. What fired is remembered, so a test
//! can tell a run that met no fault from one that survived it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::steps::kill_self;
use crate::FsKind;

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// [`Disk::open`](crate::Disk::open) and [`Disk::adopt`](crate::Disk::adopt).
    Open,
    /// [`Disk::facts`](crate::Disk::facts), [`Disk::facts_behind`](crate::Disk::facts_behind) and
    /// [`DiskFile::facts`](crate::DiskFile::facts).
    Facts,
    /// [`Disk::create_dir`](crate::Disk::create_dir).
    CreateDir,
    /// [`Disk::rename`](crate::Disk::rename) and [`Disk::rename_new`](crate::Disk::rename_new), matched by the new name.
    Rename,
    /// [`Disk::link`](crate::Disk::link), matched by the new name.
    Link,
    /// [`Disk::remove`](crate::Disk::remove).
    Remove,
    /// [`Disk::list`](crate::Disk::list).
    List,
    /// [`Disk::sync_dir`](crate::Disk::sync_dir).
    SyncDir,
    /// [`Disk::space`](crate::Disk::space) and [`Disk::inodes`](crate::Disk::inodes).
    Space,
    /// [`Disk::filesystem`](crate::Disk::filesystem) and [`Disk::mount`](crate::Disk::mount).
    Filesystem,
    /// [`Disk::canonicalize`](crate::Disk::canonicalize).
    Canonicalize,
    /// [`Disk::changes`](crate::Disk::changes).
    Watch,
    /// [`DiskFile::read_at`](crate::DiskFile::read_at).
    Read,
    /// [`DiskFile::append`](crate::DiskFile::append).
    Append,
    /// [`DiskFile::write_at`](crate::DiskFile::write_at).
    WriteAt,
    /// [`DiskFile::sync_all`](crate::DiskFile::sync_all) and [`DiskFile::sync_all`](crate::DiskFile::sync_all).
    Sync,
    /// [`DiskFile::try_lock`](crate::DiskFile::try_lock), [`DiskFile::lock`](crate::DiskFile::lock) and
    /// [`DiskFile::has_writer`](crate::DiskFile::has_writer).
    Lock,
    /// [`DiskFile::unlock`](crate::DiskFile::unlock).
    Unlock,
    /// [`DiskFile::share`](crate::DiskFile::share).
    Share,
    /// [`DiskFile::set_mode`](crate::DiskFile::set_mode).
    SetMode,
    /// [`DiskFile::forget_cached`](crate::DiskFile::forget_cached).
    Forget,
}

/// What happens instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultOutcome {
    /// The operation is not done and answers with this `errno`.
    Errno(i32),
    /// The operation is done, whole, and answers with this `errno` all the same.
    DoneButFailed(i32),
    /// An append or write puts out only this many bytes and says so, a read brings at most this many (but one);
    /// other operations are done whole.
    Short(usize),
    /// A write puts out this many bytes and then answers with this `errno`; other operations are done whole.
    Torn {
        /// Bytes that go out.
        bytes: usize,
        /// The answer.
        errno: i32,
    },
    /// A signal comes. As with [`RealDisk`](crate::RealDisk), a write that had begun puts out half of its bytes and says so, and
    /// whatever changed nothing yet is repeated, so that nobody sees it. (The bare answer, which no caller of a [`Disk`](crate::Disk)
    /// needs to expect, is `Errno(4)`.)
    Interrupted,
    /// The operation is done after this time.
    Delay(Duration),
    /// The operation is not done; this process is killed (SIGKILL).
    Kill,
    /// A sync, of a file or of a directory, is said to be done and is not; other operations are done as they are.
    LyingSync,
    /// A lock is said to be granted, and is not taken; other operations are done as they are.
    PretendLocked,
    /// A lock that was tried for is said to be somebody else's; other operations are done as they are.
    PretendBusy,
    /// [`Disk::filesystem`](crate::Disk::filesystem) answers with this kind; other operations are done as they are.
    Filesystem(FsKind),
}

/// One rule. Rules are asked in the order in which they were added; the first that fires decides.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `None`: whatever the operation.
    on: Option<Operation>,
    suffix: Option<String>,
    nth: u64,
    sticky: bool,
    outcome: FaultOutcome,
}

impl Fault {
    /// The first operation of this kind, on any path, once.
    #[must_use]
    pub fn on(on: Operation, outcome: FaultOutcome) -> Self {
        Self {
            on: Some(on),
            ..Self::any(outcome)
        }
    }

    /// The first operation of whatever kind, on any path, once.
    #[must_use]
    pub fn any(outcome: FaultOutcome) -> Self {
        Self {
            on: None,
            suffix: None,
            nth: 1,
            sticky: false,
            outcome,
        }
    }

    /// Only on paths that end with this text.
    #[must_use]
    pub fn at(self, suffix: &str) -> Self {
        Self {
            suffix: Some(suffix.to_owned()),
            ..self
        }
    }

    /// Not the first match but the n-th, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// That match and all later ones.
    #[must_use]
    pub fn sticky(self) -> Self {
        Self {
            sticky: true,
            ..self
        }
    }

    fn matches(&self, operation: Operation, path: &Path) -> bool {
        let suffix = self.suffix.as_deref();
        self.on.is_none_or(|on| on == operation)
            && suffix.is_none_or(|suffix| path.to_string_lossy().ends_with(suffix))
    }
}

/// A fault that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// To which operation.
    pub operation: Operation,
    /// On which path.
    pub path: PathBuf,
    /// What happened instead.
    pub outcome: FaultOutcome,
}

/// Rules with how often each has matched, and a watcher that is asked before them.
#[derive(Default)]
pub(super) struct Rules {
    rules: Mutex<Vec<(Fault, u64)>>,
    watcher: Mutex<Option<Watcher>>,
    fired: Mutex<Vec<Fired>>,
}

type Watcher = Arc<dyn Fn(Operation, &Path) -> Option<FaultOutcome> + Send + Sync>;

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("rules", &self.rules)
            .field("fired", &self.fired)
            .finish_non_exhaustive()
    }
}

fn held<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rules {
    pub(super) fn add(&self, fault: Fault) {
        held(&self.rules).push((fault, 0));
    }

    pub(super) fn watch(&self, watcher: Watcher) {
        *held(&self.watcher) = Some(watcher);
    }

    pub(super) fn clear(&self) {
        held(&self.rules).clear();
        *held(&self.watcher) = None;
    }

    pub(super) fn fired(&self) -> Vec<Fired> {
        held(&self.fired).clone()
    }

    pub(super) fn decide(&self, operation: Operation, path: &Path) -> Option<FaultOutcome> {
        // A watcher may block, or use the disk itself: nothing is locked meanwhile.
        let watcher = held(&self.watcher).clone();
        let decided = watcher
            .and_then(|watcher| watcher(operation, path))
            .or_else(|| self.rule_for(operation, path));
        if let Some(outcome) = &decided {
            held(&self.fired).push(Fired {
                operation,
                path: path.to_path_buf(),
                outcome: outcome.clone(),
            });
        }
        decided
    }

    fn rule_for(&self, operation: Operation, path: &Path) -> Option<FaultOutcome> {
        let mut rules = held(&self.rules);
        let mut decided = None;
        for (fault, seen) in rules
            .iter_mut()
            .filter(|(fault, _)| fault.matches(operation, path))
        {
            *seen += 1;
            let fires = *seen == fault.nth || (fault.sticky && *seen > fault.nth);
            if fires && decided.is_none() {
                decided = Some(fault.outcome.clone());
            }
        }
        decided
    }

    /// An operation that has no outcome of its own: done, or not, as the rules say.
    pub(super) fn around<T>(
        &self,
        operation: Operation,
        path: &Path,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        plainly(self.decide(operation, path).as_ref(), call)
    }

    /// A sync, which can also be a lie.
    pub(super) fn around_sync(
        &self,
        operation: Operation,
        path: &Path,
        call: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match self.decide(operation, path) {
            Some(FaultOutcome::LyingSync) => Ok(()),
            decided => plainly(decided.as_ref(), call),
        }
    }
}

/// The outcomes that mean the same for every operation.
pub(super) fn plainly<T>(
    outcome: Option<&FaultOutcome>,
    call: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    match outcome {
        Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(*errno)),
        Some(FaultOutcome::DoneButFailed(errno)) => {
            call()?;
            Err(io::Error::from_raw_os_error(*errno))
        }
        Some(FaultOutcome::Delay(time)) => {
            std::thread::sleep(*time);
            call()
        }
        Some(FaultOutcome::Kill) => kill_self(),
        _ => call(),
    }
}
