//! Several real processes on one session: exclusion, death, standstill, deleted sidecars.

use std::sync::Arc;

use latchwork_filelock::Obstacle;
use latchwork_sys::System;
use rustix::process::Signal;

use crate::support::{Room, attempt, busy, latches, take, until};
use crate::worker::{Worker, count_once, played};

#[tokio::test]
async fn a_killed_holder_frees_the_session_and_its_stand_in_ends_with_it() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "processes::a_killed_holder_frees_the_session_and_its_stand_in_ends_with_it";
    let worker = Worker::start(name, room.path(), "hold").held().await;
    let payload: serde_json::Value =
        serde_json::from_slice(&std::fs::read(room.peer_lock()).unwrap()).unwrap();
    let stand_in = u32::try_from(payload["pid"].as_u64().unwrap()).unwrap();
    let ours = latches();
    let (obstacle, holder, _) = busy(&ours, &room).await;
    assert_eq!(
        (obstacle, holder.pid),
        (Obstacle::Latch, Some(worker.pid()))
    );
    let kill = async {
        tokio::task::yield_now().await;
        worker.signal(Signal::KILL);
    };
    let (latched, ()) = tokio::join!(take(&ours, &room), kill);
    latched.begin().unwrap().check().unwrap();
    until(|| !System::real().processes.look(stand_in).is_alive()).await;
}

#[tokio::test]
async fn a_stopped_holder_is_named_with_its_state_and_never_robbed() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "processes::a_stopped_holder_is_named_with_its_state_and_never_robbed";
    let worker = Worker::start(name, room.path(), "hold").held().await;
    worker.signal(Signal::STOP);
    let ours = latches();
    let stopped = format!("process {}", worker.pid());
    loop {
        // The signal takes effect a moment after it was sent.
        let (_, holder, text) = busy(&ours, &room).await;
        if holder
            .state
            .as_deref()
            .is_some_and(|state| state.starts_with('T'))
        {
            assert!(
                text.contains(&stopped) && text.contains("kill -CONT"),
                "{text}"
            );
            break;
        }
    }
    worker.signal(Signal::CONT);
    assert_eq!(worker.goes_on().await, "all is ours");
    assert!(attempt(&ours, &room).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_and_two_processes_count_without_losing_one() {
    if played() {
        return;
    }
    let room = Arc::new(Room::new());
    let name = "processes::eight_tasks_and_two_processes_count_without_losing_one";
    let workers = [(); 2].map(|()| Worker::start(name, room.path(), "count"));
    let ours = latches();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (ours, room) = (ours.clone(), room.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                count_once(room.path(), &ours).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for mut worker in workers {
        assert_eq!(worker.ended().await, None);
    }
    assert_eq!(std::fs::read_to_string(room.file("count")).unwrap(), "160");
    let lines = std::fs::read_to_string(room.transcript()).unwrap();
    let expected: String = (1..=160).map(|n| format!("{n}\n")).collect();
    assert_eq!(lines, format!("{{}}\n{expected}"));
}

#[tokio::test]
async fn a_sidecar_folder_deleted_under_a_holder_lets_no_other_process_in_and_the_holder_notices() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "processes::a_sidecar_folder_deleted_under_a_holder_lets_no_other_process_in_and_the_holder_notices";
    let worker = Worker::start(name, room.path(), "hold").held().await;
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let ours = latches();
    let (obstacle, holder, _) = busy(&ours, &room).await;
    assert_eq!(obstacle, Obstacle::Transcript);
    assert_eq!(holder.pid, Some(worker.pid()), "the kernel names it");
    let said = worker.goes_on().await;
    assert!(said.contains("the latch file was removed"), "{said}");
    take(&ours, &room).await.begin().unwrap().check().unwrap();
}

#[tokio::test]
async fn a_process_killed_at_any_step_leaves_the_session_usable_and_the_count_right() {
    if played() {
        return;
    }
    let name =
        "processes::a_process_killed_at_any_step_leaves_the_session_usable_and_the_count_right";
    for step in 1.. {
        let room = Room::new();
        let steps = format!("kill:{step}");
        let mut worker = Worker::start_with_steps(name, room.path(), "once", &steps);
        let signal = worker.ended().await;
        let ours = latches();
        // Nobody alive holds it, so not even a wait is needed.
        attempt(&ours, &room).await.unwrap().release().await;
        count_once(room.path(), &ours).await;
        assert!(!room.peer_lock().exists());
        if signal.is_none() {
            assert!(step > 9, "it was to be killed at each of its steps");
            break;
        }
        // The last two steps are reached after the write.
        let counted = std::fs::read_to_string(room.file("count")).unwrap();
        assert_eq!(counted, if step >= 7 { "2" } else { "1" }, "step {step}");
    }
}
