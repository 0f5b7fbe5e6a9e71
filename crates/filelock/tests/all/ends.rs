//! Holders that end in the middle, children that outlive them, and threads beside them. (L04, L13, L18, L19, L25 and L28 of the
//! faults.)

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork_filelock::{Lost, Obstacle};
use rustix::process::{Pid, Signal, kill_process};

use crate::roles::{TOO_LONG_MS, fcntl};
use crate::support::{Room, attempt, busy, latches, take, until};
use crate::world::{Cast, World, acted};

fn end(pid: &str) {
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_holder_that_panics_aborts_exits_or_is_terminated_frees_the_session_with_its_lines() {
    if acted() {
        return;
    }
    let test =
        "ends::a_holder_that_panics_aborts_exits_or_is_terminated_frees_the_session_with_its_lines";
    for (how, signal) in [
        ("panic", None),
        ("abort", Some(6)),
        ("exit", None),
        ("SIGTERM", Some(15)),
    ] {
        let (room, cast) = (Room::new(), Cast::of(test));
        let mut holder = cast.start(World::THIS, "holder", room.path(), how);
        let mut ended = None;
        until(|| {
            ended = holder.child.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        let ended = ended.unwrap();
        assert_eq!(ended.signal(), signal, "{how}: {ended}");
        assert_eq!(ended.code() == Some(101), how == "panic", "{how}: {ended}");
        // Nobody alive holds it, so not even a wait is needed.
        let latched = attempt(&latches(), &room).await.unwrap();
        latched.begin().unwrap().check().unwrap();
        latched.release().await;
        let text = std::fs::read_to_string(room.transcript()).unwrap();
        assert_eq!(text, "{}\n{\"last\":1}\n", "{how}");
        assert_eq!(room.names(), [".latchwork", "s.jsonl", "s.latch"], "{how}");
    }
}

#[tokio::test]
async fn a_holder_that_is_stopped_for_longer_than_a_hold_may_last_is_not_robbed_and_ends_its_write()
{
    if acted() {
        return;
    }
    let test = "ends::a_holder_that_is_stopped_for_longer_than_a_hold_may_last_is_not_robbed_and_ends_its_write";
    let (room, cast) = (Room::new(), Cast::of(test));
    let mut holder = cast.start(World::THIS, "holder", room.path(), "write for too long");
    holder.held().await;
    let pid = Pid::from_child(&holder.child);
    kill_process(pid, Signal::STOP).unwrap();
    tokio::time::sleep(Duration::from_millis(10 * TOO_LONG_MS)).await;
    let (obstacle, named, text) = busy(&latches(), &room).await;
    assert_eq!(obstacle, Obstacle::Latch, "{text}");
    assert_eq!(named.pid, Some(holder.child.id()));
    assert!(text.contains("T (stopped)"), "{text}");
    holder.go();
    kill_process(pid, Signal::CONT).unwrap();
    let said = holder.said().await;
    assert!(
        said.starts_with("Ok(()), then"),
        "what was started ends whole: {said}"
    );
    assert!(
        said.contains("max_hold_ms"),
        "and nothing more is started: {said}"
    );
    attempt(&latches(), &room).await.unwrap().release().await;
    let text = std::fs::read_to_string(room.transcript()).unwrap();
    assert_eq!(text, "{}\n{\"late\":1}\n");
}

#[tokio::test]
async fn a_child_that_a_holder_started_does_not_hold_for_it_and_one_that_inherits_does() {
    if acted() {
        return;
    }
    let test =
        "ends::a_child_that_a_holder_started_does_not_hold_for_it_and_one_that_inherits_does";
    let (room, cast) = (Room::new(), Cast::of(test));
    let mut holder = cast.start(World::THIS, "holder", room.path(), "hold with a child");
    let child = holder.held().await;
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    attempt(&latches(), &room).await.unwrap().release().await;
    end(&child);

    // The control: without close-on-exec the child of a dead holder keeps the session.
    let mut leaking = cast.start(World::THIS, "leaking", room.path(), "leak to a child");
    let child = leaking.held().await;
    leaking.child.kill().unwrap();
    leaking.child.wait().unwrap();
    busy(&latches(), &room).await;
    end(&child);
    take(&latches(), &room).await.release().await;
}

#[tokio::test]
async fn a_reader_that_opens_and_closes_the_files_costs_no_lock_of_ours() {
    if acted() {
        return;
    }
    let test = "ends::a_reader_that_opens_and_closes_the_files_costs_no_lock_of_ours";
    let (room, cast) = (Room::new(), Cast::of(test));
    let latched = take(&latches(), &room).await;
    for path in [
        room.transcript(),
        room.sidecars().join("s.latch"),
        room.peer_lock(),
    ] {
        let read = std::thread::spawn(move || {
            for _ in 0..50 {
                drop(std::fs::read(&path).unwrap());
            }
        });
        read.join().unwrap();
    }
    let said = cast.attempt(World::THIS, "other", room.path()).await;
    assert!(said.contains("is busy: its latch"), "{said}");
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let said = cast.attempt(World::THIS, "walled", room.path()).await;
    assert!(said.contains("is busy: its transcript"), "{said}");
    drop(latched);

    // The control: a lock of the other kind is gone when any descriptor of its file is closed.
    let file = room.file("f");
    std::fs::write(&file, b"").unwrap();
    let held =
        std::os::fd::OwnedFd::from(std::fs::File::options().write(true).open(&file).unwrap());
    fcntl(&held).unwrap();
    let tried = cast.start(World::THIS, "before", room.path(), "try fcntl");
    assert_eq!(tried.said().await, "locked");
    drop(std::fs::read(&file).unwrap());
    let tried = cast.start(World::THIS, "after", room.path(), "try fcntl");
    assert_eq!(tried.said().await, "free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_lock_file_is_never_seen_half_written_nor_empty() {
    let room = Room::new();
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let (path, ends) = (room.peer_lock(), over.clone());
    let watch = std::thread::spawn(move || {
        let mut seen = 0;
        while !ends.load(Ordering::SeqCst) {
            if let Ok(bytes) = std::fs::read(&path) {
                let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                assert!(read["nonce"].is_string(), "{read}");
                seen += 1;
            }
        }
        seen
    });
    let ours = latches();
    for _ in 0..500 {
        take(&ours, &room).await.release().await;
    }
    over.store(true, Ordering::SeqCst);
    assert!(watch.join().unwrap() > 0, "the file was never seen");
}

#[tokio::test]
async fn a_lock_file_that_was_made_again_is_not_ours_even_if_it_should_get_our_inode_number() {
    let room = Room::new();
    let ours = latches();
    for _ in 0..50 {
        let latched = take(&ours, &room).await;
        let write = latched.begin().unwrap();
        let same_text = std::fs::read(room.peer_lock()).unwrap();
        // Most filesystems give a freed inode number out again at once.
        std::fs::remove_file(room.peer_lock()).unwrap();
        std::fs::write(room.peer_lock(), same_text).unwrap();
        let lost = write.check().unwrap_err();
        assert!(matches!(lost.what, Lost::PeerLock), "{lost}");
        drop((write, latched));
        assert!(room.peer_lock().exists(), "what is not ours is left alone");
        std::fs::remove_file(room.peer_lock()).unwrap();
    }
}
