//! The program under trace: each stop looked at, one call killed at or answered with an error.
//!
//! A shell is started that waits for a line; it is seized, told to go on, and becomes the program. From then on each call is seen. At a
//! call's beginning the kernel has put `-ENOSYS` where the answer will be: so a beginning is told from an end.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::{Call, changing};
use super::{Ask, How};

/// What a program ends with that was killed, as a shell says it.
const KILLED: u8 = 137;

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    calls: u64,
    stopped: Option<&'static str>,
    /// Threads whose call is being answered with an error.
    failing: BTreeMap<i32, i32>,
}

/// Runs it to its end.
pub(super) fn run(ask: &Ask) -> Result<u8, Box<dyn Error>> {
    let program = begin(ask)?;
    let mut seen = Seen::default();
    let code = follow(ask, program, &mut seen)?;
    let told = serde_json::json!({ "calls": seen.calls, "stopped": seen.stopped });
    std::fs::write(&ask.told, format!("{told}\n"))?;
    Ok(code)
}

fn begin(ask: &Ask) -> Result<Pid, Box<dyn Error>> {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "read -r go; input=$1; shift; exec \"$@\" <\"$input\"",
        "sh",
    ]);
    shell.arg(&ask.input).args(&ask.program);
    let mut child = shell.stdin(Stdio::piped()).spawn()?;
    let program = Pid::from_raw(i32::try_from(child.id())?);
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(program, options)?;
    let mut go = child.stdin.take().ok_or("the shell has no input")?;
    go.write_all(b"go\n")?;
    Ok(program)
}

fn follow(ask: &Ask, program: Pid, seen: &mut Seen) -> Result<u8, Box<dyn Error>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Exited(one, code) if one == program => {
                return Ok(u8::try_from(code & 0xff)?);
            }
            WaitStatus::Signaled(one, ..) if one == program => return Ok(KILLED),
            WaitStatus::PtraceSyscall(thread) => {
                at_call(ask, program, thread, seen)?;
                go_on(thread, None)?;
            }
            WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal))?,
            WaitStatus::PtraceEvent(thread, ..) => go_on(thread, None)?,
            _ => {}
        }
    }
}

/// A thread that was killed meanwhile is not there to go on.
fn go_on(thread: Pid, signal: Option<Signal>) -> nix::Result<()> {
    match ptrace::syscall(thread, signal) {
        Err(nix::errno::Errno::ESRCH) => Ok(()),
        done => done,
    }
}

fn at_call(ask: &Ask, program: Pid, thread: Pid, seen: &mut Seen) -> nix::Result<()> {
    let Ok(mut registers) = ptrace::getregs(thread) else {
        return Ok(());
    };
    if let Some(error) = seen.failing.remove(&thread.as_raw()) {
        registers.rax = answer(error);
        return ptrace::setregs(thread, registers);
    }
    if registers.rax != answer(libc::ENOSYS) {
        return Ok(());
    }
    let arguments = [registers.rdi, registers.rsi, registers.rdx];
    let call = changing(registers.orig_rax, arguments);
    let Some(call) = call.filter(|call| call.counts(program, ask.how)) else {
        return Ok(());
    };
    seen.calls += 1;
    if !is_meant(ask, seen.calls) {
        return Ok(());
    }
    stop(ask.how, call, program, thread, registers, seen)
}

fn is_meant(ask: &Ask, number: u64) -> bool {
    ask.number > 0 && (number == ask.number || (ask.for_ever && number > ask.number))
}

fn stop(
    how: How,
    call: Call,
    program: Pid,
    thread: Pid,
    mut registers: libc::user_regs_struct,
    seen: &mut Seen,
) -> nix::Result<()> {
    seen.stopped.get_or_insert(call.name);
    let error = match how {
        How::Kill => return kill(program, Signal::SIGKILL),
        How::Io => libc::EIO,
        How::NoSpace => libc::ENOSPC,
    };
    // No call has this number, so none is carried out.
    registers.orig_rax = u64::MAX;
    seen.failing.insert(thread.as_raw(), error);
    ptrace::setregs(thread, registers)
}

/// An error as the kernel answers it.
fn answer(error: i32) -> u64 {
    i64::from(-error).cast_unsigned()
}
