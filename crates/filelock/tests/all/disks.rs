//! Disks that fail, fill up, are read-only, lie about locks or hang, at every single operation. (L14 and L21 to L24 of the faults.)

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use latchwork_filelock::{LatchError, Lost, Obstacle, Options, Refusal};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation, RealDisk};

use crate::support::{Room, attempt, busy, latches, on_disk, take};
use crate::world::{Cast, Mounted, World, acted};

const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;
const EIO: i32 = 5;
const ENOLCK: i32 = 37;
const ENOSYS: i32 = 38;
const EBADF: i32 = 9;

fn real() -> FaultDisk {
    FaultDisk::new(Arc::new(RealDisk))
}

/// Does something at the n-th operation of a disk, counted from 1; the counter tells how many there were.
fn at_the(
    nth: u64,
    disk: &FaultDisk,
    harm: impl Fn() -> Option<FaultOutcome> + Send + Sync + 'static,
) -> Arc<AtomicU64> {
    let seen = Arc::new(AtomicU64::new(0));
    let count = seen.clone();
    disk.watch(move |_, _| match count.fetch_add(1, Ordering::SeqCst) + 1 {
        now if now == nth => harm(),
        _ => None,
    });
    seen
}

fn left_over(room: &Room) -> Vec<String> {
    let mut names = room.names();
    names.retain(|name| name.ends_with(".tmp") || name.ends_with(".lock"));
    names
}

#[tokio::test]
async fn any_operation_that_fails_once_is_told_as_what_it_is_and_leaves_nothing_held_or_behind() {
    for errno in [ENOSPC, EROFS, EACCES, EMFILE, EIO] {
        let (mut refused, mut nth) = (0, 0);
        loop {
            nth += 1;
            let (room, disk) = (Room::new(), real());
            let ours = on_disk(&disk, Options::default());
            let seen = at_the(nth, &disk, move || Some(FaultOutcome::Errno(errno)));
            let tried = attempt(&ours, &room).await;
            disk.heal();
            match tried {
                Ok(latched) => latched.release().await,
                Err(LatchError::Io(error)) => {
                    assert_eq!(error.source.raw_os_error(), Some(errno), "{nth}: {error}");
                    refused += 1;
                }
                Err(LatchError::Refused {
                    why: Refusal::NotPermitted,
                    ..
                }) if errno == EACCES => refused += 1,
                Err(other) => panic!("errno {errno} at operation {nth} is told as {other}"),
            }
            assert_eq!(left_over(&room), Vec::<String>::new(), "{errno} at {nth}");
            attempt(&latches(), &room).await.unwrap().release().await;
            attempt(&ours, &room).await.unwrap().release().await;
            if seen.load(Ordering::SeqCst) < nth {
                break;
            }
        }
        assert!(refused > 10, "errno {errno} mattered {refused} times only");
    }
}

#[tokio::test]
async fn sidecars_deleted_before_any_operation_make_no_error_and_let_nobody_write_unlocked() {
    for transcript in [true, false] {
        let (mut lost, mut nth) = (0, 0);
        loop {
            nth += 1;
            let (room, disk) = (Room::new(), real());
            if !transcript {
                std::fs::remove_file(room.transcript()).unwrap();
            }
            let ours = on_disk(&disk, Options::default());
            let sidecars = room.sidecars();
            let seen = at_the(nth, &disk, move || {
                let _not_there_yet = std::fs::remove_dir_all(&sidecars);
                None
            });
            let latched = attempt(&ours, &room).await;
            let latched = latched.unwrap_or_else(|error| panic!("at operation {nth}: {error}"));
            disk.heal();
            let write = latched.begin().unwrap();
            if let Err(error) = write.check() {
                assert!(matches!(error.what, Lost::LatchFile), "{nth}: {error}");
                lost += 1;
                if transcript {
                    let beside = busy(&latches(), &room).await.0;
                    assert_eq!(beside, Obstacle::Transcript, "at operation {nth}");
                }
            }
            drop((write, latched));
            attempt(&latches(), &room).await.unwrap().release().await;
            assert_eq!(left_over(&room), Vec::<String>::new(), "at operation {nth}");
            if seen.load(Ordering::SeqCst) < nth {
                break;
            }
        }
        assert!(lost > 3, "{lost} holders lost their latch file");
    }
}

