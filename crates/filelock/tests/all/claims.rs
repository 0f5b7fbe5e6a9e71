//! Whose turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use latchwork_filelock::{ClaimError, ClaimHandle, Latches, Site};
use latchwork_lock::{Phase, TurnClaim, Wait};
use rustix::process::Signal;

use crate::support::{Room, latches, take};
use crate::worker::{Worker, played};

async fn claim(latches: &Latches, room: &Room) -> TurnClaim {
    latches
        .claim(&room.site(), "a turn", Wait::Forever)
        .await
        .unwrap()
}

/// Checks a claim as a write does: under the latch.
async fn check(latches: &Latches, room: &Room, claim: &TurnClaim) -> Result<(), ClaimError> {
    let latched = take(latches, room).await;
    let checked = latched
        .begin()
        .unwrap()
        .check_claim(&ClaimHandle::of(claim).unwrap());
    latched.release().await;
    checked
}

fn claim_files(room: &Room) -> Vec<String> {
    room.names()
        .into_iter()
        .filter(|name| name.contains(".claim."))
        .collect()
}

#[tokio::test]
async fn a_claim_keeps_out_other_turns_and_no_latch() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let claimed = claim(&ours, &room).await;
    let error = others
        .claim(&room.site(), "another", Wait::Never)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("\"a turn\"") && text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    check(&ours, &room, &claimed).await.unwrap();
    drop(take(&others, &room).await);
    claimed.release().await.unwrap();
    assert_eq!(claim(&others, &room).await.fence().epoch, 2);
}

