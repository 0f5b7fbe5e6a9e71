//! The process group of one call: how everything that a command started is ended, even when we are killed.
//!
//! The group is led by a *guardian*: a shell that waits on a pipe whose other end only this process has, close-on-exec.
//! However this process ends, the pipe breaks, and the guardian kills its own group. (A parent-death signal would not do: it
//! follows the thread that forked, reaches one process and not its children, and needs `unsafe` to set.) It is a member of
//! the group, and reaped last: so the group's number cannot become another's while we may still signal it.
//!
//! **Limit.** A command that leaves its group (`setsid`) leaves us, unless it runs in a process namespace (bubblewrap).

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// Being asked to end is for the others of the group.
const GUARDIAN: &str = "trap '' TERM INT HUP QUIT; read -r _; kill -KILL 0";

/// The group of one call, before, while and after it exists.
#[derive(Debug)]
pub(super) struct Group {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    NotBegun,
    /// Its leader, not reaped, and whether it was killed.
    Alive {
        guardian: Child,
        killed: bool,
    },
    /// Killed, or not wanted before it began.
    Over,
}

impl Group {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State::NotBegun),
        }
    }

    /// Starts the guardian; `None` if the group was killed before it began. Blocks for a fork.
    pub(super) fn begin(&self) -> io::Result<Option<i32>> {
        let mut state = self.state();
        if matches!(*state, State::Over) {
            return Ok(None);
        }
        let guardian = Command::new(super::POSIX_SHELL)
            .args(["-c", GUARDIAN, "latchwork-guardian"])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let number = pid_of(&guardian).map_or(0, Pid::as_raw_pid);
        *state = State::Alive {
            guardian,
            killed: false,
        };
        Ok(Some(number))
    }

    /// Asks every process of the group to end.
    pub(super) fn terminate(&self) {
        if let State::Alive { guardian, .. } = &*self.state() {
            signal(guardian, Signal::TERM);
        }
    }

    /// Kills every process of the group; one that has not begun never will.
    pub(super) fn kill(&self) {
        let mut state = self.state();
        match &mut *state {
            State::NotBegun => *state = State::Over,
            State::Alive { guardian, killed } => {
                *killed = true;
                signal(guardian, Signal::KILL);
            }
            State::Over => {}
        }
    }

    /// Kills again if it was killed before: for what has joined the group since.
    pub(super) fn kill_latecomers(&self) {
        if let State::Alive {
            guardian,
            killed: true,
        } = &*self.state()
        {
            signal(guardian, Signal::KILL);
        }
    }

    /// Kills what is left and reaps the guardian; the group's number is free afterwards. Blocks until the guardian is dead.
    pub(super) fn finish(&self) {
        let before = std::mem::replace(&mut *self.state(), State::Over);
        if let State::Alive { mut guardian, .. } = before {
            signal(&guardian, Signal::KILL);
            let _ = guardian.wait();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal(guardian: &Child, signal: Signal) {
    if let Some(group) = pid_of(guardian)
        && let Err(errno) = kill_process_group(group, signal)
    {
        tracing::warn!(group = group.as_raw_pid(), %errno, "could not signal the group of a command");
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Kills a group when it goes out of scope: when the future that wanted it is dropped.
#[derive(Debug)]
pub(super) struct KillOnDrop<'g>(pub(super) &'g Group);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.kill();
    }
}
