//! What is asked of a cleanup, and the receipt of one.

use latchwork_filelock::LatchError;
use latchwork_sys::PathError;

use crate::IndexError;
use crate::maintenance::options::MaintenanceOptions;
use crate::maintenance::plan::{Asked, FileAction, Plan, RowAction};

/// What is to be cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// What is set.
    pub options: MaintenanceOptions,
    /// What was asked for beyond that.
    pub asked: Asked,
    /// Keys of rows that stay whatever else.
    pub active_keys: Vec<String>,
}

/// A cleanup that ended early. What was done is done, whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CleanupError {
    /// Without a store nobody can tell which files are in use.
    #[error("there is no session store {0:?}: name another with --store. Nothing was done")]
    NoStore(std::path::PathBuf),
    /// The store could not be read or written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A session's lock could not be looked at.
    #[error(transparent)]
    Latch(#[from] LatchError),
    /// The folder could not be looked at.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// What became of a row that was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowDone {
    /// Its key.
    pub key: String,
    /// What was to become of it.
    pub action: RowAction,
    /// Why it stayed, if it did.
    pub stayed: Option<&'static str>,
}

/// What became of a file that was to go.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileDone {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub action: FileAction,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Why it stayed, if it did.
    pub stayed: Option<&'static str>,
    /// What the system said, if it refused.
    pub failed: Option<PathError>,
}

/// What was done: the receipt.
#[derive(Debug)]
#[non_exhaustive]
pub struct CleanupReport {
    /// What was planned.
    pub plan: Plan,
    /// What became of each row that was to go.
    pub rows: Vec<RowDone>,
    /// What became of each file that was to go.
    pub files: Vec<FileDone>,
    /// How many rows there are now.
    pub rows_after: usize,
}
