//! A disk in memory that loses its power (feature `fault-points`): for crash campaigns.
//!
//! It behaves as [`RealDisk`](crate::RealDisk) on a local disk while nothing fails (a property test holds the two against each other), and keeps apart
//! what the running system sees from what the device has. A campaign records a workload once and then cuts the power after any of its changes, as often as
//! it likes ([`OpLog::crash_at`]); what comes back is a disk like any other, so recovery can run on it, be recorded, and be cut again.
//!
//! # Invariants
//!
//! - The same seed, calls and choices give the same disk, byte for byte. Threads that race bring their own chance.
//! - A state is a value that is cheap to clone; a cut costs what waits for a sync, not what the disk holds.
//!
//! # Deliberately absent
//!
//! Symlinks, special files, permission checks and the umask (as for root with umask 0); an end of room (see
//! [`FaultOutcome::Torn`](super::FaultOutcome::Torn)). Directories say that they have two names.
//!
//! # Limits
//!
//! Recording keeps a state for each change: a file whose writes are never synced makes each further one dearer. What the page cache would write back
//! by itself is not modelled apart: at a cut, each sector may have gone to the device at any time.

mod choice;
mod content;
mod handle;
mod inode;
mod log;
mod machine;
mod power;
mod process;
mod state;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use choice::{Choice, Dice, Odometer};
pub use log::{Change, OpLog};
use machine::Machine;
pub use power::PowerLoss;
pub use process::SimProcess;
use state::State;

/// When a machine in memory begins, unless it is told: 2026-01-01T00:00:00Z.
const BEGINNING_MS: u64 = 1_767_225_600_000;

/// A machine's disk in memory. Its clones are the same disk; [`crash`](Self::crash) makes another.
#[derive(Clone, Debug)]
pub struct SimDisk {
    machine: Arc<Machine>,
}

impl SimDisk {
    /// An empty disk: `/`, and nothing in it. The seed chooses in which order names are listed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::on(seed, State::new(BEGINNING_MS))
    }

    fn on(seed: u64, state: State) -> Self {
        Self {
            machine: Arc::new(Machine::new(seed, state)),
        }
    }

    /// A new process: its files lock out those of others, and it can be killed.
    #[must_use]
    pub fn process(&self) -> SimProcess {
        SimProcess::start(&self.machine)
    }

    /// Sets the clock that files are stamped by, milliseconds since 1970; each change takes one.
    pub fn set_wall_ms(&self, now_ms: u64) {
        self.machine.live().state.now_ms = now_ms;
    }

    /// How many changes were made so far. With it a test notes, for instance, what was acknowledged before which change.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.machine.live().position
    }

    /// Keeps each change from here on, for [`log`](Self::log); what was recorded before is dropped.
    pub fn record(&self) {
        let mut live = self.machine.live();
        live.log = Some((live.state.clone(), Arc::default()));
    }

    /// What was recorded so far; empty if nothing was asked for.
    #[must_use]
    pub fn log(&self) -> OpLog {
        let live = self.machine.live();
        let (start, entries) = match &live.log {
            Some((start, entries)) => (start.clone(), Arc::clone(entries)),
            None => (live.state.clone(), Arc::default()),
        };
        OpLog {
            seed: self.machine.seed,
            start,
            entries,
        }
    }

    /// The power goes now: what is there when the machine runs again. This disk goes on as if nothing had been.
    /// [`PowerLoss::FlushLies`] needs a [log](Self::log) to lie about; here it is as [`PowerLoss::Strict`].
    #[must_use]
    pub fn crash(&self, choice: &mut dyn Choice, how: PowerLoss) -> Self {
        let live = self.machine.live();
        Self::on(self.machine.seed, power::cut(&live.state, choice, how))
    }

    /// A second disk that is as this one is now, with no process on it and nothing recorded.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::on(self.machine.seed, self.machine.live().state.clone())
    }

    /// The next sync of the file at this path fails with this `errno`, as the kernel lets it: what waited is not written and never will be, though it can
    /// still be read; each descriptor that is open is told once; a later sync says that all is well.
    /// [`forget_cached`](crate::DiskFile::forget_cached) shows what the device has.
    ///
    /// # Errors
    ///
    /// When nothing stands at the path.
    pub fn fail_next_sync(&self, path: &Path, errno: i32) -> io::Result<()> {
        let mut live = self.machine.live();
        let node = live.state.find(path)?;
        live.sick.insert(node, errno);
        Ok(())
    }
}
