//! What a machine does to a session: a clock that goes back, randomness that repeats itself, a file cut off while it is read, copies
//! taken while it is written, a file that may only grow, pages that came back as zeros.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use latchwork_format::RawEntry;
use latchwork_session::{AppendError, Head, Level, TranscriptStore, View};
use latchwork_sys::{Clock, Entropy, FaultDisk, Operation, RealClock, Sleep, System};

use crate::bench::*;

/// Gives the same for ever.
#[derive(Debug)]
struct Stuck;

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0xab);
    }
}

#[tokio::test]
async fn ids_are_unique_though_randomness_repeats_itself() {
    let bench = Bench::new();
    // An entry and a lost line that have the first id already.
    begun(&bench.store()).await;
    bench.append_raw(pi_user("abababab", None, "taken").as_bytes());
    bench.append_raw(
        b"{\"type\":\"message\",\"id\":\"abababababababab\",\"parentId\":\"abababab\",\"mess\n",
    );
    let stuck = || {
        bench.store_on(System {
            entropy: Arc::new(Stuck),
            ..System::real()
        })
    };
    let store = stuck();
    for text in ["a", "b", "c"] {
        commit(
            &store,
            &Head::default(),
            at_head(vec![user(text), user(text)]),
        )
        .await
        .unwrap();
    }
    commit(&stuck(), &Head::default(), at_head(vec![user("d")]))
        .await
        .unwrap();
    let all = open(&bench.store()).await;
    let mut ids: Vec<_> = all
        .transcript
        .entries()
        .map(|entry| entry.id().clone())
        .collect();
    let lost = all
        .transcript
        .damage()
        .iter()
        .filter_map(|damage| damage.id.clone());
    ids.extend(lost);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    // The lost line was put in quarantine by the first of these writers.
    assert_eq!((ids.len(), count), (10, 10));
}

/// Goes back an hour each time it is asked.
#[derive(Debug, Default)]
struct Backwards(AtomicI64);

impl Clock for Backwards {
    fn wall_ms(&self) -> i64 {
        1_800_000_000_000 - 3_600_000 * self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        RealClock.monotonic()
    }

    fn boottime(&self) -> Duration {
        RealClock.boottime()
    }

