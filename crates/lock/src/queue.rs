//! A fair queue in front of each session, inside one process.
//!
//! One task per process competes for the lock that other processes see; the others wait here, first come,
//! first served. Invariants: tickets of one key are granted in the order of their requests; a request whose
//! future is dropped leaves nothing behind; a key without tickets and requests takes no memory. Deliberately
//! absent: priorities, re-entrancy, and any knowledge of what a key names.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Lane, OwnedMutexGuard};

use crate::{Phase, Wait};

/// Lanes by key. Clones share the lanes.
#[derive(Debug)]
pub struct FairQueue<K> {
    lanes: Arc<Mutex<HashMap<K, Weak<Entry>>>>,
}

#[derive(Debug, Default)]
struct Entry {
    lane: Arc<Lane<()>>,
    holder: Mutex<Option<Seat>>,
    waiting: Mutex<usize>,
}

#[derive(Clone, Debug)]
struct Seat {
    task: Option<tokio::task::Id>,
    phase: Phase,
    since: Instant,
}

/// A place was not granted. Nothing is held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// Another task of this process has it, and the wait is over.
    #[error(
        "another task of this process has held it for {} ms, in phase {phase}; waited {} ms behind {waiting} others",
        held_for.as_millis(), waited.as_millis()
    )]
    Busy {
        /// What the holder does.
        phase: Phase,
        /// How long it has had it.
        held_for: Duration,
        /// How long this request waited.
        waited: Duration,
        /// How many other requests are in the lane.
        waiting: usize,
    },
    /// This very task has it: waiting would never end.
    #[error("this task already holds it, since {} ms, in phase {phase}: borrow the guard instead of taking another", held_for.as_millis())]
    SelfDeadlock {
        /// What the guard that this task holds was taken for.
        phase: Phase,
        /// How long it has had it.
        held_for: Duration,
    },
}

/// The front place in a lane. Dropping it lets the next request in.
#[derive(Debug)]
#[must_use = "a ticket that is dropped at once keeps nobody out"]
pub struct Ticket<K: Eq + Hash> {
    entry: Arc<Entry>,
    seat: Option<OwnedMutexGuard<()>>,
    lanes: Arc<Mutex<HashMap<K, Weak<Entry>>>>,
    key: K,
}

impl<K> Default for FairQueue<K> {
    fn default() -> Self {
        Self {
            lanes: Arc::default(),
        }
    }
}

impl<K> Clone for FairQueue<K> {
    fn clone(&self) -> Self {
        Self {
            lanes: self.lanes.clone(),
        }
    }
}

impl<K: Clone + Eq + Hash> FairQueue<K> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the front place in the lane of `key`.
    ///
    /// # Errors
    /// [`QueueError::Busy`] when the wait is over, [`QueueError::SelfDeadlock`] at once when this task has the
    /// place already (tasks are told apart inside `tokio::spawn` only).
    ///
    /// # Cancel safety
    /// A dropped future gives up its place in the lane; nothing is left behind.
    pub async fn enter(&self, key: K, phase: Phase, wait: Wait) -> Result<Ticket<K>, QueueError> {
        let entry = self.entry(&key);
        let me = tokio::task::try_id();
        if let (Some(me), Some(seat)) = (me, entry.seat())
            && seat.task == Some(me)
        {
            return Err(QueueError::SelfDeadlock {
                phase: seat.phase,
                held_for: seat.since.elapsed(),
            });
        }
        // Made before the wait, so that a dropped future cleans the map as a dropped ticket does.
        let mut ticket = Ticket {
            entry,
            seat: None,
            lanes: self.lanes.clone(),
            key,
        };
        let entry = &*ticket.entry;
        let asked = Instant::now();
        let seat = match wait {
            Wait::Never => entry.lane.clone().try_lock_owned().ok(),
            Wait::Forever => Some(entry.line_up().await),
            Wait::Until(end) => tokio::time::timeout_at(end.into(), entry.line_up())
                .await
                .ok(),
        };
        let Some(seat) = seat else {
            let now = entry.seat();
            return Err(QueueError::Busy {
                phase: now.as_ref().map_or(Phase::SIDE, |seat| seat.phase.clone()),
                held_for: now.map_or(Duration::ZERO, |seat| seat.since.elapsed()),
                waited: asked.elapsed(),
                waiting: *entry.waiting.lock().unwrap_or_else(PoisonError::into_inner),
            });
        };
        *entry.holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seat {
            task: me,
            phase,
            since: Instant::now(),
        });
        ticket.seat = Some(seat);
        Ok(ticket)
    }

    /// How many requests wait in the lane of `key`, the holder not counted.
    #[must_use]
    pub fn waiting(&self, key: &K) -> usize {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(key).and_then(Weak::upgrade).map_or(0, |entry| {
            *entry.waiting.lock().unwrap_or_else(PoisonError::into_inner)
        })
    }

    fn entry(&self, key: &K) -> Arc<Entry> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lanes.get(key).and_then(Weak::upgrade) {
            return entry;
        }
        let entry = Arc::<Entry>::default();
        lanes.insert(key.clone(), Arc::downgrade(&entry));
        entry
    }
}

