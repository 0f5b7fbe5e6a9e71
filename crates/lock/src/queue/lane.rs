//! One lane: who has its front place, and who waits for it in which order. Plain data; the queue locks it.
//!
//! Invariants: a lane that stands has a holder; a place that becomes free goes to the longest waiting
//! request in the same step, so nobody can push in between; a request is known by its number, which is
//! given out once in the life of a lane.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

use crate::Phase;

#[derive(Debug)]
pub(super) struct Lane {
    holder: Seat,
    waiting: VecDeque<Request>,
    /// The next request's number.
    next: u64,
}

/// The front place, taken.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    number: u64,
    pub(super) task: Option<tokio::task::Id>,
    pub(super) phase: Phase,
    pub(super) since: Instant,
}

#[derive(Debug)]
struct Request {
    number: u64,
    task: Option<tokio::task::Id>,
    phase: Phase,
    waker: Waker,
}

/// What became of a place that was given back.
pub(super) enum Next {
    /// Another request has it now; its task is to be woken once the queue is unlocked.
    Granted(Waker),
    /// Nobody wants it: the lane is to be removed.
    Nobody,
}

impl Lane {
    /// A lane whose front place is taken at once, by request 0.
    pub(super) fn taken(task: Option<tokio::task::Id>, phase: Phase) -> Self {
        let holder = Seat {
            number: 0,
            task,
            phase,
            since: Instant::now(),
        };
        Self {
            holder,
            waiting: VecDeque::new(),
            next: 1,
        }
    }

    pub(super) fn holder(&self) -> &Seat {
        &self.holder
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a request last and answers its number.
    pub(super) fn line_up(
        &mut self,
        task: Option<tokio::task::Id>,
        phase: Phase,
        waker: Waker,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Request {
            number,
            task,
            phase,
            waker,
        });
        number
    }

    /// Whether a request has the front place by now; if not, `waker` is the one to wake when it has.
    pub(super) fn is_granted(&mut self, number: u64, waker: &Waker) -> bool {
        if self.holder.number == number {
            return true;
        }
        if let Some(request) = self.find(number) {
            request.waker.clone_from(waker);
        }
        false
    }

    /// Takes a request out; the place, if it had that already, goes to the next.
    pub(super) fn leave(&mut self, number: u64) -> Option<Next> {
        if self.holder.number == number {
            return Some(self.hand_over());
        }
        self.waiting.retain(|request| request.number != number);
        None
    }

    fn hand_over(&mut self) -> Next {
        let Some(next) = self.waiting.pop_front() else {
            return Next::Nobody;
        };
        self.holder = Seat {
            number: next.number,
            task: next.task,
            phase: next.phase,
            since: Instant::now(),
        };
        Next::Granted(next.waker)
    }

    fn find(&mut self, number: u64) -> Option<&mut Request> {
        self.waiting
            .iter_mut()
            .find(|request| request.number == number)
    }
}
