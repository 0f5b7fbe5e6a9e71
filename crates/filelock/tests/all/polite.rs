//! Peers that look now and then find a moment, though we are greedy.
//!
//! The wall clock is set by the test, and time that is slept is not spent: so what is waited for is known to the millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use latchwork_filelock::{Latches, Obstacle, Options};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{Clock, RealClock, Sleep, System};
use tokio::time::Instant;

use crate::support::{Room, attempt, busy, take};

/// A look of OpenClaw.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct SetClock {
    wall_ms: AtomicI64,
    origin: Instant,
}

impl SetClock {
    fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn wall_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, time: Duration) -> Sleep {
        RealClock.sleep(time)
    }

    fn boottime(&self) -> Duration {
        RealClock.boottime()
    }
}

fn at_a_set_time() -> (Latches, Arc<SetClock>) {
    let clock = Arc::new(SetClock {
        wall_ms: AtomicI64::new(RealClock.wall_ms()),
        origin: Instant::now(),
    });
    let system = System {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..System::real()
    };
    (Latches::new(system, Options::default()), clock)
}

/// A live peer has its lock now.
fn a_peer_comes(room: &Room) {
    std::fs::write(room.peer_lock(), "{\"pid\": 1}").unwrap();
}

fn the_peer_leaves(room: &Room) {
    std::fs::remove_file(room.peer_lock()).unwrap();
}

async fn has_been_met(room: &Room, latches: &Latches) {
    a_peer_comes(room);
    assert_eq!(busy(latches, room).await.0, Obstacle::PeerLock);
    the_peer_leaves(room);
}

/// How long the test slept until the latch was granted.
async fn slept_for(latches: &Latches, room: &Room) -> Duration {
    let asked = Instant::now();
    let latched = take(latches, room).await;
    let slept = asked.elapsed();
    latched.begin().unwrap().check().unwrap();
    slept
}

#[tokio::test(start_paused = true)]
async fn where_a_peer_was_met_a_busy_session_is_left_free_for_a_look_after_each_stretch() {
    let (room, (ours, clock)) = (Room::new(), at_a_set_time());
    has_been_met(&room, &ours).await;
    for _ in 0..2 {
        assert_eq!(slept_for(&ours, &room).await, Duration::ZERO);
        let latched = take(&ours, &room).await;
        clock.advance(300);
        latched.release().await;
        assert!(slept_for(&ours, &room).await >= LOOK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_idle_or_never_met_a_peer_owes_no_pause() {
    let (room, (ours, clock)) = (Room::new(), at_a_set_time());
    for _ in 0..3 {
        clock.advance(300);
        assert_eq!(slept_for(&ours, &room).await, Duration::ZERO);
    }
    let latch = room.sidecars().join("s.latch");
    let latch = std::fs::read(&latch).unwrap();
    assert_eq!(latch[512..576], [0; 64], "nothing is remembered of peers");

    has_been_met(&room, &ours).await;
    for _ in 0..3 {
        assert_eq!(slept_for(&ours, &room).await, Duration::ZERO);
        clock.advance(300);
    }
}

#[tokio::test(start_paused = true)]
async fn politeness_makes_nobody_busy() {
    let (room, (ours, clock)) = (Room::new(), at_a_set_time());
    has_been_met(&room, &ours).await;
    let latched = take(&ours, &room).await;
    clock.advance(300);
    latched.release().await;
    let asked = Instant::now();
    attempt(&ours, &room).await.unwrap().release().await;
    let hasty = Wait::at_most(Duration::from_millis(30));
    let latched = ours.latch(&room.site(), Phase::SIDE, hasty).await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    latched.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_comes_while_the_file_is_left_free_is_waited_for_and_ends_the_pause() {
    let (room, (ours, clock)) = (Room::new(), at_a_set_time());
    has_been_met(&room, &ours).await;
    let latched = take(&ours, &room).await;
    clock.advance(300);
    latched.release().await;
    let (left, comes_and_leaves) = (Duration::from_millis(23), async {
        tokio::time::sleep(Duration::from_millis(12)).await;
        a_peer_comes(&room);
        tokio::time::sleep(Duration::from_millis(11)).await;
        the_peer_leaves(&room);
    });
    let (slept, ()) = tokio::join!(slept_for(&ours, &room), comes_and_leaves);
    assert!(slept >= left && slept < LOOK, "{slept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_replaced_a_dead_one_and_is_removed_at_once_by_a_late_peer_is_no_loss_under_a_write()
 {
    let (room, (ours, _clock)) = (Room::new(), at_a_set_time());
    has_been_met(&room, &ours).await;
    // One of ours died, and a peer that saw that removes what stands there now.
    std::fs::write(room.peer_lock(), "{\"pid\": 2147483646, \"nonce\": \"n\"}").unwrap();
    let a_late_peer = async {
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(std::fs::read(room.peer_lock()).unwrap().len() > 50, "ours");
        std::fs::remove_file(room.peer_lock()).unwrap();
        a_peer_comes(&room);
        tokio::time::sleep(Duration::from_millis(40)).await;
        the_peer_leaves(&room);
    };
    let (slept, ()) = tokio::join!(slept_for(&ours, &room), a_late_peer);
    assert!(slept >= Duration::from_millis(43), "{slept:?}");
}
