//! The one deadline of all waits, and the one way to poll.
//!
//! A test never asserts how long something took; it says what must happen, and a wait that reaches [`GENEROUS`] is a hang.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hung: far above what a loaded two-core machine needs.
pub const GENEROUS: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_millis(2);

/// Waits until `poll` gives a value, and fails the test with `what` when that takes longer than [`GENEROUS`].
///
/// # Panics
/// When the deadline passes.
///
/// # Blocking
/// Sleeps between polls.
pub fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(
            start.elapsed() < GENEROUS,
            "waited {} s for {what}, and it did not happen",
            GENEROUS.as_secs()
        );
        thread::sleep(POLL);
    }
}
