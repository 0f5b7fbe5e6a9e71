//! The `latchwork` program: parse, render, exit codes.
//!
//! | file | idea |
//! |---|---|
//! | `args` | what may be typed; who asked for JSON |
//! | `world` | what is taken from the machine around: environment, directory, settings files |
//! | `begun` | the runtime that a command works with, and settings that change meanwhile |
//! | `settings` | which settings files there are; what is wrong with them, shown |
//! | `generate` | completions and manual pages |
//! | `who` | who holds or asks for something, for programs |
//! | `config` | the command that shows, checks and changes settings |
//! | `run`, `append`, `rewind`, `fork`, `branches` (and `label`, `merge`), `watch`, `tail`, `anew` (`vacuum`, `redact`), `du`, `blobs`, `mirror`, `sessions`, `import`, `show`, `locks`, `why`, `lock`, `unlock`, `verify` (and `repair`), `doctor`, `demo` | one command each |
//! | `output` | standard output and error, made harmless for a terminal |
//! | `screen` | what happens is shown on a thread of its own |
//! | `failure`, `exit` | a failure in words, and as a number |
//! | `signals` | interrupts |

mod anew;
mod append;
mod args;
mod bar;
mod begun;
mod blobs;
mod branches;
mod config;
mod demo;
mod doctor;
mod du;
mod duration;
mod exit;
mod failure;
mod fork;
mod generate;
mod help;
mod import;
mod lock;
mod locks;
mod mirror;
mod output;
mod rewind;
mod run;
mod screen;
mod secrets;
mod sessions;
mod settings;
mod show;
mod signals;
mod tail;
mod unlock;
mod verify;
mod watch;
mod who;
mod why;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use latchwork::Latchwork;
use latchwork::sys::leave_no_core;

use crate::args::{Command, Typed};
use crate::begun::Begun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Errors;
use crate::world::World;

/// How long work that has begun may take to end when the command is over.
const FAREWELL: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let typed = match Typed::try_parse() {
        Ok(typed) => typed,
        Err(told) => return senseless(&told),
    };
    let json = typed.command.wants_json();
    let world = match World::look() {
        Ok(world) => world,
        Err(failure) => return end(plain(json), Err(failure)),
    };
    let errors = Errors::standard(&world, json);
    if let Err(error) = leave_no_core() {
        errors.warn(&format!(
            "a crash may leave a file with what was in memory: {error}"
        ));
    }
    for told in &world.not_inherited {
        errors.warn(&told.to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(command(typed.command, &world, errors));
            // A commit that has begun ends whole; a look at a disk that never answers holds nobody up for ever.
            runtime.shutdown_timeout(FAREWELL);
            done
        }
        Err(error) => Err(Failure::new("the program's threads cannot be started").because(&error)),
    };
    end(errors, done)
}

/// For as long as nobody knows what the terminal takes.
const fn plain(json: bool) -> Errors {
    Errors {
        styled: false,
        json,
    }
}

/// Help and the version go out as they are, and so do clap's own words on a line that makes no sense, unless JSON was asked for.
fn senseless(told: &clap::Error) -> ExitCode {
    if told.use_stderr() && args::wanted_json(std::env::args_os()) {
        return end(plain(true), Err(Failure::of_usage(told)));
    }
    let _nobody_reads = told.print();
    ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(Exit::Usage.code()))
}

fn end(errors: Errors, done: Result<Exit, Failure>) -> ExitCode {
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            errors.failure(&failure);
            failure.exit.into()
        }
    }
}

async fn command(command: Command, world: &World, errors: Errors) -> Result<Exit, Failure> {
    signals::outlive_size_limits()?;
    match command {
        Command::Completions(typed) => generate::completions(&typed),
        Command::Man(typed) => generate::man(&typed),
        Command::Run(typed) => run::run(typed, world, errors).await,
        Command::Demo(typed) => demo::run(&typed, world, errors).await,
        Command::Show(typed) => show::run(&typed, &begin(world, errors)?, world).await,
        Command::Sessions(typed) => {
            sessions::run(&typed, &begin(world, errors)?, world, errors).await
        }
        Command::Append(typed) => {
            let begun = Begun::begin(world, Vec::new(), errors)?;
            let _following = begun.follow(errors)?;
            append::run(&typed, &begun.latchwork, world).await
        }
        Command::Mirror(typed) => {
            let begun = Begun::begin(world, Vec::new(), errors)?;
            let _following = begun.follow(errors)?;
            mirror::run(&typed.what, &begun.latchwork, world, errors).await
        }
        Command::Locks(typed) => {
            let begun = Begun::begin(world, Vec::new(), errors)?;
            let _following = begun.follow(errors)?;
            locks::run(&typed, &begun.latchwork).await
        }
        Command::Why(typed) => why::run(&typed, &begin(world, errors)?).await,
        Command::Lock(typed) => lock::run(&typed, &begin(world, errors)?, world, errors).await,
        Command::Unlock(typed) => unlock::run(&typed, &begin(world, errors)?).await,
        Command::Doctor(typed) => doctor::run(&typed, world, errors).await,
        Command::Verify(typed) => verify::verify(&typed, &begin(world, errors)?).await,
        Command::Repair(typed) => verify::repair(&typed, &begin(world, errors)?).await,
        Command::Rewind(typed) => rewind::run(&typed, &begin(world, errors)?).await,
        Command::Fork(typed) => fork::run(&typed, &begin(world, errors)?).await,
        Command::Branches(typed) => branches::list(&typed, &begin(world, errors)?).await,
        Command::Label(typed) => branches::label(&typed, &begin(world, errors)?).await,
        Command::Merge(typed) => branches::merge(&typed, &begin(world, errors)?).await,
        Command::Vacuum(typed) => anew::vacuum(&typed, &begin(world, errors)?, errors).await,
        Command::Redact(typed) => anew::redact(&typed, &begin(world, errors)?, errors).await,
        Command::Blobs(typed) => blobs::run(&typed.what, &begin(world, errors)?).await,
        Command::Du(typed) => du::run(&typed, &begin(world, errors)?, world, errors).await,
        Command::Config(typed) => config::run(typed, world, errors),
        Command::Tree(typed) => {
            let typed = args::Show::tree(typed);
            show::run(&typed, &begin(world, errors)?, world).await
        }
        Command::Tail(typed) => tail::run(&typed, &begin(world, errors)?, world, errors).await,
        Command::Watch(typed) => {
            let begun = Begun::begin(world, Vec::new(), errors)?;
            let _following = begun.follow(errors)?;
            watch::run(&typed, &begun.latchwork, world, errors).await
        }
    }
}

/// The runtime as it is set, without anything typed on top, for a command that is soon done.
fn begin(world: &World, errors: Errors) -> Result<Latchwork, Failure> {
    Ok(Begun::begin(world, Vec::new(), errors)?.latchwork)
}
