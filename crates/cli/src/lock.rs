//! `latchwork lock`: a command runs while the session is locked, in the way of flock(1).
//!
//! Who gets which signal: a terminal's keys and its hangup reach the whole foreground group, so the command has them already, and a
//! second one may mean "at once" to it; whoever signals this process alone (a supervisor, `kill`) means the command.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use latchwork::Latchwork;
use latchwork::filelock::CommandLock;
use latchwork::lock::{Phase, Wait};
use latchwork::sys::ProcessHandle;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::args::Lock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Errors;
use crate::world::World;

/// SIGTERM.
const TERMINATE: u8 = 15;
/// SIGHUP, SIGINT, SIGQUIT: what a terminal sends to all that are in its foreground.
const FROM_TERMINALS: [u8; 3] = [1, 2, 3];

/// Runs the command.
pub(crate) async fn run(
    typed: &Lock,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let wait = typed.wait.map(|span| match span.0 {
        limit if limit.is_zero() => Wait::Never,
        limit => Wait::at_most(limit),
    });
    let phase = Phase::named(typed.phase.clone());
    let mut lock = session.lock_for_command(phase, wait).await?;
    let mut signals = signals()?;
    let mut child = match start(&mut lock, typed) {
        Ok(child) => child,
        Err(failure) => {
            give_back(lock, &mut signals, errors).await;
            return Err(failure);
        }
    };
    let status = wait_for(&mut child, world, &mut signals).await;
    world.system.steps.reach("lock:command-ended");
    give_back(lock, &mut signals, errors).await;
    match status {
        Ok(status) => Ok(exit_of(status)),
        Err(error) => Err(Failure::new("the command's end cannot be waited for").because(&error)),
    }
}

fn start(lock: &mut CommandLock, typed: &Lock) -> Result<Child, Failure> {
    let (program, arguments) = typed
        .command
        .split_first()
        .ok_or_else(|| Failure::usage("name a command after `--`"))?;
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    lock.hand_to(&mut command);
    tokio::process::Command::from(command)
        .spawn()
        .map_err(|error| {
            let what = format!("{} cannot be run", program.to_string_lossy());
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NoSuchCommand,
                _ => Exit::CannotRun,
            };
            Failure::new(what).because(&error).exit(exit)
        })
}

/// Waits for the command's end and passes signals on meanwhile.
async fn wait_for(
    child: &mut Child,
    world: &World,
    signals: &mut mpsc::Receiver<u8>,
) -> std::io::Result<ExitStatus> {
    let processes = &world.system.processes;
    // Not reaped before this function has returned, so the pid is the command's.
    let handle = child.id().and_then(|pid| processes.open(pid).ok());
    loop {
        tokio::select! {
            status = child.wait() => return status,
            Some(number) = signals.recv() => {
                let has_it = FROM_TERMINALS.contains(&number) && processes.is_in_foreground();
                if let (Some(handle), false) = (&handle, has_it) {
                    pass_on(&**handle, number);
                }
            }
        }
    }
}

fn pass_on(handle: &dyn ProcessHandle, number: u8) {
    // A command that has just ended needs no signal; its end is noticed next.
    let _it_may_have_ended = handle.signal(i32::from(number));
}

/// Gives the lock back; a signal ends the wait for a command in the background that joined the lock and writes.
async fn give_back(lock: CommandLock, signals: &mut mpsc::Receiver<u8>, errors: Errors) {
    while signals.try_recv().is_ok() {}
    tokio::select! {
        biased;
        done = lock.release() => {
            if let Err(error) = done {
                errors.warn(&error.to_string());
            }
        }
        Some(number) = signals.recv() => {
            // Without giving it back: whoever writes under it keeps it until its end.
            std::process::exit(i32::from(Exit::Signal(number).code()));
        }
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Command(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, Some(signal)) => Exit::Signal(u8::try_from(signal).unwrap_or(u8::MAX)),
        (None, None) => Exit::Failure,
    }
}

/// The signals that come from now on; none of them ends this process any more.
fn signals() -> Result<mpsc::Receiver<u8>, Failure> {
    let (to, from) = mpsc::channel(16);
    for number in FROM_TERMINALS.into_iter().chain([TERMINATE]) {
        let kind = SignalKind::from_raw(i32::from(number));
        let mut signals = signal(kind)
            .map_err(|error| Failure::new("signals cannot be listened for").because(&error))?;
        let to = to.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _one_is_enough = to.try_send(number);
            }
        });
    }
    Ok(from)
}
