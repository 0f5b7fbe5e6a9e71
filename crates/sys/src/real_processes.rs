//! The processes of this machine, read from `/proc`.
//!
//! Limits: where `/proc` is missing or hides other users' processes, a process is known only by the
//! answer to signal 0, and counts as alive unless that answer is "no such process".

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::companion::ShellCompanion;
use crate::namespaces::{self, has_other_time, own_pid_namespace};
use crate::{
    Companion, FileFacts, FileKey, FileUse, FileUser, HeldLock, Liveness, ProcessHandle,
    ProcessIdentity, Processes, file_users, file_uses, parse_proc_stat, process_handle,
};

/// The processes of this machine.
#[derive(Debug, Default)]
pub struct RealProcesses {
    own: OnceLock<ProcessIdentity>,
}

impl RealProcesses {
    /// Nothing is read before it is asked for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Processes for RealProcesses {
    fn own(&self) -> ProcessIdentity {
        self.own.get_or_init(read_own).clone()
    }

    fn own_user(&self) -> Option<u32> {
        Some(rustix::process::geteuid().as_raw())
    }

    fn look(&self, pid: u32) -> Liveness {
        let Some(raw) = i32::try_from(pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        else {
            return Liveness::Dead;
        };
        if rustix::process::test_kill_process(raw) == Err(rustix::io::Errno::SRCH) {
            return Liveness::Dead;
        }
        let Some(stat) = std::fs::read(format!("/proc/{pid}/stat"))
            .ok()
            .and_then(|line| parse_proc_stat(&line))
        else {
            // It ended since, or may not be looked at.
            return match rustix::process::test_kill_process(raw) {
                Err(rustix::io::Errno::SRCH) => Liveness::Dead,
                _ => Liveness::Alive {
                    state: '?',
                    starttime: None,
                    command: Vec::new(),
                },
            };
        };
        match stat.state {
            'Z' => Liveness::Zombie,
            'X' | 'x' => Liveness::Dead,
            state => Liveness::Alive {
                state,
                starttime: (!has_other_time(pid)).then_some(stat.starttime),
                command: command_of(pid),
            },
        }
    }

    fn below(&self, pid: u32, starttime: Option<u64>) -> Option<u32> {
        namespaces::below(pid, starttime)
    }

    fn companion(&self, name: &str) -> io::Result<Box<dyn Companion>> {
        Ok(Box::new(ShellCompanion::start(name)?))
    }

    fn open(&self, pid: u32) -> io::Result<Box<dyn ProcessHandle>> {
        process_handle::open(pid)
    }

    fn held_locks(&self) -> Vec<HeldLock> {
        file_users::held_locks()
    }

    fn users_of(&self, file: &FileFacts) -> Vec<FileUser> {
        file_users::users_of(file)
    }

    fn waited_locks(&self) -> Vec<HeldLock> {
        file_uses::waited_locks()
    }

    fn uses_of(&self, files: &HashSet<FileKey>) -> Vec<FileUse> {
        file_uses::uses_of(files)
    }

    fn user_of(&self, pid: u32, file: &FileFacts) -> Option<FileUser> {
        file_users::user(pid, file)
    }

    fn is_in_foreground(&self) -> bool {
        // The terminal of this session, whatever input and outputs are.
        let terminal = std::fs::File::open("/dev/tty");
        let group = terminal.map(rustix::termios::tcgetpgrp);
        matches!(group, Ok(Ok(group)) if group == rustix::process::getpgrp())
    }

    fn child_gets_lock(&self, path: &Path) -> io::Result<bool> {
        // The number is what flock(1) is told to end with when the lock cannot be had.
        let status = Command::new("flock")
            .args(["--exclusive", "--nonblock", "--conflict-exit-code", "75"])
            .arg(path)
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        match status.code() {
            Some(0) => Ok(true),
            Some(75) => Ok(false),
            _ => Err(io::Error::other(format!("flock(1) ended with {status}"))),
        }
    }
}

fn read_own() -> ProcessIdentity {
    let pid = std::process::id();
    ProcessIdentity {
        pid,
        starttime: std::fs::read("/proc/self/stat")
            .ok()
            .and_then(|l| parse_proc_stat(&l))
            .map(|s| s.starttime),
        boot_id: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .map(|id| id.trim().to_owned()),
        pid_namespace: own_pid_namespace(),
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    }
}

fn command_of(pid: u32) -> Vec<String> {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return Vec::new();
    };
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    if line.is_empty() {
        return Vec::new();
    }
    line.split(|byte| *byte == 0)
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_as_it_names_itself() {
        let processes = RealProcesses::new();
        let own = processes.own();
        let Liveness::Alive {
            starttime, command, ..
        } = processes.look(own.pid)
        else {
            panic!("we are dead")
        };
        assert!(own.starttime.is_some() && own.boot_id.is_some() && own.pid_namespace.is_some());
        assert_eq!(starttime, own.starttime);
        assert!(!command.is_empty() && !own.host.is_empty());
    }

    #[test]
    fn a_child_is_alive_then_a_zombie_then_dead() {
        let processes = RealProcesses::new();
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(processes.look(child.id()).is_alive());
        drop(child.stdin.take());
        while processes.look(child.id()).is_alive() {
            std::thread::yield_now();
        }
        assert_eq!(processes.look(child.id()), Liveness::Zombie);
        child.wait().unwrap();
        assert_eq!(processes.look(child.id()), Liveness::Dead);
    }

    #[test]
    fn a_child_gets_a_lock_only_while_nobody_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let processes = RealProcesses::new();
        let how = crate::OpenHow::updating().or_create();
        let file = crate::Disk::open(&crate::RealDisk, &path, &how).unwrap();
        assert!(file.try_lock().unwrap());
        assert!(!processes.child_gets_lock(&path).unwrap());
        file.unlock().unwrap();
        assert!(processes.child_gets_lock(&path).unwrap());
        assert!(
            processes
                .child_gets_lock(&dir.path().join("no/such"))
                .is_err()
        );
    }

    #[test]
    fn numbers_that_are_no_pid_are_dead() {
        for pid in [0, u32::MAX, 1 << 31] {
            assert_eq!(RealProcesses::new().look(pid), Liveness::Dead);
        }
    }

    #[test]
    fn a_companion_carries_its_name_and_ends_when_it_is_dropped() {
        let processes = RealProcesses::new();
        let companion = processes.companion("openclaw").unwrap();
        let pid = companion.pid();
        assert!(companion.is_running());
        // Between fork and exec the child still shows our own command line.
        let named = |command: &[String]| command.last().is_some_and(|arg| arg == "openclaw");
        while !matches!(processes.look(pid), Liveness::Alive { command, .. } if named(&command)) {
            std::thread::yield_now();
        }
        drop(companion);
        assert_eq!(processes.look(pid), Liveness::Dead);
    }
}
