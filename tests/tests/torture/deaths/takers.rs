//! Ways to take a session: ours, two that are known to let two in, and one that locks everybody out.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_filelock::{Latched, Latches, Options, Site, WritePermit};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::System;
use rustix::fs::{FlockOperation, flock};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// The product.
    Ours,
    /// Look at the lock file's owner, remove the file of a dead one, create it: OpenClaw's protocol, with a pause that is a
    /// thousand times shorter.
    OpenClaw,
    /// The latch file alone, deleted by whoever likes.
    NoSecondWall,
    /// A lock file that nobody reclaims: its holder's death locks everybody out.
    NeverFreed,
}

impl Taker {
    pub(crate) const ALL: [Self; 4] = [
        Self::Ours,
        Self::OpenClaw,
        Self::NoSecondWall,
        Self::NeverFreed,
    ];

    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Takes a session in one of the ways.
pub(crate) enum Way {
    Ours(Latches),
    LockFile { reclaims: bool },
    NoSecondWall,
}

/// What is held. Dropping it gives it back.
pub(crate) enum Held {
    Ours(Latched),
    LockFile(PathBuf),
    Latch(File),
}

const PAUSE: Duration = Duration::from_micros(50);

impl Way {
    pub(crate) fn new(taker: Taker, system: System) -> Self {
        match taker {
            Taker::Ours => Self::Ours(Latches::new(system, Options::default())),
            Taker::OpenClaw => Self::LockFile { reclaims: true },
            Taker::NeverFreed => Self::LockFile { reclaims: false },
            Taker::NoSecondWall => Self::NoSecondWall,
        }
    }

    pub(crate) async fn take(&self, dir: &Path) -> Result<Held, String> {
        match self {
            Self::Ours(latches) => {
                let site = Site::new(dir, "s", "s.jsonl").unwrap();
                let latched = latches.latch(&site, Phase::RECORD, Wait::Forever).await;
                latched.map(Held::Ours).map_err(|error| {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    format!("{error} ({source:?})")
                })
            }
            Self::LockFile { reclaims } => Ok(lock_file(&dir.join("s.jsonl.lock"), *reclaims)),
            Self::NoSecondWall => Ok(latch_alone(&dir.join(".latchwork/s.latch"))),
        }
    }
}

fn lock_file(path: &Path, reclaims: bool) -> Held {
    loop {
        if let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(path) {
            write!(file, "{}", std::process::id()).unwrap();
            return Held::LockFile(path.to_owned());
        }
        let owner = std::fs::read_to_string(path).unwrap_or_default();
        let dead = owner
            .parse::<u32>()
            .is_ok_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if dead && reclaims {
            let _removed_by_another = std::fs::remove_file(path);
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a control shares no code with the product"
)]
fn latch_alone(path: &Path) -> Held {
    loop {
        let _it_is_there = std::fs::create_dir(path.parent().unwrap());
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let Ok(file) = opened else { continue };
        flock(&file, FlockOperation::LockExclusive).unwrap();
        let ours = file.metadata().unwrap().ino();
        if std::fs::metadata(path).is_ok_and(|there| there.ino() == ours) {
            return Held::Latch(file);
        }
    }
}

/// A write that was begun: while it lives, nothing that is held is given back.
pub(crate) enum Writing {
    Ours(WritePermit),
    Unchecked(File),
}

impl Held {
    pub(crate) fn begin(&self, dir: &Path) -> Writing {
        match self {
            Self::Ours(latched) => Writing::Ours(latched.begin().unwrap()),
            Self::LockFile(_) | Self::Latch(_) => {
                let path = dir.join("s.jsonl");
                Writing::Unchecked(OpenOptions::new().append(true).open(path).unwrap())
            }
        }
    }
}

impl Writing {
    /// Whether everything that is held is still held.
    pub(crate) fn check(&self) -> bool {
        match self {
            Self::Ours(permit) => permit.check().is_ok(),
            Self::Unchecked(_) => true,
        }
    }

    pub(crate) fn append(&self, line: &str) {
        let wrote = match self {
            Self::Ours(permit) => permit.transcript().unwrap().append(line.as_bytes()),
            Self::Unchecked(file) => (&*file).write(line.as_bytes()),
        };
        assert_eq!(wrote.unwrap(), line.len());
    }
}

impl Drop for Held {
    #[expect(
        clippy::disallowed_methods,
        reason = "a control shares no code with the product"
    )]
    fn drop(&mut self) {
        match self {
            Self::LockFile(path) => {
                let _robbed = std::fs::remove_file(path);
            }
            Self::Latch(file) => flock(file, FlockOperation::Unlock).unwrap(),
            Self::Ours(_) => {}
        }
    }
}
