//! The other process: this very test program, started again for one test with a role.
//!
//! It is talked to through files in the session's folder: `held.<pid>` is made by the worker when it has
//! what it was to take, `go.<pid>` by the test when it may go on, `said.<pid>` by the worker at its end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use latchwork_filelock::{ClaimHandle, FileClaim, Latches, Options};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{System, steps_from_directive};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{site, until};

const ROLE: &str = "LATCHWORK_TEST_ROLE";

/// In a worker: plays its role and answers true, for the test to end.
pub(crate) fn played() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a worker knows that it is one"
    )]
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let Ok([dir, role, steps]) =
        <[String; 3]>::try_from(role.split('\n').map(str::to_owned).collect::<Vec<_>>())
    else {
        panic!("a role has three lines")
    };
    let mut system = System::real();
    if !steps.is_empty() {
        system.steps = steps_from_directive(&steps).unwrap();
    }
    let latches = Latches::new(system, Options::default());
    // The test itself runs in a runtime already, and runtimes do not nest.
    let plays = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(&role, Path::new(&dir), &latches));
    });
    plays.join().unwrap();
    true
}

async fn play(role: &str, dir: &Path, latches: &Latches) {
    let (site, pid) = (site(dir), std::process::id());
    match role {
        "hold" => {
            let latched = latches
                .latch(&site, Phase::RECORD, Wait::Forever)
                .await
                .unwrap();
            fs::write(dir.join(format!("held.{pid}")), b"").unwrap();
            until(|| dir.join(format!("go.{pid}")).exists()).await;
            let said = match latched.begin().unwrap().check() {
                Ok(()) => "all is ours".to_owned(),
                Err(lost) => lost.to_string(),
            };
            fs::write(dir.join(format!("said.{pid}")), said).unwrap();
        }
        "count" => {
            for _ in 0..40 {
                count_once(dir, latches).await;
            }
        }
        "once" => count_once(dir, latches).await,
        "try" => {
            let said = match latches.latch(&site, Phase::SIDE, Wait::Never).await {
                Ok(_) => "it was free".to_owned(),
                Err(error) => error.to_string(),
            };
            fs::write(dir.join(format!("said.{pid}")), said).unwrap();
        }
        "claim" => {
            let claim = latches
                .claim(&site, "worker's turn", Wait::Forever)
                .await
                .unwrap();
            fs::write(dir.join(format!("held.{pid}")), b"").unwrap();
            until(|| dir.join(format!("go.{pid}")).exists()).await;
            let latched = latches
                .latch(&site, Phase::RECORD, Wait::Forever)
                .await
                .unwrap();
            let checked = latched
                .begin()
                .unwrap()
                .check_claim(&ClaimHandle::of(&claim).unwrap());
            let said = checked.map_or_else(
                |error| error.to_string(),
                |()| "the turn is mine".to_owned(),
            );
            fs::write(dir.join(format!("said.{pid}")), said).unwrap();
        }
        "yield" => {
            let claim = latches
                .claim(&site, "worker's turn", Wait::Forever)
                .await
                .unwrap();
            fs::write(dir.join(format!("held.{pid}")), b"").unwrap();
            let mut asked = None;
            until(|| {
                asked = claim.held::<FileClaim>().unwrap().asked().unwrap();
                asked.is_some()
            })
            .await;
            let asked = asked.unwrap();
            claim.release().await.unwrap();
            let said = format!("{:?} of {}: {}", asked.turn, asked.by, asked.reason);
            fs::write(dir.join(format!("said.{pid}")), said).unwrap();
        }
        "ask" => {
            let forever = Duration::from_secs(3_600);
            let claim = latches
                .hand_over(&site, "worker's turn", "the worker wants it", forever)
                .await
                .unwrap();
            fs::write(dir.join(format!("held.{pid}")), b"").unwrap();
            until(|| dir.join(format!("go.{pid}")).exists()).await;
            drop(claim);
        }
        other => panic!("no role {other:?}"),
    }
}

/// Adds one to the number in the file `count`, in two steps that only a lock makes one; and a line to
/// the transcript.
pub(crate) async fn count_once(dir: &Path, latches: &Latches) {
    let latched = latches
        .latch(&site(dir), Phase::RECORD, Wait::Forever)
        .await
        .unwrap();
    let write = latched.begin().unwrap();
    let path = dir.join("count");
    let count: u64 = fs::read_to_string(&path)
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    tokio::task::yield_now().await;
    write.check().unwrap();
    write
        .transcript()
        .unwrap()
        .append(format!("{}\n", count + 1).as_bytes())
        .unwrap();
    fs::write(&path, (count + 1).to_string()).unwrap();
}

/// A started worker; ended when dropped.
pub(crate) struct Worker {
    child: Child,
    dir: PathBuf,
}

impl Worker {
    /// Starts `role` for the test called `test` (with its module), which must begin with [`played`].
    pub(crate) fn start(test: &str, dir: &Path, role: &str) -> Self {
        Self::start_with_steps(test, dir, role, "")
    }

    pub(crate) fn start_with_steps(test: &str, dir: &Path, role: &str, steps: &str) -> Self {
        Self::start_under(
            Command::new(std::env::current_exe().unwrap()),
            test,
            dir,
            role,
            steps,
        )
    }

    /// `program` is this test program, or one that starts it with the arguments that follow.
    pub(crate) fn start_under(
        mut program: Command,
        test: &str,
        dir: &Path,
        role: &str,
        steps: &str,
    ) -> Self {
        let child = program
            .args(["--exact", test])
            .env(ROLE, format!("{}\n{role}\n{steps}", dir.display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            dir: dir.to_path_buf(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has what it was to take.
    pub(crate) async fn held(mut self) -> Self {
        let held = self.dir.join(format!("held.{}", self.pid()));
        while !held.exists() {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "the worker ended without holding anything"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Whether each of its threads is stopped: the signal is sent to all and reaches them one by one.
    pub(crate) fn is_stopped(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        tasks.into_iter().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit(") ").next().unwrap().starts_with('T')
        })
    }

    /// Lets it go on and answers what it said at its end.
    pub(crate) async fn goes_on(mut self) -> String {
        fs::write(self.dir.join(format!("go.{}", self.pid())), b"").unwrap();
        assert!(self.ended().await.is_none());
        fs::read_to_string(self.dir.join(format!("said.{}", self.pid()))).unwrap()
    }

    /// Waits for its end: the signal that ended it, or none if it succeeded.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success() || status.signal().is_some(), "{status}");
                return status.signal();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
