//! A driver script under Node: one JSON command a line, one JSON answer a line.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};

use super::interop_dir;
use crate::program::{Finished, Home, Live};

/// A live driver, in a home of its own. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Driver {
    live: Live,
    /// What the packages take for the user's home; kept for as long as they run.
    _home: Home,
}

impl Driver {
    pub(super) fn start<A: AsRef<OsStr>>(
        node: &Path,
        script: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let home = Home::new();
        let script = interop_dir().join(script);
        let mut node = home.program(node, ["--no-warnings"]).arg(script);
        for arg in args {
            node = node.arg(arg);
        }
        Self {
            live: node.spawn(),
            _home: home,
        }
    }

    /// Gives one command and waits for its answer; `Err` is what the peer itself said.
    pub(super) fn tell(&mut self, command: &str, value: impl Into<Value>) -> Result<Value, String> {
        let value: Value = value.into();
        self.live.send(format!("{}\n", json!({ command: value })));
        let line = self.live.next_line().unwrap_or_else(|| {
            panic!(
                "the driver ended at the command {command}:\n{}",
                self.live.stderr_so_far()
            )
        });
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the driver said {line:?}: {error}"));
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// The same for a command that the peer cannot refuse.
    #[track_caller]
    pub(super) fn must(&mut self, command: &str, value: impl Into<Value>) -> Value {
        self.tell(command, value)
            .unwrap_or_else(|error| panic!("the peer refused {command}: {error}"))
    }

    /// Ends it in order.
    pub(super) fn close(mut self) -> Finished {
        self.must("close", true);
        self.live.wait().expect_success()
    }

    /// Kills it where it stands.
    pub(super) fn kill(self) {
        self.live.kill();
    }

    pub(super) fn pid(&self) -> u32 {
        self.live.pid()
    }
}
