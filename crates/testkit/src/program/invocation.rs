//! What to run, before it runs: arguments, environment, input.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Finished, Live};
use crate::endpoint::Endpoint;
use crate::environment;

/// A program about to be run. Its environment holds `PATH` and what was set here, nothing of the test's own.
#[derive(Debug)]
#[must_use = "nothing runs before `run` or `spawn`"]
pub struct Invocation {
    command: Command,
    input: Vec<u8>,
}

impl Invocation {
    pub(super) fn new<A: AsRef<OsStr>>(program: &OsStr, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: a hung program is ended with its children, and the test's own group is left alone.
            .process_group(0);
        if let Some(path) = environment::var("PATH") {
            command.env("PATH", path);
        }
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// Sets one variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Points it at this model endpoint, with a key that the endpoint accepts.
    pub fn endpoint(self, endpoint: &Endpoint) -> Self {
        self.env("OPENAI_BASE_URL", endpoint.base_url())
            .env("OPENAI_API_KEY", "test-key")
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Another working directory.
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it finds on its standard input. [`Invocation::run`] closes the input after it; [`Invocation::spawn`] leaves it open.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started or hangs.
    ///
    /// # Blocking
    /// Until it ends.
    pub fn run(self) -> Finished {
        let mut live = self.spawn();
        live.close_stdin();
        live.wait()
    }

    /// Starts it, to be talked to while it lives.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(self) -> Live {
        Live::start(self.command, self.input)
    }
}
