//! Noticing, before a write, that something held is not ours any more.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use latchwork_filelock::{LatchLost, Latches, Lost, Obstacle, Options};
use latchwork_sys::{Liveness, Steps, System};

use crate::support::{Room, busy, latches, take};

/// Holds the latch, lets `harm` happen, and answers what the next check says. Then nothing more is written.
async fn after(room: &Room, harm: impl FnOnce(&Room)) -> LatchLost {
    let latched = take(&latches(), room).await;
    let write = latched.begin().unwrap();
    write.check().unwrap();
    harm(room);
    let lost = write.check().unwrap_err();
    assert!(latched.begin().unwrap_err().reason.contains("lost"));
    lost
}

#[tokio::test]
async fn files_removed_or_replaced_under_a_holder_are_noticed() {
    let room = Room::new();
    let lost = after(&room, |room| {
        std::fs::remove_dir_all(room.sidecars()).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::LatchFile), "{lost}");

    let lost = after(&room, |room| {
        std::fs::write(room.file("new"), b"").unwrap();
        std::fs::rename(room.file("new"), room.transcript()).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::Transcript), "{lost}");

    let lost = after(&room, |room| {
        std::fs::hard_link(room.transcript(), room.file("second")).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::HardLinked { names: 2 }), "{lost}");
    std::fs::remove_file(room.file("second")).unwrap();

    let lost = after(&room, |room| {
        std::fs::remove_file(room.transcript()).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::Transcript), "{lost}");
    let lost = after(&room, |room| {
        std::fs::write(room.transcript(), b"").unwrap();
    })
    .await;
    assert!(
        matches!(lost.what, Lost::Transcript),
        "one appeared where there was none: {lost}"
    );
}

#[tokio::test]
async fn a_robbed_lock_file_is_noticed_and_the_robbers_is_left_alone() {
    let room = Room::new();
    let lost = after(&room, |room| {
        std::fs::remove_file(room.peer_lock()).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::PeerLock), "{lost}");

    let robbers = b"{\"pid\": 1}";
    let lost = after(&room, |room| {
        std::fs::remove_file(room.peer_lock()).unwrap();
        std::fs::write(room.peer_lock(), robbers).unwrap();
    })
    .await;
    assert!(matches!(lost.what, Lost::PeerLock), "{lost}");
    assert_eq!(std::fs::read(room.peer_lock()).unwrap(), robbers);
    assert_eq!(busy(&latches(), &room).await.0, Obstacle::PeerLock);
}

#[tokio::test]
async fn a_stand_in_that_was_ended_is_noticed_and_the_next_latch_has_another() {
    let room = Room::new();
    let ours = latches();
    let latched = take(&ours, &room).await;
    let write = latched.begin().unwrap();
    let first = stand_in(&room);
    let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while matches!(System::real().processes.look(first), Liveness::Alive { .. }) {
        std::thread::yield_now();
    }
    // That it runs is believed for a millisecond.
    let lost = loop {
        match write.check() {
            Ok(()) => std::thread::yield_now(),
            Err(lost) => break lost,
        }
    };
    assert!(matches!(lost.what, Lost::StandIn), "{lost}");
    drop(write);
    assert!(!room.peer_lock().exists(), "it was still ours");
    let next = take(&ours, &room).await;
    next.begin().unwrap().check().unwrap();
    assert_ne!(stand_in(&room), first);
}

fn stand_in(room: &Room) -> u32 {
    let payload: serde_json::Value =
        serde_json::from_slice(&std::fs::read(room.peer_lock()).unwrap()).unwrap();
    u32::try_from(payload["pid"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn a_deleted_sidecar_folder_lets_no_second_holder_in() {
    let room = Room::new();
    let latched = take(&latches(), &room).await;
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let (obstacle, _, text) = busy(&latches(), &room).await;
    assert_eq!(obstacle, Obstacle::Transcript, "{text}");
    assert!(latched.begin().unwrap().check().is_err());
    // The loser gave up its locks: now there is a way in.
    take(&latches(), &room).await.release().await;
}

/// Remembers which files' locks were seen to be held.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<PathBuf>>);

impl Steps for Seen {
    fn reach(&self, _step: &str) {}

    fn checked(&self, path: &Path) {
        self.0.lock().unwrap().push(path.to_path_buf());
    }
}

#[tokio::test]
async fn a_check_is_told_to_who_watches_if_all_is_in_place_and_only_then() {
    let room = Room::new();
    let seen = Arc::new(Seen::default());
    let system = System {
        steps: seen.clone(),
        ..System::real()
    };
    let latched = take(&Latches::new(system, Options::default()), &room).await;
    let write = latched.begin().unwrap();
    seen.0.lock().unwrap().clear();
    write.check().unwrap();
    assert_eq!(*seen.0.lock().unwrap(), [room.transcript()]);
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    write.check().unwrap_err();
    assert_eq!(seen.0.lock().unwrap().len(), 1);
}
