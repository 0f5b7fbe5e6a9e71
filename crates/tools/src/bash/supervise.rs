//! The asynchronous side of a command: takes what it prints, and ends it when its time is over or it is cancelled.
//!
//! Ending is two steps: SIGTERM for the group, and after a grace SIGKILL. A process that does not even die of that hangs in
//! the kernel; after another grace the call goes on without it, and says so.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::group::{Group, KillOnDrop};
use super::keeper::{Job, Kept, keep};

const READ_BYTES: usize = 16 * 1024;

/// What may still be in the pipe when the command has ended, however large the pipe was made.
const DRAIN_BYTES: usize = 2 * 1024 * 1024;

/// After the kill: how long dying may take before the call goes on without it.
const DYING: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) time_limit_ms: u64,
    pub(super) grace_ms: u64,
    pub(super) output_bytes: usize,
}

/// Why we ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its time, in milliseconds, was over.
    TimeLimit(u64),
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Ended {
    pub(super) capture: Capture,
    /// `None` if it cannot be seen to have ended.
    pub(super) status: Option<ExitStatus>,
    pub(super) stop: Option<Stop>,
}

/// Runs a command to its end, or to the end that is put to it. Dropping the future kills its group.
pub(super) async fn run(job: Job, limits: Limits, cancel: &CancellationToken) -> io::Result<Ended> {
    let group = Arc::new(Group::new());
    let Kept { started, ended } = keep(job, Arc::clone(&group))?;
    let _killed_if_we_are_dropped = KillOnDrop(&group);
    let output = started.await.unwrap_or_else(|_| Err(keeper_gone()))?;
    Running {
        group: &group,
        limits,
        cancel,
    }
    .supervise(output, ended)
    .await
}

struct Running<'r> {
    group: &'r Group,
    limits: Limits,
    cancel: &'r CancellationToken,
}

/// How far we are with ending it.
enum Stage {
    Runs,
    Asked(Stop),
    Killed(Stop),
}

impl Stage {
    const fn stop(&self) -> Option<Stop> {
        match self {
            Self::Runs => None,
            Self::Asked(stop) | Self::Killed(stop) => Some(*stop),
        }
    }
}

impl Running<'_> {
    async fn supervise(
        self,
        output: OwnedFd,
        mut ended: oneshot::Receiver<io::Result<ExitStatus>>,
    ) -> io::Result<Ended> {
        let mut output = Receiver::from_owned_fd(output)?;
        let mut capture = Capture::new(self.limits.output_bytes);
        let mut buffer = vec![0; READ_BYTES];
        let (mut stage, mut open) = (Stage::Runs, true);
        let alarm = sleep_until(Instant::now() + Duration::from_millis(self.limits.time_limit_ms));
        tokio::pin!(alarm);
        let status = loop {
            tokio::select! {
                status = &mut ended => break Some(status.unwrap_or_else(|_| Err(keeper_gone()))?),
                () = &mut alarm => match self.next(&stage) {
                    Some((next, wait)) => {
                        stage = next;
                        alarm.as_mut().reset(Instant::now() + wait);
                    }
                    None => break None,
                },
                () = self.cancel.cancelled(), if stage.stop().is_none() => {
                    let (next, wait) = self.ask(Stop::Cancelled);
                    stage = next;
                    alarm.as_mut().reset(Instant::now() + wait);
                }
                read = output.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(bytes) => capture.push(&buffer[..bytes]),
                },
            }
        };
        drain(&output, &mut capture, &mut buffer);
        Ok(Ended {
            capture,
            status,
            stop: stage.stop(),
        })
    }

    /// What the alarm means.
    fn next(&self, stage: &Stage) -> Option<(Stage, Duration)> {
        match stage {
            Stage::Runs => Some(self.ask(Stop::TimeLimit(self.limits.time_limit_ms))),
            Stage::Asked(stop) => {
                self.group.kill();
                Some((Stage::Killed(*stop), DYING))
            }
            Stage::Killed(_) => None,
        }
    }

    fn ask(&self, stop: Stop) -> (Stage, Duration) {
        self.group.terminate();
        (
            Stage::Asked(stop),
            Duration::from_millis(self.limits.grace_ms),
        )
    }
}

/// Takes what was printed and not read yet, without waiting for one who left the group and holds the pipe.
///
/// It asks the kernel: the runtime may not have heard yet that there is something, and would say that there is nothing.
fn drain(output: &Receiver, capture: &mut Capture, buffer: &mut [u8]) {
    let mut drained = 0;
    while drained < DRAIN_BYTES {
        match rustix::io::read(output, &mut *buffer) {
            Err(Errno::INTR) => {}
            Ok(0) | Err(_) => break,
            Ok(bytes) => {
                capture.push(&buffer[..bytes]);
                drained += bytes;
            }
        }
    }
}

fn keeper_gone() -> io::Error {
    io::Error::other("the thread that kept the command is gone")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Capture, Receiver, drain};

    #[tokio::test]
    async fn what_the_runtime_has_not_heard_of_is_drained_and_an_open_pipe_is_not_waited_for() {
        let (output, mut input) = std::io::pipe().unwrap();
        let output = Receiver::from_owned_fd(output.into()).unwrap();
        input.write_all(b"last words").unwrap();
        let mut capture = Capture::new(100);
        drain(&output, &mut capture, &mut [0; 4]);
        assert_eq!(capture.finish(10).text, "last words");
        drop(input);
    }
}
