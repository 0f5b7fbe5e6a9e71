//! A latch that a command inherits, as the library gives it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use latchwork_filelock::{CommandLock, Inherited, LOCK_VARIABLE, Latches, NotInherited, Options};
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
        user.unwrap().lock_taken_by.is_none(),
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

/// What a child would have: descriptors of the same open files.
fn joiner(lock: &mut CommandLock) -> Latches {
    let mut command = Command::new("cat");
    lock.hand_to(&mut command);
    let mut told = command
        .get_envs()
        .filter(|(name, _)| *name == LOCK_VARIABLE);
    let value = told.next().and_then(|(_, value)| value).unwrap();
    let value = value.to_str().unwrap().to_owned();
    drop(told);
    let (inherited, passed_over) = Inherited::take(&value, &System::real());
    assert!(passed_over.is_empty(), "{passed_over:?}");
    // The numbers were taken over, so they are not the command's to be closed any more.
    std::mem::forget(command);
    Latches::with_inherited(System::real(), Options::default(), inherited)
}

#[tokio::test]
async fn a_joiner_that_writes_is_waited_for_though_the_sidecars_were_deleted_under_it() {
    let room = Room::new();
    let mut lock = take(&latches(), &room).await.for_command().unwrap();
    let joined = take(&joiner(&mut lock), &room).await;
    let write = joined.begin().unwrap();
    write.check().unwrap();
    std::fs::remove_dir_all(room.sidecars()).unwrap();

    let mut release = Box::pin(lock.release());
    let early = tokio::time::timeout(Duration::from_millis(100), &mut release).await;
    assert!(early.is_err(), "given back under a write");
    busy(&latches(), &room).await;

    drop(write);
    joined.release().await;
    release.await.unwrap();
    assert!(attempt(&latches(), &room).await.is_ok());
}

#[tokio::test]
async fn who_inherited_a_lock_whose_holder_was_killed_as_it_gave_it_back_does_not_wait_for_itself()
{
    let room = Room::new();
    let mut lock = take(&latches(), &room).await.for_command().unwrap();
    let heir = joiner(&mut lock);
    // The nonce is gone already, the locks are not yet unlocked, and never will be.
    let latch = room.sidecars().join("s.latch");
    let note = std::fs::read_to_string(&latch).unwrap();
    std::fs::write(&latch, note.replace("nonce", "other")).unwrap();
    std::mem::forget(lock);
    busy(&latches(), &room).await;

    let taken = attempt(&heir, &room).await.unwrap();
    taken.begin().unwrap().check().unwrap();
    taken.release().await;
    assert!(attempt(&latches(), &room).await.is_ok());
}
