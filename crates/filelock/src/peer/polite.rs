//! Letting peers in: OpenClaw looks every 50 ms, and greedy processes of ours would leave it no moment.
//!
//! Where a peer was met on a session, the lock file is left free for a whole look of a peer now and then. The pause is
//! made under the latch, so none of ours slips in, and it ends as soon as a peer has come. What all of ours must know for
//! that stands in the latch file, below the note of its holder: one line of fixed width, read at each take, written only
//! where a peer was met. It decides nothing about who holds the lock.
//!
//! **Cost.** On a session where no peer was ever met: one `pread`. Else one `pwrite` for each release, and for a session
//! that is never idle a pause of [`LOOK_MS`] after each stretch without one. A stretch is an eighth of the time since a
//! peer was last met, at least [`STRETCH_MS`]`.0` and at most `.1`: so 18 % of the time at the very most, in the first two
//! seconds after a peer was there, 4 % ten seconds later, 0.6 % in the end, and nothing ten minutes after. A session that is
//! idle for as long as a look between two holds pays nothing, and a request that may not wait so long is never held up.
//!
//! **Limits.** A peer leaves no trace while it waits; the first one gets in by chance, in the moments between two of our
//! holds. Clocks that jump may end our politeness early; the next peer that is met begins it anew.

use std::sync::Arc;
use std::time::Duration;

use latchwork_lock::Wait;
use latchwork_sys::{DiskFile, System};

use super::lock_file::PeerFile;
use crate::note;
use crate::place::Place;

/// A look of a peer: OpenClaw's 50 ms, and what its timers may come late.
const LOOK_MS: i64 = 56;
/// The shortest and the longest stretch without a pause.
const STRETCH_MS: (i64, i64) = (250, 10_000);
/// For so long after it was met a peer is expected again.
const EXPECTED_MS: i64 = 600_000;
/// How often a pause looks whether a peer has come, and a wait whether it has gone; the latter for the first half second.
const GLANCE: Duration = Duration::from_millis(5);
const SHORT_PAUSES: u32 = 100;
/// How long a lock file that replaced a dead one is watched before it counts: as long as another that saw the dead one,
/// too, may need to remove what it takes for it.
const SETTLE: Duration = Duration::from_millis(20);

/// What is remembered in the latch file: moments in milliseconds of the wall clock, 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Memory {
    /// When a peer's lock file was last met.
    met: i64,
    /// When the file was last free for a whole look, or a peer had it.
    since: i64,
    /// When it was last given back.
    left: i64,
}

/// Bytes of the line that keeps it.
const WIDTH: usize = 64;

impl Memory {
    fn read(latch: &dyn DiskFile) -> Self {
        let mut line = [0; WIDTH];
        match latch.read_at(&mut line, note::WIDTH as u64) {
            Ok(WIDTH) => Self::parse(&line).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let mut moment = |name| {
            (words.next()? == name)
                .then(|| words.next())
                .flatten()?
                .parse::<i64>()
                .ok()
                .filter(|moment| *moment >= 0)
        };
        Some(Self {
            met: moment("met")?,
            since: moment("since")?,
            left: moment("left")?,
        })
    }

    fn line(&self) -> String {
        let Self { met, since, left } = self;
        let line = format!("met {met:013} since {since:013} left {left:013}");
        format!("{line:<width$}\n", width = WIDTH - 1)
    }

    /// Best effort: a peer that is forgotten is met again.
    fn write(&self, latch: &dyn DiskFile) {
        let _ = latch.write_at(self.line().as_bytes(), note::WIDTH as u64);
    }

    fn expects_peers(&self, now: i64) -> bool {
        self.met > 0 && (0..EXPECTED_MS).contains(&(now - self.met))
    }

    /// How long the file must still stay free before it is taken; 0 if it may be taken at once.
    fn owes(&self, now: i64) -> i64 {
        let free_for = match self.left {
            0 => 0,
            left => (now - left).max(0),
        };
        let stretch = ((now - self.met) / 8).clamp(STRETCH_MS.0, STRETCH_MS.1);
        if !self.expects_peers(now) || free_for >= LOOK_MS || now - self.since < stretch {
            return 0;
        }
        LOOK_MS - free_for
    }
}

/// Manners towards peers on one session, for one take. Only under the latch.
#[derive(Debug)]
pub(crate) struct Polite<'a> {
    system: &'a System,
    latch: &'a Arc<dyn DiskFile>,
    memory: Memory,
    has_met: bool,
    replaced: bool,
}

impl<'a> Polite<'a> {
    pub(crate) fn towards_peers(system: &'a System, latch: &'a Arc<dyn DiskFile>) -> Self {
        let memory = Memory::read(&**latch);
        Self {
            system,
            latch,
            memory,
            has_met: false,
            replaced: false,
        }
    }

    fn now(&self) -> i64 {
        self.system.clock.wall_ms()
    }

    /// Whether this take has found a peer's lock file.
    pub(crate) fn has_met(&self) -> bool {
        self.has_met
    }

