//! The bystander's view: it sees who holds, waits and asks, and nobody can tell that it looked.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use latchwork_filelock::{How, LockView, Options, PeerOwner, Waiter, Waits};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{FaultDisk, Operation, RealDisk};

use crate::support::{Room, latches, on_disk, take, until};

fn view(room: &Room) -> LockView {
    latches().view_of(&room.site()).unwrap()
}

#[tokio::test]
async fn a_holder_and_those_who_wait_for_it_are_seen_and_then_their_grants() {
    let room = Room::new();
    let own = Some(std::process::id());
    assert!(view(&room).is_idle());
    let holder = take(&latches(), &room).await;
    let seen = view(&room);
    let latch = seen.latch.as_ref().unwrap();
    let by = latch.holder.as_ref().unwrap();
    assert_eq!((by.pid, by.phase.as_deref()), (own, Some("record")));
    assert!(latch.doubt.is_none() && seen.turn.is_none() && seen.wall.is_empty());
    assert!(seen.peer.as_ref().unwrap().is_ours);
    assert!(seen.waiters.is_empty(), "{:?}", seen.waiters);
    assert_eq!(seen.grants.len(), 1);
    assert_eq!(seen.grants[0].held, None, "it is held still");

    let (waiting, site) = (latches(), room.site());
    let waits = tokio::spawn(async move {
        let long = Wait::at_most(Duration::from_secs(600));
        waiting.latch(&site, Phase::SETTLE, long).await
    });
    let is_ours = |waiter: &Waiter| {
        (waiter.by.pid, waiter.what, waiter.how) == (own, Waits::Latch, How::Kernel)
    };
    until(|| view(&room).waiters.iter().any(is_ours)).await;
    holder.release().await;
    waits.await.unwrap().unwrap().release().await;
    let seen = view(&room);
    let grants: Vec<(&str, bool)> = seen
        .grants
        .iter()
        .map(|grant| (grant.phase.as_str(), grant.held.is_some()))
        .collect();
    assert_eq!(grants, [("record", true), ("settle", true)]);
    assert!(seen.grants[1].waited > Duration::ZERO && seen.is_idle());
}

#[tokio::test]
async fn a_turn_and_a_request_for_it_are_seen_with_their_words_and_a_dead_askers_is_not() {
    let room = Room::new();
    let holder = latches();
    let claim = holder
        .claim(&room.site(), "a \u{1b}turn", Wait::Never)
        .await
        .unwrap();
    let asks = latches();
    let (site, long) = (room.site(), Duration::from_secs(3_600));
    let asking = tokio::spawn(async move { asks.hand_over(&site, "next", "why not", long).await });
    until(|| view(&room).asker.is_some()).await;
    let seen = view(&room);
    let turn = seen.turn.unwrap();
    assert_eq!(
        (turn.epoch, turn.turn.as_deref()),
        (1, Some("a \u{1b}turn"))
    );
    let asker = seen.asker.unwrap();
    let wish = asker.wish.unwrap();
    assert_eq!(
        (wish.turn.as_str(), wish.reason.as_str()),
        ("next", "why not")
    );
    assert_eq!((wish.grace, asker.by.pid), (long, Some(std::process::id())));
    drop(claim);
    let next = asking.await.unwrap().unwrap();
    let seen = view(&room);
    assert_eq!((seen.turn.unwrap().epoch, seen.asker.is_none()), (2, true));
    drop(next);
    let left = room.sidecars().join("s.claim.2.ask");
    std::fs::write(&left, "{\"turn\":\"dead\"}").unwrap();
    assert!(view(&room).is_idle(), "nobody has locked it");
    assert!(left.exists(), "and it is not for a bystander to remove");
}

#[tokio::test]
async fn a_peers_lock_file_is_told_from_ours_and_from_one_that_was_left_behind() {
    let room = Room::new();
    for (text, owner) in [
        ("{\"pid\": 1}", PeerOwner::Alive),
        ("{\"pid\": 2147483646, \"nonce\": \"n\"}", PeerOwner::Gone),
        ("{\"pi", PeerOwner::HalfWritten),
        ("\u{1b}[2J\u{0}", PeerOwner::HalfWritten),
    ] {
        std::fs::write(room.peer_lock(), text).unwrap();
        let seen = view(&room).peer.unwrap();
        assert_eq!(seen.owner, owner, "{text}");
        assert_eq!(seen.is_ours, text.contains("nonce"));
        assert_eq!(std::fs::read_to_string(room.peer_lock()).unwrap(), text);
    }
}

#[tokio::test]
async fn who_has_locked_the_transcript_without_our_latch_is_seen_as_the_wall() {
    let room = Room::new();
    let holder = take(&latches(), &room).await;
    std::fs::remove_dir_all(room.sidecars()).unwrap();
    let seen = view(&room);
    assert!(seen.latch.is_none());
    assert_eq!(seen.wall[0].pid, Some(std::process::id()));
    drop(holder);
    assert!(view(&room).wall.is_empty());
}

