//! One process of the matrix: it does one act until it is acknowledged, and is held, stopped or killed at named steps.
//!
//! A worker is this very test program, started again for one test with a role. While it writes to the transcript it holds a
//! third file, the oracle, which shares no code with the product.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use latchwork_format::Body;
use latchwork_lock::{LockScope, Phase, Wait};
use latchwork_session::{
    AppendError, Birth, ClaimAsk, Commit, GuardAsk, HandOver, Head, IfClaimed, Inbox as _,
    Incoming, Key, Level, NewEntry, SessionId, SessionLocks as _, TranscriptStore as _, TurnId,
};
use latchwork_sys::{FileSteps, Steps, System};
use latchwork_transcript::{FileStore, Layout, Options};
use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::steps::Act;

/// How a worker knows its role.
pub(crate) const ROLE: &str = "LATCHWORK_TEST_ROLE";

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// What it is called; the text and the key of its message.
    pub(crate) name: String,
    pub(crate) act: Act,
    /// Where the session, the oracle and the workers' words lie.
    pub(crate) dir: PathBuf,
    /// Where it is held and traced.
    pub(crate) steps: PathBuf,
    /// Writes without taking anything: a control.
    pub(crate) unlocked: bool,
}

impl Role {
    pub(crate) fn line(&self) -> String {
        let act = self.act as usize;
        let Self {
            name,
            dir,
            steps,
            unlocked,
            ..
        } = self;
        format!(
            "{name}\n{act}\n{}\n{}\n{unlocked}",
            dir.display(),
            steps.display()
        )
    }

    fn read() -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "how a worker knows that it is one"
        )]
        let text = std::env::var(ROLE).ok()?;
        let words: Vec<&str> = text.split('\n').collect();
        let [name, act, dir, steps, unlocked] = words.try_into().unwrap();
        let acts = [
            Act::Append,
            Act::Birth,
            Act::Mend,
            Act::Turn,
            Act::Asking,
            Act::Command,
            Act::Inbox,
        ];
        let act = acts
            .into_iter()
            .find(|one| (*one as usize).to_string() == act);
        Some(Self {
            name: name.to_owned(),
            act: act.unwrap(),
            dir: dir.into(),
            steps: steps.into(),
            unlocked: unlocked == "true",
        })
    }

    /// A file by which the worker or the test says something.
    pub(crate) fn file(&self, what: &str) -> PathBuf {
        self.dir.join(format!("{}.{what}", self.name))
    }
}

