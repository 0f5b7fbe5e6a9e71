//! Where the story of a writer goes: a file outside of what is broken, or the memory of a test.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use latchwork_sys::{Clock as _, RealClock};
use serde_json::Value;

/// Somebody who keeps each event in its order.
pub trait Listener: Send + Sync {
    /// This is about to be done, or has just been.
    fn hear(&self, event: Value);
}

/// A log of one event a line, stamped with nanoseconds since boot. Each is one write that begins and ends with a newline, so a
/// process that is killed leaves a fragment at most, and nothing is glued to it.
#[derive(Debug)]
pub struct FileStory(File);

impl FileStory {
    /// Goes on with this file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn at(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self(file))
    }
}

impl Listener for FileStory {
    fn hear(&self, mut event: Value) {
        let now = u64::try_from(RealClock.boottime().as_nanos()).unwrap_or(u64::MAX);
        event["t"] = now.into();
        // Whoever cannot tell its story must not go on: what it did next would be judged as nobody's.
        if (&self.0)
            .write_all(format!("\n{event}\n").as_bytes())
            .is_err()
        {
            std::process::abort();
        }
    }
}
