//! A cleanup of our own home beside sessions that live: none of them goes, and what is idle does.
//!
//! Tasks take turns of sessions through the real store, append under them and look whether what they said is there until they give the turn
//! back, while the whole program cleans the home up with limits that everything is beyond.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use latchwork_filelock::PeerLock;
use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase, TurnClaim, Wait};
use latchwork_session::{
    ClaimAsk, Commit, GuardAsk, Head, IfClaimed, NewEntry, SessionId, SessionLocks as _,
    TranscriptStore as _, TurnId,
};
use latchwork_sys::System;
use latchwork_testkit::program::Home;
use latchwork_tests::workload::Numbers;
use latchwork_transcript::{FileStore, Layout, Options};
use serde_json::json;
use tokio::sync::Barrier;

use crate::transcript::figures::Done;

/// Sessions that nobody is at work on, for each that lives.
const IDLE_SHARE: usize = 4;
/// The longest pause between two words of a turn, in microseconds.
const PAUSE_US_MAX: u64 = 3_000;
/// What the cleanup is told: everything is due.
const CLEANUP: &str = "sessions cleanup --keep 0 --floor 0 --enforce --json";

/// So many rounds, each with so many sessions that live.
pub(crate) fn run(seed: u64, rounds: u64, live: usize) -> Done {
    let mut done = Done::begin(seed);
    let mut numbers = Numbers(seed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    for number in 0..rounds {
        let round = Round::begin(live);
        let (lost, gone) = runtime.block_on(round.run(live, numbers.draw()));
        done.faults += live as u64;
        done.calls += usize::try_from(round.said.load(Ordering::SeqCst)).unwrap_or(0);
        done.acknowledgements += gone;
        done.found(lost, &format!("round {number}"));
    }
    done.end()
}

struct Round {
    home: Home,
    store: FileStore,
    folder: PathBuf,
    /// How much was said in turns.
    said: AtomicU64,
    over: AtomicBool,
}

impl Round {
    fn begin(live: usize) -> Arc<Self> {
        let home = Home::new();
        let folder = home.home().join(".local/share/latchwork/sessions");
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..live {
            put(&folder, &format!("live{number}"));
        }
        for number in 0..live.div_ceil(IDLE_SHARE) {
            put(&folder, &format!("idle{number}"));
        }
        let mut options = Options::default();
        options.locks.peer_lock = PeerLock::Never;
        let store = FileStore::new(System::real(), Layout::folder(&folder), options);
        Arc::new(Self {
            home,
            store,
            folder,
            said: AtomicU64::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// What was lost, and how many were put away.
    async fn run(self: &Arc<Self>, live: usize, seed: u64) -> (Vec<String>, usize) {
        let ready = Arc::new(Barrier::new(live + 1));
        let tasks: Vec<_> = (0..live)
            .map(|number| {
                let (round, ready) = (Arc::clone(self), Arc::clone(&ready));
                let numbers = Numbers(seed.wrapping_add(number as u64));
                tokio::spawn(async move { round.live(number, numbers, &ready).await })
            })
            .collect();
        ready.wait().await;
        let round = Arc::clone(self);
        let cleaned = tokio::task::spawn_blocking(move || {
            let finished = round.home.latchwork(CLEANUP.split(' ')).run();
            round.over.store(true, Ordering::SeqCst);
            finished
        });
        let finished = cleaned.await.unwrap();
        let mut lost = Vec::new();
        if finished.code() != Some(0) {
            lost.push(format!("the cleanup failed: {finished}"));
        }
        for task in tasks {
            lost.extend(task.await.unwrap());
        }
        let archive = self.home.home().join(".local/share/latchwork/archive");
        (
            lost,
            std::fs::read_dir(archive).into_iter().flatten().count(),
        )
    }

    /// One session: half of them are in one turn all the while, the others in one after the other.
    async fn live(&self, number: usize, mut numbers: Numbers, ready: &Barrier) -> Vec<String> {
        let session = SessionId::new(format!("live{number}")).unwrap();
        let is_steady = number.is_multiple_of(2);
        let mut waits = Some(ready);
        let mut lost = Vec::new();
        loop {
            let Some(claim) = self.claim(&session).await else {
                if let Some(ready) = waits.take() {
                    ready.wait().await;
                }
                // The cleanup has it for a moment, or has put it away between two turns.
                if self.over.load(Ordering::SeqCst) {
                    return lost;
                }
                pause(&mut numbers).await;
                continue;
            };
            if let Some(ready) = waits.take() {
                ready.wait().await;
            }
            lost.extend(self.turn(&session, &claim, is_steady, &mut numbers).await);
            claim.release().await.unwrap();
            if self.over.load(Ordering::SeqCst) {
                return lost;
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a task of a test")]
    async fn claim(&self, session: &SessionId) -> Option<TurnClaim> {
        let mut scope = LockScope::open();
        let turn = TurnId("live".to_owned());
        let ask = ClaimAsk {
            session,
            turn: &turn,
            if_claimed: IfClaimed::Wait(Wait::Never),
        };
        let claim = self.store.claim(scope.unlocked(), ask).await.ok()?;
        if transcript(&self.folder, session).exists() {
            return Some(claim);
        }
        claim.release().await.unwrap();
        None
    }

    /// Says something, now and then, and looks whether all of it is there.
    async fn turn(
        &self,
        session: &SessionId,
        claim: &TurnClaim,
        is_steady: bool,
        numbers: &mut Numbers,
    ) -> Vec<String> {
        let mut words = Vec::new();
        for _ in 0..3 {
            let text = format!("{:x}", numbers.draw());
            match self.say(session, claim, &text).await {
                Ok(()) => words.push(text),
                Err(error) => {
                    return vec![format!(
                        "{session}: nothing could be said in a turn: {error}"
                    )];
                }
            }
            pause(numbers).await;
        }
        while is_steady && !self.over.load(Ordering::SeqCst) {
            pause(numbers).await;
        }
        self.said.fetch_add(words.len() as u64, Ordering::SeqCst);
        let text = std::fs::read_to_string(transcript(&self.folder, session)).unwrap_or_default();
        let lost = words.iter().filter(|word| !text.contains(*word));
        lost.map(|word| format!("{session}: {word} is not there at the end of the turn"))
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "a task of a test")]
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over the calls of a test"
    )]
    async fn say(&self, session: &SessionId, claim: &TurnClaim, text: &str) -> Result<(), String> {
        let mut scope = LockScope::open();
        let ask = GuardAsk::turn(session, claim, Phase::SIDE, Wait::Forever);
        let mut guard = self
            .store
            .guard(&mut scope, ask)
            .await
            .map_err(|error| error.to_string())?;
        let body =
            Body::message(&json!({ "role": "user", "content": text, "timestamp": 1 })).unwrap();
        let commit = Commit::side(vec![NewEntry::new(body)]);
        let said = self
            .store
            .append(&mut guard, &Head::default(), commit)
            .await;
        guard.release().await.map_err(|error| error.to_string())?;
        said.map(drop).map_err(|error| error.to_string())
    }
}

fn transcript(folder: &Path, session: &SessionId) -> PathBuf {
    folder.join(format!("{session}.jsonl"))
}

fn put(folder: &Path, name: &str) {
    let lines = [
        json!({ "type": "session", "version": 3, "id": name, "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/" }),
        json!({ "type": "message", "id": "000000a1", "parentId": null, "timestamp": "2026-01-01T00:00:00.000Z",
            "message": { "role": "assistant", "content": [{ "type": "text", "text": "hello" }] } }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join(format!("{name}.jsonl")), text).unwrap();
}

async fn pause(numbers: &mut Numbers) {
    tokio::time::sleep(Duration::from_micros(numbers.below(PAUSE_US_MAX))).await;
}
