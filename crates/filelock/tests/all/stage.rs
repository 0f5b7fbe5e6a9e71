//! Making and replacing the transcript.

use std::os::unix::fs::PermissionsExt;

use latchwork_filelock::{Obstacle, StageError};

use crate::support::{Room, busy, latches, take};

#[tokio::test]
async fn a_new_transcript_is_born_locked_and_private() {
    let room = Room::empty();
    let latched = take(&latches(), &room).await;
    let write = latched.begin().unwrap();
    assert!(write.transcript().is_none());
    let staged = write.stage().unwrap();
    staged.file().append(b"one\n").unwrap();
    assert!(!room.transcript().exists());
    write.create(staged).unwrap();
    write.check().unwrap();
    write.transcript().unwrap().append(b"two\n").unwrap();
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"one\ntwo\n");
    let mode = std::fs::metadata(room.transcript())
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    assert_eq!(busy(&latches(), &room).await.0, Obstacle::Transcript);
}

#[tokio::test]
async fn a_transcript_that_appeared_meanwhile_is_never_replaced_by_a_new_one() {
    let room = Room::empty();
    let latched = take(&latches(), &room).await;
    let write = latched.begin().unwrap();
    let staged = write.stage().unwrap();
    std::fs::write(room.transcript(), b"theirs\n").unwrap();
    assert!(matches!(
        write.create(staged).unwrap_err(),
        StageError::Lost(_)
    ));
    drop((write, latched));
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"theirs\n");
    assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"]);
}

#[tokio::test]
async fn even_one_that_appears_after_the_last_look_is_not_replaced() {
    use latchwork_sys::{ScriptedSteps, System};
    use std::sync::Arc;

    let room = Room::empty();
    let steps = Arc::new(ScriptedSteps::new());
    let path = room.transcript();
    steps.on("latch:staged", move || {
        std::fs::write(path, b"theirs\n").unwrap();
    });
    let system = System {
        steps,
        ..System::real()
    };
    let ours = latchwork_filelock::Latches::new(system, latchwork_filelock::Options::default());
    let latched = take(&ours, &room).await;
    let write = latched.begin().unwrap();
    let staged = write.stage().unwrap();
    assert!(matches!(
        write.create(staged).unwrap_err(),
        StageError::Appeared { .. }
    ));
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"theirs\n");
}

#[tokio::test]
async fn a_replaced_transcript_keeps_its_permissions_and_is_locked_from_birth() {
    let room = Room::new();
    std::fs::set_permissions(room.transcript(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let latched = take(&latches(), &room).await;
    let write = latched.begin().unwrap();
    let staged = write.stage().unwrap();
    staged.file().append(b"new\n").unwrap();
    write.replace(staged).unwrap();
    write.check().unwrap();
    write.transcript().unwrap().append(b"more\n").unwrap();
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"new\nmore\n");
    let mode = std::fs::metadata(room.transcript())
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o640);
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    assert_eq!(busy(&latches(), &room).await.0, Obstacle::Transcript);
}

#[tokio::test]
async fn a_staged_file_that_is_not_used_is_removed() {
    let room = Room::new();
    let latched = take(&latches(), &room).await;
    drop(latched.begin().unwrap().stage().unwrap());
    latched.release().await;
    assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"]);
}