    fn sleep(&self, time: Duration) -> Sleep {
        RealClock.sleep(time)
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_changes_no_order() {
    let bench = Bench::new();
    let store = bench.store_on(System {
        clock: Arc::new(Backwards::default()),
        ..System::real()
    });
    let mut head = begun(&store).await;
    for text in ["one", "two", "three"] {
        head = commit(&store, &head, going_on(vec![user(text)]))
            .await
            .unwrap()
            .head;
    }
    assert_eq!(
        said(&bench.store()).await,
        ["hello", "hi", "one", "two", "three"]
    );
    let all = open(&bench.store()).await;
    let times: Vec<_> = all
        .transcript
        .entries()
        .map(|entry| entry.timestamp_millis().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times.first() > times.last());
    assert_eq!(store.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_cut_off_while_it_is_read_is_read_as_what_is_left() {
    for view in [View::Context, View::Last(2), View::Branch, View::Everything] {
        for known in [false, true] {
            let bench = Bench::new();
            let head = begun(&bench.store()).await;
            let left = bench.text().len() as u64;
            commit(
                &bench.store(),
                &head,
                going_on(vec![user(&"x".repeat(90_000)), user("end")]),
            )
            .await
            .unwrap();
            let (disk, cut) = (
                FaultDisk::new(System::real().disk),
                Arc::new(AtomicBool::new(false)),
            );
            let (path, cut_now) = (bench.transcript(), cut.clone());
            disk.watch(move |operation, what| {
                let now = operation == Operation::Read
                    && what.ends_with("s.jsonl")
                    && cut_now.swap(false, Ordering::SeqCst);
                if now {
                    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                    file.set_len(left).unwrap();
                }
                None
            });
            let store = bench.store_on(System {
                disk: Arc::new(disk),
                ..System::real()
            });
            if known {
                open(&store).await;
            }
            cut.store(true, Ordering::SeqCst);
            let seen = store.open(&id(), view).await.unwrap();
            let branch = seen
                .transcript
                .branch(seen.head.leaf.as_ref().unwrap())
                .unwrap();
            let last = branch
                .last()
                .and_then(|entry| entry.message())
                .map(|message| message.text());
            assert_eq!(last.as_deref(), Some("hi"), "{view:?}, known {known}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_taken_while_the_session_is_written_is_a_beginning_of_it() {
    let bench = Bench::new();
    let store = bench.store();
    let mut head = begun(&store).await;
    let done = Arc::new(AtomicBool::new(false));
    let (from, stop) = (bench.sessions(), done.clone());
    let copier = std::thread::spawn(move || {
        let mut copies = Vec::new();
        while !stop.load(Ordering::SeqCst) || copies.len() < 5 {
            let to = tempfile::tempdir().unwrap();
            let copied = std::process::Command::new("cp")
                .arg("-r")
                .arg(&from)
                .arg(to.path())
                .output();
            // A lock file may be gone by the time that it is copied.
            copied.unwrap();
            copies.push(to);
            std::thread::sleep(Duration::from_millis(3));
        }
        copies
    });
    let mut words = vec!["hello".to_owned(), "hi".to_owned()];
    for number in 0..60 {
        let text = format!("word {number} {}", "x".repeat(number * 500));
        head = commit(&store, &head, going_on(vec![user(&text)]))
            .await
            .unwrap()
            .head;
        words.push(text);
    }
    done.store(true, Ordering::SeqCst);
    for copy in copier.join().unwrap() {
        let copied = latchwork_transcript::FileStore::new(
            System::real(),
            latchwork_transcript::Layout::folder(copy.path().join("sessions")),
            latchwork_transcript::Options::default(),
        );
        let before = said(&copied).await;
        assert_eq!(before, words[..before.len()]);
        let head = copied.open(&id(), View::Context).await.unwrap().head;
        commit(&copied, &head, going_on(vec![user("in the copy")]))
            .await
            .unwrap();
        let after = said(&copied).await;
        assert_eq!(after[..before.len()], before);
        assert_eq!(after.len(), before.len() + 1);
    }
}

/// Sets or clears a flag of the file; false where this filesystem or user may not.
fn chattr(bench: &Bench, how: &str) -> bool {
    let done = std::process::Command::new("chattr")
        .arg(how)
        .arg(bench.transcript())
        .output();
    done.is_ok_and(|done| done.status.success())
}

#[tokio::test]
async fn a_file_that_may_only_grow_is_appended_to_and_one_that_may_not_change_is_refused() {
    let bench = Bench::new();
    let head = begun(&bench.store()).await;
    bench.append_raw(b"{\"type\":\"message\",\"id\":\"torn");
    if !chattr(&bench, "+a") {
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED(chattr): this user or filesystem has no such flags"
        );
        return;
    }
    let store = bench.store();
    let next = commit(&store, &head, going_on(vec![user("grown")])).await;
    let grown = next.as_ref().map(|receipt| receipt.head.clone());
    chattr(&bench, "-a");
    let grown = grown.unwrap();
    assert_eq!(said(&bench.store()).await, ["hello", "hi", "grown"]);
    assert!(bench.text().contains("torn"), "it could not be blanked");
    chattr(&bench, "+i");
    let session = id();
    let mut scope = latchwork_lock::LockScope::open();
    let ask = latchwork_session::GuardAsk::side(&session, latchwork_lock::Phase::SIDE, soon());
    let refused = match latchwork_session::SessionLocks::guard(&store, &mut scope, ask).await {
        Ok(mut guard) => {
            let refused = store
                .append(&mut guard, &grown, going_on(vec![user("no")]))
                .await;
            guard.release().await.unwrap();
            refused
                .map(drop)
                .map_err(|error: AppendError| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    chattr(&bench, "-i");
    assert!(refused.is_err_and(|why| why.contains("s.jsonl")));
    // And with the flag gone everything goes on.
    let receipt = commit(&bench.store(), &grown, going_on(vec![user("on")]))
        .await
        .unwrap();
    assert!(receipt.reached(Level::Synced).await.is_ok());
    let words: Vec<String> = said(&bench.store()).await;
    assert_eq!(words, ["hello", "hi", "grown", "on"]);
    let all = open(&bench.store()).await;
    assert!(
        all.transcript
            .entries()
            .all(|entry: &RawEntry| !entry.text().contains("torn"))
    );
}

#[tokio::test]
async fn a_run_of_nuls_is_reported_with_its_place_and_kept_in_quarantine_before_it_is_blanked() {
    let bench = Bench::new();
    begun(&bench.store()).await;
    let nuls = "\0".repeat(700);
    let at = bench.text().len() as u64;
    bench.append_raw(format!("{nuls}\n{}", pi_user("aaaa0001", None, "after it")).as_bytes());
    let seen = open(&bench.store()).await;
    let damage = seen.transcript.damage();
    assert_eq!(
        (damage[0].offset, damage[0].len, damage.len()),
        (at, 700, 1)
    );
    let before = bench.text();
    bench.append_raw(nuls.as_bytes());
    let store = bench.store();
    let head = open(&store).await.head;
    commit(&store, &head, at_head(vec![user("landed")]))
        .await
        .unwrap();
    let after = bench.text();
    assert_eq!(
        after.replace('\0', " ")[..before.len()],
        before.replace('\0', " "),
        "every other byte is where it was"
    );
    let kept: Vec<Vec<u8>> = std::fs::read_dir(bench.sidecars().join("s.quarantine"))
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!kept.is_empty() && kept.iter().all(|bytes| bytes == nuls.as_bytes()));
    assert!(said(&bench.store()).await.contains(&"landed".to_owned()));
    assert!(!after[before.len()..].contains('\0'), "the end is blanked");
}
