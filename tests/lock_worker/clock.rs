//! The monotonic clock in nanoseconds, the same for every process of the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Below this a sleep would come back too late.
const SPIN: u64 = 1_500_000;

pub(crate) fn now() -> u64 {
    let at = clock_gettime(ClockId::Monotonic);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(at.tv_sec) * 1_000_000_000 + part(at.tv_nsec)
}

/// Sleeps until that moment, the last stretch awake.
pub(crate) async fn until(moment: u64) {
    let left = moment.saturating_sub(now());
    if left > SPIN {
        tokio::time::sleep(Duration::from_nanos(left - SPIN)).await;
    }
    while now() < moment {
        std::hint::spin_loop();
    }
}

pub(crate) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
