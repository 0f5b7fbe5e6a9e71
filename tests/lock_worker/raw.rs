//! The bare system calls that a lock can be made of, with nothing around them: what ours is compared with.
//!
//! `excl` and `link` wait by looking every 50 ms and take the file of a dead process away, as OpenClaw does; that can break
//! the exclusion, and is here to be measured.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

const POLL: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `open`, `flock`, `close`.
    Flock,
    /// `open(O_EXCL)`, `write`, `close`, and `unlink` to release.
    Excl,
    /// The same under a temporary name, then `link` and `unlink`, so that the file is born whole.
    Link,
    /// No lock.
    None,
}

#[derive(Clone, Debug)]
pub(crate) struct Raw {
    kind: Kind,
    path: PathBuf,
    temporary: PathBuf,
}

#[derive(Debug)]
pub(crate) enum RawHeld {
    Nothing,
    /// Closing it gives the lock back.
    Flock(File),
    File(PathBuf),
}

impl Raw {
    pub(crate) fn new(kind: Kind, file: &Path) -> Self {
        let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", file.display()));
        Self {
            kind,
            path: beside(if kind == Kind::Flock { "flock" } else { "lock" }),
            temporary: beside(&format!("{}.tmp", std::process::id())),
        }
    }

    pub(crate) fn acquire(&self) -> io::Result<RawHeld> {
        match self.kind {
            Kind::None => Ok(RawHeld::Nothing),
            Kind::Flock => {
                let file = OpenOptions::new()
                    .read(true)
                    .append(true)
                    .create(true)
                    .open(&self.path)?;
                rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
                Ok(RawHeld::Flock(file))
            }
            Kind::Excl | Kind::Link => loop {
                match self.create() {
                    Ok(()) => return Ok(RawHeld::File(self.path.clone())),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.wait(),
                    Err(error) => return Err(error),
                }
            },
        }
    }

    fn create(&self) -> io::Result<()> {
        let in_place = self.kind == Kind::Excl;
        let path = if in_place {
            &self.path
        } else {
            &self.temporary
        };
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // The size of OpenClaw's.
        file.write_all(payload().as_bytes())?;
        drop(file);
        if in_place {
            return Ok(());
        }
        let linked = fs::hard_link(&self.temporary, &self.path);
        fs::remove_file(&self.temporary)?;
        linked
    }

    fn wait(&self) {
        let owner = fs::read_to_string(&self.path).unwrap_or_default();
        let pid = owner
            .split_once("\"pid\": ")
            .and_then(|(_, rest)| rest.split_once(','));
        if let Some((pid, _)) = pid
            && !Path::new("/proc").join(pid).exists()
        {
            let _ = fs::remove_file(&self.path);
            return;
        }
        std::thread::sleep(POLL);
    }
}

fn payload() -> String {
    let pid = std::process::id();
    format!(
        "{{\n  \"pid\": {pid},\n  \"createdAt\": \"2026-05-19T08:12:44.102Z\",\n  \"starttime\": 1234567\n}}\n"
    )
}

impl RawHeld {
    pub(crate) fn release(self) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Flock(file) => {
                drop(file);
                Ok(())
            }
            Self::File(path) => match fs::remove_file(path) {
                // Another took it for a dead process's and removed it: the broken exclusion that is here to be measured.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            },
        }
    }
}
