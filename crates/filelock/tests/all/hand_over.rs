//! A turn is handed over: its holder is asked, yields at a boundary of its own, and is superseded if it does not.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchwork_filelock::{Asked, ClaimError, FileClaim, Latches, Options};
use latchwork_lock::{TurnClaim, Wait};
use latchwork_sys::{Fault, FaultDisk, FaultOutcome, Operation, RealDisk, ScriptedSteps, System};
use rustix::process::Signal;

use crate::support::{Room, attempt, latches, take, until};
use crate::worker::{Worker, played};

/// Longer than any test is allowed to take.
const LONG: Duration = Duration::from_secs(3_600);

async fn claim(latches: &Latches, room: &Room) -> TurnClaim {
    latches
        .claim(&room.site(), "a turn", Wait::Forever)
        .await
        .unwrap()
}

fn asked(claim: &TurnClaim) -> Option<Asked> {
    claim.held::<FileClaim>().unwrap().asked().unwrap()
}

/// How many wait in the kernel for the `flock` of this file.
fn waiting_for(path: &Path) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(facts) = std::fs::metadata(path) else {
        return 0;
    };
    let ending = format!(":{}", facts.ino());
    let table = std::fs::read_to_string("/proc/locks").unwrap();
    let waits = |line: &&str| {
        line.contains("-> FLOCK") && line.split(' ').any(|word| word.ends_with(&ending))
    };
    table.lines().filter(waits).count()
}

#[tokio::test]
async fn a_holder_that_is_asked_gives_the_turn_up_at_its_boundary_and_knows_for_whom_and_why() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "hand_over::a_holder_that_is_asked_gives_the_turn_up_at_its_boundary_and_knows_for_whom_and_why";
    let worker = Worker::start(name, room.path(), "yield").held().await;
    let ours = latches();
    let new = ours
        .hand_over(&room.site(), "our turn", "the user moved here", LONG)
        .await
        .unwrap();
    assert_eq!(new.fence().epoch, 2);
    let said = worker.goes_on().await;
    assert!(
        said.contains("\"our turn\"")
            && said.contains("the user moved here")
            && said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    assert!(!room.names().iter().any(|name| name.ends_with(".ask")));
    let record = std::fs::read_to_string(room.sidecars().join("s.claim.2")).unwrap();
    assert!(
        record.contains("\"asked\":1") && record.contains("the user moved here"),
        "{record}"
    );
}

#[tokio::test]
async fn a_holder_that_reaches_no_boundary_is_superseded_after_the_grace_and_told_who_when_and_why()
{
    if played() {
        return;
    }
    let room = Room::new();
    let name = "hand_over::a_holder_that_reaches_no_boundary_is_superseded_after_the_grace_and_told_who_when_and_why";
    let worker = Worker::start(name, room.path(), "claim").held().await;
    let new = latches()
        .hand_over(&room.site(), "ours", "no time", Duration::from_millis(30))
        .await
        .unwrap();
    assert_eq!(new.fence().epoch, 2);
    let said = worker.goes_on().await;
    assert!(
        said.contains("\"no time\"")
            && said.contains(&format!("process {}", std::process::id()))
            && said.contains("since 20"),
        "{said}"
    );
    assert!(asked(&new).is_none(), "the request was the old holder's");
}

#[tokio::test]
async fn a_request_whose_asker_was_killed_is_not_heeded_and_the_next_one_is() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "hand_over::a_request_whose_asker_was_killed_is_not_heeded_and_the_next_one_is";
    let (ours, others) = (latches(), latches());
    let held = claim(&ours, &room).await;
    assert!(asked(&held).is_none());
    let mut worker = Worker::start(name, room.path(), "ask");
    until(|| asked(&held).is_some()).await;
    assert_eq!(asked(&held).unwrap().by.pid, Some(worker.pid()));
    worker.signal(Signal::KILL);
    worker.ended().await;
    let ask = room.sidecars().join("s.claim.1.ask");
    assert!(ask.exists(), "its file outlives it");

    // The file of the dead asker is in nobody's way.
    let site = room.site();
    let next = others.hand_over(&site, "the next", "a reason", LONG);
    let (new, ()) = tokio::join!(next, async {
        until(|| asked(&held).is_some()).await;
        assert_eq!(asked(&held).unwrap().turn, "the next");
        held.release().await.unwrap();
    });
    assert_eq!(new.unwrap().fence().epoch, 2);
    assert!(!ask.exists());
}

#[tokio::test]
async fn the_holder_does_not_yield_for_the_dead() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "hand_over::the_holder_does_not_yield_for_the_dead";
    let held = claim(&latches(), &room).await;
    let mut worker = Worker::start(name, room.path(), "ask");
    until(|| asked(&held).is_some()).await;
    worker.signal(Signal::KILL);
    worker.ended().await;
    assert!(asked(&held).is_none());
    assert!(
        !room.sidecars().join("s.claim.1.ask").exists(),
        "it is looked at once"
    );
}

