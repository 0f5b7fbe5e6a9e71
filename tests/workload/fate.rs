//! A process that dies in the middle of a write of its own: a part of the bytes goes out, and the process is gone.
//!
//! That is what a kill in the middle of a write leaves. A signal from outside seldom meets a write, which takes microseconds.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// In which of its writes a process dies, and how much of that goes out.
#[derive(Debug)]
pub struct Fate {
    left: AtomicU64,
    out_of_1024: u64,
}

impl Fate {
    /// In the n-th write from now, counted from 1, after such a share of its bytes.
    #[must_use]
    pub const fn nth(nth: u64, out_of_1024: u64) -> Self {
        Self {
            left: AtomicU64::new(nth),
            out_of_1024,
        }
    }

    /// Writes, or writes a part and dies.
    pub(super) fn write(
        &self,
        bytes: &[u8],
        write: impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return write(bytes);
        }
        let part = bytes.len() as u64 * self.out_of_1024 / 1024;
        let part = bytes.get(..usize::try_from(part).unwrap_or(0));
        let _written = write(part.unwrap_or_default());
        let _gone = kill_process(getpid(), Signal::KILL);
        Err(io::ErrorKind::Interrupted.into())
    }
}
