//! What is refused by name, and left untouched.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use latchwork_filelock::{LatchError, Options, Refusal, Site, Unsupported};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, FsKind, Operation, RealDisk};

use crate::support::{Room, attempt, latches, on_disk, take};

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

async fn refusal(room: &Room) -> Refusal {
    let error = attempt(&latches(), room).await.unwrap_err();
    match error {
        LatchError::Refused { why, .. } => why,
        other => panic!("not refused: {other}"),
    }
}

#[tokio::test]
async fn a_transcript_that_is_no_plain_file_is_refused_by_name_and_nothing_is_made_beside_it() {
    let room = Room::empty();
    let path = room.transcript();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Directory);
    std::fs::remove_dir(&path).unwrap();

    make_fifo(&path);
    assert_eq!(refusal(&room).await, Refusal::Fifo);
    std::fs::remove_file(&path).unwrap();

    let _socket = UnixListener::bind(&path).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Socket);
    std::fs::remove_file(&path).unwrap();

    symlink("/nowhere", &path).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Symlink);
    assert_eq!(room.names(), ["s.jsonl"]);

    let null = Site::new("/dev", "null", "null").unwrap();
    let error = latches()
        .latch(&null, Phase::SIDE, Wait::Never)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LatchError::Refused {
                why: Refusal::Device,
                ..
            }
        ),
        "{error}"
    );
    assert!(!Path::new("/dev/.latchwork").exists());
}

#[tokio::test]
async fn a_transcript_with_two_names_is_refused_until_it_has_one() {
    let room = Room::new();
    let other = room.file("other.jsonl");
    std::fs::hard_link(room.transcript(), &other).unwrap();
    assert_eq!(refusal(&room).await, Refusal::HardLinked { names: 2 });
    std::fs::remove_file(other).unwrap();
    take(&latches(), &room).await.release().await;
}

#[tokio::test]
async fn lock_files_that_are_no_plain_files_are_refused_and_do_not_hang() {
    let room = Room::new();
    make_fifo(&room.peer_lock());
    assert_eq!(refusal(&room).await, Refusal::Fifo);
    std::fs::remove_file(room.peer_lock()).unwrap();
    symlink(room.transcript(), room.peer_lock()).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Symlink);
    std::fs::remove_file(room.peer_lock()).unwrap();
    std::fs::create_dir(room.peer_lock()).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Directory);
    std::fs::remove_dir(room.peer_lock()).unwrap();

    let latch = room.sidecars().join("s.latch");
    std::fs::remove_file(&latch).unwrap();
    symlink(room.transcript(), &latch).unwrap();
    assert_eq!(refusal(&room).await, Refusal::Symlink);
    std::fs::remove_file(&latch).unwrap();
    make_fifo(&latch);
    assert_eq!(refusal(&room).await, Refusal::Fifo);
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"{}\n");
}

#[tokio::test]
async fn a_sidecar_folder_that_is_a_link_elsewhere_is_refused() {
    let (room, elsewhere) = (Room::new(), Room::empty());
    symlink(elsewhere.path(), room.sidecars()).unwrap();
    assert_eq!(refusal(&room).await, Refusal::NotAFolder);
}

#[tokio::test]
async fn a_folder_in_which_no_latch_can_be_made_is_refused_by_its_own_name() {
    const EACCES: i32 = 13;
    let room = Room::new();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(
        Fault::on(Operation::Open, FaultOutcome::Errno(EACCES))
            .at("/s.latch")
            .nth(2),
    );
    let error = attempt(&on_disk(&disk, Options::default()), &room)
        .await
        .unwrap_err();
    let LatchError::Refused { path, why } = &error else {
        panic!("{error}")
    };
    assert_eq!((path, why), (&room.sidecars(), &Refusal::NotPermitted));
}

#[tokio::test]
async fn a_transcript_that_may_not_be_written_is_refused_by_name() {
    const EACCES: i32 = 13;
    let room = Room::new();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(Fault::on(Operation::Open, FaultOutcome::Errno(EACCES)).at("/s.jsonl"));
    let error = attempt(&on_disk(&disk, Options::default()), &room)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LatchError::Refused {
                why: Refusal::NotPermitted,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_filesystem_without_trusted_locks_is_refused_by_name_unless_it_is_allowed() {
    let room = Room::new();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(Fault::on(Operation::Filesystem, FaultOutcome::Filesystem(FsKind::Nfs)).sticky());
    let error = attempt(&on_disk(&disk, Options::default()), &room)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("NFS") && error.to_string().contains("allow_network_fs"),
        "{error}"
    );
    assert_eq!(room.names(), ["s.jsonl"]);
    let allowed = Options {
        allow_network_fs: true,
        ..Options::default()
    };
    assert!(attempt(&on_disk(&disk, allowed), &room).await.is_ok());
}

#[tokio::test]
async fn a_filesystem_that_grants_one_lock_twice_is_refused() {
    let room = Room::new();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(Fault::on(Operation::Lock, FaultOutcome::PretendLocked).sticky());
    let error = attempt(&on_disk(&disk, Options::default()), &room)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LatchError::Unsupported {
                why: Unsupported::GrantsTwice,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_filesystem_that_is_not_trusted_and_grants_a_lock_to_a_child_too_is_refused_though_allowed()
 {
    let room = Room::new();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    disk.add(
        Fault::on(
            Operation::Filesystem,
            FaultOutcome::Filesystem(FsKind::Fuse),
        )
        .sticky(),
    );
    disk.add(Fault::on(Operation::Lock, FaultOutcome::PretendLocked));
    disk.add(Fault::on(Operation::Lock, FaultOutcome::PretendBusy).nth(2));
    let allowed = Options {
        allow_network_fs: true,
        ..Options::default()
    };
    let error = attempt(&on_disk(&disk, allowed), &room).await.unwrap_err();
    assert!(
        matches!(
            error,
            LatchError::Unsupported {
                why: Unsupported::GrantsToOthers,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_of_the_system_at_any_step_leaves_nothing_held_and_nothing_behind() {
    const EIO: i32 = 5;
    let room = Room::new();
    take(&latches(), &room).await.release().await;
    let steps = [
        (Operation::Open, ".latch"),
        (Operation::Lock, ".latch"),
        (Operation::Facts, ".latch"),
        (Operation::Open, "s.jsonl"),
        (Operation::Lock, "s.jsonl"),
        (Operation::Open, ".tmp"),
        (Operation::WriteAt, ".tmp"),
        (Operation::Rename, ".lock"),
    ];
    for (operation, suffix) in steps {
        let disk = FaultDisk::new(Arc::new(RealDisk));
        let faulty = on_disk(&disk, Options::default());
        disk.add(Fault::on(operation, FaultOutcome::Errno(EIO)).at(suffix));
        let error = attempt(&faulty, &room).await.unwrap_err();
        assert!(
            matches!(error, LatchError::Io(_)),
            "{operation:?} {suffix}: {error}"
        );
        assert_eq!(
            room.names(),
            [".latchwork", "s.jsonl", "s.latch"],
            "{operation:?} {suffix}"
        );
        // The fault struck once: the same latches work again.
        attempt(&faulty, &room).await.unwrap().release().await;
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let room = Room::empty();
    let site = Site::new(room.file("nowhere"), "s", "s.jsonl").unwrap();
    let error = latches()
        .latch(&site, Phase::SIDE, Wait::Never)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