#[tokio::test]
async fn a_dropped_hand_over_takes_its_request_back() {
    let room = Room::new();
    let (ours, others) = (latches(), latches());
    let held = claim(&ours, &room).await;
    let site = room.site();
    let mut asking = Box::pin(others.hand_over(&site, "t", "r", LONG));
    let seen = async {
        until(|| asked(&held).is_some()).await;
    };
    tokio::select! {
        _ = &mut asking => panic!("nobody yielded"),
        () = seen => {}
    }
    drop(asking);
    let left: Vec<_> = room.names();
    assert!(
        !left
            .iter()
            .any(|name| name.ends_with(".ask") || name.ends_with(".tmp")),
        "{left:?}"
    );
    assert!(asked(&held).is_none());
}

#[tokio::test]
async fn who_asked_has_the_turn_before_those_who_waited_longer() {
    let room = Arc::new(Room::new());
    let first = room.sidecars().join("s.claim.1");
    let held = claim(&latches(), &room).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who: &'static str, claim: &TurnClaim| {
        order.lock().unwrap().push((who, claim.fence().epoch));
    };
    let waits = async {
        let claim = claim(&latches(), &room).await;
        note("waited", &claim);
    };
    let asks = async {
        until(|| waiting_for(&first) == 1).await;
        let claim = latches()
            .hand_over(&room.site(), "asks", "r", LONG)
            .await
            .unwrap();
        note("asked", &claim);
    };
    let yields = async {
        until(|| waiting_for(&first) == 2).await;
        assert_eq!(asked(&held).unwrap().turn, "asks");
        held.release().await.unwrap();
    };
    tokio::join!(waits, asks, yields);
    assert_eq!(*order.lock().unwrap(), [("asked", 2), ("waited", 3)]);
}

#[tokio::test]
async fn an_asker_that_is_stopped_is_named_and_keeps_nobody_from_a_free_turn() {
    if played() {
        return;
    }
    let room = Room::new();
    let name = "hand_over::an_asker_that_is_stopped_is_named_and_keeps_nobody_from_a_free_turn";
    let (ours, others) = (latches(), latches());
    let held = claim(&ours, &room).await;
    let worker = Worker::start(name, room.path(), "ask");
    let first = room.sidecars().join("s.claim.1");
    until(|| waiting_for(&first) == 1).await;
    worker.signal(Signal::STOP);
    until(|| worker.is_stopped()).await;
    held.release().await.unwrap();
    let error = others
        .claim(&room.site(), "cannot wait", Wait::Never)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ClaimError::Busy { epoch: 2, .. }), "{text}");
    assert!(
        text.contains("\"worker's turn\"") && text.contains(&format!("process {}", worker.pid())),
        "{text}"
    );
    assert_eq!(claim(&others, &room).await.fence().epoch, 2);
}

#[tokio::test]
async fn of_two_askers_the_first_is_heeded_and_the_second_asks_that_one() {
    let room = Room::new();
    let site = room.site();
    let held = claim(&latches(), &room).await;
    let (one, two) = (latches(), latches());
    let first = async {
        let claim = one.hand_over(&site, "first", "r", LONG).await.unwrap();
        assert_eq!(claim.fence().epoch, 2);
        until(|| asked(&claim).is_some()).await;
        assert_eq!(asked(&claim).unwrap().turn, "second");
        claim.release().await.unwrap();
    };
    let second = async {
        until(|| room.sidecars().join("s.claim.1.ask").exists()).await;
        let claim = two.hand_over(&site, "second", "r", LONG).await.unwrap();
        assert_eq!(claim.fence().epoch, 3);
    };
    let yields = async {
        let ask = room.sidecars().join("s.claim.1.ask");
        until(|| ask.exists()).await;
        let heeded = || asked(&held).unwrap().turn;
        until(|| waiting_for(&ask) == 1 || heeded() != "first").await;
        assert_eq!(heeded(), "first");
        held.release().await.unwrap();
    };
    tokio::join!(first, second, yields);
}

#[tokio::test]
async fn a_turn_that_is_free_is_handed_over_at_once_and_without_a_grace_it_is_taken_over() {
    let room = Room::new();
    let site = room.site();
    let steps = Arc::new(ScriptedSteps::new());
    let system = System {
        steps: steps.clone(),
        ..System::real()
    };
    let ours = Latches::new(system, Options::default());
    let record = |epoch| {
        let path = room.sidecars().join(format!("s.claim.{epoch}"));
        std::fs::read_to_string(path).unwrap()
    };
    let was_asked = || steps.trace().iter().any(|step| step == "claim:asked");
    let free = ours.hand_over(&site, "t", "r", LONG).await.unwrap();
    assert_eq!(free.fence().epoch, 1);
    assert!(!was_asked(), "there is nobody to ask");
    assert!(!record(1).contains("\"supersedes\"") && !record(1).contains("\"asked\""));

    let latched = take(&latches(), &room).await;
    let write = latched.begin().unwrap();
    let old = latchwork_filelock::ClaimHandle::of(&free).unwrap();
    write.check_claim(&old).unwrap();
    let none = Duration::ZERO;
    let taken = ours.hand_over(&site, "t", "no time", none).await.unwrap();
    assert_eq!(taken.fence().epoch, 2);
    assert!(!was_asked(), "there is no time to answer");
    assert!(record(2).contains("\"supersedes\":1"), "{}", record(2));
    let told = write.check_claim(&old).unwrap_err().to_string();
    assert!(told.contains("\"no time\""), "{told}");

    // One that was given back is had at once, too, and nobody was superseded.
    drop(taken);
    let again = ours.hand_over(&site, "t", "r", LONG).await.unwrap();
    assert_eq!(again.fence().epoch, 3);
    assert!(!was_asked() && !record(3).contains("\"supersedes\""));
}

