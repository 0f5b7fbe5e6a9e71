//! The processes of this machine, read from `/proc`.
//!
//! Limits: where `/proc` is missing or hides other users' processes, a process is known only by the
//! answer to signal 0, and counts as alive unless that answer is "no such process".

use std::io;
use std::sync::OnceLock;

use crate::companion::ShellCompanion;
use crate::{Companion, Liveness, ProcessIdentity, Processes, parse_proc_stat};

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
                starttime: Some(stat.starttime),
                command: command_of(pid),
            },
        }
    }

    fn companion(&self, name: &str) -> io::Result<Box<dyn Companion>> {
        Ok(Box::new(ShellCompanion::start(name)?))
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

/// The number in the link's target, which reads `pid:[4026531836]`.
fn own_pid_namespace() -> Option<u64> {
    let target = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let text = target.to_str()?;
    text.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
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
