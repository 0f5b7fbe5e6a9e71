//! Taking, holding, revoking and giving back, within one process.

use std::sync::Arc;
use std::time::Duration;

use latchwork_filelock::{LatchError, Latches, Obstacle, Options, PeerLock};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{ScriptedSteps, System};

use crate::support::{Room, attempt, busy, latches, take, until, with};

#[tokio::test]
async fn a_latch_keeps_others_out_until_it_is_given_back_and_leaves_only_its_own_file() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let latched = take(&ours, &room).await;
    let (obstacle, holder, text) = busy(&others, &room).await;
    assert_eq!(
        (obstacle, holder.pid),
        (Obstacle::Latch, Some(std::process::id()))
    );
    assert_eq!(holder.phase.as_deref(), Some("record"));
    assert!(holder.state.is_some() && holder.since.is_some() && holder.host.is_some());
    assert!(
        text.contains(&std::process::id().to_string()) && text.contains("s.latch"),
        "{text}"
    );
    latched.release().await;
    assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"]);
    assert!(attempt(&others, &room).await.is_ok());
}

#[tokio::test]
async fn the_steps_are_taken_in_their_order() {
    let room = Room::new();
    let steps = Arc::new(ScriptedSteps::new());
    let system = System {
        steps: steps.clone(),
        ..System::real()
    };
    take(&Latches::new(system, Options::default()), &room)
        .await
        .release()
        .await;
    let steps = steps.trace();
    let expected = [
        "latch:queued",
        "latch:taken",
        "latch:inode-locked",
        "peer:staged",
        "latch:peer-written",
        "latch:granted",
        "latch:releasing",
        "peer:releasing",
        "latch:peer-removed",
    ];
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn private_things_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let room = Room::new();
    let _latched = take(&latches(), &room).await;
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(room.sidecars()), mode(room.sidecars().join("s.latch"))),
        (0o700, 0o600)
    );
}

#[tokio::test]
async fn a_session_reached_by_two_paths_is_one_session() {
    let room = Room::new();
    let ours = latches();
    let link = room.file("same");
    std::os::unix::fs::symlink(room.path(), &link).unwrap();
    let _latched = take(&ours, &room).await;
    for site in [
        crate::support::site(&link),
        crate::support::site(&room.file(".latchwork/..")),
    ] {
        let error = ours
            .latch(&site, Phase::SIDE, Wait::Never)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                LatchError::Busy {
                    obstacle: Obstacle::OwnProcess,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_started_write_keeps_the_locks_when_the_latch_is_dropped() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let latched = take(&ours, &room).await;
    let (one, two) = (latched.begin().unwrap(), latched.begin().unwrap());
    drop(latched);
    drop(one);
    assert_eq!(busy(&others, &room).await.0, Obstacle::Latch);
    two.check().unwrap();
    two.transcript().unwrap().append(b"{}\n").unwrap();
    drop(two);
    assert!(attempt(&others, &room).await.is_ok());
}

#[tokio::test]
async fn giving_back_waits_for_the_last_write_that_was_started() {
    let room = Room::new();
    let ours = latches();
    let latched = take(&ours, &room).await;
    let write = latched.begin().unwrap();
    let mut release = Box::pin(latched.release());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(release.as_mut().poll(&mut context).is_pending());
    drop(write);
    release.await;
    assert!(attempt(&latches(), &room).await.is_ok());
}

#[tokio::test]
async fn a_revoked_latch_starts_no_write_and_says_why_and_is_free_when_the_last_write_has_ended() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let latched = take(&ours, &room).await;
    let write = latched.begin().unwrap();
    latched.revoke("the user asked");
    latched.revoke("a later reason");
    assert_eq!(latched.begin().unwrap_err().reason, "the user asked");
    assert_eq!(busy(&others, &room).await.0, Obstacle::Latch);
    drop(write);
    let _theirs = attempt(&others, &room).await.unwrap();
    assert!(latched.begin().is_err() && latched.transcript().is_none());
}

#[tokio::test]
async fn a_latch_that_is_held_too_long_is_revoked_in_its_own_process_and_its_holder_is_told() {
    let room = Room::new();
    let ours = with(Options {
        max_hold_ms: 20,
        ..Options::default()
    });
    let latched = take(&ours, &room).await;
    let _theirs = take(&latches(), &room).await;
    let reason = latched.begin().unwrap_err().reason;
    assert!(reason.contains("max_hold_ms"), "{reason}");
}

#[tokio::test]
async fn asking_twice_in_one_task_is_an_error_and_not_a_deadlock() {
    let room = Room::new();
    let ours = latches();
    let task = async move {
        let latched = take(&ours, &room).await;
        let error = ours
            .latch(&room.site(), Phase::SIDE, Wait::Forever)
            .await
            .unwrap_err();
        assert!(matches!(error, LatchError::SelfDeadlock { .. }), "{error}");
        // Given up, but a write still runs: the same task waits for it like anybody else.
        let write = latched.begin().unwrap();
        drop(latched);
        let ended = tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(write);
        });
        take(&ours, &room).await.release().await;
        ended.await.unwrap();
    };
    tokio::spawn(task).await.unwrap();
}

