//! A fair queue in front of each session, inside one process.
//!
//! One task per process competes for the lock that other processes see; the others wait here, first come,
//! first served. Invariants: tickets of one key are granted in the order of their requests; a request whose
//! future is dropped leaves nothing behind, and if it had been granted the place meanwhile, that goes to the
//! next; a key without tickets and requests takes no memory; wakers are called with nothing locked. All of it
//! is run under loom (`queue/interleavings.rs`). Deliberately absent: priorities, re-entrancy, and any
//! knowledge of what a key names.

mod lane;

#[cfg(test)]
#[cfg(loom)]
mod interleavings;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use self::lane::{Lane, Next, Seat};
use crate::sync::{Mutex, MutexGuard};
use crate::{Phase, Wait};

/// Lanes by key. Clones share the lanes.
#[derive(Debug)]
pub struct FairQueue<K> {
    lanes: Lanes<K>,
}

/// A lane stands here exactly while somebody has its front place.
type Lanes<K> = Arc<Mutex<HashMap<K, Lane>>>;

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
    _place: Place<K>,
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
        let asked = Instant::now();
        let (place, is_first) = self.ask(&key, phase, wait)?;
        if is_first {
            return Ok(Ticket { _place: place });
        }
        let turn = Turn { place: Some(place) };
        match wait {
            Wait::Never => {}
            Wait::Forever => return Ok(turn.await),
            Wait::Until(end) => {
                if let Ok(ticket) = tokio::time::timeout_at(end.into(), turn).await {
                    return Ok(ticket);
                }
            }
        }
        Err(self.busy(&key, asked))
    }

    /// How many requests wait in the lane of `key`, the holder not counted.
    #[must_use]
    pub fn waiting(&self, key: &K) -> usize {
        lock(&self.lanes).get(key).map_or(0, Lane::waiting)
    }

    /// The front place (and `true`) if it is free, else a place at the end of the line; none for who may not wait.
    fn ask(&self, key: &K, phase: Phase, wait: Wait) -> Result<(Place<K>, bool), QueueError> {
        let me = tokio::task::try_id();
        let mut lanes = lock(&self.lanes);
        let place = |number| Place {
            lanes: Arc::clone(&self.lanes),
            key: key.clone(),
            number,
        };
        match lanes.entry(key.clone()) {
            Entry::Vacant(free) => {
                free.insert(Lane::taken(me, phase));
                Ok((place(0), true))
            }
            Entry::Occupied(mut lane) => {
                let seat = lane.get().holder();
                if me.is_some() && seat.task == me {
                    return Err(QueueError::SelfDeadlock {
                        phase: seat.phase.clone(),
                        held_for: seat.since.elapsed(),
                    });
                }
                if wait == Wait::Never {
                    return Err(Self::busy_behind(Some(lane.get()), Duration::ZERO));
                }
                // Woken by nobody before it is first polled: that look comes in any case.
                let number = lane.get_mut().line_up(me, phase, Waker::noop().clone());
                Ok((place(number), false))
            }
        }
    }

    fn busy(&self, key: &K, asked: Instant) -> QueueError {
        Self::busy_behind(lock(&self.lanes).get(key), asked.elapsed())
    }

    fn busy_behind(lane: Option<&Lane>, waited: Duration) -> QueueError {
        let seat = lane.map(Lane::holder);
        QueueError::Busy {
            phase: seat.map_or(Phase::SIDE, |seat| seat.phase.clone()),
            held_for: seat.map_or(Duration::ZERO, |seat: &Seat| seat.since.elapsed()),
            waited,
            waiting: lane.map_or(0, Lane::waiting),
        }
    }
}

/// A request in a lane, whether it waits or has the front place. Dropping it takes it out.
#[derive(Debug)]
struct Place<K: Eq + Hash> {
    lanes: Lanes<K>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut lanes = lock(&self.lanes);
        let next = lanes
            .get_mut(&self.key)
            .and_then(|lane| lane.leave(self.number));
        match next {
            Some(Next::Granted(waker)) => {
                drop(lanes);
                waker.wake();
            }
            Some(Next::Nobody) => {
                lanes.remove(&self.key);
            }
            None => {}
        }
    }
}

/// Ready when the request has the front place.
struct Turn<K: Eq + Hash> {
    /// `None` once it was handed out as a ticket.
    place: Option<Place<K>>,
}

impl<K: Eq + Hash> Future for Turn<K> {
    type Output = Ticket<K>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let granted = self.place.as_ref().is_some_and(|place| {
            lock(&place.lanes)
                .get_mut(&place.key)
                .is_some_and(|lane| lane.is_granted(place.number, context.waker()))
        });
        match self.place.take_if(|_| granted) {
            Some(place) => Poll::Ready(Ticket { _place: place }),
            None => Poll::Pending,
        }
    }
}

impl<K: Eq + Hash> Unpin for Turn<K> {}

fn lock<K>(lanes: &Lanes<K>) -> MutexGuard<'_, HashMap<K, Lane>> {
    lanes.lock().unwrap_or_else(PoisonError::into_inner)
}
