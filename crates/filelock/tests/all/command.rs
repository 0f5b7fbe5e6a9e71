//! A latch that a command inherits, as the library gives it.

use std::process::{Child, Command, Stdio};

use latchwork_filelock::{CommandLock, Inherited, LOCK_VARIABLE, NotInherited};
use latchwork_sys::{Disk, RealDisk, System};

use crate::support::{Room, attempt, busy, latches, take};

fn start(lock: &mut CommandLock) -> Child {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    lock.hand_to(&mut command);
    let told = command.get_envs().any(|(name, _)| name == LOCK_VARIABLE);
    assert!(told);
    command.spawn().unwrap()
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn given_back_it_is_free_though_a_child_has_a_copy_and_that_copy_is_never_locked_again() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let mut lock = take(&ours, &room).await.for_command().unwrap();
    let child = start(&mut lock);
    busy(&others, &room).await;
    lock.release().await.unwrap();
    assert!(attempt(&others, &room).await.is_ok());

    let again = take(&ours, &room).await;
    let facts = RealDisk.facts(&room.sidecars().join("s.latch")).unwrap();
    let user = System::real().processes.user_of(child.id(), &facts);
    assert!(
        !user.unwrap().shares_lock,
        "it would keep what it was not given"
    );
    again.release().await;
    stop(child);
}

#[tokio::test]
async fn dropped_it_is_free_at_once_and_cannot_be_joined_any_more() {
    let room = Room::new();
    let mut lock = take(&latches(), &room).await.for_command().unwrap();
    let child = start(&mut lock);
    let latch = room.sidecars().join("s.latch");
    assert!(std::fs::read_to_string(&latch).unwrap().contains("nonce"));
    drop(lock);
    assert!(!std::fs::read_to_string(&latch).unwrap().contains("nonce"));
    assert!(attempt(&latches(), &room).await.is_ok());
    stop(child);
}

#[tokio::test]
async fn a_latch_that_was_revoked_is_no_lock_for_a_command() {
    let room = Room::new();
    let latched = take(&latches(), &room).await;
    latched.revoke("the test wants it");
    assert!(latched.for_command().is_err());
    assert!(attempt(&latches(), &room).await.is_ok());
}

#[test]
fn what_was_not_handed_down_is_told_and_nothing_is_inherited() {
    let system = System::real();
    let (_, told) = Inherited::take("{", &system);
    assert!(matches!(&told[..], [NotInherited::Malformed { .. }]));
    let value = r#"{"version":1,"locks":[{"session":"s","folder":{"dev":1,"ino":1},"rungs":[{"nonce":"n","file":{"fd":999,"dev":1,"ino":1}}]}]}"#;
    let (_, told) = Inherited::take(value, &system);
    let [told @ NotInherited::Descriptor { fd: 999, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(told.to_string().contains("close_fds"), "{told}");
}
