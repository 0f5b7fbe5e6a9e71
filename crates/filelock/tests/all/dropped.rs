//! A request that is given up at any of its awaits, whatever it waits for, leaves nothing: no lock, no file, no place in a
//! queue, no descriptor. (L27 of the faults.)

use std::any::Any;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use latchwork_filelock::{LatchError, Latches, Options};
use latchwork_lock::{Phase, Wait};
use rustix::fs::{FlockOperation, flock};

use crate::support::{Room, latches, take, until, with};

/// More polls than any request needs from begin to end.
const POLLS_MAX: usize = 6;
/// A wait that is not woken any more is given up after this.
const NOT_WOKEN: Duration = Duration::from_millis(25);

/// Polls a future so often, each time when it was woken, and then drops it; just before, `last` is done.
async fn dropped_after<F: Future>(
    polls: usize,
    future: F,
    last: impl FnOnce(),
) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    let polled = std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let done = tokio::time::timeout(NOT_WOKEN, polled).await.ok().flatten();
    last();
    drop(future);
    done
}

/// What stands in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InTheWay {
    Nothing,
    AnotherTask,
    AnotherProcess,
    AnotherProcessWithoutThreads,
    AWriteThatHasNotEnded,
    TheTranscript,
    APeer,
    AHalfWrittenFile,
}

const ALL: [InTheWay; 8] = [
    InTheWay::Nothing,
    InTheWay::AnotherTask,
    InTheWay::AnotherProcess,
    InTheWay::AnotherProcessWithoutThreads,
    InTheWay::AWriteThatHasNotEnded,
    InTheWay::TheTranscript,
    InTheWay::APeer,
    InTheWay::AHalfWrittenFile,
];

impl InTheWay {
    fn latches(self) -> Latches {
        match self {
            Self::AnotherProcessWithoutThreads => with(Options {
                wait_threads: 0,
                ..Options::default()
            }),
            _ => latches(),
        }
    }

    /// What must be dropped to clear the way.
    #[expect(
        clippy::disallowed_methods,
        reason = "a stranger to the product holds the file"
    )]
    async fn put(self, ours: &Latches, room: &Room) -> Box<dyn Any> {
        match self {
            Self::Nothing => Box::new(()),
            Self::AnotherTask => {
                let (ours, site) = (ours.clone(), room.site());
                let other = tokio::spawn(async move {
                    ours.latch(&site, Phase::RECORD, Wait::Never).await.unwrap()
                });
                Box::new(other.await.unwrap())
            }
            Self::AnotherProcess | Self::AnotherProcessWithoutThreads => {
                Box::new(take(&latches(), room).await)
            }
            Self::AWriteThatHasNotEnded => {
                let latched = take(ours, room).await;
                let write = latched.begin().unwrap();
                drop(latched);
                Box::new(write)
            }
            Self::TheTranscript => {
                let file = std::fs::File::open(room.transcript()).unwrap();
                flock(&file, FlockOperation::LockExclusive).unwrap();
                Box::new(OwnedFd::from(file))
            }
            Self::APeer => {
                let payload = format!("{{\"pid\": {}}}", std::process::id());
                std::fs::write(room.peer_lock(), payload).unwrap();
                Box::new(Removed(room.peer_lock()))
            }
            Self::AHalfWrittenFile => {
                std::fs::write(room.peer_lock(), b"").unwrap();
                Box::new(Removed(room.peer_lock()))
            }
        }
    }
}

/// A file that is removed when this is dropped.
struct Removed(std::path::PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// The descriptors of this process that lead into a folder.
fn descriptors_into(room: &Room) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let into = |entry: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(entry.ok()?.path()).ok()?;
        target.starts_with(room.path()).then_some(())
    };
    open.filter_map(into).count()
}

/// In a task of its own, as tasks are told apart by the queue.
async fn in_a_task(body: impl Future<Output = ()> + 'static) {
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async { tokio::task::spawn_local(body).await.unwrap() })
        .await;
}

