//! Who counts as alive: pids that are used again, other namespaces, other users, clocks that jump. (L05 to L12 of the faults.)

use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use latchwork_filelock::{Latches, Obstacle, Options};
use latchwork_sys::{Clock, RealClock, System, parse_proc_stat};

use crate::support::{Room, attempt, busy, latches, take};
use crate::world::{Cast, World, acted, give_to_stranger};

/// A live process, as the owner of a peer's lock file.
struct Owner(Child);

impl Owner {
    fn of(room: &Room) -> Self {
        let child = Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let line = std::fs::read(format!("/proc/{}/stat", child.id())).unwrap();
        let since = parse_proc_stat(&line).unwrap().starttime;
        let payload = format!(
            "{{\"pid\": {}, \"createdAt\": \"x\", \"starttime\": {since}}}",
            child.id()
        );
        std::fs::write(room.peer_lock(), payload).unwrap();
        Self(child)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_pid_that_was_given_out_again_is_another_process_and_in_the_same_tick_it_only_delays() {
    if acted() {
        return;
    }
    let test = "alive::a_pid_that_was_given_out_again_is_another_process_and_in_the_same_tick_it_only_delays";
    let Some(world) = World::of_other_pids() else {
        return;
    };
    let room = Room::new();
    let said = Cast::of(test)
        .start(world, "recycler", room.path(), "recycle a pid")
        .said()
        .await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("process 9000"), "{said}");
    assert_eq!(lines[1], "granted", "{said}");
}

#[tokio::test]
async fn a_holder_whose_pid_cannot_be_seen_from_another_container_is_not_robbed() {
    if acted() {
        return;
    }
    let test = "alive::a_holder_whose_pid_cannot_be_seen_from_another_container_is_not_robbed";
    let Some(world) = World::of_other_pids() else {
        return;
    };
    // Without a transcript there is no second wall, so that the peers' file alone has to tell.
    for room in [Room::new(), Room::empty()] {
        let has_transcript = room.transcript().exists();
        let cast = Cast::of(test);
        let mut holder = cast.start(world, "holder", room.path(), "hold");
        holder.held().await;
        let said = cast.attempt(world, "by the latch", room.path()).await;
        assert!(said.contains("is busy: its latch"), "{said}");
        std::fs::remove_dir_all(room.sidecars()).unwrap();
        let said = cast.attempt(world, "without sidecars", room.path()).await;
        let by = if has_transcript {
            "its transcript"
        } else {
            "the lock file"
        };
        assert!(said.contains(&format!("is busy: {by}")), "{said}");
        holder.go();
        let said = holder.said().await;
        assert!(said.contains("the latch file was removed"), "{said}");
    }
}

#[tokio::test]
async fn an_owner_seen_from_another_time_namespace_is_not_taken_for_another_process() {
    if acted() {
        return;
    }
    let test = "alive::an_owner_seen_from_another_time_namespace_is_not_taken_for_another_process";
    let Some(world) = World::of_other_times() else {
        return;
    };
    let room = Room::new();
    let owner = Owner::of(&room);
    let said = Cast::of(test).attempt(world, "elsewhen", room.path()).await;
    assert!(said.contains("is busy: the lock file"), "{said}");
    assert!(
        said.contains(&format!("process {}", owner.0.id())),
        "{said}"
    );
}

#[tokio::test]
async fn an_owner_of_another_user_is_alive_though_it_may_not_be_signalled() {
    if acted() {
        return;
    }
    let test = "alive::an_owner_of_another_user_is_alive_though_it_may_not_be_signalled";
    let Some(world) = World::of_a_stranger() else {
        return;
    };
    let room = Room::new();
    let owner = Owner::of(&room);
    give_to_stranger(&room);
    let cast = Cast::of(test);
    let said = cast.attempt(world, "stranger", room.path()).await;
    assert!(said.contains("is busy: the lock file"), "{said}");
    assert!(
        said.contains(&format!("process {}", owner.0.id())),
        "{said}"
    );
    // The same stranger takes it as soon as the owner has ended.
    drop(owner);
    let said = cast.attempt(world, "again", room.path()).await;
    assert_eq!(said, "granted");
}

/// The wall clock of this machine, put forward or back.
#[derive(Debug, Default)]
struct Jumping(AtomicI64);

impl Clock for Jumping {
    fn wall_ms(&self) -> i64 {
        RealClock.wall_ms() + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        RealClock.monotonic()
    }

    fn boottime(&self) -> Duration {
        RealClock.boottime()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        RealClock.sleep(time)
    }
}

#[tokio::test]
async fn a_wall_clock_that_jumps_robs_nobody_and_ends_no_hold_and_no_wait() {
    const JUMPS_MS: [i64; 3] = [40 * 60_000, -24 * 3_600_000, 400 * 24 * 3_600_000];
    let room = Room::new();
    let clock = Arc::new(Jumping::default());
    let jumping = Latches::new(
        System {
            clock: clock.clone(),
            ..System::real()
        },
        Options::default(),
    );
    let held = take(&jumping, &room).await;
    for jump in JUMPS_MS {
        clock.0.store(jump, Ordering::SeqCst);
        held.begin().unwrap().check().unwrap();
        assert_eq!(busy(&latches(), &room).await.0, Obstacle::Latch);
    }
    held.release().await;

    let owner = Owner::of(&room);
    for jump in JUMPS_MS {
        clock.0.store(jump, Ordering::SeqCst);
        let (obstacle, holder, _) = busy(&jumping, &room).await;
        assert_eq!(
            (obstacle, holder.pid),
            (Obstacle::PeerLock, Some(owner.0.id()))
        );
    }
    // A wait that began before the jump ends by what happens, not by the clock.
    let waits = take(&jumping, &room);
    let (latched, ()) = tokio::join!(waits, async {
        tokio::task::yield_now().await;
        clock.0.store(JUMPS_MS[0], Ordering::SeqCst);
        drop(owner);
    });
    latched.release().await;
    attempt(&latches(), &room).await.unwrap().release().await;
}
