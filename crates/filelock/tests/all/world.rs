//! Other processes in other worlds: another pid or time namespace, another user, few descriptors, a filesystem of their own.
//!
//! An actor is this very test program, started again for one test, through a wrapper such as `unshare` or `setpriv`. It is
//! talked to through a folder of its own: `<name>.held` is made by the actor when it has what it was to take, `<name>.go` by
//! the test when it may go on, `<name>.said` by the actor at its end. What cannot be had here is skipped aloud.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use latchwork_filelock::{Latches, Options};
use latchwork_sys::System;

use crate::roles;
use crate::support::{Room, until};

const ROLE: &str = "LATCHWORK_TEST_ACTOR";
/// Any user but root; nobody's number.
pub(crate) const STRANGER: u32 = 65_534;

/// Says on standard error, past the capture of the test harness, what was skipped.
pub(crate) fn skipped(words: &str) {
    let _a_closed_stderr = writeln!(std::io::stderr(), "SKIPPED({words})");
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// What a process is started through.
#[derive(Clone, Copy)]
pub(crate) struct World(pub(crate) &'static [&'static str]);

impl World {
    pub(crate) const THIS: Self = Self(&[]);

    /// A pid namespace of its own, with its own `/proc`; it ends with the test.
    pub(crate) fn of_other_pids() -> Option<Self> {
        Self(&["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]).if_it_can_be_had()
    }

    /// A time namespace whose machine has been up for longer.
    pub(crate) fn of_other_times() -> Option<Self> {
        Self(&[
            "unshare",
            "--time",
            "--boottime",
            "100000",
            "--fork",
            "--kill-child",
        ])
        .if_it_can_be_had()
    }

    /// A user who is not root.
    pub(crate) fn of_a_stranger() -> Option<Self> {
        Self(&[
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
        ])
        .if_it_can_be_had()
    }

    fn if_it_can_be_had(self) -> Option<Self> {
        let tried = Command::new(self.0[0])
            .args(&self.0[1..])
            .arg("true")
            .stderr(Stdio::null())
            .status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(self);
        }
        skipped(&format!("{} needs root here", self.0[..2].join(" ")));
        None
    }
}

/// In an actor: plays its role and answers true, for the test to end.
pub(crate) fn acted() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how an actor knows that it is one"
    )]
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let words: Vec<String> = role.split('\n').map(str::to_owned).collect();
    let [role, name, dir, talk] = words.try_into().unwrap();
    // The test itself runs in a runtime already, and runtimes do not nest.
    let plays = std::thread::spawn(move || {
        let stage = roles::Stage {
            dir: dir.into(),
            talk: talk.into(),
            name,
            latches: Latches::new(System::real(), Options::default()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(roles::play(&role, &stage));
    });
    plays.join().unwrap();
    true
}

/// Where the actors of one test talk, and the program that they are.
pub(crate) struct Cast {
    test: &'static str,
    talk: tempfile::TempDir,
    program: PathBuf,
}

/// A started actor; ended when dropped.
pub(crate) struct Actor {
    pub(crate) child: Child,
    talk: PathBuf,
    name: &'static str,
}

impl Cast {
    /// For the test called `test` (with its module), which must begin with [`acted`].
    pub(crate) fn of(test: &'static str) -> Self {
        let talk = tempfile::tempdir().unwrap();
        open_to_all(talk.path());
        // The way to the build directory may be closed to a stranger; only root has such actors.
        let (own, program) = (
            std::env::current_exe().unwrap(),
            talk.path().join("program"),
        );
        let linked = std::fs::hard_link(&own, &program).is_ok()
            || is_root() && std::fs::copy(&own, &program).is_ok();
        let program = if linked { program } else { own };
        Self {
            test,
            talk,
            program,
        }
    }

    pub(crate) fn start(&self, world: World, name: &'static str, room: &Path, role: &str) -> Actor {
        let mut words: Vec<String> = world.0.iter().map(|word| (*word).to_owned()).collect();
        words.push(self.program.to_str().unwrap().to_owned());
        words.extend(["--exact", self.test, "--test-threads=1"].map(str::to_owned));
        let talk = self.talk.path().to_path_buf();
        let role = format!("{role}\n{name}\n{}\n{}", room.display(), talk.display());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env(ROLE, role);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = loop {
            match command.spawn() {
                // A fork of another test has the program open for writing still, where it was copied.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                started => break started.unwrap(),
            }
        };
        Actor { child, talk, name }
    }

    /// One attempt to take the latch, from another process: "granted", or the error.
    pub(crate) async fn attempt(&self, world: World, name: &'static str, room: &Path) -> String {
        self.start(world, name, room, "attempt").said().await
    }
}

impl Actor {
    fn file(&self, end: &str) -> PathBuf {
        self.talk.join(format!("{}.{end}", self.name))
    }

    /// Waits until it has what it was to take; what it then wrote.
    pub(crate) async fn held(&mut self) -> String {
        let held = self.file("held");
        loop {
            // Renamed into place, so it is whole.
            if let Ok(text) = std::fs::read_to_string(&held) {
                return text;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{} ended without holding: {ended:?}",
                self.name
            );
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn go(&self) {
        std::fs::write(self.file("go"), b"").unwrap();
    }

    /// What it said at its end.
    pub(crate) async fn said(mut self) -> String {
        until(|| self.child.try_wait().unwrap().is_some()).await;
        std::fs::read_to_string(self.file("said")).unwrap()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that everybody may use.
pub(crate) fn open_to_all(dir: &Path) {
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// Gives a folder and what is in it to a stranger.
pub(crate) fn give_to_stranger(room: &Room) {
    open_to_all(room.path());
    for name in room.names() {
        chown(room.file(&name), Some(STRANGER), Some(STRANGER)).unwrap();
    }
}

/// A filesystem of its own; unmounted when dropped.
pub(crate) struct Mounted(pub(crate) PathBuf);

impl Mounted {
    /// `None` where this user may not mount, and then it says so.
    pub(crate) fn with(words: &[&str], at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(words).arg(at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at.to_path_buf()));
        }
        skipped(&format!("mount {} needs root here", words.join(" ")));
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
