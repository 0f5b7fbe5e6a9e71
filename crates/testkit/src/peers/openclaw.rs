//! A live OpenClaw, as far as it touches a transcript.

use std::path::Path;

use serde_json::{Value, json};

use super::Modules;
use super::driver::Driver;

/// A live OpenClaw 2026.5.18. Its argument list carries its name, for it takes owners of locks without it for strangers.
#[derive(Debug)]
pub struct OpenClaw(Driver);

impl OpenClaw {
    pub(super) fn start(node: &Path, modules: &Modules) -> Self {
        let args = [modules.as_os_str(), "openclaw".as_ref()];
        Self(Driver::start(node, "openclaw.mjs", args))
    }

    /// Does what an embedded run does to a session file before its first model call: repairs it, opens it, prepares the
    /// session. A file that holds no reply yet is emptied by that.
    ///
    /// # Errors
    /// What OpenClaw says.
    pub fn open_for_run(&mut self, path: impl AsRef<Path>, session_id: &str) -> Result<(), String> {
        let path = path.as_ref();
        let cwd = path.parent().unwrap_or(path).to_string_lossy();
        let command = json!({"path": path.to_string_lossy(), "sessionId": session_id, "cwd": cwd});
        self.0.tell("open", command).map(drop)
    }

    /// What it makes of the open file: `leafId`, `name`, `labels`, `entryCount`, `context`.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn inspect(&mut self) -> Value {
        self.0.must("inspect", true)
    }

    /// Appends a message in the open session, as its run does.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn append(&mut self, message: Value) {
        self.0.must("append", message);
    }

    /// Appends a message to a file by its own appender, under its own write lock.
    ///
    /// # Errors
    /// What OpenClaw says, a lock that it could not get among it.
    pub fn append_to_file(
        &mut self,
        path: impl AsRef<Path>,
        message: &Value,
    ) -> Result<(), String> {
        let command = json!({"path": path.as_ref().to_string_lossy(), "message": message});
        self.0.tell("appendToFile", command).map(drop)
    }

    /// Mirrors messages of a Codex app-server's thread, each with its identity if it has one, by its own function.
    ///
    /// # Panics
    /// When it cannot.
    #[track_caller]
    pub fn mirror(
        &mut self,
        path: impl AsRef<Path>,
        scope: &str,
        messages: &[(Option<&str>, Value)],
    ) {
        let messages: Vec<Value> = messages
            .iter()
            .map(|(identity, message)| json!({"identity": identity, "message": message}))
            .collect();
        let path = path.as_ref().to_string_lossy();
        self.0.must(
            "mirror",
            json!({"path": path, "scope": scope, "messages": messages}),
        );
    }

    /// Takes its own write lock on a session file, as every write of its run does, and keeps it.
    ///
    /// # Errors
    /// What OpenClaw says; a lock that it could not get in so many milliseconds names the owner by its pid.
    pub fn lock(&mut self, path: impl AsRef<Path>, timeout_ms: u32) -> Result<(), String> {
        let command = json!({"path": path.as_ref().to_string_lossy(), "timeoutMs": timeout_ms});
        self.0.tell("lock", command).map(drop)
    }

    /// Gives the write lock back.
    ///
    /// # Panics
    /// When it holds none.
    #[track_caller]
    pub fn unlock(&mut self) {
        self.0.must("unlock", true);
    }

    /// Does what its gateway does to the lock files of a folder when it starts, and gives what it found: `pid`,
    /// `staleReasons` and `removed` of each. Without a number of milliseconds, a lock is old after its own half hour.
    ///
    /// # Panics
    /// When it cannot.
    #[track_caller]
    pub fn clean_locks(&mut self, dir: impl AsRef<Path>, stale_ms: Option<u32>) -> Value {
        let dir = dir.as_ref().to_string_lossy();
        self.0
            .must("cleanLocks", json!({"dir": dir, "staleMs": stale_ms}))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn close(self) {
        self.0.close();
    }
}
