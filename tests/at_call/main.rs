//! Runs a program and stops it at one of its system calls that change something: the worker of the campaign of the house.
//!
//! ```text
//! at-call kill|EIO|ENOSPC NUMBER [--for-ever] --input FILE --told FILE PROGRAM [ARGUMENT...]
//! ```
//!
//! The calls are counted from 1 over all threads of the program in the order in which the kernel meets them, which `strace` cannot do (it
//! counts each thread by itself). `kill` ends the program before the call is carried out; an error is answered in place of carrying it out,
//! once or from then on. Number 0 only counts. `--told` gets one JSON object: how many calls there were, which one was stopped.
//!
//! It ends as the program does, or with 137 where that was killed. Children of the program are left alone. Limits: Linux on x86-64, for the
//! numbers of an error are put into a register; elsewhere it ends with 2 and says so. Memory that is mapped and written is no call.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod calls;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// What is done to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Kill,
    Io,
    NoSpace,
}

/// What the command line says.
#[derive(Debug)]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    expect(dead_code, reason = "it is read where there is a tracer")
)]
struct Ask {
    how: How,
    number: u64,
    for_ever: bool,
    input: PathBuf,
    told: PathBuf,
    program: Vec<String>,
}

fn ask() -> Option<Ask> {
    let mut words = std::env::args().skip(1).peekable();
    let how = match words.next()?.as_str() {
        "kill" => How::Kill,
        "EIO" => How::Io,
        "ENOSPC" => How::NoSpace,
        _ => return None,
    };
    let number = words.next()?.parse().ok()?;
    let for_ever = words.next_if(|word| word == "--for-ever").is_some();
    let mut named = |name: &str| {
        words.next_if(|word| word == name)?;
        words.next().map(PathBuf::from)
    };
    let (input, told) = (named("--input")?, named("--told")?);
    let program: Vec<String> = words.collect();
    (!program.is_empty()).then_some(Ask {
        how,
        number,
        for_ever,
        input,
        told,
        program,
    })
}

fn main() -> ExitCode {
    let Some(ask) = ask() else {
        let _closed = writeln!(
            std::io::stderr(),
            "at-call: the command line is not understood; the head of at_call/main.rs says how it goes"
        );
        return ExitCode::from(2);
    };
    match run(&ask) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "at-call: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run(ask: &Ask) -> Result<u8, Box<dyn std::error::Error>> {
    tracer::run(ask)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn run(_ask: &Ask) -> Result<u8, Box<dyn std::error::Error>> {
    Err("it can stop programs on Linux on x86-64 only".into())
}
