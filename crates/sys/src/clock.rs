//! Three clocks, because each answers another question.
//!
//! Wall time is for records that people and peers read; it jumps. Monotonic time is for waits and
//! holds on this machine; it stops while the machine sleeps. Boot time goes on in sleep; it is for
//! leases between machines. Sleeping goes through here too, so that a scheduler of a test can decide how long it takes.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A wait that is over when its time has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time comes from.
pub trait Clock: Send + Sync + Debug {
    /// Milliseconds since 1970 by the wall clock; may jump either way.
    fn wall_ms(&self) -> i64;
    /// Time since some fixed moment; never goes back, stands still in suspend.
    fn monotonic(&self) -> Duration;
    /// Time since boot; never goes back, goes on in suspend.
    fn boottime(&self) -> Duration;
    /// Waits for this long, by monotonic time, without blocking the thread. Dropping it ends the wait.
    fn sleep(&self, time: Duration) -> Sleep;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn wall_ms(&self) -> i64 {
        let since = read(rustix::time::ClockId::Realtime);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        read(rustix::time::ClockId::Monotonic)
    }

    fn boottime(&self) -> Duration {
        #[cfg(target_os = "linux")]
        return read(rustix::time::ClockId::Boottime);
        #[cfg(not(target_os = "linux"))]
        self.monotonic()
    }

    /// Needs a tokio runtime with its timer enabled.
    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A time before the clock's origin (a wall clock set before 1970) reads as the origin.
fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    u64::try_from(time.tv_sec).map_or(Duration::ZERO, |seconds| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steady_clocks_never_go_back_and_boot_time_counts_at_least_the_waking_hours() {
        let clock = RealClock;
        let (m1, b1) = (clock.monotonic(), clock.boottime());
        let (m2, b2) = (clock.monotonic(), clock.boottime());
        assert!(m2 >= m1 && b2 >= b1);
        assert!(b2 >= m1);
        assert!(
            clock.wall_ms() > 1_700_000_000_000,
            "a wall clock later than 2023"
        );
    }
}
