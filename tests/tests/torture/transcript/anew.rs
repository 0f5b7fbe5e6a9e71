//! A file written anew (an entry replaced where it stands, dead branches dropped), cut after each change that it makes to a disk in memory:
//! the old file or the new one stands there, whole, and the new one once it was acknowledged.

use std::sync::Arc;

use latchwork_filelock::PeerLock;
use latchwork_format::{Body, EntryId};
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    Birth, Commit, GuardAsk, Head, Level, NewEntry, Rewrite, RewriteMode, SessionId,
    SessionLocks as _, TranscriptStore as _, View,
};
use latchwork_sys::{Dice, Disk, OpLog, PowerLoss, SimDisk, System};
use latchwork_tests::workload::{Mutant, SeededEntropy};
use latchwork_transcript::{FileStore, Layout, Options, Sweep};
use serde_json::json;

use super::figures::Done;
use super::memory::{self, image, machine};
use super::power::SESSIONS;

/// The words that are to be gone.
const SECRET: &str = "the words that are to be gone";
/// What was said on a branch with a name, and on one without.
const NAMED: &str = "a branch with a name";
const LEFT: &str = "a branch that was left";
/// How many ways there are to go on from one change.
const WAYS: u64 = 6;

/// What is done to the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Replace,
    Drop,
}

/// Every cut of the rewrites of so many sessions.
pub(crate) fn run(seed: u64, sessions: u64, mutant: Option<Mutant>) -> Done {
    let mut done = Done::begin(seed);
    let runtime = memory::runtime();
    for number in 0..sessions {
        for how in [How::Replace, How::Drop] {
            runtime.block_on(one(seed.wrapping_add(number), how, mutant, &mut done));
        }
    }
    done.end()
}

fn store(disk: &SimDisk, seed: u64) -> FileStore {
    wrong_store(disk, seed, None)
}

/// Over a disk that is wrong in a way.
fn wrong_store(disk: &SimDisk, seed: u64, mutant: Option<Mutant>) -> FileStore {
    let below: Arc<dyn Disk> = Arc::new(disk.process());
    let system = System {
        disk: match mutant {
            Some(mutant) => mutant.below(below),
            None => below,
        },
        entropy: Arc::new(SeededEntropy::new(seed)),
        ..machine().clone()
    };
    let mut options = Options::default();
    options.locks.peer_lock = PeerLock::Never;
    FileStore::new(system, Layout::folder(SESSIONS), options).on_this_thread()
}

#[expect(clippy::disallowed_methods, reason = "the entry point of a test")]
fn scope() -> LockScope {
    LockScope::open()
}

fn session() -> SessionId {
    SessionId::new("s").unwrap()
}

fn said(text: &str) -> NewEntry {
    NewEntry::new(
        Body::message(&json!({ "role": "user", "content": text, "timestamp": 1 })).unwrap(),
    )
}

/// A session with a branch that was left, and the words that are to be gone on one that goes on.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over the calls of a test"
)]
async fn begun(store: &FileStore, seed: u64) -> (Head, EntryId) {
    let (session, mut scope) = (session(), scope());
    let ask = GuardAsk::side(&session, Phase::SIDE, Wait::Never);
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let mut words: Vec<NewEntry> = (0..2 + seed % 5)
        .map(|number| {
            said(&format!(
                "{number} {}",
                "x".repeat(usize::try_from(seed * 131 % 3_000).unwrap())
            ))
        })
        .collect();
    words.insert(1, said(SECRET));
    let commit = Commit {
        birth: Some(Birth {
            cwd: "/".to_owned(),
            ..Birth::default()
        }),
        ..Commit::side(words)
    };
    let first = store
        .append(&mut guard, &Head::default(), commit)
        .await
        .unwrap();
    let secret = first.placed[1].id.clone();
    for (words, name) in [(NAMED, Some("kept")), (LEFT, None)] {
        store
            .move_head(&mut guard, Some(&secret), "a test")
            .await
            .unwrap();
        let mut branch = Commit::side(vec![said(words)]);
        let placed = store
            .append(&mut guard, &Head::default(), branch)
            .await
            .unwrap();
        if let Some(name) = name {
            let label = Body::Label {
                target: placed.placed[0].id.clone(),
                label: Some(name.to_owned()),
            };
            branch = Commit::side(vec![NewEntry::new(label)]);
            store
                .append(&mut guard, &Head::default(), branch)
                .await
                .unwrap();
        }
    }
    store
        .move_head(&mut guard, Some(&secret), "a test")
        .await
        .unwrap();
    let words = vec![said("going on")];
    let last = store
        .append(&mut guard, &Head::default(), Commit::side(words))
        .await
        .unwrap();
    guard.release().await.unwrap();
    last.reached(Level::Synced).await.unwrap();
    (last.head, secret)
}

