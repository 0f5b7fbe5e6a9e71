//! Who keeps a session is proven before anybody is ended, and proven once more when it can be nobody else any more.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use latchwork_filelock::{Latches, NotProven, Options, What};
use latchwork_sys::{Disk, DiskFile, OpenHow, RealDisk, ScriptedSteps, System, hand_down};

use crate::support::{Room, attempt, latches, take};

/// A latch that is locked with a process that shares it; the file has no note.
fn shared(room: &Room) -> (Box<dyn DiskFile>, Child) {
    std::fs::create_dir_all(room.sidecars()).unwrap();
    let how = OpenHow::updating().or_create();
    let file = RealDisk
        .open(&room.sidecars().join("s.latch"), &how)
        .unwrap();
    assert!(file.try_lock().unwrap());
    let mut heir = Command::new("cat");
    heir.stdin(Stdio::piped()).stdout(Stdio::null());
    hand_down(&mut heir, vec![file.share().unwrap()]);
    let heir = heir.spawn().unwrap();
    (file, heir)
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_that_lets_go_while_it_is_being_looked_at_is_not_ended() {
    let room = Room::new();
    let (file, mut heir) = shared(&room);
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
fn a_process_that_shares_the_lock_is_proven_by_its_descriptor_and_ended() {
    let room = Room::new();
    let (file, mut heir) = shared(&room);
    drop(file);
    let seen = latches().occupation(&room.site()).unwrap().latch.unwrap();
    assert_eq!(seen.doubt, Some(NotProven::NoNote));
    assert_eq!(seen.heirs[0].pid, Some(heir.id()));
    let done = latches().end_holder(&room.site(), What::Latch).unwrap();
    assert_eq!(done.ended[0].pid, Some(heir.id()));
    assert!(done.left.is_none(), "{done:?}");
    assert!(!heir.wait().unwrap().success());
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
