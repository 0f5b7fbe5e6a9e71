//! A process that does nothing and ends with this one.
//!
//! It is a shell that waits for a line on a pipe whose other end only this process has, close-on-exec:
//! when this process ends, however it ends, the pipe breaks and the shell goes; unless its end of the pipe was handed down
//! ([`Companion::lifeline`]): then the shell lives for as long as anybody has it. A parent-death signal
//! would not do: it follows the thread that forked. Its own process group keeps a terminal's Ctrl-C
//! from ending it before us; its environment is empty, so that nothing secret is copied into it.
//!
//! Whether it runs is asked before each write, so an answer is good for a millisecond: what peers could do in so short a
//! time after its end is seen in what they did.

use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::inherit;

/// For how long "it runs" is believed.
const BELIEVED: Duration = Duration::from_millis(1);

/// A started companion. Dropping it ends the process.
pub trait Companion: Send + Sync + Debug {
    /// Its process id.
    fn pid(&self) -> u32;
    /// Whether it still runs, or did a millisecond ago; one that ended is reaped by this call.
    fn is_running(&self) -> bool;
    /// A second descriptor of the pipe that it lives by, close-on-exec: while anybody has one, it lives, unless it is dropped.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    fn lifeline(&self) -> io::Result<OwnedFd>;
}

#[derive(Debug)]
pub(crate) struct ShellCompanion {
    pid: u32,
    child: Mutex<Watched>,
}

#[derive(Debug)]
struct Watched {
    child: Child,
    /// When it was last seen running.
    seen: Instant,
}

impl ShellCompanion {
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        // The shell takes the argument after its script as `$0`: it shows in the command line and
        // has no other effect. (Setting argv[0] instead would confuse shells that are applets.)
        let child = Command::new("/bin/sh")
            .args(["-c", "read -r _", name])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(Watched {
                child,
                seen: Instant::now(),
            }),
        })
    }
}

impl Companion for ShellCompanion {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn is_running(&self) -> bool {
        let Ok(mut watched) = self.child.lock() else {
            return false;
        };
        let now = Instant::now();
        if now.duration_since(watched.seen) < BELIEVED {
            return true;
        }
        let runs = matches!(watched.child.try_wait(), Ok(None));
        if runs {
            watched.seen = now;
        }
        runs
    }

    fn lifeline(&self) -> io::Result<OwnedFd> {
        let watched = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = watched
            .child
            .stdin
            .as_ref()
            .ok_or(io::ErrorKind::BrokenPipe)?;
        inherit::duplicate(pipe)
    }
}

impl Drop for ShellCompanion {
    fn drop(&mut self) {
        if let Ok(Watched { child, .. }) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
