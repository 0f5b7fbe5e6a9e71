//! Lock files of others at the peers' path: whose are respected, and whose are left behind.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use latchwork_filelock::{Latches, Obstacle, Options};
use latchwork_sys::{Companion, Liveness, ProcessIdentity, Processes, System, parse_proc_stat};

use crate::support::{Room, attempt, busy, latches, take, until};

/// A process that does nothing until it is ended.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    pub(crate) fn start() -> Self {
        Self(
            Command::new("sleep")
                .arg("600")
                .stdin(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn starttime(&self) -> u64 {
        let line = std::fs::read(format!("/proc/{}/stat", self.pid())).unwrap();
        parse_proc_stat(&line).unwrap().starttime
    }

    /// Ends it without noticing that it has ended.
    fn become_zombie(&mut self) {
        self.0.kill().unwrap();
        while System::real().processes.look(self.pid()).is_alive() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn put(room: &Room, payload: &str) {
    std::fs::write(room.peer_lock(), payload).unwrap();
}

pub(crate) fn grow_old(room: &Room) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    std::fs::File::options()
        .write(true)
        .open(room.peer_lock())
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
}

/// Whether the file was respected, with the message.
async fn respected(room: &Room) -> String {
    let (obstacle, _, text) = busy(&latches(), room).await;
    assert!(
        matches!(
            obstacle,
            Obstacle::PeerLock | Obstacle::OldPeerLock | Obstacle::HalfWritten
        ),
        "{text}"
    );
    text
}

/// Takes the latch and gives it back: the file was not respected. In a container that needs a file that is not young.
async fn replaced(room: &Room) {
    grow_old(room);
    attempt(&latches(), room).await.unwrap().release().await;
    assert!(!room.peer_lock().exists());
}

#[tokio::test]
async fn our_file_is_what_a_peer_expects_while_we_hold_and_is_gone_after() {
    let room = Room::new();
    let latched = take(&latches(), &room).await;
    let text = std::fs::read_to_string(room.peer_lock()).unwrap();
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["pid", "createdAt", "starttime", "nonce", "bootId", "pidNs"]
    );
    assert_eq!(
        text,
        format!("{}\n", serde_json::to_string_pretty(&fields).unwrap())
    );
    let pid = u32::try_from(fields["pid"].as_u64().unwrap()).unwrap();
    assert_ne!(pid, std::process::id(), "another process stands in for us");
    assert!(System::real().processes.look(pid).is_alive());
    latched.release().await;
    assert!(!room.peer_lock().exists());
}

#[tokio::test]
async fn a_live_owner_is_respected_however_old_its_file_is_and_named() {
    let room = Room::new();
    let peer = Sleeper::start();
    put(
        &room,
        &format!(
            "{{\"pid\": {}, \"createdAt\": \"2020-01-01T00:00:00.000Z\", \"starttime\": {}}}",
            peer.pid(),
            peer.starttime()
        ),
    );
    grow_old(&room);
    let text = respected(&room).await;
    assert!(
        text.contains(&format!("process {}", peer.pid())) && text.contains("sleep 600"),
        "{text}"
    );
    assert!(text.contains("old enough to be stale"), "{text}");
    assert!(room.peer_lock().exists());
    put(&room, "{\"pid\": 1}");
    assert!(respected(&room).await.contains("process 1"));
}

#[tokio::test]
async fn a_dead_a_zombie_and_a_recycled_owner_are_not_respected() {
    let room = Room::new();
    put(&room, "{\"pid\": 2147483646}");
    replaced(&room).await;
    let mut zombie = Sleeper::start();
    zombie.become_zombie();
    put(&room, &format!("{{\"pid\": {}}}", zombie.pid()));
    replaced(&room).await;
    let other = Sleeper::start();
    put(
        &room,
        &format!("{{\"pid\": {}, \"starttime\": 1}}", other.pid()),
    );
    replaced(&room).await;
}

#[tokio::test]
async fn a_file_in_which_no_owner_can_be_read_is_given_time_and_then_replaced() {
    let room = Room::new();
    let big = "x".repeat(1 << 20);
    for garbage in ["", "{\"pid\": 1", "null", "[]", "\0\0\0\0", big.as_str()] {
        put(&room, garbage);
        assert!(respected(&room).await.contains("half written"));
        replaced(&room).await;
    }
}

#[tokio::test]
async fn one_of_ours_left_behind_is_replaced_at_once_though_its_process_lives() {
    let room = Room::new();
    let ProcessIdentity {
        boot_id,
        pid_namespace,
        ..
    } = System::real().processes.own();
    let left = format!(
        "{{\"pid\": 1, \"nonce\": \"n\", \"bootId\": {:?}, \"pidNs\": {}}}",
        boot_id.unwrap(),
        pid_namespace.unwrap()
    );
    put(&room, &left);
    replaced(&room).await;
    // Without a transcript no inode lock proves it: then it is judged like a peer's.
    std::fs::remove_file(room.transcript()).unwrap();
    put(&room, &left);
    respected(&room).await;
}

#[tokio::test]
async fn an_owner_in_another_pid_namespace_is_respected_and_one_of_an_earlier_boot_is_not() {
    let room = Room::empty();
    put(
        &room,
        "{\"pid\": 2147483646, \"nonce\": \"n\", \"pidNs\": 1}",
    );
    respected(&room).await;
    put(
        &room,
        "{\"pid\": 1, \"nonce\": \"n\", \"bootId\": \"earlier\", \"pidNs\": 1}",
    );
    replaced(&room).await;
}

#[tokio::test]
async fn what_a_peer_did_to_the_transcript_while_we_waited_for_it_is_what_we_get() {
    let room = Room::new();
    let peer = Sleeper::start();
    put(&room, &format!("{{\"pid\": {}}}", peer.pid()));
    let ours = latches();
    let site = room.site();
    let waiting = tokio::spawn(async move {
        ours.latch(
            &site,
            latchwork_lock::Phase::SIDE,
            latchwork_lock::Wait::Forever,
        )
        .await
    });
    until(|| room.sidecars().join("s.latch").exists()).await;
    std::fs::write(room.file("new"), b"theirs\n").unwrap();
    std::fs::rename(room.file("new"), room.transcript()).unwrap();
    std::fs::remove_file(room.peer_lock()).unwrap();
    let latched = waiting.await.unwrap().unwrap();
    let write = latched.begin().unwrap();
    write.check().unwrap();
    write.transcript().unwrap().append(b"ours\n").unwrap();
    assert_eq!(std::fs::read(room.transcript()).unwrap(), b"theirs\nours\n");
}

/// While the owner of a lock file is being judged, a live peer puts its own in the place of it.
#[derive(Debug)]
struct MeanwhileAPeerComes(Arc<dyn Processes>, PathBuf);

const DEAD: u32 = 2_147_483_646;

impl Processes for MeanwhileAPeerComes {
    fn own(&self) -> ProcessIdentity {
        self.0.own()
    }

    fn look(&self, pid: u32) -> Liveness {
        if pid == DEAD {
            std::fs::remove_file(&self.1).unwrap();
            std::fs::write(&self.1, "{\"pid\": 1}").unwrap();
        }
        self.0.look(pid)
    }

    fn companion(&self, name: &str) -> io::Result<Box<dyn Companion>> {
        self.0.companion(name)
    }

    fn child_gets_lock(&self, path: &Path) -> io::Result<bool> {
        self.0.child_gets_lock(path)
    }
}

#[tokio::test]
async fn a_live_peer_that_came_while_a_dead_one_was_judged_is_not_even_moved() {
    let room = Room::new();
    put(&room, &format!("{{\"pid\": {DEAD}}}"));
    grow_old(&room);
    let mut system = System::real();
    let processes = Arc::clone(&system.processes);
    system.processes = Arc::new(MeanwhileAPeerComes(processes, room.peer_lock()));
    let (obstacle, holder, text) = busy(&Latches::new(system, Options::default()), &room).await;
    assert_eq!(
        (obstacle, holder.pid),
        (Obstacle::PeerLock, Some(1)),
        "{text}"
    );
    // A file that is renamed, even to and fro, was changed later than it was written.
    let file = std::fs::metadata(room.peer_lock()).unwrap();
    assert_eq!(
        (file.ctime(), file.ctime_nsec()),
        (file.mtime(), file.mtime_nsec())
    );
}
