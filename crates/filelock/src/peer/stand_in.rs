//! The process whose pid we write into the peers' lock file.
//!
//! OpenClaw takes a lock from a live owner whose command line does not look like its own. So a small
//! process with `openclaw` among its arguments stands in for us: one for each process of ours, started
//! when it is first needed, ended by the kernel when we end. Where it cannot be started our own pid is
//! written, and peers may rob us; that is noticed before the next write, like any robbery.

use std::sync::{Arc, Mutex, PoisonError};

use latchwork_sys::{Companion, Liveness, System};

/// The argument by which OpenClaw knows its own.
const NAME: &str = "openclaw";

/// Who stands in for this process.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    pub(crate) pid: u32,
    pub(crate) starttime: Option<u64>,
    companion: Option<Arc<dyn Companion>>,
}

impl StandIn {
    /// Whether the pid that was written still means a live process of ours.
    pub(crate) fn is_running(&self) -> bool {
        self.companion
            .as_ref()
            .is_none_or(|companion| companion.is_running())
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
    match system.processes.companion(NAME) {
        Ok(companion) => {
            let pid = companion.pid();
            let starttime = match system.processes.look(pid) {
                Liveness::Alive { starttime, .. } => starttime,
                _ => None,
            };
            StandIn {
                pid,
                starttime,
                companion: Some(companion.into()),
            }
        }
        Err(error) => {
            tracing::warn!(%error, "no process could be started to stand in for us before OpenClaw; it may rob our lock");
            let own = system.processes.own();
            StandIn {
                pid: own.pid,
                starttime: own.starttime,
                companion: None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (command, starttime) = loop {
            match system.processes.look(one.pid) {
                // In the midst of its exec a process shows no command line, and OpenClaw judges none without.
                Liveness::Alive { command, .. } if command.is_empty() => std::thread::yield_now(),
                Liveness::Alive {
                    command, starttime, ..
                } => break (command, starttime),
                ended => panic!("{ended:?}"),
            }
        };
        assert!(looks_like_openclaw(&command), "{command:?}");
        assert_eq!(starttime, one.starttime);
        assert_eq!(stand_ins.get(&system).pid, one.pid);
    }

    #[test]
    fn a_stand_in_that_ended_is_noticed_and_replaced() {
        let (system, stand_ins) = (System::real(), StandIns::default());
        let one = stand_ins.get(&system);
        let pid = rustix::process::Pid::from_raw(i32::try_from(one.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        while one.is_running() {
            std::thread::yield_now();
        }
        assert!(stand_ins.get(&system).is_running());
    }
}
