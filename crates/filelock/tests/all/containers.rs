//! Two containers, one folder: an owner in another pid or time namespace is never judged dead by ours.
//!
//! A container is `unshare` here, which needs privileges; without them these say that they were skipped.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use latchwork_filelock::{Latches, Obstacle};
use latchwork_sys::{ProcessIdentity, System};

use crate::foreign::{Sleeper, grow_old, put};
use crate::support::{Room, attempt, busy, latches, until};
use crate::worker::{Worker, played};

/// A pid namespace of its own, with a `/proc` that shows it.
const OTHER_PIDS: &[&str] = &["-pf", "--mount-proc", "--kill-child"];
/// A clock since boot that is a day ahead.
const OTHER_TIME: &[&str] = &["-fT", "--boottime", "86400", "--kill-child"];

const UNSEEN: &str = "it lives in another pid namespace";

/// `unshare` with these arguments, unless it may not be used here.
fn unshare(kind: &[&str]) -> Option<Command> {
    let mut probe = Command::new("unshare");
    probe.args(kind).arg("true").stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        let mut command = Command::new("unshare");
        command.args(kind);
        return Some(command);
    }
    let _a_closed_stderr = writeln!(
        std::io::stderr(),
        "SKIPPED(containers): unshare {kind:?} is not permitted here"
    );
    None
}

/// A worker of ours in a container.
fn worker(kind: &[&str], test: &str, room: &Room, role: &str) -> Option<Worker> {
    let mut program = unshare(kind)?;
    program.arg(std::env::current_exe().unwrap());
    Some(Worker::start_under(program, test, room.path(), role, ""))
}

/// What a worker in a container says that tries to get the latch.
async fn tried(kind: &[&str], test: &str, room: &Room) -> Option<String> {
    let mut worker = worker(kind, test, room, "try")?;
    assert_eq!(worker.ended().await, None);
    let said = named(room, "said.").unwrap();
    let text = fs::read_to_string(room.file(&said)).unwrap();
    fs::remove_file(room.file(&said)).unwrap();
    Some(text)
}

fn named(room: &Room, start: &str) -> Option<String> {
    room.names()
        .into_iter()
        .find(|name| name.starts_with(start))
}

#[tokio::test]
async fn a_holder_of_ours_in_another_pid_namespace_is_never_judged_dead_whatever_else_is_lost() {
    if played() {
        return;
    }
    let name = "containers::a_holder_of_ours_in_another_pid_namespace_is_never_judged_dead_whatever_else_is_lost";
    let room = Room::new();
    let Some(mut holder) = worker(OTHER_PIDS, name, &room, "hold") else {
        return;
    };
    // It is the first process of its namespace, and there is another one with that number here.
    until(|| room.file("held.1").exists()).await;
    let ours = latches();
    let (obstacle, who, text) = busy(&ours, &room).await;
    assert_eq!((obstacle, who.pid), (Obstacle::Latch, Some(1)));
    assert!(text.contains(UNSEEN), "{text}");
    let said = tried(OTHER_PIDS, name, &room).await.unwrap();
    assert!(said.contains("busy") && said.contains(UNSEEN), "{said}");

    fs::remove_dir_all(room.sidecars()).unwrap();
    assert_eq!(busy(&ours, &room).await.0, Obstacle::Transcript);
    // Nothing is left but the lock file, whose pid means nothing here.
    fs::remove_file(room.transcript()).unwrap();
    grow_old(&room);
    let (obstacle, _, text) = busy(&ours, &room).await;
    assert_eq!(obstacle, Obstacle::PeerLock, "{text}");
    assert!(text.contains(UNSEEN), "{text}");
    let said = tried(OTHER_PIDS, name, &room).await.unwrap();
    assert!(said.contains(UNSEEN), "{said}");

    fs::write(room.file("go.1"), b"").unwrap();
    assert_eq!(holder.ended().await, None);
    let said = fs::read_to_string(room.file("said.1")).unwrap();
    assert!(said.contains("the latch file was removed"), "{said}");
    attempt(&ours, &room).await.unwrap().release().await;
}

/// A peer in a container that has its lock on the session; its own number is 1.
struct PeerBelow(Child);

impl PeerBelow {
    async fn start(room: &Room) -> Option<Self> {
        let script = r#"printf '{"pid": %d, "createdAt": "%s", "starttime": %d}\n' \
            $$ "$(date -u +%Y-%m-%dT%H:%M:%S.000Z)" "$(cut -d' ' -f22 /proc/$$/stat)" > "$0.new" && mv "$0.new" "$0" && exec sleep 600"#;
        let mut program = unshare(OTHER_PIDS)?;
        let child = program
            .args(["sh", "-c", script])
            .arg(room.peer_lock())
            .spawn()
            .unwrap();
        until(|| room.peer_lock().exists()).await;
        Some(Self(child))
    }
}

