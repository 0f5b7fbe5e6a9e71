//! Who asks for a turn is told from outside, as far as the holder would heed it, and whatever stands there.

use std::path::PathBuf;
use std::time::Duration;

use latchwork_filelock::{Asked, ClaimError, FileClaim};
use latchwork_lock::{Asker, TurnClaim, Wait};
use latchwork_sys::{Disk, DiskFile, OpenHow, RealDisk};
use proptest::prelude::*;

use crate::support::{Room, latches, until};
use crate::worker::{Worker, played};

const HOUR: Duration = Duration::from_secs(3_600);

/// What `show` and `unlock` are told; both the same.
fn seen(room: &Room) -> Option<Asker> {
    let ours = latches();
    let held = ours.holders(&room.site()).unwrap().asker;
    let kept = ours.occupation(&room.site()).unwrap().asker;
    // The state of its process may differ from look to look.
    let words = |asker: &Option<Asker>| asker.clone().map(|asker| (asker.by.pid, asker.wish));
    assert_eq!(words(&held), words(&kept));
    held
}

/// Whether anybody is told now: one look, while that may still change.
fn is_told(room: &Room) -> bool {
    latches().holders(&room.site()).unwrap().asker.is_some()
}

/// Whether the holder finds that it is asked.
fn asked(claim: &TurnClaim) -> Option<Asked> {
    claim.held::<FileClaim>().unwrap().asked().unwrap()
}

fn request(room: &Room) -> PathBuf {
    room.sidecars().join("s.claim.1.ask")
}

/// A file in the place of a request, locked by this process as an asker's is.
fn locked(room: &Room, bytes: &[u8]) -> Box<dyn DiskFile> {
    std::fs::write(request(room), bytes).unwrap();
    let file = RealDisk.open(&request(room), &OpenHow::updating()).unwrap();
    assert!(file.try_lock().unwrap());
    file
}

#[tokio::test]
async fn who_asks_is_seen_while_it_asks_and_until_it_has_the_turn() {
    let room = Room::new();
    let site = room.site();
    assert_eq!(seen(&room), None, "there is nothing yet");
    let held = latches().claim(&site, "t", Wait::Forever).await.unwrap();
    assert_eq!(seen(&room), None);
    let others = latches();
    let asks = others.hand_over(&site, "the next", "a reason", HOUR);
    let look = async {
        until(|| is_told(&room)).await;
        let asker = seen(&room).unwrap();
        assert_eq!(asker.by.pid, Some(std::process::id()));
        let wish = asker.wish.unwrap();
        assert_eq!((&*wish.turn, &*wish.reason), ("the next", "a reason"));
        assert_eq!(wish.grace, HOUR);
        assert!(wish.grace_ends > asker.by.since, "they are of one form");
        held.release().await.unwrap();
    };
    let (new, ()) = tokio::join!(asks, look);
    assert_eq!(new.unwrap().fence().epoch, 2);
    assert_eq!(seen(&room), None, "it asks no more");
}

#[tokio::test]
async fn a_dead_askers_request_is_not_told_and_a_look_leaves_it_where_it_is() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "askers::a_dead_askers_request_is_not_told_and_a_look_leaves_it_where_it_is";
    let claim = latches().claim(&room.site(), "t", Wait::Forever).await;
    let mut worker = Worker::start(name, room.path(), "ask");
    until(|| is_told(&room)).await;
    assert_eq!(seen(&room).unwrap().by.pid, Some(worker.pid()));
    worker.signal(rustix::process::Signal::KILL);
    worker.ended().await;
    assert_eq!(seen(&room), None);
    assert!(request(&room).exists());
    // A look of the holder's in the same moment has it locked: the dead one is still not told.
    let file = RealDisk.open(&request(&room), &OpenHow::reading()).unwrap();
    assert!(file.try_lock().unwrap());
    assert_eq!(seen(&room), None);
    drop(claim);
}

