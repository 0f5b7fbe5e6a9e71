//! A process that has ended: its exit and what it wrote.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde_json::Value;

/// How a program ended and what it wrote. Bytes that are not UTF-8 show as U+FFFD.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit status.
    pub status: ExitStatus,
    /// Everything from its standard output.
    pub stdout: String,
    /// Everything from its standard error.
    pub stderr: String,
    pub(super) command: String,
}

impl Finished {
    /// The exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Fails the test unless it ended with code 0.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        self.expect_code(0)
    }

    /// Fails the test unless it ended with this code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "exit of {self}");
        self
    }

    /// Fails the test unless it refused: a code other than 0, a sentence on its standard error, and no panic in it.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_refusal(self) -> Self {
        assert!(
            self.code().is_some_and(|code| code != 0 && code != 101),
            "a refusal was expected of {self}"
        );
        assert!(
            !self.stderr.trim().is_empty(),
            "a refusal says why; this is {self}"
        );
        assert!(
            !self.stderr.contains("panicked at"),
            "a refusal is no panic; this is {self}"
        );
        self
    }

    /// Its standard output as one JSON value.
    ///
    /// # Panics
    /// When it is not that.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in the output of {self}"))
    }

    /// Its standard output as one JSON value a line.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{error} in the line {line:?} of {self}"))
            })
            .collect()
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.status, self.stdout, self.stderr
        )
    }
}
