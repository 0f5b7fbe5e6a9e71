//! `cargo xtask`: the only task runner of the project. This file reads the command line and hands over; each command is
//! a module of its own, and what they share (`workspace`, `rooms`, `tree`, `run`, `say`) is one idea a file.
//!
//! Nothing here may be needed to *use* Latchwork: plain `cargo build` and `cargo test` work without it.

mod bench;
mod ci;
mod docs;
mod error;
mod rooms;
mod run;
mod say;
mod test;
mod tidy;
mod torture;
mod tree;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{error::Result, workspace::Workspace};

/// The project's task runner.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tidy, then test every crate on its own, then the whole program.
    Test(test::Args),
    /// Check the house rules: format, lints, arrows, sizes, links.
    Tidy(tidy::Args),
    /// Build and run the benchmarks that the crates declare.
    Bench(bench::Args),
    /// Run a campaign of whole-program torture with a seed.
    Torture(torture::Args),
    /// Write the generated documents and build the API docs; with --check, fail on drift.
    Docs(docs::Args),
    /// Everything that must hold before a merge: tidy, test, docs --check, packages.
    Ci,
}

fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    let workspace = Workspace::load(None)?;
    match command {
        Command::Test(args) => test::run(&workspace, &args),
        Command::Tidy(args) => tidy::run(&workspace, &args),
        Command::Bench(args) => bench::run(&workspace, &args),
        Command::Torture(args) => torture::run(&workspace, &args),
        Command::Docs(args) => docs::run(&workspace, &args),
        Command::Ci => ci::run(&workspace),
    }
}