/// In a worker: plays its role and answers true, for the test to end.
pub(crate) fn played() -> bool {
    let Some(role) = Role::read() else {
        return false;
    };
    let watched = Arc::new(Watched {
        held: FileSteps::new(&role.steps),
        oracle: Oracle::at(&role.dir),
    });
    if role.unlocked {
        watched.reach("commit:before-write");
        watched.reach("commit:written");
        std::fs::write(role.file("said"), "acknowledged").unwrap();
        return true;
    }
    let system = System {
        steps: watched,
        ..System::real()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let said = runtime.block_on(act_until_acknowledged(&role, system));
    std::fs::write(role.file("said"), said).unwrap();
    true
}

/// Tries again when its guard or its turn was lost, or when its future was dropped.
async fn act_until_acknowledged(role: &Role, system: System) -> String {
    let layout = Layout::folder(role.dir.join("sessions"));
    let store = FileStore::new(system, layout, Options::default());
    let mut dropped = 0;
    for attempt in 0.. {
        let task = tokio::spawn(once(store.clone(), role.clone()));
        let abort = task.abort_handle();
        let watch = {
            let drop_now = role.file("drop");
            tokio::spawn(async move {
                while !drop_now.exists() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                abort.abort();
                std::fs::rename(&drop_now, drop_now.with_extension("dropped")).unwrap();
            })
        };
        let done = task.await;
        match done {
            Ok(Ok(())) => {
                watch.abort();
                return format!("acknowledged after {attempt} losses and {dropped} drops");
            }
            Ok(Err(Failure::Lost)) => watch.abort(),
            Ok(Err(Failure::Other(error))) => return format!("error: {error}"),
            Err(error) if error.is_cancelled() => {
                watch.await.unwrap();
                dropped += 1;
                // Not at once: the next attempt would keep out others in place of the one that was dropped.
                while !role.file("again").exists() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Err(error) => return format!("error: {error}"),
        }
    }
    String::new()
}

enum Failure {
    Lost,
    Other(String),
}

impl Failure {
    fn of(error: &(impl std::error::Error + 'static)) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self::Other(words)
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::GuardLost { .. } | AppendError::Superseded(_) => Self::Lost,
            other => Self::of(&other),
        }
    }
}

fn message(role: &Role) -> serde_json::Value {
    json!({ "role": "user", "content": role.name, "timestamp": 1 })
}

async fn accept(store: &FileStore, session: &SessionId, role: &Role) -> Result<(), Failure> {
    let incoming = Incoming {
        key: Key::new(&role.name).unwrap(),
        message: serde_json::value::to_raw_value(&message(role)).unwrap(),
        at_ms: 1,
        session_key: None,
    };
    let accepted = store.accept(session, incoming).await;
    accepted.map(drop).map_err(|error| Failure::of(&error))
}

fn commit(role: &Role) -> Commit {
    let entry = NewEntry {
        key: Some(Key::new(&role.name).unwrap()),
        ..NewEntry::new(Body::message(&message(role)).unwrap())
    };
    Commit {
        birth: Some(Birth {
            cwd: "/".into(),
            ..Birth::default()
        }),
        ..Commit::side(vec![entry])
    }
}

#[expect(clippy::disallowed_methods, reason = "the entry point of a task")]
#[expect(
    clippy::await_holding_invalid_type,
    reason = "only storage is waited for under the guard"
)]
async fn once(store: FileStore, role: Role) -> Result<(), Failure> {
    let session = SessionId::new("s").unwrap();
    if role.act == Act::Inbox {
        return accept(&store, &session, &role).await;
    }
    if role.act == Act::Command {
        let lock = store.lock_for_command(&session, Phase::SIDE, Wait::Forever);
        let lock = lock.await.map_err(|error| Failure::of(&error))?;
        let released = lock.release().await;
        released.map_err(|error| Failure::of(&error))?;
    }
    let mut scope = LockScope::open();
    let turn = TurnId(role.name.clone());
    let ask = |if_claimed| ClaimAsk {
        session: &session,
        turn: &turn,
        if_claimed,
    };
    let (mut claim, mut before) = (None, None);
    if role.act.is_a_turn() {
        let claimed = store.claim(scope.unlocked(), ask(IfClaimed::Wait(Wait::Forever)));
        claim = Some(claimed.await.map_err(|error| Failure::of(&error))?);
    }
    if role.act == Act::Asking {
        before = claim.take();
        let wish = HandOver {
            reason: "impatience".to_owned(),
            grace: Duration::from_millis(20),
        };
        let claimed = store.claim(scope.unlocked(), ask(IfClaimed::HandOver(wish)));
        claim = Some(claimed.await.map_err(|error| Failure::of(&error))?);
    }
    let ask = GuardAsk {
        claim: claim.as_ref(),
        ..GuardAsk::side(&session, Phase::RECORD, Wait::Forever)
    };
    let guard = store.guard(&mut scope, ask).await;
    let mut guard = guard.map_err(|error| Failure::of(&error))?;
    let head = Head::default();
    let receipt = store.append(&mut guard, &head, commit(&role)).await?;
    let released = guard.release().await;
    released.map_err(|error| Failure::of(&error))?;
    let reached = receipt.reached(Level::Synced).await;
    drop(before);
    reached.map(drop).map_err(|error| Failure::of(&error))
}

/// Marks the oracle while a commit writes, then traces and holds.
#[derive(Debug)]
struct Watched {
    held: FileSteps,
    oracle: Oracle,
}

impl Steps for Watched {
    fn reach(&self, step: &str) {
        if step == "commit:before-write" {
            self.oracle.enter();
        }
        self.held.reach(step);
        if step == "commit:written" {
            self.oracle.leave();
        }
    }
}

#[derive(Debug)]
struct Oracle {
    file: File,
    doubles: PathBuf,
}

impl Oracle {
    fn at(dir: &Path) -> Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(dir.join("oracle"))
            .unwrap();
        Self {
            file,
            doubles: dir.join("doubles"),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle shares no code with the product"
    )]
    fn enter(&self) {
        if flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut doubles = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.doubles)
                .unwrap();
            writeln!(doubles, "{} found another", std::process::id()).unwrap();
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle shares no code with the product"
    )]
    fn leave(&self) {
        flock(&self.file, FlockOperation::Unlock).unwrap();
    }
}