impl Drop for PeerBelow {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_contained() -> bool {
    let ProcessIdentity { pid_namespace, .. } = System::real().processes.own();
    pid_namespace != Some(0xEFFF_FFFC)
}

#[tokio::test]
async fn a_peer_in_a_container_is_found_under_another_number_and_respected_until_it_ends() {
    let room = Room::new();
    let Some(peer) = PeerBelow::start(&room).await else {
        return;
    };
    if is_contained() {
        let _a_closed_stderr = writeln!(
            std::io::stderr(),
            "SKIPPED(containers): from within a container nobody is seen"
        );
        return;
    }
    grow_old(&room);
    let ours = latches();
    let (obstacle, holder, text) = busy(&ours, &room).await;
    assert_eq!((obstacle, holder.pid), (Obstacle::PeerLock, Some(1)));
    assert!(text.contains(UNSEEN), "{text}");
    let payload: serde_json::Value =
        serde_json::from_slice(&fs::read(room.peer_lock()).unwrap()).unwrap();
    let starttime = payload["starttime"].as_u64();
    drop(peer);
    // The container ends with `unshare`, a moment after it.
    until(|| System::real().processes.below(1, starttime).is_none()).await;
    attempt(&ours, &room).await.unwrap().release().await;
}

#[tokio::test]
async fn from_within_a_container_a_peer_that_cannot_be_found_is_respected() {
    if played() {
        return;
    }
    let name = "containers::from_within_a_container_a_peer_that_cannot_be_found_is_respected";
    let room = Room::new();
    let outside = Sleeper::start();
    let (pid, starttime) = (outside.pid(), outside.starttime());
    put(
        &room,
        &format!("{{\"pid\": {pid}, \"starttime\": {starttime}}}"),
    );
    let Some(said) = tried(OTHER_PIDS, name, &room).await else {
        return;
    };
    assert!(said.contains("busy") && said.contains(UNSEEN), "{said}");
    assert!(room.peer_lock().exists());
}

#[tokio::test]
async fn a_peer_that_cannot_be_found_is_respected_for_as_long_as_it_keeps_its_file_open_and_not_longer()
 {
    if played() {
        return;
    }
    let name = "containers::a_peer_that_cannot_be_found_is_respected_for_as_long_as_it_keeps_its_file_open_and_not_longer";
    let room = Room::new();
    // As OpenClaw does: written once and kept open. Its pid is nobody's, here and in the container, and its age is great.
    let mut held = fs::File::create(room.peer_lock()).unwrap();
    held.write_all(format!("{{\"pid\": {}}}", u32::MAX >> 1).as_bytes())
        .unwrap();
    grow_old(&room);
    let ours = latches();
    let (obstacle, holder, text) = busy(&ours, &room).await;
    assert_eq!(
        (obstacle, holder.pid),
        (Obstacle::PeerLock, Some(u32::MAX >> 1))
    );
    assert!(text.contains(UNSEEN), "{text}");
    if let Some(said) = tried(OTHER_PIDS, name, &room).await {
        assert!(said.contains("busy") && said.contains(UNSEEN), "{said}");
    }
    drop(held);
    free_soon(&ours, &room).await;
    assert!(!room.peer_lock().exists());
}

/// What this process has closed may be open for a moment more in a child that another test has just forked.
async fn free_soon(ours: &Latches, room: &Room) {
    let mut tries = 0;
    loop {
        match attempt(ours, room).await {
            Ok(latched) => return latched.release().await,
            Err(error) if tries == 1_000 => panic!("{error}"),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_file_without_a_pid_is_left_to_who_is_still_writing_it_however_long_that_takes() {
    let room = Room::new();
    let half = fs::File::create(room.peer_lock()).unwrap();
    grow_old(&room);
    let ours = latches();
    assert_eq!(busy(&ours, &room).await.0, Obstacle::HalfWritten);
    drop(half);
    free_soon(&ours, &room).await;
}

#[tokio::test]
async fn an_owner_whose_start_is_counted_in_another_time_namespace_is_not_taken_for_another() {
    if played() {
        return;
    }
    let name = "containers::an_owner_whose_start_is_counted_in_another_time_namespace_is_not_taken_for_another";
    let room = Room::new();
    let here = Sleeper::start();
    let (pid, starttime) = (here.pid(), here.starttime());
    put(
        &room,
        &format!("{{\"pid\": {pid}, \"starttime\": {starttime}}}"),
    );
    grow_old(&room);
    let Some(said) = tried(OTHER_TIME, name, &room).await else {
        return;
    };
    assert!(
        said.contains("busy") && said.contains("sleep 600"),
        "{said}"
    );
    // The same the other way round: a holder of ours whose clock is ahead.
    fs::remove_file(room.peer_lock()).unwrap();
    let Some(_holder) = worker(OTHER_TIME, name, &room, "hold") else {
        return;
    };
    until(|| named(&room, "held.").is_some()).await;
    let ours = latches();
    let (obstacle, holder, _) = busy(&ours, &room).await;
    assert_eq!(obstacle, Obstacle::Latch);
    assert_ne!(holder.state.as_deref(), Some("ended"));
    fs::remove_dir_all(room.sidecars()).unwrap();
    fs::remove_file(room.transcript()).unwrap();
    grow_old(&room);
    let (obstacle, _, text) = busy(&ours, &room).await;
    assert_eq!(obstacle, Obstacle::PeerLock, "{text}");
}
