//! A process that works on an OpenClaw home's session store beside others: the worker of the campaign of the session index.
//!
//! ```text
//! index-worker rows --folder DIR --name NAME --rounds NUMBER
//! index-worker live --folder DIR --ids ID,ID --seed NUMBER
//! ```
//!
//! `rows` adds a row in each round and counts up one of its own, and prints `done`. `live` takes turns of its sessions and looks, whenever
//! it gives one back, whether the session was left alone meanwhile; it prints `ready`, `lost ID WHY` for each that was not, and `done NUMBER`
//! (of turns) when its standard input ends.

mod live;
mod rows;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use latchwork_filelock::{Latches, Options, PeerLock};
use latchwork_openclaw::{STORE_NAME, SessionIndex, StoreOptions};
use latchwork_sys::System;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    folder: PathBuf,
    name: String,
    ids: Vec<String>,
    rounds: u64,
    seed: u64,
}

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _closed = writeln!(std::io::stderr(), "index-worker: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), Failure> {
    // Whoever started it may be killed, and nobody would end it then.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let arguments = arguments(words)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match what.as_str() {
        "rows" => runtime.block_on(rows::write(&arguments)),
        "live" => runtime.block_on(live::live(&arguments)),
        other => Err(format!("no such work: {other}").into()),
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let mut read = Arguments::default();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--folder" => read.folder = value.into(),
            "--name" => read.name = value,
            "--ids" => read.ids = value.split(',').map(str::to_owned).collect(),
            "--rounds" => read.rounds = value.parse()?,
            "--seed" => read.seed = value.parse()?,
            _ => return Err(format!("what is {word}?").into()),
        }
    }
    Ok(read)
}

fn latches() -> Latches {
    let options = Options {
        peer_lock: PeerLock::Auto,
        ..Options::default()
    };
    Latches::new(System::real(), options)
}

fn index(arguments: &Arguments) -> Result<SessionIndex, Failure> {
    let path = arguments.folder.join(STORE_NAME);
    Ok(SessionIndex::new(latches(), path, StoreOptions::default())?)
}

fn say(words: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{words}")?;
    Ok(out.flush()?)
}
