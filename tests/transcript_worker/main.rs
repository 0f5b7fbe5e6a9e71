//! A process that writes a transcript until it is killed: the worker of the crash campaign.
//!
//! ```text
//! transcript-worker --sessions DIR --session ID --story FILE --name NAME --seed NUMBER [--moves NUMBER] [--only MOVE,MOVE] [--recover] [--mutant NAME]
//!                   [--die-in-write NUMBER --after-1024ths NUMBER]
//! ```
//!
//! It prints `ready` before its first move and `done` after its last, and tells each call and acknowledgement to the story file
//! (see `latchwork_testkit::history`). What it does is `latchwork_tests::workload`; a mutant is wrong in one way, for the controls.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use latchwork_filelock::PeerLock;
use latchwork_session::SessionId;
use latchwork_sys::System;
use latchwork_tests::workload::{Fate, FileStory, Mood, Move, Mutant, Numbers, Writer};
use latchwork_transcript::{FileStore, Layout, Options};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _closed = writeln!(std::io::stderr(), "transcript-worker: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    sessions: PathBuf,
    session: String,
    story: PathBuf,
    name: String,
    seed: u64,
    moves: u64,
    recover: bool,
    /// These moves, one after the other, in place of what chance draws.
    only: Vec<Move>,
    /// In which write it kills itself; 0 for none.
    die_in_write: u64,
    out_of_1024: u64,
    mutant: Option<Mutant>,
}

fn work() -> Result<(), Failure> {
    // Whoever started it may be killed, and nobody would end it then, nor free the filesystem that it writes to.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let arguments = arguments(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(write(arguments))
}

async fn write(arguments: Arguments) -> Result<(), Failure> {
    let mut system = System::real();
    if let Some(mutant) = arguments.mutant {
        system.disk = mutant.below(system.disk);
    }
    if arguments.die_in_write > 0 {
        let fate = Fate::nth(arguments.die_in_write, arguments.out_of_1024);
        system.disk = fate.below(system.disk);
    }
    let mut options = Options::default();
    options.locks.peer_lock = PeerLock::Never;
    let store = FileStore::new(system, Layout::folder(&arguments.sessions), options);
    let listener = Arc::new(FileStory::at(&arguments.story)?);
    let mut writer = Writer::new(
        store,
        SessionId::new(&arguments.session)?,
        arguments.name,
        listener,
        Numbers(arguments.seed),
        arguments.mutant,
    );
    say("ready")?;
    let (mood, moves) = if arguments.recover {
        (Mood::Recovery, 1)
    } else {
        (Mood::Anything, arguments.moves)
    };
    match arguments.only.as_slice() {
        [] => writer.moves(mood, moves).await,
        only => {
            for one in only {
                writer.make(*one).await;
            }
        }
    }
    say("done")
}

fn say(word: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{word}")?;
    Ok(out.flush()?)
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let mut read = Arguments {
        moves: u64::MAX,
        ..Arguments::default()
    };
    while let Some(word) = words.next() {
        if word == "--recover" {
            read.recover = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--sessions" => read.sessions = value.into(),
            "--session" => read.session = value,
            "--story" => read.story = value.into(),
            "--name" => read.name = value,
            "--seed" => read.seed = value.parse()?,
            "--moves" => read.moves = value.parse()?,
            "--only" => {
                let named =
                    |name| Move::named(name).ok_or_else(|| format!("no move is named {name}"));
                read.only = value.split(',').map(named).collect::<Result<_, _>>()?;
            }
            "--die-in-write" => read.die_in_write = value.parse()?,
            "--after-1024ths" => read.out_of_1024 = value.parse()?,
            "--mutant" => {
                let mutant = Mutant::named(&value);
                read.mutant = Some(mutant.ok_or_else(|| format!("no mutant is named {value}"))?);
            }
            _ => return Err(format!("{word} {value} is not understood").into()),
        }
    }
    Ok(read)
}