#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over the calls of a test"
)]
async fn anew(store: &FileStore, how: How, head: &Head, secret: EntryId) {
    let (session, mut scope) = (session(), scope());
    let ask = GuardAsk::side(&session, Phase::MAINTAIN, Wait::Never);
    let mut guard = store.guard(&mut scope, ask).await.unwrap();
    let receipt = match how {
        How::Replace => {
            let rewrite = Rewrite {
                replacements: vec![(secret, said("gone").body)],
                mode: RewriteMode::InPlace,
            };
            store
                .rewrite(&mut guard, head, rewrite)
                .await
                .unwrap()
                .receipt
        }
        How::Drop => {
            store
                .vacuum(&mut guard, Sweep::default())
                .await
                .unwrap()
                .receipt
        }
    };
    guard.release().await.unwrap();
    receipt.unwrap().reached(Level::Synced).await.unwrap();
}

async fn one(seed: u64, how: How, mutant: Option<Mutant>, done: &mut Done) {
    let disk = SimDisk::new(seed);
    memory::plant(&disk, None);
    let writer = store(&disk, seed);
    let (head, secret) = begun(&writer, seed).await;
    let old = image(&disk).transcript.unwrap_or_default();
    drop(writer);
    let writer = wrong_store(&disk, seed ^ 1, mutant);
    disk.record();
    anew(&writer, how, &head, secret).await;
    drop(writer);
    let log = disk.log();
    let new = image(&disk).transcript.unwrap_or_default();
    assert!(old != new, "something was written anew");
    if let Some(why) = kept(how, &new) {
        done.found([why], &format!("{how:?} of session {seed}"));
    }
    done.calls += 1;
    done.acknowledgements += 1;
    for op in 0..=log.len() {
        for way in 0..WAYS {
            done.faults += 1;
            let mut dice = Dice::new(seed ^ (op as u64) << 8 ^ way);
            let cut = cut(&log, op, way, &mut dice);
            let there = image(&cut).transcript.unwrap_or_default();
            let is_whole = there == new || (there == old && op < log.len());
            if let Some(why) = wrong(&cut, seed, &head, is_whole).await {
                let at = format!(
                    "{how:?} of session {seed}, way {way}, after change {op} of {}",
                    log.len()
                );
                done.found([why], &at);
            }
        }
    }
}

/// A branch with a name stays whatever else goes; one without goes, and so do the words that were to be gone.
fn kept(how: How, new: &[u8]) -> Option<String> {
    let has = |words: &str| new.windows(words.len()).any(|at| at == words.as_bytes());
    let gone = match how {
        How::Replace => SECRET,
        How::Drop => LEFT,
    };
    if has(gone) {
        return Some(format!("{gone:?} stands there still"));
    }
    (!has(NAMED)).then(|| format!("{NAMED:?} is gone, though it has a name"))
}

fn cut(log: &OpLog, op: usize, way: u64, dice: &mut Dice) -> SimDisk {
    match way {
        0 => log.crash_at(op, dice, PowerLoss::Journal),
        1..4 => log.crash_at(op, dice, PowerLoss::Strict),
        _ => log.kill_at(op, dice),
    }
}

/// What is wrong with what a cut left, for whoever comes next.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over the calls of a test"
)]
async fn wrong(cut: &SimDisk, seed: u64, head: &Head, is_whole: bool) -> Option<String> {
    if !is_whole {
        return Some("neither the old file nor the new one stands there whole".to_owned());
    }
    let next = store(cut, seed.wrapping_add(1));
    let snapshot = next.open(&session(), View::Everything).await.unwrap();
    if snapshot.head.leaf != head.leaf || !snapshot.report.damage.is_empty() {
        return Some(format!(
            "the head is {:?}, and {:?}",
            snapshot.head.leaf, snapshot.report.damage
        ));
    }
    let (session, mut scope) = (session(), scope());
    let ask = GuardAsk::side(&session, Phase::SIDE, Wait::Never);
    let mut guard = next.guard(&mut scope, ask).await.unwrap();
    let commit = Commit::side(vec![said("on")]);
    let on = next.append(&mut guard, &snapshot.head, commit).await;
    guard.release().await.unwrap();
    on.err()
        .map(|error| format!("the next commit failed: {error}"))
}
