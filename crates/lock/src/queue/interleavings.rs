//! The queue under loom: every interleaving of a few threads, as far as the queue's lock tells them apart.
//!
//! A lost wake-up or a place that nobody hands on is a deadlock, which loom reports. `cargo xtask torture loom` runs this.

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::*;

type Request = Pin<Box<dyn Future<Output = Result<Ticket<u8>, QueueError>> + Send>>;

/// A request that has got its place in the line, and no more: the waker of its first look is nobody's.
fn lined_up(queue: &FairQueue<u8>) -> Request {
    let queue = queue.clone();
    let mut request: Request =
        Box::pin(async move { queue.enter(0, Phase::SIDE, Wait::Forever).await });
    let mut context = Context::from_waker(Waker::noop());
    assert!(request.as_mut().poll(&mut context).is_pending());
    request
}

fn first(queue: &FairQueue<u8>) -> Ticket<u8> {
    block_on(queue.enter(0, Phase::SIDE, Wait::Never)).unwrap()
}

fn takes_no_memory(queue: &FairQueue<u8>) -> bool {
    lock(&queue.lanes).is_empty()
}

/// Asks, has it for a moment, gives it back.
fn visit(queue: &FairQueue<u8>, inside: &AtomicUsize) {
    let ticket = block_on(queue.enter(0, Phase::SIDE, Wait::Forever)).unwrap();
    stay(inside);
    drop(ticket);
}

/// Is alone, though loom may let the others run in the midst of it.
fn stay(inside: &AtomicUsize) {
    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two have it");
    inside.fetch_sub(1, Ordering::SeqCst);
}

fn threads_take_turns(threads: usize, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let (queue, inside) = (FairQueue::new(), Arc::new(AtomicUsize::new(0)));
        let others = (1..threads).map(|_| {
            let (queue, inside) = (queue.clone(), inside.clone());
            thread::spawn(move || visit(&queue, &inside))
        });
        let others = others.collect::<Vec<_>>();
        visit(&queue, &inside);
        for other in others {
            other.join().unwrap();
        }
        assert!(takes_no_memory(&queue));
    });
}

#[test]
fn two_threads_take_turns_and_both_are_granted() {
    threads_take_turns(2, None);
}

/// Without a bound it takes minutes; loom's authors found that two or three preemptions show nearly every fault.
#[test]
fn three_threads_take_turns_and_all_are_granted() {
    threads_take_turns(3, Some(3));
}

#[test]
fn places_are_granted_in_the_order_of_their_requests_whoever_looks_first() {
    loom::model(|| {
        let queue = FairQueue::new();
        let (held, order) = (first(&queue), Arc::new(loom::sync::Mutex::new(Vec::new())));
        let wait_for = |name, request: Request| {
            let order = order.clone();
            thread::spawn(move || {
                let ticket = block_on(request).unwrap();
                order.lock().unwrap().push(name);
                drop(ticket);
            })
        };
        let (a, b) = (lined_up(&queue), lined_up(&queue));
        let (b, a) = (wait_for("b", b), wait_for("a", a));
        drop(held);
        a.join().unwrap();
        b.join().unwrap();
        assert_eq!(*order.lock().unwrap(), ["a", "b"]);
        assert!(takes_no_memory(&queue));
    });
}

#[test]
fn a_request_that_is_dropped_while_it_is_granted_hands_its_place_on() {
    loom::model(|| {
        let queue = FairQueue::new();
        let (held, a, b) = (first(&queue), lined_up(&queue), lined_up(&queue));
        let cancel = thread::spawn(move || drop(a));
        let wait = thread::spawn(move || drop(block_on(b).unwrap()));
        drop(held);
        cancel.join().unwrap();
        wait.join().unwrap();
        assert!(takes_no_memory(&queue));
    });
}

#[test]
fn when_all_requests_are_dropped_while_they_are_granted_nothing_is_left_behind() {
    loom::model(|| {
        let queue = FairQueue::new();
        let (held, a, b) = (first(&queue), lined_up(&queue), lined_up(&queue));
        let one = thread::spawn(move || drop(a));
        let two = thread::spawn(move || drop(b));
        drop(held);
        one.join().unwrap();
        two.join().unwrap();
        assert!(takes_no_memory(&queue));
        assert_eq!(queue.waiting(&0), 0);
    });
}

#[test]
fn who_may_not_wait_gets_a_place_that_is_free_and_never_one_that_is_promised() {
    loom::model(|| {
        let queue = FairQueue::new();
        let (held, a) = (first(&queue), lined_up(&queue));
        let inside = Arc::new(AtomicUsize::new(0));
        let wait = {
            let inside = inside.clone();
            thread::spawn(move || {
                let ticket = block_on(a).unwrap();
                stay(&inside);
                drop(ticket);
            })
        };
        let give_back = thread::spawn(move || drop(held));
        match block_on(queue.enter(0, Phase::SIDE, Wait::Never)) {
            Ok(ticket) => {
                stay(&inside);
                drop(ticket);
            }
            Err(error) => assert!(matches!(error, QueueError::Busy { .. })),
        }
        give_back.join().unwrap();
        wait.join().unwrap();
        assert!(takes_no_memory(&queue));
    });
}
