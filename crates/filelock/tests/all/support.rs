//! What most tests need: a folder with a session, latches of their own, and short names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use latchwork_filelock::{LatchError, Latched, Latches, Obstacle, Options, Site};
use latchwork_lock::{Holder, Phase, Wait};
use latchwork_sys::{Disk, FaultDisk, RealDisk, System};
use tempfile::TempDir;

pub(crate) struct Room {
    dir: TempDir,
}

impl Room {
    /// A folder without a transcript.
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with a transcript, on this filesystem.
    pub(crate) fn within(dir: &Path) -> Self {
        let room = Self {
            dir: tempfile::tempdir_in(dir).unwrap(),
        };
        std::fs::write(room.transcript(), b"{}\n").unwrap();
        room
    }

    /// A folder with a transcript.
    pub(crate) fn new() -> Self {
        let room = Self::empty();
        std::fs::write(room.transcript(), b"{}\n").unwrap();
        room
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn transcript(&self) -> PathBuf {
        self.file("s.jsonl")
    }

    pub(crate) fn peer_lock(&self) -> PathBuf {
        self.file("s.jsonl.lock")
    }

    pub(crate) fn sidecars(&self) -> PathBuf {
        self.file(".latchwork")
    }

    pub(crate) fn site(&self) -> Site {
        site(self.path())
    }

    /// Every name in the folder and its sidecars, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = list(self.path());
        names.extend(list(&self.sidecars()));
        names.sort();
        names
    }
}

fn list(dir: &Path) -> Vec<String> {
    let Ok(names) = RealDisk.list(dir) else {
        return Vec::new();
    };
    names
        .into_iter()
        .map(|name| name.into_string().unwrap())
        .collect()
}

pub(crate) fn site(dir: &Path) -> Site {
    Site::new(dir, "s", "s.jsonl").unwrap()
}

/// Latches as another process would have them: with nothing shared.
pub(crate) fn latches() -> Latches {
    with(Options::default())
}

pub(crate) fn with(options: Options) -> Latches {
    Latches::new(System::real(), options)
}

pub(crate) fn on_disk(disk: &FaultDisk, options: Options) -> Latches {
    Latches::new(
        System {
            disk: Arc::new(disk.clone()),
            ..System::real()
        },
        options,
    )
}

pub(crate) async fn take(latches: &Latches, room: &Room) -> Latched {
    latches
        .latch(&room.site(), Phase::RECORD, Wait::Forever)
        .await
        .unwrap()
}

pub(crate) async fn attempt(latches: &Latches, room: &Room) -> Result<Latched, LatchError> {
    latches.latch(&room.site(), Phase::SIDE, Wait::Never).await
}

/// The error of an attempt that must find the session busy.
pub(crate) async fn busy(latches: &Latches, room: &Room) -> (Obstacle, Holder, String) {
    let error = attempt(latches, room).await.unwrap_err();
    let text = error.to_string();
    match error {
        LatchError::Busy {
            obstacle, holder, ..
        } => (obstacle, *holder, text),
        other => panic!("not busy: {other}"),
    }
}

/// Waits until something is so; a test that waits in vain is ended by its runner.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