#[tokio::test]
async fn of_thousands_of_sessions_no_transcript_is_opened_and_nothing_is_locked_made_or_written() {
    const MANY: usize = 3_000;
    let room = Room::new();
    take(&latches(), &room).await.release().await;
    let latch = std::fs::read(room.sidecars().join("s.latch")).unwrap();
    for number in 0..MANY {
        std::fs::write(room.file(&format!("n{number}.jsonl")), "{}\n").unwrap();
        let sidecar = |ending: &str| room.sidecars().join(format!("n{number}.{ending}"));
        std::fs::write(sidecar("latch"), &latch).unwrap();
        std::fs::write(sidecar("claim.3"), "{}\n").unwrap();
        std::fs::write(sidecar("claim.3.ask"), "{}\n").unwrap();
    }
    let holder = take(&latches(), &room).await;
    let names = room.names();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    let done: Arc<Mutex<Vec<(Operation, String)>>> = Arc::default();
    let log = Arc::clone(&done);
    disk.watch(move |operation, path| {
        log.lock()
            .unwrap()
            .push((operation, path.display().to_string()));
        None
    });
    let seen = on_disk(&disk, Options::default())
        .view(room.path())
        .unwrap();
    assert_eq!((seen.of, seen.sessions.len()), (MANY + 1, 1));
    assert_eq!(
        (seen.sessions[0].session.as_str(), seen.grants.len()),
        ("s", 20)
    );
    let done = done.lock().unwrap();
    let kinds: HashSet<String> = done
        .iter()
        .map(|(operation, _)| format!("{operation:?}"))
        .collect();
    let harmless = ["Open", "Facts", "List", "Read"].map(str::to_owned);
    assert!(
        kinds.iter().all(|kind| harmless.contains(kind)),
        "{kinds:?}"
    );
    let opened = done
        .iter()
        .filter(|(operation, _)| *operation == Operation::Open);
    let opened: Vec<&String> = opened.map(|(_, path)| path).collect();
    assert!(opened.len() < 100, "{} files were opened", opened.len());
    assert!(
        !opened.iter().any(|path| path.ends_with(".jsonl")),
        "{opened:?}"
    );
    assert_eq!(room.names(), names);
    drop(holder);
}

/// Takes the latch and the turn without waiting, on a thread of its own, whenever it is asked to.
fn impatient(room: &Room) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    let (ask, asked) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let (site, ours) = (room.site(), latches());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        while asked.recv().is_ok() {
            let done = runtime.block_on(async {
                let latch = ours.latch(&site, Phase::SIDE, Wait::Never).await;
                latch.map_err(|error| error.to_string())?.release().await;
                let claim = ours.claim(&site, "t", Wait::Never).await;
                claim.map(drop).map_err(|error| error.to_string())
            });
            tell.send(done).unwrap();
        }
    });
    let both = Mutex::new((ask, told));
    move || {
        let both = both.lock().unwrap();
        both.0.send(()).unwrap();
        both.1.recv().unwrap()
    }
}

#[test]
fn at_each_step_of_a_look_whoever_may_not_wait_at_all_gets_the_latch_and_the_turn() {
    let room = Room::new();
    let takes = impatient(&room);
    takes().unwrap();
    let disk = FaultDisk::new(Arc::new(RealDisk));
    let refused: Arc<Mutex<Vec<String>>> = Arc::default();
    let times = Arc::new(AtomicUsize::new(0));
    let (log, count) = (Arc::clone(&refused), Arc::clone(&times));
    disk.watch(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = takes() {
            log.lock().unwrap().push(error);
        }
        None
    });
    let looks = on_disk(&disk, Options::default());
    looks.view(room.path()).unwrap();
    looks.view_of(&room.site()).unwrap();
    assert!(times.load(Ordering::Relaxed) > 10, "there were steps");
    assert_eq!(*refused.lock().unwrap(), [""; 0]);
}

#[test]
fn rubbish_where_lock_files_should_be_is_no_error() {
    let room = Room::new();
    std::fs::create_dir(room.sidecars()).unwrap();
    let sidecar = |name: &str| room.sidecars().join(name);
    std::fs::write(sidecar("s.latch"), [0xff; 9_000]).unwrap();
    std::fs::create_dir(sidecar("dir.latch")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", sidecar("link.latch")).unwrap();
    std::fs::write(sidecar("s.claim.5"), "\u{1b}[2J").unwrap();
    std::fs::write(sidecar(".latch"), "").unwrap();
    std::fs::write(sidecar("s.claim.99999999999999999999"), "").unwrap();
    std::fs::create_dir(room.peer_lock()).unwrap();
    let seen = latches().view(room.path()).unwrap();
    assert!(
        seen.sessions.is_empty() && seen.grants.is_empty(),
        "{seen:?}"
    );
    assert!(view(&room).is_idle());
    let nowhere = room.file("nowhere");
    assert_eq!(latches().view(&nowhere).unwrap().of, 0);
}