#[tokio::test]
async fn a_request_dropped_while_it_waits_leaves_nothing_behind() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let latched = take(&ours, &room).await;
    for same_process in [true, false] {
        let asked = if same_process { &ours } else { &others };
        let site = room.site();
        let wait = asked.latch(&site, Phase::SIDE, Wait::Forever);
        assert!(
            tokio::time::timeout(Duration::from_millis(5), wait)
                .await
                .is_err()
        );
    }
    latched.release().await;
    // The thread that still waits in the kernel gets the lock and gives it back.
    until_free(&room).await;
    assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"]);
}

#[tokio::test]
async fn a_request_dropped_while_it_waits_for_a_peer_leaves_nothing_behind() {
    let room = Room::new();
    std::fs::write(
        room.peer_lock(),
        format!("{{\"pid\": {}}}", std::process::id()),
    )
    .unwrap();
    let others = latches();
    let site = room.site();
    let wait = others.latch(&site, Phase::SIDE, Wait::Forever);
    assert!(
        tokio::time::timeout(Duration::from_millis(20), wait)
            .await
            .is_err()
    );
    std::fs::remove_file(room.peer_lock()).unwrap();
    assert!(attempt(&latches(), &room).await.is_ok());
    assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"]);
}

async fn until_free(room: &Room) {
    let fresh = latches();
    loop {
        match attempt(&fresh, room).await {
            Ok(latched) => return latched.release().await,
            Err(LatchError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_wait_that_is_over_names_the_holder_and_a_wait_that_is_not_is_granted() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let latched = take(&ours, &room).await;
    let limit = Wait::at_most(Duration::from_millis(10));
    let error = others
        .latch(&room.site(), Phase::SIDE, limit)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("in phase record"), "{error}");
    let waiting = tokio::spawn(async move { take(&others, &room).await.session().to_owned() });
    tokio::task::yield_now().await;
    drop(latched);
    assert_eq!(waiting.await.unwrap(), "s");
}

#[tokio::test]
async fn without_the_peers_protocol_their_file_is_neither_made_nor_respected() {
    let room = Room::new();
    std::fs::write(room.peer_lock(), b"{\"pid\": 1}").unwrap();
    let ours = with(Options {
        peer_lock: PeerLock::Never,
        ..Options::default()
    });
    take(&ours, &room).await.release().await;
    assert_eq!(std::fs::read(room.peer_lock()).unwrap(), b"{\"pid\": 1}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_of_several_latches_never_hold_a_session_together() {
    let room = Arc::new(Room::new());
    let inside = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let (one, two) = (latches(), latches());
    let mut tasks = Vec::new();
    for place in 0..8 {
        let mine = if place % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        let (room, inside) = (room.clone(), inside.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..25 {
                let latched = take(&mine, &room).await;
                assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                drop(latched);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    until(|| !room.peer_lock().exists()).await;
}