    /// A peer's lock file stands there.
    pub(crate) fn meets(&mut self) {
        if self.has_met {
            return;
        }
        self.has_met = true;
        let now = self.now();
        self.memory = Memory {
            met: now,
            since: now,
            left: 0,
        };
        self.memory.write(&**self.latch);
    }

    /// A lock file of somebody dead was removed.
    pub(crate) fn replaces(&mut self) {
        self.replaced = true;
    }

    /// The pause before a lock file that is in the way is looked at again. At first it is short: a greedy peer is out for
    /// less than a millisecond, and only so many looks find that.
    pub(crate) fn pause(&self, looks: u32, growing: Duration) -> Duration {
        if looks < SHORT_PAUSES {
            growing.min(GLANCE)
        } else {
            growing
        }
    }

    /// Leaves the file free for as long as is owed to peers; shorter if one comes.
    ///
    /// Cancel safety: what is owed stays owed.
    pub(crate) async fn leave_free(&mut self, place: &Place, wait: Wait) {
        let owed = self.memory.owes(self.now());
        let owed = Duration::from_millis(u64::try_from(owed).unwrap_or(0));
        // Politeness makes nobody busy.
        if owed.is_zero() || wait.left().is_some_and(|may| may <= owed) {
            return;
        }
        let clock = &self.system.clock;
        let end = clock.monotonic() + owed;
        loop {
            let left = end.saturating_sub(clock.monotonic());
            if left.is_zero() || self.system.disk.facts(&place.peer_lock).is_ok() {
                break;
            }
            clock.sleep(left.min(GLANCE)).await;
        }
        self.memory.since = self.now();
    }

    /// Whether the file that was just made is there to stay. Another that saw a dead one may still remove what stands at
    /// its path now; where peers are expected that is waited for, since it is cheaper here than under a write.
    ///
    /// Cancel safety: the file is given back when its value is dropped.
    pub(crate) async fn settles(&mut self, file: &mut PeerFile, wait: Wait) -> bool {
        let expected = self.memory.expects_peers(self.now());
        let patient = wait.left().is_none_or(|may| may > SETTLE);
        if std::mem::take(&mut self.replaced) && expected && patient {
            self.system.clock.sleep(SETTLE).await;
            if file.check().is_err() {
                return false;
            }
        }
        if expected {
            file.remember_leaving(Leaving {
                memory: self.memory,
                latch: Arc::clone(self.latch),
            });
        }
        true
    }
}

/// What is to be remembered when the file is given back.
#[derive(Debug)]
pub(crate) struct Leaving {
    memory: Memory,
    latch: Arc<dyn DiskFile>,
}

impl Leaving {
    pub(crate) fn happens(mut self, system: &System) {
        self.memory.left = system.clock.wall_ms();
        self.memory.write(&*self.latch);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pause_is_owed_after_a_stretch_without_one_and_only_where_a_peer_was_met_lately() {
        let busy = Memory {
            met: 1_000_000,
            since: 1_000_000,
            left: 0,
        };
        for (after, owed) in [(0, 0), (249, 0), (250, LOOK_MS), (EXPECTED_MS, 0)] {
            assert_eq!(busy.owes(1_000_000 + after), owed, "{after} ms");
        }
        // A minute later, a pause after each seven seconds.
        let later = Memory {
            since: 1_060_000,
            ..busy
        };
        assert_eq!(later.owes(1_060_000 + 7_000), 0);
        assert_eq!(later.owes(1_060_000 + 9_000), LOOK_MS);
        // A clock that was set back.
        assert_eq!(busy.owes(999_999), 0);
        assert_eq!(Memory::default().owes(2_000_000), 0);
    }

    #[test]
    fn the_time_for_which_the_file_was_free_anyway_counts() {
        let memory = |left| Memory {
            met: 1_000_000,
            since: 1_000_000,
            left,
        };
        let now = 1_001_000;
        assert_eq!(memory(now).owes(now), LOOK_MS);
        assert_eq!(memory(now - 20).owes(now), LOOK_MS - 20);
        assert_eq!(memory(now - LOOK_MS).owes(now), 0);
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_read_and_other_bytes_are_nothing(
            met in 0_i64..9_999_999_999_999, since in 0_i64..9_999_999_999_999, left in 0_i64..9_999_999_999_999,
            other in proptest::collection::vec(any::<u8>(), WIDTH),
        ) {
            let memory = Memory { met, since, left };
            let line = memory.line();
            prop_assert_eq!(line.len(), WIDTH);
            prop_assert_eq!(Memory::parse(line.as_bytes()), Some(memory));
            prop_assert_eq!(Memory::parse(&other), None);
        }

        #[test]
        fn no_moments_make_a_pause_longer_than_a_look(met in any::<i64>(), since in any::<i64>(), left in any::<i64>(), now in any::<i64>()) {
            let half = |moment: i64| moment / 4;
            let memory = Memory { met: half(met), since: half(since), left: half(left) };
            prop_assert!((0..=LOOK_MS).contains(&memory.owes(half(now))));
        }
    }
}