impl Entry {
    fn seat(&self) -> Option<Seat> {
        self.holder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn line_up(&self) -> OwnedMutexGuard<()> {
        let _counted = Counted::new(&self.waiting);
        self.lane.clone().lock_owned().await
    }
}

struct Counted<'a>(&'a Mutex<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a Mutex<usize>) -> Self {
        *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl<K: Eq + Hash> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.seat.is_some() {
            *self
                .entry
                .holder
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = None;
        }
        drop(self.seat.take());
        // Entries are found and counted under the lock of the map, so "only mine" stays true here.
        if Arc::strong_count(&self.entry) == 1 {
            lanes.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FairQueue, QueueError};
    use crate::{Phase, Wait};
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(answer) => Some(answer),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn places_are_granted_in_the_order_of_their_requests() {
        let queue = FairQueue::new();
        let first = queue.enter("s", Phase::SIDE, Wait::Forever).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for place in 0..20 {
            let (line, seen) = (queue.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _ticket = line.enter("s", Phase::SIDE, Wait::Forever).await.unwrap();
                seen.lock().unwrap().push(place);
            }));
            while queue.waiting(&"s") != place + 1 {
                tokio::task::yield_now().await;
            }
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_dropped_request_leaves_nothing_behind() {
        let queue = FairQueue::new();
        let held = queue.enter("s", Phase::SIDE, Wait::Forever).await.unwrap();
        assert!(now_or_never(queue.enter("s", Phase::SIDE, Wait::Forever)).is_none());
        assert_eq!(queue.waiting(&"s"), 0);
        drop(held);
        assert!(queue.lanes.lock().unwrap().is_empty());
        let again = now_or_never(queue.enter("s", Phase::SIDE, Wait::Never)).unwrap();
        assert!(again.is_ok());
        drop(again);
        assert!(queue.lanes.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_second_request_in_one_task_is_an_error_and_not_a_deadlock() {
        let queue = FairQueue::new();
        let line = queue.clone();
        tokio::spawn(async move {
            let _held = line.enter("s", Phase::RECORD, Wait::Forever).await.unwrap();
            let error = line
                .enter("s", Phase::SIDE, Wait::Forever)
                .await
                .unwrap_err();
            assert!(
                matches!(error, QueueError::SelfDeadlock { phase, .. } if phase == Phase::RECORD)
            );
        })
        .await
        .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_over_names_what_the_holder_does() {
        let queue = FairQueue::new();
        let _held = queue
            .enter("s", Phase::RECORD, Wait::Forever)
            .await
            .unwrap();
        for wait in [Wait::Never, Wait::at_most(Duration::from_millis(20))] {
            let error = queue.enter("s", Phase::SIDE, wait).await.unwrap_err();
            assert!(matches!(error, QueueError::Busy { phase, .. } if phase == Phase::RECORD));
        }
        assert!(queue.enter("other", Phase::SIDE, Wait::Never).await.is_ok());
    }

    proptest! {
        /// Against a model: a list of holders and waiters for each of three keys.
        #[test]
        fn a_key_has_at_most_one_holder_whatever_the_order_of_requests(steps in prop::collection::vec((0..3_u8, any::<bool>()), 1..60)) {
            let queue = FairQueue::new();
            let mut held: [Option<super::Ticket<u8>>; 3] = [None, None, None];
            for (key, take) in steps {
                let place = usize::from(key);
                if take {
                    let got = now_or_never(queue.enter(key, Phase::SIDE, Wait::Never)).unwrap();
                    prop_assert_eq!(got.is_ok(), held[place].is_none());
                    if let Ok(ticket) = got {
                        held[place] = Some(ticket);
                    }
                } else {
                    held[place] = None;
                }
            }
            held = [None, None, None];
            prop_assert!(held.iter().all(Option::is_none));
            prop_assert!(queue.lanes.lock().unwrap().is_empty());
        }
    }
}
