//! The order rules of durability, watched on every call (feature `fault-points`).
//!
//! | rule | broken by |
//! |---|---|
//! | acknowledge only after a sync that covers the bytes, and one of the parent directory of a new name | [`Broken::BytesNotSynced`], [`Broken::NameNotSynced`], [`Broken::SyncHadFailed`] |
//! | give a file another name only after a sync of it | [`Broken::NamedUnsynced`] |
//! | never write through a descriptor after a failed sync on it | [`Broken::WrittenAfterFailedSync`] |
//! | never write what a lock guards without having just looked that the lock is still held | [`Broken::WrittenUnchecked`] |
//!
//! Who writes says by itself when it acknowledges and when it has checked ([`Steps::acknowledged`](crate::Steps::acknowledged),
//! [`Steps::checked`](crate::Steps::checked)); the rest is seen in the calls. A sync covers what was written before it began. Bytes
//! whose sync failed stay in doubt, whatever later syncs say, until the cached ones are [dropped](crate::DiskFile::forget_cached) and
//! what is then found is synced.
//!
//! The watch looks at files itself to know them apart. Where a [`FaultDisk`](super::FaultDisk) is watched, its calls would be counted there: give
//! it the disk below ([`TraceDisk::looking_through`]).
//!
//! Limits: a name is known by its path as it was given, so one directory must be called by one path; what other processes write is not
//! seen, but for what [`TraceRules::trusts_what_it_finds`] says.

mod disk;
mod ledger;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use disk::TraceDisk;
use ledger::Ledger;

use crate::Steps;

/// Which rules apply to which files. Endings are compared with the end of a path.
#[derive(Clone, Debug)]
pub struct TraceRules {
    /// Files that are only written after a check. None by default.
    pub guarded: Vec<String>,
    /// How many writes one check is good for; 1 by default.
    pub writes_for_a_check: u32,
    /// Files that may be given their name without a sync, since nothing is lost with them: locks, what can be found again.
    pub may_be_unsynced: Vec<String>,
    /// Whether files that are there already count as durable with their names (the default), or as not yet synced, as they are when another
    /// process has just made them.
    pub trusts_what_it_finds: bool,
}

impl Default for TraceRules {
    fn default() -> Self {
        Self {
            guarded: Vec::new(),
            writes_for_a_check: 1,
            may_be_unsynced: Vec::new(),
            trusts_what_it_finds: true,
        }
    }
}

/// A rule that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Broken {
    /// Bytes were acknowledged that no sync has covered.
    BytesNotSynced {
        /// The file.
        path: PathBuf,
        /// From here.
        from: u64,
        /// To here.
        to: u64,
    },
    /// Bytes were acknowledged whose sync had failed; nobody has looked since what the device has.
    SyncHadFailed {
        /// The file.
        path: PathBuf,
        /// From here.
        from: u64,
        /// To here.
        to: u64,
    },
    /// Bytes were acknowledged in a file that may be lost with a name: its own, or that of a directory above it.
    NameNotSynced {
        /// The file.
        path: PathBuf,
        /// The name whose directory was not synced.
        name: PathBuf,
    },
    /// A file was given a name while bytes of it were not synced.
    NamedUnsynced {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
    },
    /// A descriptor was written through after a sync on it had failed.
    WrittenAfterFailedSync {
        /// The file.
        path: PathBuf,
    },
    /// A guarded file was written and nobody had looked just before whether the lock was still held.
    WrittenUnchecked {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BytesNotSynced { path, from, to } => write!(
                f,
                "{} was acknowledged, and its bytes {from} to {to} were not synced since they were written",
                path.display()
            ),
            Self::SyncHadFailed { path, from, to } => write!(
                f,
                "{} was acknowledged, and a sync of its bytes {from} to {to} had failed; the device was not looked at since",
                path.display()
            ),
            Self::NameNotSynced { path, name } => write!(
                f,
                "{} was acknowledged, and the directory of {} was not synced since that name was made",
                path.display(),
                name.display()
            ),
            Self::NamedUnsynced { from, to } => write!(
                f,
                "{} was named {} before its bytes were synced",
                from.display(),
                to.display()
            ),
            Self::WrittenAfterFailedSync { path } => write!(
                f,
                "{} was written through a descriptor on which a sync had failed",
                path.display()
            ),
            Self::WrittenUnchecked { path } => write!(
                f,
                "{} was written without a look just before whether the lock is still held",
                path.display()
            ),
        }
    }
}

type Listener = Arc<dyn Fn(&Broken) + Send + Sync>;

/// What a [`TraceDisk`] has seen. Its clones are the same trace.
#[derive(Clone)]
pub struct Trace {
    ledger: Arc<Mutex<Ledger>>,
    listener: Arc<Mutex<Option<Listener>>>,
    below: Arc<dyn crate::Disk>,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl Trace {
    /// The rules that were broken so far, in order.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        self.ledger().broken.clone()
    }

    /// Calls `listener` at once when a rule is broken, on the thread that breaks it; a test may panic there.
    pub fn on_broken(&self, listener: impl Fn(&Broken) + Send + Sync + 'static) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
    }

    /// The first `end` bytes of the file at this path are now promised to somebody as durable.
    pub fn acknowledged(&self, path: &Path, end: u64) {
        let key = self.below.facts_behind(path).ok().map(|facts| facts.key());
        self.note(|ledger| ledger.acknowledged(key, path, end));
    }

    /// This thread has just seen that the lock which guards the file at this path is held by it.
    pub fn checked(&self, path: &Path) {
        self.note(|ledger| ledger.checked(path));
    }

    /// Steps that tell this trace of checks and acknowledgements, and `inner` of all.
    #[must_use]
    pub fn steps(&self, inner: Arc<dyn Steps>) -> Arc<dyn Steps> {
        Arc::new(TraceSteps {
            trace: self.clone(),
            inner,
        })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something, and tells what it breaks when nothing is locked any more.
    fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.ledger();
        let before = ledger.broken.len();
        let noted = note(&mut ledger);
        let new = ledger.broken[before..].to_vec();
        drop(ledger);
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            new.iter().for_each(|broken| listener(broken));
        }
        noted
    }
}

#[derive(Debug)]
struct TraceSteps {
    trace: Trace,
    inner: Arc<dyn Steps>,
}

impl Steps for TraceSteps {
    fn reach(&self, step: &str) {
        self.inner.reach(step);
    }

    fn checked(&self, path: &Path) {
        self.trace.checked(path);
        self.inner.checked(path);
    }

    fn acknowledged(&self, path: &Path, end: u64) {
        self.trace.acknowledged(path, end);
        self.inner.acknowledged(path, end);
    }
}
