//! Revokes a latch that is held for longer than it may be.
//!
//! One thread for all latches of a process, whatever stores they are of: started with the first and ended when there was nothing
//! to watch for a while.
//! A latch that is given back in time costs two steps in a table and wakes nobody. Deliberately not here: what revoking
//! means ([`Core::revoke`]). Invariant: the thread holds no lock of the table while it revokes.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::latched::Core;

/// How long the thread stays when it has nothing to watch.
const IDLE: Duration = Duration::from_secs(20);
/// Enough for revoking and a log line.
const STACK: usize = 256 * 1024;

/// The end of a hold, and a number that makes it unique: the name of a watched latch.
pub(crate) type Watch = (Instant, u64);

/// The watchdog of this process.
pub(crate) static WATCHDOG: Watchdog = Watchdog {
    table: Mutex::new(Table {
        held: BTreeMap::new(),
        next: 0,
        looks_at: None,
    }),
    sooner: Condvar::new(),
};

/// See [`WATCHDOG`].
#[derive(Debug)]
pub(crate) struct Watchdog {
    table: Mutex<Table>,
    sooner: Condvar,
}

#[derive(Debug)]
struct Table {
    held: BTreeMap<Watch, Weak<Core>>,
    next: u64,
    /// When the thread will look by itself; `None` if there is no thread.
    looks_at: Option<Instant>,
}

impl Watchdog {
    /// Watches a latch until it is [forgotten](Self::forget).
    pub(crate) fn watch(&'static self, end: Instant, core: Weak<Core>) -> Watch {
        let mut table = self.table();
        let watch = (end, table.next);
        table.next += 1;
        table.held.insert(watch, core);
        match table.looks_at {
            None => self.start(&mut table),
            Some(looks_at) if end < looks_at => self.sooner.notify_one(),
            Some(_) => {}
        }
        watch
    }

    pub(crate) fn forget(&self, watch: Watch) {
        self.table().held.remove(&watch);
    }

    fn start(&'static self, table: &mut Table) {
        let thread = std::thread::Builder::new()
            .name("latch-watchdog".to_owned())
            .stack_size(STACK);
        match thread.spawn(|| self.work()) {
            Ok(_) => table.looks_at = Some(Instant::now()),
            // The hold is still checked whenever a write is to be started.
            Err(error) => tracing::warn!(%error, "the watchdog of latches could not be started"),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut table = self.table();
        loop {
            let now = Instant::now();
            let first = table.held.first_key_value().map(|(watch, _)| *watch);
            let until = match first {
                Some(watch) if watch.0 <= now => {
                    let core = table.held.remove(&watch).and_then(|core| core.upgrade());
                    drop(table);
                    if let Some(core) = core {
                        core.held_too_long();
                    }
                    table = self.table();
                    continue;
                }
                Some((end, _)) => end,
                None => now + IDLE,
            };
            table.looks_at = Some(until);
            let (back, waited) = self
                .sooner
                .wait_timeout(table, until - now)
                .unwrap_or_else(PoisonError::into_inner);
            table = back;
            if waited.timed_out() && first.is_none() && table.held.is_empty() {
                break;
            }
        }
        table.looks_at = None;
    }
}