/// After everything is given up, the session is as if nobody had ever asked.
async fn nothing_is_left(ours: Latches, room: &Room, what: &str) {
    take(&latches(), room).await.release().await;
    take(&ours, room).await.release().await;
    // The file of a latch that was just given back may be kept open for the next time; no longer than its owner lives.
    drop(ours);
    until(|| descriptors_into(room) == 0).await;
    let names = room.names();
    assert_eq!(names, [".latchwork", "s.jsonl", "s.latch"], "{what}");
}

#[tokio::test]
async fn a_request_dropped_after_any_poll_whatever_it_waits_for_leaves_nothing_behind() {
    in_a_task(async {
        for in_the_way in ALL {
            let mut granted = 0;
            for polls in 0..=POLLS_MAX {
                // Cleared after the drop; and just before, so that a grant may meet a request that is not polled again.
                for cleared_first in [false, true] {
                    let what =
                        format!("{in_the_way:?}, {polls} polls, cleared first: {cleared_first}");
                    let (room, ours) = (Room::new(), in_the_way.latches());
                    let mut obstacle = Some(in_the_way.put(&ours, &room).await);
                    let site = room.site();
                    let asked = ours.latch(&site, Phase::SIDE, Wait::Forever);
                    let done = dropped_after(polls, asked, || {
                        if cleared_first {
                            drop(obstacle.take());
                            // Time for a grant to come in.
                            std::thread::sleep(Duration::from_millis(2));
                        }
                    })
                    .await;
                    if let Some(latched) = done {
                        assert_eq!(in_the_way, InTheWay::Nothing, "{what}");
                        latched.unwrap().release().await;
                        granted += 1;
                    }
                    drop(obstacle);
                    nothing_is_left(ours, &room, &what).await;
                }
            }
            assert!(
                granted > 0 || in_the_way != InTheWay::Nothing,
                "never granted"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_whose_time_is_over_whatever_it_waits_for_leaves_nothing_behind() {
    in_a_task(async {
        for in_the_way in ALL {
            if in_the_way == InTheWay::Nothing {
                continue;
            }
            for wait_ms in [0, 1, 20] {
                let what = format!("{in_the_way:?}, {wait_ms} ms");
                let (room, ours) = (Room::new(), in_the_way.latches());
                let obstacle = in_the_way.put(&ours, &room).await;
                let wait = Wait::at_most(Duration::from_millis(wait_ms));
                let asked = ours.latch(&room.site(), Phase::SIDE, wait).await;
                let error = asked.map(drop).unwrap_err();
                assert!(matches!(error, LatchError::Busy { .. }), "{what}: {error}");
                drop(obstacle);
                nothing_is_left(ours, &room, &what).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_for_a_claim_dropped_after_any_poll_leaves_no_claim_held() {
    for polls in 0..=POLLS_MAX {
        for cleared_first in [false, true] {
            let (room, ours, others) = (Room::new(), latches(), latches());
            let site = room.site();
            let claim = others.claim(&site, "theirs", Wait::Never).await.unwrap();
            let mut theirs = Some(claim);
            let asked = ours.claim(&site, "ours", Wait::Forever);
            let done = dropped_after(polls, asked, || {
                if cleared_first {
                    drop(theirs.take());
                    std::thread::sleep(Duration::from_millis(2));
                }
            })
            .await;
            assert!(done.is_none());
            drop(theirs);
            let next = latches().claim(&site, "next", Wait::Forever).await.unwrap();
            drop((next, ours, others));
            until(|| descriptors_into(&room) == 0).await;
            assert!(room.names().iter().all(|name| !name.ends_with(".tmp")));
        }
    }
}

#[tokio::test]
async fn giving_back_that_is_dropped_after_any_poll_gives_back_all_the_same() {
    for polls in 0..3 {
        let (room, ours) = (Room::new(), latches());
        let latched = take(&ours, &room).await;
        let write = latched.begin().unwrap();
        let done = dropped_after(polls, latched.release(), || ()).await;
        assert!(done.is_none(), "a write is under way");
        drop(write);
        nothing_is_left(ours, &room, "a release").await;
    }
}

#[tokio::test]
async fn giving_up_is_what_the_helper_of_these_tests_does() {
    let mut polled = 0;
    let counts = async {
        std::future::poll_fn(|context| {
            polled += 1;
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    };
    assert!(dropped_after(5, pin!(counts), || ()).await.is_none());
    assert_eq!(polled, 5);
}
