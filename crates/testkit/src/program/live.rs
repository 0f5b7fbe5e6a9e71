//! A process that lives: its lines as they come, signals, and the wait for its end.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process, kill_process_group};
use serde_json::Value;

use super::captured::{Captured, Line};
use super::{Finished, Signal};
use crate::deadline::GENEROUS;

const POLL: Duration = Duration::from_millis(2);

/// How long the outputs of a killed process are read on while somebody else holds them open.
const GRACE_OF_THE_KILLED: Duration = Duration::from_secs(5);

/// A running process. Dropped while it runs, it is killed with its process group.
#[derive(Debug)]
pub struct Live {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Captured,
    stderr: Captured,
    command: String,
}

impl Live {
    pub(super) fn start(mut command: Command, input: Vec<u8>) -> Self {
        let described = format!("{command:?}");
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {described}: {error}"));
        let mut live = Self {
            stdin: child.stdin.take(),
            stdout: Captured::read(child.stdout.take().expect("stdout is piped")),
            stderr: Captured::read(child.stderr.take().expect("stderr is piped")),
            child,
            command: described,
        };
        if !input.is_empty() {
            live.send(input);
        }
        live
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input. A program that has ended, or closed its input, is not a failure here: its output tells.
    ///
    /// # Panics
    /// After [`Live::close_stdin`].
    pub fn send(&mut self, input: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("the input was closed before");
        let _a_reader_that_left = stdin.write_all(input.as_ref()).and_then(|()| stdin.flush());
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of its standard output, without the newline; `None` when the output is closed.
    ///
    /// # Panics
    /// When none comes.
    ///
    /// # Blocking
    /// Until there is one.
    pub fn next_line(&mut self) -> Option<String> {
        match self.stdout.next_line() {
            Line::Text(line) => Some(line),
            Line::Closed => None,
            Line::Silence => self.hung("wrote no further line"),
        }
    }

    /// Reads lines until one fits, and gives that one.
    ///
    /// # Panics
    /// When the output ends, or falls silent, before that.
    ///
    /// # Blocking
    /// Until there is one.
    pub fn line_where(&mut self, what: &str, mut fits: impl FnMut(&str) -> bool) -> String {
        while let Some(line) = self.next_line() {
            if fits(&line) {
                return line;
            }
        }
        panic!(
            "{} closed its output without {what}\n{}",
            self.command,
            self.outputs()
        );
    }

    /// Reads lines until one is a JSON object that fits, and gives that one; other lines are passed over.
    ///
    /// # Panics
    /// When the output ends, or falls silent, before that.
    ///
    /// # Blocking
    /// Until there is one.
    pub fn event_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let line = self.line_where(what, |line| {
            serde_json::from_str(line).is_ok_and(|event| fits(&event))
        });
        serde_json::from_str(&line).expect("it parsed a moment ago")
    }

    /// What it has written to its standard error so far.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// Sends it a signal (SIGINT is Ctrl-C, SIGSTOP freezes it, SIGCONT thaws it); its children get none.
    ///
    /// # Panics
    /// When it is not there any more.
    pub fn signal(&mut self, signal: Signal) {
        assert!(
            self.is_running(),
            "{} had ended before it got a signal\n{}",
            self.command,
            self.outputs()
        );
        kill_process(self.rustix_pid(), signal).expect("a signal to our own child");
    }

    /// Kills it (SIGKILL) and waits for its end; its children live on.
    ///
    /// # Blocking
    /// Until it is reaped.
    pub fn kill(mut self) -> Finished {
        if self.is_running() {
            let _it_may_end_by_itself = kill_process(self.rustix_pid(), Signal::KILL);
        }
        self.wait()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end and for the end of its outputs.
    ///
    /// # Panics
    /// When it does not end, or when it has ended but something that it started still holds an output open (a script that
    /// reads from it would hang); both with what it wrote.
    ///
    /// # Blocking
    /// Until then.
    pub fn wait(mut self) -> Finished {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self
                .child
                .try_wait()
                .expect("our own child can be waited for")
            {
                break status;
            }
            if start.elapsed() > GENEROUS {
                self.hung("did not end");
            }
            thread::sleep(POLL);
        };
        // Killed, it could not tell its children, and they may keep the outputs: then what is there after a while is all.
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        let ended = Instant::now();
        while !(self.stdout.is_closed() && self.stderr.is_closed()) {
            if killed && ended.elapsed() > GRACE_OF_THE_KILLED {
                break;
            }
            if ended.elapsed() > GENEROUS {
                self.hung("ended, but something that it started still holds its output open");
            }
            thread::sleep(POLL);
        }
        Finished {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            command: self.command.clone(),
        }
    }

    fn hung(&mut self, how: &str) -> ! {
        let outputs = self.outputs();
        panic!(
            "{} {how} in {} s\n{outputs}",
            self.command,
            GENEROUS.as_secs()
        );
    }

    fn outputs(&self) -> String {
        format!(
            "--- stdout\n{}\n--- stderr\n{}",
            self.stdout.text(),
            self.stderr.text()
        )
    }

    fn rustix_pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Only while the leader is not reaped: after that the number of its group may be somebody else's.
        if self.is_running() {
            let _best_effort = kill_process_group(self.rustix_pid(), Signal::KILL);
            let _reaped = self.child.wait();
        }
    }
}
