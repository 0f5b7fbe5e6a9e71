//! An I/O error that says what was being done to which path.

use std::io;
use std::path::{Path, PathBuf};

/// An operation on a path failed. The cause is the [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {path:?}")]
pub struct PathError {
    /// The verb and what else reads well before the path: "open", "make the directory".
    pub doing: &'static str,
    /// The path.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl PathError {
    /// Whether the system said that nothing stands at the path.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Adds to an [`io::Result`] what was being done.
pub trait IoDoing<T> {
    /// Wraps the error: `disk.open(..).doing("open", path)?`.
    ///
    /// # Errors
    ///
    /// The error that was there, with its context.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PathError>;
}

impl<T> IoDoing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PathError> {
        self.map_err(|source| PathError {
            doing,
            path: path.to_path_buf(),
            source,
        })
    }
}
