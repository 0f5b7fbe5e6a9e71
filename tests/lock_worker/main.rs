//! A process that takes a lock when it is told to: the worker of the lock protocol, for our benchmark and anybody's.
//!
//! ```text
//! lock-worker --file FILE --id NUMBER [--impl ours|flock|excl|link|none] [--peer-lock always|auto|never]
//!             [--runtime current|multi]
//! ```
//!
//! It prints `ready` and obeys the lines of `protocol`. `ours` is this project's latch; `flock`, `excl` and `link` are the
//! bare system calls that one could do with instead, and `none` takes no lock at all, so that a harness can be shown to
//! notice it. The lines are read on a thread of their own, since a runtime that sits in a read would not tick.
//!
//! | file | idea |
//! |---|---|
//! | `protocol` | the commands and their answers |
//! | `lock` | one lock of the kind that was asked for |
//! | `raw` | the bare system calls |
//! | `sessions` | many sessions in one process: what an idle one costs |
//! | `clock` | the monotonic clock as the protocol counts it |

mod clock;
mod lock;
mod protocol;
mod raw;
mod sessions;

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use latchwork_filelock::PeerLock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the command line says.
#[derive(Debug)]
struct Arguments {
    file: PathBuf,
    id: u64,
    kind: lock::Kind,
    multi_threaded: bool,
}

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "lock-worker: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), Failure> {
    let arguments = arguments(std::env::args().skip(1))?;
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    runtime(arguments.multi_threaded)?.block_on(protocol::serve(arguments, lines))
}

fn runtime(multi_threaded: bool) -> std::io::Result<Runtime> {
    let mut builder = if multi_threaded {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    builder.enable_time().build()
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let (mut file, mut id, mut name) = (None, 0, "ours".to_owned());
    let (mut peer_lock, mut multi_threaded) = (PeerLock::Always, false);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match (word.as_str(), value.as_str()) {
            ("--file", path) => file = Some(PathBuf::from(path)),
            ("--id", number) => id = number.parse()?,
            ("--impl", kind) => name = kind.to_owned(),
            ("--peer-lock", "always") => peer_lock = PeerLock::Always,
            ("--peer-lock", "auto") => peer_lock = PeerLock::Auto,
            ("--peer-lock", "never") => peer_lock = PeerLock::Never,
            ("--runtime", "current") => multi_threaded = false,
            ("--runtime", "multi") => multi_threaded = true,
            _ => return Err(format!("{word} {value} is not understood").into()),
        }
    }
    Ok(Arguments {
        file: file.ok_or("--file is missing")?,
        id,
        kind: lock::Kind::named(&name, peer_lock)?,
        multi_threaded,
    })
}
