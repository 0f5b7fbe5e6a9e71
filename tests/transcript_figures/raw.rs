//! The bare system calls: lines written through a descriptor that is held, with and without a sync.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::{Failure, micros_since};

/// A file that is appended to.
pub(crate) struct Raw(File);

impl Raw {
    pub(crate) fn at(file: &Path) -> Result<Self, Failure> {
        Ok(Self(
            OpenOptions::new().append(true).create(true).open(file)?,
        ))
    }

    /// One call.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.write_all(bytes)?)
    }

    /// One call, and one that brings the bytes and their length to the device; microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "the unit that the goals are told in"
    )]
    pub(crate) fn write_and_sync(&mut self, bytes: &[u8]) -> Result<f64, Failure> {
        let start = Instant::now();
        self.0.write_all(bytes)?;
        self.0.sync_data()?;
        Ok(micros_since(start))
    }
}
