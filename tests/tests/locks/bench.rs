//! One session with one exchange in a private home, scripts that run under its lock, and a look at processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::{Home, Invocation, Live, latchwork};
use latchwork_testkit::steps::StepDir;
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

pub(crate) struct Bench {
    pub(crate) home: Home,
}

impl Bench {
    /// No session yet.
    pub(crate) fn empty() -> Self {
        Self { home: Home::new() }
    }

    pub(crate) fn begun() -> Self {
        let bench = Self::empty();
        bench.append(&exchange("hello")).run().expect_success();
        bench
    }

    pub(crate) fn talk(&self) -> PathBuf {
        self.home.path("talk.jsonl")
    }

    pub(crate) fn latch(&self) -> PathBuf {
        self.home.path(".latchwork/talk.latch")
    }

    pub(crate) fn peers_lock(&self) -> PathBuf {
        self.home.path("talk.jsonl.lock")
    }

    /// `latchwork lock talk.jsonl FLAGS -- sh -c SCRIPT`; in the script `$LW` is the program.
    pub(crate) fn lock(&self, flags: &[&str], script: &str) -> Invocation {
        let mut args = vec!["lock", "./talk.jsonl"];
        args.extend(flags);
        args.extend(["--", "sh", "-c", script]);
        self.home.latchwork(args).env("LW", latchwork())
    }

    /// Whether the lock can be had right now.
    pub(crate) fn is_free(&self) -> bool {
        let tried = self.lock(&["--wait", "0"], "exit 0").run();
        assert!(matches!(tried.code(), Some(0 | 75)), "{tried}");
        tried.code() == Some(0)
    }

    pub(crate) fn append(&self, lines: &[Value]) -> Invocation {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.home.latchwork(["append", "./talk.jsonl"]).stdin(text)
    }

    /// Lines in a file, for a script to append.
    pub(crate) fn lines(&self, name: &str, lines: &[Value]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.home.write(name, text);
    }

    /// A file by which a script and the test tell each other something.
    pub(crate) fn flag(&self, name: &str) {
        self.home.write(name, "");
    }

    pub(crate) fn wait_for_flag(&self, name: &str) {
        let path = self.home.path(name);
        eventually(name, || path.exists().then_some(()));
    }

    /// A number that a script has written, with its newline.
    pub(crate) fn number(&self, name: &str) -> u32 {
        let path = self.home.path(name);
        eventually(name, || {
            let text = std::fs::read_to_string(&path).ok()?;
            text.ends_with('\n').then(|| text.trim().parse().ok())?
        })
    }

    /// The settings of the user.
    pub(crate) fn settings(&self, text: &str) {
        let dir = self.home.home().join(".config/latchwork");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    pub(crate) fn report(&self) -> Report {
        Report::read(self.talk())
    }

    pub(crate) fn unlock(&self, flags: &[&str]) -> latchwork_testkit::program::Finished {
        let mut args = vec!["unlock", "./talk.jsonl"];
        args.extend(flags);
        self.home.latchwork(args).run()
    }
}

/// In a script: wait until the test has made a file.
pub(crate) fn until(flag: &str) -> String {
    format!("while [ ! -e {flag} ]; do sleep 0.02; done")
}

pub(crate) fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text, "key": format!("key of {text}") })
}

/// A message and its reply, so that it stands in the transcript and not in the inbox.
pub(crate) fn exchange(text: &str) -> [Value; 2] {
    let reply = json!({ "role": "assistant", "content": [{ "type": "text", "text": format!("re: {text}") }], "stopReason": "stop" });
    [user(text), reply]
}

/// Whether a process is there and has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// Whether a process has this file open.
pub(crate) fn has_open(pid: u32, path: &Path) -> bool {
    let path = std::fs::canonicalize(path).unwrap();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors
        .flatten()
        .any(|link| std::fs::read_link(link.path()).is_ok_and(|to| to == path))
}

pub(crate) fn end(pid: u32) {
    let done = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(done.unwrap().success());
    eventually("its end", || (!is_alive(pid)).then_some(()));
}

/// Fails if the process comes to this step though it must not. What must not happen can only be waited for.
pub(crate) fn assert_stays_before(steps: &StepDir, step: &str, who: &mut Live) {
    std::thread::sleep(Duration::from_millis(400));
    let reached = steps.trace(who.pid()).iter().any(|name| name == step);
    assert!(!reached, "it came to {step}");
    assert!(who.is_running(), "it has ended");
}
