//! What an actor of another process does.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use latchwork_filelock::{LatchError, Latches, Options};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{System, parse_proc_stat};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use crate::support::{site, until};

/// The longest hold of one that is stopped for longer, in milliseconds.
pub(crate) const TOO_LONG_MS: u64 = 50;

pub(crate) struct Stage {
    pub(crate) dir: PathBuf,
    pub(crate) talk: PathBuf,
    pub(crate) name: String,
    pub(crate) latches: Latches,
}

impl Stage {
    fn put(&self, end: &str, text: &str) {
        let path = self.talk.join(format!("{}.{end}", self.name));
        fs::write(path.with_extension("tmp"), text).unwrap();
        fs::rename(path.with_extension("tmp"), path).unwrap();
    }

    async fn go(&self) {
        let go = self.talk.join(format!("{}.go", self.name));
        until(|| go.exists()).await;
    }

    async fn attempt(&self) -> Result<(), LatchError> {
        let latched = self
            .latches
            .latch(&site(&self.dir), Phase::SIDE, Wait::Never)
            .await?;
        latched.begin().unwrap().check().unwrap();
        latched.release().await;
        Ok(())
    }
}

pub(crate) async fn play(role: &str, stage: &Stage) {
    match role {
        "hold" => hold(stage).await,
        "attempt" => {
            let said = match stage.attempt().await {
                Ok(()) => "granted".to_owned(),
                Err(error) => error.to_string(),
            };
            stage.put("said", &said);
        }
        "hold with a child" => {
            let _latched = latched(stage).await;
            stage.put("held", &sleeper().id().to_string());
            std::future::pending::<()>().await;
        }
        "write for too long" => write_for_too_long(stage).await,
        "leak to a child" => leak_to_a_child(stage).await,
        "few descriptors" => few_descriptors(stage).await,
        "recycle a pid" => recycle_a_pid(stage).await,
        "try fcntl" => {
            let free = fcntl(&open(&stage.dir.join("f"))).is_ok();
            stage.put("said", if free { "free" } else { "locked" });
        }
        ending => end(ending, stage).await,
    }
}

async fn latched(stage: &Stage) -> latchwork_filelock::Latched {
    stage
        .latches
        .latch(&site(&stage.dir), Phase::RECORD, Wait::Forever)
        .await
        .unwrap()
}

async fn hold(stage: &Stage) {
    let latched = latched(stage).await;
    stage.put("held", "");
    stage.go().await;
    let said = match latched.begin().unwrap().check() {
        Ok(()) => "all is ours".to_owned(),
        Err(lost) => lost.to_string(),
    };
    stage.put("said", &said);
}

/// A write that was started goes on for longer than a hold may last, because its process stands still.
async fn write_for_too_long(stage: &Stage) {
    let options = Options {
        max_hold_ms: TOO_LONG_MS,
        ..Options::default()
    };
    let latches = Latches::new(System::real(), options);
    let site = site(&stage.dir);
    let latched = latches.latch(&site, Phase::RECORD, Wait::Never).await;
    let latched = latched.unwrap();
    let write = latched.begin().unwrap();
    stage.put("held", "");
    stage.go().await;
    until(|| latched.begin().is_err()).await;
    let ends = match write.check() {
        Ok(()) => write
            .transcript()
            .unwrap()
            .append(b"{\"late\":1}\n")
            .map(|_| ()),
        Err(error) => Err(std::io::Error::other(error)),
    };
    let next = latched.begin().map(drop);
    stage.put("said", &format!("{ends:?}, then {}", next.unwrap_err()));
}

fn sleeper() -> Child {
    Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn open(path: &Path) -> OwnedFd {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(path, OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is shown here why these locks are not used"
)]
pub(crate) fn fcntl(file: &OwnedFd) -> rustix::io::Result<()> {
    rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
}

/// Holds the latch file's lock by a descriptor that is not close-on-exec.
#[expect(
    clippy::disallowed_methods,
    reason = "a stranger to the product holds the file"
)]
async fn leak_to_a_child(stage: &Stage) {
    let file = open(&stage.dir.join(".latchwork/s.latch"));
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    stage.put("held", &sleeper().id().to_string());
    std::future::pending::<()>().await;
}

/// Tries with one more descriptor at a time until the latch is granted; says how it was refused before.
async fn few_descriptors(stage: &Stage) {
    let mut refused = Vec::new();
    for most in 3.. {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(most),
                maximum: Some(1_024),
            },
        )
        .unwrap();
        let tried = stage.attempt().await;
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(1_024),
                maximum: Some(1_024),
            },
        )
        .unwrap();
        match tried {
            Ok(()) => break,
            Err(LatchError::Io(error)) => {
                refused.push(format!("{:?}", error.source.raw_os_error()));
            }
            Err(other) => refused.push(other.to_string()),
        }
        let names = latchwork_sys::Disk::list(&latchwork_sys::RealDisk, &stage.dir).unwrap();
        let left = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name.ends_with(".tmp") || name.ends_with(".lock")
        };
        assert!(!names.iter().any(left), "{names:?}");
    }
    stage.put("said", &refused.join("\n"));
}

/// In a pid namespace of its own: the owner of a peer's lock file dies, and its pid is given out again.
async fn recycle_a_pid(stage: &Stage) {
    const PID: u32 = 9_000;
    let start = || loop {
        fs::write("/proc/sys/kernel/ns_last_pid", (PID - 1).to_string()).unwrap();
        let mut child = sleeper();
        if child.id() == PID {
            let line = fs::read(format!("/proc/{PID}/stat")).unwrap();
            return (child, parse_proc_stat(&line).unwrap().starttime);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let (mut owner, since) = start();
    let payload = format!("{{\"pid\": {PID}, \"createdAt\": \"x\", \"starttime\": {since}}}");
    let lock = stage.dir.join("s.jsonl.lock");
    fs::write(&lock, payload).unwrap();
    // In a container a young file is respected in any case: its owner may live in another one.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let file = fs::File::options().write(true).open(lock).unwrap();
    file.set_modified(long_ago).unwrap();
    drop(file);
    let mut said = vec![stage.attempt().await.unwrap_err().to_string()];
    loop {
        owner.kill().unwrap();
        owner.wait().unwrap();
        let (again, now) = start();
        owner = again;
        let tried = stage.attempt().await;
        said.push(tried.map_or_else(|error| error.to_string(), |()| "granted".to_owned()));
        // Within one tick of the clock the two are one process to whoever looks; that only delays.
        if now != since {
            break;
        }
        assert_ne!(said.pop().unwrap(), "granted", "it may be the owner");
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    stage.put("said", &said.join("\n"));
}

/// Ends in the middle of what only a holder may do.
async fn end(how: &str, stage: &Stage) {
    let latched = latched(stage).await;
    let write = latched.begin().unwrap();
    write.check().unwrap();
    write
        .transcript()
        .unwrap()
        .append(b"{\"last\":1}\n")
        .unwrap();
    stage.put("held", "");
    match how {
        "panic" => panic!("in the critical section, on purpose"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "SIGTERM" => {
            kill_process(getpid(), Signal::TERM).unwrap();
            std::future::pending::<()>().await;
        }
        other => panic!("no role {other:?}"),
    }
}
