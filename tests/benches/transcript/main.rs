//! `cargo xtask bench transcript`: our store of transcripts, the real pi and OpenClaw, and the bare system calls, in one run.
//!
//! Each figure is taken by a process of its own (`transcript-figures`, or `tests/interop/transcript-figures.mjs` under Node),
//! which times itself. The contenders of a case take turns, run by run, so that noise of the machine hits all alike. Nothing
//! is asserted here; goals are told as met or not met.
//!
//! | file | idea |
//! |---|---|
//! | `contender` | who is measured |
//! | `stage` | where the sessions lie, how a measurement is started |
//! | `size` | how much of everything: the full run and the quick one |
//! | `device`, `append`, `open`, `last`, `list`, `project`, `change`, `huge` | one part of the measurement each |
//! | `goals` | what was wanted, out of the figures |
//! | `document`, `plot` | the words of `docs/performance/transcript.md`, and its picture |

mod append;
mod change;
mod contender;
mod device;
mod document;
mod goals;
mod huge;
mod last;
mod list;
mod open;
mod plot;
mod project;
mod size;
mod stage;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use latchwork_tests::measure::{Figures, Machine, Report};

use size::Size;
use stage::Stage;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures transcripts.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench transcript --")]
struct Arguments {
    /// A smoke run of about a minute; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Write docs/performance/transcript.md and its plot
    #[arg(long)]
    write: bool,
    /// Measure only the parts whose name contains this
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Make a session of 10 GB, too, and open it
    #[arg(long)]
    huge: bool,
    /// Where the files of the measurement lie, which decides the filesystem; else the system's temporary folder
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

/// What all parts add to.
#[derive(Debug, Default)]
struct Results {
    figures: Figures,
    /// What could not be measured, and why.
    missing: Vec<String>,
    /// What a reader must know: contenders that do not find the same.
    errors: Vec<String>,
}

type Part = fn(&Stage, &Size, &mut Results) -> Result<(), Failure>;

const PARTS: [(&str, Part); 8] = [
    // First, while the disk is quiet: what the others write keeps it busy for minutes.
    (device::SECTION, device::measure),
    (append::SECTION, append::measure),
    (open::SECTION, open::measure),
    (last::SECTION, last::measure),
    (list::SECTION, list::measure),
    (project::SECTION, project::measure),
    (change::SECTION, change::measure),
    (huge::SECTION, huge::measure),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        // `cargo test --all-targets` starts benchmarks too; this one takes minutes and asserts nothing.
        say("The benchmark of transcripts is run by `cargo xtask bench transcript`.");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(
                std::io::stderr(),
                "the benchmark of transcripts failed: {failure}"
            );
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut size = if arguments.quick {
        size::QUICK
    } else {
        size::FULL
    };
    if !arguments.huge {
        size.huge_bytes = 0;
    }
    let stage = Stage::set(arguments.folder.as_deref())?;
    let mut results = Results::default();
    for (peer, why) in stage.missing() {
        results.missing.push(format!("{peer}: {why}"));
        say(&format!("!!! {peer} IS NOT MEASURED: {why}. The rest is."));
    }
    let machine = Machine::look(stage.folder(), &stage.versions()?);
    say(&machine.to_string());
    let began = Instant::now();
    for (name, part) in PARTS {
        if arguments
            .only
            .as_deref()
            .is_some_and(|only| !name.contains(only))
        {
            results.missing.push(format!("{name}: left out by --only"));
            continue;
        }
        let start = Instant::now();
        part(&stage, &size, &mut results)?;
        say(&format!(
            "{name}: measured in {:.0} s",
            start.elapsed().as_secs_f64()
        ));
    }
    let report = Report {
        words: &document::WORDS,
        machine: &machine,
        quick: arguments.quick,
        took: began.elapsed(),
        runs: document::runs(&size),
        figures: &results.figures,
        goals: goals::of(&results.figures, &size),
        errors: &results.errors,
        missing: &results.missing,
    };
    say(&report.for_the_terminal());
    if arguments.write {
        report.write(&plot::draw(&results.figures, &size)?)?;
        say("Written: docs/performance/transcript.md and transcript.svg.");
    }
    Ok(())
}

/// A line for whoever watches; a closed terminal is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