#[tokio::test]
async fn a_claim_that_is_taken_over_is_refused_with_who_and_why_and_the_new_one_is_good() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let old = claim(&ours, &room).await;
    let new = others
        .take_over(&room.site(), "another", "the user moved to the laptop")
        .unwrap();
    assert_eq!((old.fence().epoch, new.fence().epoch), (1, 2));
    let error = check(&ours, &room, &old).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ClaimError::Superseded(_)), "{text}");
    assert!(
        text.contains("laptop") && text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    check(&others, &room, &new).await.unwrap();
    // Giving the old one back changes nothing for the new one.
    drop(old);
    check(&others, &room, &new).await.unwrap();
    assert!(
        ours.claim(&room.site(), "third", Wait::Never)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn deleted_claim_files_are_made_again_unless_another_claimed_meanwhile() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    drop(claim(&ours, &room).await);
    let claimed = claim(&ours, &room).await;
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    check(&ours, &room, &claimed).await.unwrap();
    assert_eq!(claim_files(&room), ["s.claim.2"]);
    assert!(
        others
            .claim(&room.site(), "another", Wait::Never)
            .await
            .is_err(),
        "it is held again"
    );

    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let theirs = claim(&others, &room).await;
    assert_eq!(theirs.fence().epoch, 1);
    let error = check(&ours, &room, &claimed).await.unwrap_err();
    assert!(matches!(error, ClaimError::Superseded(_)), "{error}");
    check(&others, &room, &theirs).await.unwrap();
}

#[tokio::test]
async fn a_started_write_outlives_its_claim_until_another_claims() {
    let room = Room::new();
    let ours = latches();
    let claimed = claim(&ours, &room).await;
    let handle = ClaimHandle::of(&claimed).unwrap();
    let latched = take(&ours, &room).await;
    let write = latched.begin().unwrap();
    drop(claimed);
    write.check_claim(&handle).unwrap();
    let _theirs = claim(&latches(), &room).await;
    assert!(matches!(
        write.check_claim(&handle),
        Err(ClaimError::Superseded(_))
    ));
}

#[tokio::test]
async fn a_claim_is_good_for_its_own_session_only() {
    let room = Room::new();
    let ours = latches();
    let claimed = claim(&ours, &room).await;
    let other = Site::new(room.path(), "other", "other.jsonl").unwrap();
    let latched = ours
        .latch(&other, Phase::RECORD, Wait::Never)
        .await
        .unwrap();
    let error = latched
        .begin()
        .unwrap()
        .check_claim(&ClaimHandle::of(&claimed).unwrap())
        .unwrap_err();
    assert!(matches!(error, ClaimError::WrongSession { .. }), "{error}");
}

#[tokio::test]
async fn numbers_only_grow_and_old_files_are_swept() {
    let room = Room::new();
    let ours = latches();
    for epoch in 1..=12 {
        assert_eq!(claim(&ours, &room).await.fence().epoch, epoch);
    }
    assert_eq!(claim_files(&room), ["s.claim.11", "s.claim.12"]);
}

#[tokio::test]
async fn an_id_that_looks_like_another_ones_claim_is_not_taken_for_it() {
    let room = Room::new();
    let ours = latches();
    let odd = Site::new(room.path(), "s.claim.7", "odd.jsonl").unwrap();
    let _odd = ours.claim(&odd, "odd", Wait::Never).await.unwrap();
    assert_eq!(claim(&ours, &room).await.fence().epoch, 1);
}

#[tokio::test]
async fn a_dropped_wait_for_a_claim_leaves_nothing_behind() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let claimed = claim(&ours, &room).await;
    let wait = Wait::at_most(Duration::from_millis(5));
    assert!(others.claim(&room.site(), "late", wait).await.is_err());
    let site = room.site();
    let forever = others.claim(&site, "dropped", Wait::Forever);
    assert!(
        tokio::time::timeout(Duration::from_millis(5), forever)
            .await
            .is_err()
    );
    drop(claimed);
    assert_eq!(claim(&ours, &room).await.fence().epoch, 2);
    assert!(room.names().iter().all(|name| !name.ends_with(".tmp")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_of_two_processes_worth_of_latches_have_the_turn_one_at_a_time() {
    let room = Arc::new(Room::new());
    let inside = Arc::new(AtomicU32::new(0));
    let (one, two) = (latches(), latches());
    let mut tasks = Vec::new();
    for place in 0..8 {
        let mine = if place % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        let (room, inside) = (room.clone(), inside.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                let claimed = claim(&mine, &room).await;
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(claimed);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(claim(&one, &room).await.fence().epoch, 81);
}

#[tokio::test]
async fn a_claim_of_a_killed_process_is_free_for_whoever_waits() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "claims::a_claim_of_a_killed_process_is_free_for_whoever_waits";
    let worker = Worker::start(name, room.path(), "claim").held().await;
    let ours = latches();
    let error = ours
        .claim(&room.site(), "mine", Wait::Never)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {}", worker.pid())) && text.contains("worker's turn"),
        "{text}"
    );
    let kill = async {
        tokio::task::yield_now().await;
        worker.signal(Signal::KILL);
    };
    let (claimed, ()) = tokio::join!(claim(&ours, &room), kill);
    check(&ours, &room, &claimed).await.unwrap();
}

#[tokio::test]
async fn a_process_whose_turn_was_taken_over_is_told_by_whom_and_why() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "claims::a_process_whose_turn_was_taken_over_is_told_by_whom_and_why";
    let worker = Worker::start(name, room.path(), "claim").held().await;
    let _ours = latches()
        .take_over(&room.site(), "mine", "it looked stuck")
        .unwrap();
    let said = worker.goes_on().await;
    assert!(
        said.contains("it looked stuck")
            && said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
}

#[tokio::test]
async fn a_claim_made_from_an_old_list_is_taken_back_when_a_higher_one_is_there() {
    use latchwork_sys::{ScriptedSteps, System};
    let room = Arc::new(Room::new());
    let steps = Arc::new(ScriptedSteps::new());
    let slow = Latches::new(
        System {
            steps: steps.clone(),
            ..System::real()
        },
        Default::default(),
    );
    drop(claim(&latches(), &room).await);
    // While the slow one is about to make number 2, others make 2 to 5, and 2 is swept.
    let (others, theirs) = (latches(), room.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    steps.on("claim:free", move || {
        for _ in 2..=5 {
            let taken = others
                .take_over(&theirs.site(), "another", "a race")
                .unwrap();
            let _ = sender.send(taken);
        }
    });
    let error = slow
        .claim(&room.site(), "slow", Wait::Never)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClaimError::Busy { epoch: 5, .. }),
        "{error}"
    );
    let last = receiver.into_iter().last().unwrap();
    check(&latches(), &room, &last).await.unwrap();
    assert_eq!(claim_files(&room), ["s.claim.4", "s.claim.5"]);
}