#[tokio::test]
async fn a_turn_is_asked_for_though_the_sidecars_vanish_just_before_the_request_is_made() {
    let room = Room::new();
    let site = room.site();
    let _held = latches().claim(&site, "t", Wait::Never).await.unwrap();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    // The request is the first file that is born here.
    disk.add(Fault::on(Operation::Open, FaultOutcome::Errno(2)).at(".tmp"));
    let system = System {
        disk: Arc::new(disk),
        ..System::real()
    };
    let asks = Latches::new(system, Options::default());
    let grace = Duration::from_millis(100);
    let next = asks.hand_over(&site, "next", "r", grace).await.unwrap();
    assert_eq!(next.fence().epoch, 2);
}

#[tokio::test]
async fn a_request_for_an_earlier_claim_of_the_same_number_is_not_heeded() {
    let room = Room::new();
    let site = room.site();
    let (ours, others) = (latches(), latches());
    let held = claim(&ours, &room).await;
    let first = room.sidecars().join("s.claim.1");
    let asks = others.hand_over(&site, "asks", "r", LONG);
    let goes_on = async {
        until(|| waiting_for(&first) == 1).await;
        assert!(asked(&held).is_some());
        // The files of claims are deleted but for the request, and another process claims: number 1 again.
        std::fs::remove_file(&first).unwrap();
        let again = claim(&latches(), &room).await;
        assert_eq!(again.fence().epoch, 1);
        assert!(asked(&again).is_none(), "it was another claim's");
        held.release().await.unwrap();
        // The asker finds the claim that it waited for gone, and asks the one that stands there.
        until(|| asked(&again).is_some()).await;
        assert_eq!(asked(&again).unwrap().turn, "asks");
        again.release().await.unwrap();
    };
    let (new, ()) = tokio::join!(asks, goes_on);
    assert_eq!(new.unwrap().fence().epoch, 2);
}

#[tokio::test]
async fn who_waits_for_a_claim_that_was_deleted_does_not_take_the_turn_of_its_successor() {
    let room = Room::new();
    let held = claim(&latches(), &room).await;
    let first = room.sidecars().join("s.claim.1");
    let others = latches();
    let waits = claim(&others, &room);
    let goes_on = async {
        until(|| waiting_for(&first) == 1).await;
        std::fs::remove_file(&first).unwrap();
        let again = claim(&latches(), &room).await;
        held.release().await.unwrap();
        let second = room.sidecars().join("s.claim.2");
        until(|| waiting_for(&first) == 1 || second.exists()).await;
        assert!(
            !room.sidecars().join("s.claim.2").exists(),
            "the new turn was taken without a word"
        );
        again.release().await.unwrap();
    };
    let (new, ()) = tokio::join!(waits, goes_on);
    assert_eq!(new.fence().epoch, 2);
}

#[tokio::test]
async fn a_request_holds_up_no_reader_no_writer_and_touches_no_guard() {
    let room = Room::new();
    let site = room.site();
    let (ours, others) = (latches(), latches());
    let held = claim(&ours, &room).await;
    let guard = take(&ours, &room).await;
    let asks = others.hand_over(&site, "t", "r", LONG);
    let goes_on = async {
        until(|| asked(&held).is_some()).await;
        // The holder's guard is as it was, and a write under it is still the turn's own.
        let write = guard.begin().unwrap();
        write.check().unwrap();
        let handle = latchwork_filelock::ClaimHandle::of(&held).unwrap();
        write.check_claim(&handle).unwrap();
        drop(write);
        guard.release().await;
        // A side writer has the latch while somebody asks.
        drop(attempt(&latches(), &room).await.unwrap());
        held.release().await.unwrap();
    };
    let (new, ()) = tokio::join!(asks, goes_on);
    assert_eq!(new.unwrap().fence().epoch, 2);
}

#[tokio::test]
async fn a_task_that_claims_again_and_again_lets_the_others_of_its_process_go_first() {
    let room = Room::new();
    let ours = latches();
    for _ in 0..20 {
        let mut held = claim(&ours, &room).await;
        let mut turns = 0;
        let waits = claim(&ours, &room);
        let first = room
            .sidecars()
            .join(format!("s.claim.{}", held.fence().epoch));
        let greedy = async {
            until(|| waiting_for(&first) == 1).await;
            for _ in 0..5 {
                drop(held);
                held = claim(&ours, &room).await;
                turns += 1;
            }
        };
        // Whoever waits is done before the greedy one has had a second turn.
        tokio::select! {
            biased;
            _ = waits => {}
            () = greedy => panic!("a waiting task had no turn in five of another's"),
        }
        assert_eq!(turns, 0);
    }
}
