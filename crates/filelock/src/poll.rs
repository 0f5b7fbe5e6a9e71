//! Waiting for a `flock` without a thread: told of changes of the file, and looking again after a pause that grows.
//!
//! A holder of ours writes its note into the file that it has locked, so a change tells that the lock goes from hand to
//! hand: the pauses begin anew and are short. Behind a holder that does not move they grow, and cost next to nothing.
//! Where changes cannot be told, pauses alone do. Limit: who looks now and then gets the lock less often than those who
//! wait in the kernel.

use std::io;
use std::path::Path;
use std::time::Duration;

use latchwork_lock::Wait;
use latchwork_sys::System;
use tokio::net::unix::pipe;

use crate::locked::{Locked, OpenFile};
use crate::waiters::Waited;

/// First and longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Longest pause where nobody tells of changes.
const LONGEST_UNTOLD: Duration = Duration::from_millis(25);

/// Waits for the lock of `file`.
///
/// Cancel safety: nothing is held by a dropped future.
pub(crate) async fn poll(
    system: &System,
    file: OpenFile,
    path: &Path,
    wait: Wait,
) -> io::Result<Waited> {
    let changes = Changes::of(system, path);
    let longest = if changes.is_told() {
        PAUSES.1
    } else {
        LONGEST_UNTOLD
    };
    let mut pause = PAUSES.0;
    loop {
        let left = wait.left().unwrap_or(longest);
        if left.is_zero() {
            return Ok(Waited::TimeOver);
        }
        tokio::select! {
            () = system.clock.sleep(pause.min(left)) => pause = (pause * 2).min(longest),
            () = changes.next() => {
                // The next holder has just begun: looking at once would be in vain.
                pause = PAUSES.0;
                system.clock.sleep(pause.min(left)).await;
            }
        }
        if file.get().try_lock()? {
            return Ok(Waited::Granted(Locked::of(file, path)));
        }
    }
}

/// Changes of a file, where they can be told.
///
/// The type for pipes is the one safe way to let tokio wait for a descriptor of another kind.
struct Changes(Option<pipe::Receiver>);

impl Changes {
    fn of(system: &System, path: &Path) -> Self {
        let told = system.disk.changes(path);
        Self(told.and_then(pipe::Receiver::from_owned_fd_unchecked).ok())
    }

    fn is_told(&self) -> bool {
        self.0.is_some()
    }

    /// Ready when the file has changed; never where that cannot be told.
    async fn next(&self) {
        let Some(told) = &self.0 else {
            return std::future::pending().await;
        };
        if told.readable().await.is_err() {
            return std::future::pending().await;
        }
        let mut room = [0; 1_024];
        while told.try_read(&mut room).is_ok_and(|read| read > 0) {}
    }
}