#[tokio::test]
async fn a_request_for_an_earlier_claim_of_the_same_number_is_not_told() {
    let room = Room::new();
    let claim = latches().claim(&room.site(), "t", Wait::Forever).await;
    let claim = claim.unwrap();
    let own = latchwork_sys::System::real().processes.own();
    let words = |nonce: &str| {
        serde_json::json!({
            "epoch": 1, "nonce": nonce, "turn": "n", "reason": "r", "at": 1_779_178_364_102_i64, "graceMs": 5,
            "pid": own.pid, "pidNs": own.pid_namespace, "bootId": own.boot_id,
        })
        .to_string()
    };
    let file = locked(&room, words("another").as_bytes());
    assert_eq!(seen(&room), None);
    drop(file);
    let _file = locked(&room, words(&claim.fence().nonce).as_bytes());
    let asker = seen(&room).unwrap();
    let wish = asker.wish.unwrap();
    assert_eq!(asker.by.since.as_deref(), Some("2026-05-19T08:12:44.102Z"));
    assert_eq!(wish.grace_ends.as_deref(), Some("2026-05-19T08:12:44.107Z"));
}

#[tokio::test]
async fn what_is_no_file_is_no_request_and_holds_up_no_look() {
    let room = Room::new();
    let _claim = latches().claim(&room.site(), "t", Wait::Forever).await;
    let path = request(&room);
    std::fs::create_dir(&path).unwrap();
    assert_eq!(seen(&room), None);
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert_eq!(seen(&room), None);
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(seen(&room), None);
    // One that somebody has locked looks like a request.
    let file = RealDisk.open(&path, &OpenHow::reading()).unwrap();
    assert!(file.try_lock().unwrap());
    assert_eq!(seen(&room).unwrap().wish, None);
}

#[tokio::test]
async fn what_cannot_be_removed_from_the_place_of_a_request_is_named_and_not_tried_for_ever() {
    let room = Room::new();
    let site = room.site();
    let held = latches().claim(&site, "t", Wait::Forever).await.unwrap();
    std::fs::create_dir(request(&room)).unwrap();
    assert!(asked(&held).is_none(), "nobody asks");
    let error = latches().hand_over(&site, "t", "r", HOUR).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClaimError::Io(_)), "{error}");
    assert!(error.to_string().contains("s.claim.1.ask"), "{error}");
    assert!(request(&room).exists());
    // Without it the same request is met.
    std::fs::remove_dir(request(&room)).unwrap();
    let others = latches();
    let asks = others.hand_over(&site, "t", "r", HOUR);
    let yields = async {
        until(|| asked(&held).is_some()).await;
        held.release().await.unwrap();
    };
    let (new, ()) = tokio::join!(asks, yields);
    assert_eq!(new.unwrap().fence().epoch, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_in_a_locked_request_make_a_look_fail_and_nobody_is_told_words_that_do_not_stand_there(
        bytes in prop_oneof![
            any::<Vec<u8>>(),
            "\\{\"epoch\":1,\"turn\":\"[a\u{1b}]{0,3}\",\"at\":-?[0-9]{1,19}(,\"graceMs\":[0-9]{1,20})?\\}?".prop_map(String::into_bytes),
        ],
    ) {
        let room = Room::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ours = latches();
        let site = room.site();
        let _claim = runtime.block_on(ours.claim(&site, "t", Wait::Forever)).unwrap();
        // The claim's own words are gone, so that a request of any nonce is for it.
        std::fs::write(room.sidecars().join("s.claim.1"), b"?").unwrap();
        let _file = locked(&room, &bytes);
        let is_whole = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
        let Some(asker) = seen(&room) else {
            // It reads as a request of a process that is not there.
            prop_assert!(is_whole);
            return Ok(());
        };
        prop_assert!(asker.wish.is_none() || is_whole, "{asker:?}");
        prop_assert!(!asker.to_string().chars().any(char::is_control));
    }
}
