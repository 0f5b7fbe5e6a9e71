//! The queue with real tasks, and against a model of three keys.

use super::{FairQueue, QueueError, Ticket};
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
        assert!(matches!(error, QueueError::SelfDeadlock { phase, .. } if phase == Phase::RECORD));
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
        let mut held: [Option<Ticket<u8>>; 3] = [None, None, None];
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