#[tokio::test]
async fn sidecars_deleted_before_any_operation_of_a_claim_make_no_error() {
    for earlier in [0, 1, 3] {
        let mut nth = 0;
        loop {
            nth += 1;
            let (room, disk) = (Room::new(), real());
            for _ in 0..earlier {
                let claim = latches().claim(&room.site(), "t", Wait::Never).await;
                drop(claim.unwrap());
            }
            let ours = on_disk(&disk, Options::default());
            let sidecars = room.sidecars();
            let seen = at_the(nth, &disk, move || {
                let _not_there_yet = std::fs::remove_dir_all(&sidecars);
                None
            });
            let claim = ours.claim(&room.site(), "turn", Wait::Never).await;
            let claim = claim.unwrap_or_else(|error| panic!("at operation {nth}: {error}"));
            disk.heal();
            drop(claim);
            let next = latches().claim(&room.site(), "next", Wait::Never).await;
            drop(next.unwrap());
            assert_eq!(left_over(&room), Vec::<String>::new(), "at operation {nth}");
            if seen.load(Ordering::SeqCst) < nth {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_full_and_a_read_only_disk_are_told_as_such_and_leave_nothing_behind() {
    let at = tempfile::tempdir().unwrap();
    let words = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
    let Some(mounted) = Mounted::with(&words, at.path()) else {
        return;
    };
    let room = Room::within(&mounted.0);
    take(&latches(), &room).await.release().await;
    let filler = mounted.0.join("filler");
    let full = std::fs::write(&filler, vec![0; 128 << 10]).unwrap_err();
    assert_eq!(full.raw_os_error(), Some(ENOSPC));
    let errno = |error: LatchError| match error {
        LatchError::Io(error) => error.source.raw_os_error(),
        other => panic!("told as {other}"),
    };
    let error = attempt(&latches(), &room).await.unwrap_err();
    assert_eq!(errno(error), Some(ENOSPC));
    assert_eq!(left_over(&room), Vec::<String>::new());
    std::fs::remove_file(filler).unwrap();
    attempt(&latches(), &room).await.unwrap().release().await;

    let Some(read_only) = Mounted::with(&["-o", "remount,ro"], at.path()) else {
        return;
    };
    // It is one mount, not two.
    std::mem::forget(read_only);
    let error = attempt(&latches(), &room).await.unwrap_err();
    assert_eq!(errno(error), Some(EROFS));
    drop(mounted);
}

#[tokio::test]
async fn a_process_without_descriptors_left_is_told_so_and_leaves_nothing_behind() {
    if acted() {
        return;
    }
    let test = "disks::a_process_without_descriptors_left_is_told_so_and_leaves_nothing_behind";
    let room = Room::new();
    let said = Cast::of(test)
        .start(World::THIS, "poor", room.path(), "few descriptors")
        .said()
        .await;
    let refusals: Vec<&str> = said.lines().collect();
    assert!(refusals.len() > 2, "{said}");
    let emfile = format!("Some({EMFILE})");
    assert!(refusals.iter().all(|errno| *errno == emfile), "{said}");
}

#[tokio::test]
async fn a_lock_call_that_fails_is_told_with_its_reason_and_never_as_busy_or_held() {
    for errno in [ENOLCK, ENOSYS, EBADF, EIO] {
        for suffix in ["s.latch", "s.jsonl"] {
            let (room, disk) = (Room::new(), real());
            disk.add(
                Fault::on(Operation::Lock, FaultOutcome::Errno(errno))
                    .at(suffix)
                    .sticky(),
            );
            let ours = on_disk(&disk, Options::default());
            let error = attempt(&ours, &room).await.unwrap_err();
            let LatchError::Io(error) = error else {
                panic!("errno {errno} at {suffix} is told as {error}")
            };
            assert_eq!(error.source.raw_os_error(), Some(errno));
            assert!(error.to_string().contains(suffix), "{error}");
            attempt(&latches(), &room).await.unwrap().release().await;
        }
    }
    // The same while somebody waits in the kernel.
    let (room, disk) = (Room::new(), real());
    let latched = take(&latches(), &room).await;
    let failing = Fault::on(Operation::Lock, FaultOutcome::Errno(ENOLCK)).at("s.latch");
    disk.add(failing.nth(2).sticky());
    let ours = on_disk(&disk, Options::default());
    let waited = ours.latch(&room.site(), Phase::SIDE, Wait::Forever).await;
    assert!(matches!(waited.map(drop), Err(LatchError::Io(_))));
    drop(latched);
}

#[tokio::test]
async fn a_lock_call_that_never_returns_costs_a_waiter_its_deadline_and_nothing_else() {
    let (room, disk) = (Room::new(), real());
    let held = take(&latches(), &room).await;
    let (gate, hung) = mpsc::channel::<()>();
    let hung = Mutex::new(hung);
    disk.watch(move |operation, path| {
        let is_latch = operation == Operation::Lock && path.ends_with("s.latch");
        // Whoever waits does so on a thread of its own; the others only try.
        if is_latch && std::thread::current().name() == Some("latch-wait") {
            let _opened = hung.lock().unwrap().recv();
        }
        None
    });
    let ours = on_disk(&disk, Options::default());
    for _ in 0..3 {
        let wait = Wait::at_most(Duration::from_millis(10));
        let tried = ours.latch(&room.site(), Phase::SIDE, wait).await;
        let error = tried.map(drop).unwrap_err();
        assert!(
            matches!(
                &error,
                LatchError::Busy {
                    obstacle: Obstacle::Latch,
                    ..
                }
            ),
            "{error}"
        );
    }
    // Another session of the same process is not held up.
    attempt(&ours, &Room::new()).await.unwrap().release().await;
    drop(gate);
    drop(held);
    take(&ours, &room).await.release().await;
}

#[tokio::test]
async fn on_layers_the_copy_of_a_file_into_the_upper_one_lets_no_second_holder_in() {
    if acted() {
        return;
    }
    let test = "disks::on_layers_the_copy_of_a_file_into_the_upper_one_lets_no_second_holder_in";
    let at = tempfile::tempdir().unwrap();
    // Layers on layers are refused by the kernel; memory is fine below and above.
    let words = ["-t", "tmpfs", "tmpfs"];
    let Some(base) = Mounted::with(&words, at.path()) else {
        return;
    };
    let dir = |name: &str| {
        let dir = base.0.join(name);
        std::fs::create_dir(&dir).unwrap();
        dir
    };
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(dir);
    std::fs::write(lower.join("s.jsonl"), b"{}\n").unwrap();
    std::fs::create_dir(lower.join(".latchwork")).unwrap();
    std::fs::write(lower.join(".latchwork/s.latch"), b"").unwrap();
    let option = |name: &str, dir: &Path| format!("{name}={}", dir.display());
    let layers = [
        option("lowerdir", &lower),
        option("upperdir", &upper),
        option("workdir", &work),
    ]
    .join(",");
    let Some(layered) = Mounted::with(&["-t", "overlay", "-o", &layers, "overlay"], &merged) else {
        return;
    };
    let cast = Cast::of(test);
    let mut holder = cast.start(World::THIS, "holder", &merged, "hold");
    holder.held().await;
    // Copied up by us, and once more by a peer who appends.
    let mut peer = std::fs::File::options()
        .append(true)
        .open(merged.join("s.jsonl"))
        .unwrap();
    std::io::Write::write_all(&mut peer, b"{}\n").unwrap();
    let said = cast.attempt(World::THIS, "second", &merged).await;
    assert!(said.contains("is busy: its latch"), "{said}");
    std::fs::remove_dir_all(merged.join(".latchwork")).unwrap();
    let said = cast.attempt(World::THIS, "third", &merged).await;
    assert!(said.contains("is busy: its transcript"), "{said}");
    holder.go();
    assert!(holder.said().await.contains("latch file"), "it notices");
    drop((layered, base));
}
