//! A live pi: its own session manager over a file, told by the test what to do and when.

use std::path::Path;

use serde_json::{Value, json};

use super::Modules;
use super::driver::Driver;

/// The releases of pi that we are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PiVersion {
    /// What OpenClaw 2026.5.18 carries; it writes nothing before the first reply.
    V0_75_1,
    /// The newest one; it knows more entry types under the same version number.
    V0_87_1,
}

impl PiVersion {
    /// Both, older first.
    pub const ALL: [Self; 2] = [Self::V0_75_1, Self::V0_87_1];

    /// Its number.
    pub fn number(self) -> &'static str {
        match self {
            Self::V0_75_1 => "0.75.1",
            Self::V0_87_1 => "0.87.1",
        }
    }

    pub(super) fn pin(self) -> &'static str {
        match self {
            Self::V0_75_1 => "pi-0.75.1",
            Self::V0_87_1 => "pi-0.87.1",
        }
    }
}

/// A live pi. What it read when it opened a file is what it believes until it is told to open it again.
#[derive(Debug)]
pub struct Pi(Driver);

impl Pi {
    pub(super) fn start(node: &Path, modules: &Modules, version: PiVersion) -> Self {
        let package = modules.join("@earendil-works/pi-coding-agent");
        let mut driver = Driver::start(node, "pi.mjs", [package]);
        assert_eq!(driver.must("version", true), version.number());
        Self(driver)
    }

    /// Opens a session file, and gives the leaf.
    ///
    /// # Errors
    /// What pi says.
    pub fn open(&mut self, path: impl AsRef<Path>) -> Result<Option<String>, String> {
        let leaf = self.0.tell("open", path.as_ref().to_string_lossy())?;
        Ok(leaf.as_str().map(str::to_owned))
    }

    /// What pi makes of the file: `leafId`, `name`, `labels`, `entryCount`, `context`.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn inspect(&mut self) -> Value {
        self.0.must("inspect", true)
    }

    /// The header of the open file.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn header(&mut self) -> Value {
        self.0.must("header", true)
    }

    /// Branches the session off at an entry, in a file that pi names, and goes on in that one. Gives its path.
    ///
    /// # Errors
    /// What pi says.
    pub fn fork(&mut self, leaf: &str) -> Result<String, String> {
        let path = self.0.tell("fork", leaf)?;
        Ok(path.as_str().unwrap_or_default().to_owned())
    }

    /// The sessions of a folder that were begun in `cwd`, as pi's session picker lists them: `path`, `id`,
    /// `parentSessionPath` and more of each.
    ///
    /// # Panics
    /// When pi cannot list them.
    #[track_caller]
    pub fn list(&mut self, dir: impl AsRef<Path>, cwd: &str) -> Vec<Value> {
        let dir = dir.as_ref().to_string_lossy();
        match self.0.must("list", json!({"cwd": cwd, "dir": dir})) {
            Value::Array(sessions) => sessions,
            other => panic!("sessions are a list, not {other}"),
        }
    }

    /// The ids from the root to pi's leaf.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn active_path(&mut self) -> Vec<String> {
        let ids = self.0.must("activePath", true);
        ids.as_array()
            .into_iter()
            .flatten()
            .map(|id| id.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Every entry that pi has read or written.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn entries(&mut self) -> Vec<Value> {
        match self.0.must("entries", true) {
            Value::Array(entries) => entries,
            other => panic!("entries are a list, not {other}"),
        }
    }

    /// Appends a message below pi's leaf, and gives the id of its entry.
    ///
    /// # Panics
    /// When nothing is open, or pi cannot write.
    #[track_caller]
    pub fn append(&mut self, message: Value) -> String {
        id_of(&self.0.must("append", message))
    }

    /// The same for an append that pi may fail at.
    ///
    /// # Errors
    /// What pi says.
    pub fn try_append(&mut self, message: Value) -> Result<String, String> {
        Ok(id_of(&self.0.tell("append", message)?))
    }

    /// Names the session, below pi's leaf, and gives the id of the entry.
    ///
    /// # Panics
    /// When nothing is open.
    #[track_caller]
    pub fn rename(&mut self, name: &str) -> String {
        id_of(&self.0.must("rename", name))
    }

    /// Labels an entry (or takes the label off), and gives the id of the label's entry.
    ///
    /// # Errors
    /// What pi says of an id that it does not know.
    pub fn label(&mut self, target_id: &str, label: Option<&str>) -> Result<String, String> {
        let command = json!({"targetId": target_id, "label": label});
        Ok(id_of(&self.0.tell("label", command)?))
    }

    /// Moves pi's leaf, in its memory alone: to an entry, or before the first one.
    ///
    /// # Errors
    /// What pi says of an id that it does not know.
    pub fn branch(&mut self, id: Option<&str>) -> Result<(), String> {
        self.0.tell("branch", id).map(drop)
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

    /// Kills it where it stands.
    pub fn kill(self) {
        self.0.kill();
    }
}

fn id_of(answer: &Value) -> String {
    answer.as_str().expect("an id").to_owned()
}
