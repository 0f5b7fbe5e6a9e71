//! The entry point: one value for each process, shared by all its tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_lock::{FairQueue, Phase, Wait};
use latchwork_sys::System;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::lately::Lately;
use crate::peer::{Policy, StandIns};
use crate::place::{Key, Place};
use crate::probe::Probed;
use crate::waiters::Waiters;
use crate::{Inherited, LatchError, Latched, Options, Site, acquire};

/// Latches on sessions in files. Cloning shares everything.
///
/// Make one for each process: two would not know each other's queues, and their tasks would compete as
/// two processes do (correct, but neither fair nor cheap).
#[derive(Clone, Debug)]
pub struct Latches {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) system: System,
    pub(crate) options: Options,
    pub(crate) queue: FairQueue<Key>,
    /// The tasks that wait for a session's turn.
    pub(crate) turns: FairQueue<Key>,
    pub(crate) waiters: Waiters,
    pub(crate) probed: Probed,
    pub(crate) policy: Policy,
    pub(crate) stand_ins: StandIns,
    pub(crate) ending: Ending,
    pub(crate) inherited: Inherited,
    pub(crate) lately: Lately,
}

impl Latches {
    /// Latches with these options on this machine. Nothing is opened or started yet.
    #[must_use]
    pub fn new(system: System, options: Options) -> Self {
        Self::with_inherited(system, options, Inherited::default())
    }

    /// The same in a process that was started under locks which it may join.
    #[must_use]
    pub fn with_inherited(system: System, options: Options, inherited: Inherited) -> Self {
        let shared = Shared {
            queue: FairQueue::new(),
            turns: FairQueue::new(),
            waiters: Waiters::new(options.wait_threads),
            probed: Probed::default(),
            policy: Policy::new(options.peer_lock),
            stand_ins: StandIns::default(),
            ending: Ending::default(),
            inherited,
            lately: Lately::default(),
            system,
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The options given.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The machine given.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.shared.system
    }

    /// How many threads of these latches wait in the kernel at this moment.
    #[must_use]
    pub fn wait_threads(&self) -> crate::WaitThreads {
        self.shared.waiters.threads()
    }

    /// Takes the latch of a session: the right to write its transcript, for one phase.
    ///
    /// The folder must exist; the transcript need not (see [`WritePermit::stage`](crate::WritePermit::stage)).
    ///
    /// # Errors
    ///
    /// [`LatchError`]; nothing is held and nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await; nothing is held and nothing is left behind.
    ///
    /// # Blocking
    ///
    /// For about a dozen quick system calls, and once in a process for starting the stand-in; waiting
    /// is done without blocking. Needs a tokio runtime with its timer and its I/O enabled.
    pub async fn latch(
        &self,
        site: &Site,
        phase: Phase,
        wait: Wait,
    ) -> Result<Latched, LatchError> {
        acquire::acquire(&self.shared, site, phase, wait).await
    }
}

impl Shared {
    /// The place of a site, for taking its latch. It is not looked at if the latch is open already: whoever has locked it
    /// looks whether it still stands in its folder, which tells the same.
    pub(crate) fn place_to_latch(&self, site: &Site) -> Result<Arc<Place>, LatchError> {
        match self.lately.place_with_latch(site) {
            Some(place) => Ok(place),
            None => self.place(site),
        }
    }

    /// Finds the place of a site, on a filesystem that is trusted.
    pub(crate) fn place(&self, site: &Site) -> Result<Arc<Place>, LatchError> {
        let disk = &*self.system.disk;
        if let Some(place) = self.lately.place(site)
            && place.still_stands(disk)?
        {
            return Ok(place);
        }
        let place = Arc::new(Place::find(disk, site)?);
        self.probed
            .kind(&self.system, &place, self.options.allow_network_fs)?;
        self.lately.remember(site, &place);
        Ok(place)
    }
}

/// Sessions whose latch has been given up but is still kept by writes that were started.
///
/// The queue tells tasks apart and would call it a deadlock if the task that gave the latch up asks for
/// it again; this table tells that the wait will end.
#[derive(Debug, Default)]
pub(crate) struct Ending(Mutex<HashMap<Key, Arc<Notify>>>);

impl Ending {
    pub(crate) fn begins(&self, key: &Key) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.entry(key.clone()).or_default();
    }

    pub(crate) fn has_ended(&self, key: &Key) {
        let notify = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        if let Some(notify) = notify {
            notify.notify_waiters();
        }
    }

    /// Ready when the last write has ended; `None` if none is under way.
    pub(crate) fn end_of(&self, key: &Key) -> Option<OwnedNotified> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table
            .get(key)
            .map(|notify| Arc::clone(notify).notified_owned())
    }
}
