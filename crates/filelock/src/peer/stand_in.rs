//! The process whose pid we write into the peers' lock file.
//!
//! OpenClaw takes a lock from a live owner whose command line does not look like its own. So a small
//! process with `openclaw` among its arguments stands in for us: one for each process of ours, started
//! when it is first needed, ended by the kernel when we end. Where it cannot be started our own pid is
//! written, and peers may rob us; that is noticed before the next write, like any robbery.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use latchwork_sys::{Companion, Liveness, System, hex_id};

use super::payload::Template;

/// The argument by which OpenClaw knows its own.
const NAME: &str = "openclaw";

/// Who stands in for this process.
#[derive(Clone, Debug)]
pub(crate) struct StandIn(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What it writes, prepared once.
    template: Template,
    /// Random bytes for as long as this one stands in; with a number behind them, a nonce of each lock.
    random: String,
    locks: AtomicU64,
    companion: Option<Box<dyn Companion>>,
}

impl StandIn {
    /// A name that nothing else has.
    pub(crate) fn nonce(&self) -> String {
        let number = self.0.locks.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:x}", self.0.random)
    }

    /// What stands in the lock file.
    pub(crate) fn payload(&self, created_at: &str, nonce: &str) -> String {
        self.0.template.fill(created_at, nonce)
    }

    /// Whether the pid that was written still means a live process of ours.
    pub(crate) fn is_running(&self) -> bool {
        let companion = self.0.companion.as_ref();
        companion.is_none_or(|companion| companion.is_running())
    }

    /// A second descriptor of the pipe by which it lives; `None` if this very process stands for itself.
    pub(crate) fn lifeline(&self) -> std::io::Result<Option<std::os::fd::OwnedFd>> {
        self.0
            .companion
            .as_ref()
            .map(|companion| companion.lifeline())
            .transpose()
    }
}

/// The one of this process.
#[derive(Debug, Default)]
pub(crate) struct StandIns(Mutex<Option<StandIn>>);

impl StandIns {
    /// The stand-in, started now if there is none or it has ended.
    pub(crate) fn get(&self, system: &System) -> StandIn {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stand_in) = current.as_ref().filter(|stand_in| stand_in.is_running()) {
            return stand_in.clone();
        }
        let started = start(system);
        *current = Some(started.clone());
        started
    }
}

fn start(system: &System) -> StandIn {
    let own = system.processes.own();
    let (pid, starttime, companion) = match system.processes.companion(NAME) {
        Ok(companion) => {
            let pid = companion.pid();
            let starttime = match system.processes.look(pid) {
                Liveness::Alive { starttime, .. } => starttime,
                _ => None,
            };
            (pid, starttime, Some(companion))
        }
        Err(error) => {
            tracing::warn!(%error, "no process could be started to stand in for us before OpenClaw; it may rob our lock");
            (own.pid, own.starttime, None)
        }
    };
    StandIn(Arc::new(Inner {
        template: Template::of(pid, starttime, own),
        random: hex_id(&*system.entropy, 12),
        locks: AtomicU64::new(0),
        companion,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::payload::Read;
    use super::*;

    fn read(stand_in: &StandIn) -> Read {
        Read::from_bytes(stand_in.payload("now", "n").as_bytes())
    }

    fn pid(stand_in: &StandIn) -> u32 {
        read(stand_in).pid.unwrap()
    }

    /// OpenClaw's own test of a command line, as far as it concerns us.
    fn looks_like_openclaw(command: &[String]) -> bool {
        command.iter().any(|arg| {
            let arg = arg.to_lowercase();
            arg == "openclaw" || arg.ends_with("/openclaw") || arg.ends_with("openclaw.mjs")
        })
    }

    #[test]
    fn the_stand_in_is_respected_by_openclaw_and_is_one_for_all() {
        let (system, stand_ins) = (System::real(), StandIns::default());
        let one = stand_ins.get(&system);
        // Just after its start a process shows no command line at all, which OpenClaw does not judge.
        let (command, starttime) = loop {
            match system.processes.look(pid(&one)) {
                Liveness::Alive {
                    command, starttime, ..
                } if !command.is_empty() => break (command, starttime),
                Liveness::Alive { .. } => std::thread::yield_now(),
                gone => panic!("{gone:?}"),
            }
        };
        assert!(looks_like_openclaw(&command), "{command:?}");
        assert_eq!(starttime, read(&one).starttime);
        let same = stand_ins.get(&system);
        assert_eq!(pid(&same), pid(&one));
        assert_ne!(same.nonce(), one.nonce());
    }

    #[test]
    fn a_stand_in_that_ended_is_noticed_and_replaced() {
        let (system, stand_ins) = (System::real(), StandIns::default());
        let one = stand_ins.get(&system);
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid(&one)).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        while one.is_running() {
            std::thread::yield_now();
        }
        assert!(stand_ins.get(&system).is_running());
    }
}
