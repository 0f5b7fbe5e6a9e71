//! Who keeps a session is proven before anybody is ended, and proven once more when it can be nobody else any more.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use latchwork_filelock::{Latches, NotProven, Options, What};
use latchwork_sys::{Disk, DiskFile, OpenHow, RealDisk, ScriptedSteps, System, hand_down};

use crate::support::{Room, attempt, latches, take};

/// A latch that is locked by this process, with one that shares it. The note names this process, if it is to.
fn shared(room: &Room, noted: bool) -> (Box<dyn DiskFile>, Child) {
    std::fs::create_dir_all(room.sidecars()).unwrap();
    let how = OpenHow::updating().or_create();
    let file = RealDisk
        .open(&room.sidecars().join("s.latch"), &how)
        .unwrap();
    assert!(file.try_lock().unwrap());
    let own = System::real().processes.own();
    if noted {
        let note = format!(
            r#"{{"pid":{},"host":"h","since":"now","starttime":{},"bootId":"{}","pidNs":{}}}"#,
            own.pid,
            own.starttime.unwrap(),
            own.boot_id.unwrap(),
            own.pid_namespace.unwrap()
        );
        file.write_at(format!("{note}\n").as_bytes(), 0).unwrap();
    }
    let mut heir = Command::new("cat");
    heir.stdin(Stdio::piped()).stdout(Stdio::null());
    hand_down(&mut heir, vec![file.share().unwrap()]);
    let heir = heir.spawn().unwrap();
    (file, heir)
}

/// Looks until nobody but one heir shares the latch: a child that a neighbouring test starts in this process has every open file of it from its
/// fork to its program, and truly shares it for that moment.
fn once_alone<T>(mut look: impl FnMut() -> (usize, T)) -> T {
    for _ in 0..400 {
        if let (0 | 1, seen) = look() {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    look().1
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_that_lets_go_while_it_is_being_looked_at_is_not_ended() {
    let room = Room::new();
    let (file, mut heir) = shared(&room, true);
    let steps = Arc::new(ScriptedSteps::new());
    // The open file is one: unlocked here, it is unlocked there.
    steps.on("unlock:handle", move || file.unlock().unwrap());
    let system = System {
        steps: steps.clone(),
        ..System::real()
    };
    let latches = Latches::new(system, Options::default());
    let done = latches.end_holder(&room.site(), What::Latch).unwrap();
    assert_eq!(steps.trace(), ["unlock:handle"]);
    assert!(done.ended.is_empty() && done.left.is_none(), "{done:?}");
    assert!(heir.try_wait().unwrap().is_none(), "it holds nothing");
    stop(heir);
}

#[test]
fn a_process_that_inherited_the_lock_of_the_noted_holder_is_proven_by_its_descriptor_and_ended() {
    let room = Room::new();
    let (_file, mut heir) = shared(&room, true);
    let seen = once_alone(|| {
        let seen = latches().occupation(&room.site()).unwrap().latch.unwrap();
        (seen.heirs.len() + seen.others.len(), seen)
    });
    assert_eq!((seen.doubt, seen.others.len()), (None, 0));
    assert_eq!((seen.heirs.len(), seen.heirs[0].pid), (1, Some(heir.id())));
    let done = latches().end_holder(&room.site(), What::Latch).unwrap();
    assert_eq!(done.ended.len(), 1, "this process never ends itself");
    assert_eq!(done.ended[0].pid, Some(heir.id()));
    assert!(!heir.wait().unwrap().success());
}

#[test]
fn a_lock_that_the_noted_holder_did_not_take_is_somebody_elses_and_nobody_is_ended() {
    let room = Room::new();
    let (file, mut heir) = shared(&room, true);
    // As when the holder has just ended and the next in line has the lock, and has not written its note yet.
    let note = std::fs::read_to_string(room.sidecars().join("s.latch")).unwrap();
    let other = note.replace(&format!("\"pid\":{}", std::process::id()), "\"pid\":1");
    assert_ne!(note, other);
    std::fs::write(room.sidecars().join("s.latch"), other).unwrap();
    check_that_nobody_is_ended(&room, NotProven::Ended);
    assert!(heir.try_wait().unwrap().is_none());
    drop(file);
    stop(heir);

    let room = Room::new();
    let (_file, mut heir) = shared(&room, false);
    check_that_nobody_is_ended(&room, NotProven::NoNote);
    assert!(heir.try_wait().unwrap().is_none());
    stop(heir);
}

fn check_that_nobody_is_ended(room: &Room, doubt: NotProven) {
    let left = once_alone(|| {
        let done = latches().end_holder(&room.site(), What::Latch).unwrap();
        assert!(done.ended.is_empty(), "{done:?}");
        let left = done.left.unwrap();
        (
            (left.heirs.len() + left.others.len()).saturating_sub(1),
            left,
        )
    });
    assert_eq!(
        (left.doubt, left.heirs.len(), left.others.len()),
        (Some(doubt), 0, 2)
    );
}

#[tokio::test]
async fn a_holder_in_another_pid_namespace_is_shown_and_not_proven_and_this_process_never_ends_itself()
 {
    let room = Room::new();
    let held = take(&latches(), &room).await;
    let path = room.sidecars().join("s.latch");
    let note = std::fs::read_to_string(&path).unwrap();
    let own = latches().occupation(&room.site()).unwrap().latch.unwrap();
    assert_eq!((own.doubt, own.heirs.len()), (None, 0));
    assert!(own.is_proven() && own.holder.unwrap().pid == Some(std::process::id()));

    let pid_ns = System::real().processes.own().pid_namespace.unwrap();
    let elsewhere = note.replace(&pid_ns.to_string(), "1");
    std::fs::write(&path, format!("{:<511}\n", elsewhere.trim_end())).unwrap();
    let seen = latches().occupation(&room.site()).unwrap().latch.unwrap();
    assert_eq!(seen.doubt, Some(NotProven::Elsewhere));
    let done = latches().end_holder(&room.site(), What::Latch).unwrap();
    assert!(done.ended.is_empty(), "{done:?}");
    assert_eq!(done.left.unwrap().doubt, Some(NotProven::Elsewhere));
    held.release().await;
    assert!(attempt(&latches(), &room).await.is_ok());
}

#[tokio::test]
async fn nothing_is_kept_where_there_is_nothing() {
    let room = Room::empty();
    let kept = latches().occupation(&room.site()).unwrap();
    assert!(kept.latch.is_none() && kept.claim.is_none());
    take(&latches(), &room).await.release().await;
    let kept = latches().occupation(&room.site()).unwrap();
    assert!(kept.latch.is_none() && kept.claim.is_none());
}
