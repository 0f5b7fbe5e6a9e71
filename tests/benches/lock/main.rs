//! `cargo xtask bench lock`: our latches, OpenClaw's lock and the bare system calls, measured in one run.
//!
//! All contenders are processes that speak one protocol (`lock_worker/protocol.rs`) and time themselves on the machine's
//! monotonic clock. They are interleaved: each run of a part goes through all of them before the next run begins, so that
//! noise of the machine hits all alike. Nothing is asserted here; goals are told as met or not met.
//!
//! | file | idea |
//! |---|---|
//! | `contender` | whose locks are measured |
//! | `stage` | where their files lie, how they are started |
//! | `worker` | one of them, as a process that is told what to do |
//! | `size` | how much of everything: the full run and the quick one |
//! | `alone`, `crowd`, `hand_over`, `crash`, `tasks`, `sessions` | one part of the measurement each |
//! | `goals` | what was wanted, out of the figures |
//! | `document`, `plot` | the words of `docs/performance/lock.md`, and its picture |

mod alone;
mod contender;
mod crash;
mod crowd;
mod document;
mod goals;
mod hand_over;
mod plot;
mod sessions;
mod size;
mod stage;
mod tasks;
mod worker;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use latchwork_tests::measure::{Figures, Machine, Report, Sample};

use contender::Contender;
use size::Size;
use stage::Stage;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures locks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench lock --")]
struct Arguments {
    /// A smoke run of about a minute; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Write docs/performance/lock.md and its plot
    #[arg(long)]
    write: bool,
    /// Measure only the parts whose name contains this
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Cycles over the sessions of one process, to see whether anything leaks
    #[arg(long, value_name = "N")]
    cycles: Option<u32>,
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
    /// Waits in the largest crowd, of each contender, for the plot.
    waits: Vec<(&'static str, Sample)>,
    /// What could not be measured, and why.
    missing: Vec<String>,
    /// Errors that callers saw, by contender and code.
    errors: Vec<String>,
}

impl Results {
    /// Errors that callers saw: their number as a figure, their codes for the reader.
    fn count_errors(
        &mut self,
        section: &'static str,
        case: &str,
        who: Contender,
        metric: &'static str,
        errors: &BTreeMap<String, u64>,
    ) {
        let all: u64 = errors.values().sum();
        self.figures
            .add(section, case, who.name(), metric, all as f64);
        for (code, times) in errors {
            self.errors
                .push(format!("{section}, {case}, {who}: `{code}` {times} times"));
        }
    }
}

type Part = fn(&Stage, &Size, &mut Results) -> Result<(), Failure>;

const PARTS: [(&str, Part); 6] = [
    (alone::SECTION, alone::measure),
    (crowd::SECTION, crowd::measure),
    (hand_over::SECTION, hand_over::measure),
    (crash::SECTION, crash::measure),
    (tasks::SECTION, tasks::measure),
    (sessions::SECTION, sessions::measure),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        // `cargo test --all-targets` starts benchmarks too; this one takes minutes and asserts nothing.
        say("The benchmark of locks is run by `cargo xtask bench lock`.");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(
                std::io::stderr(),
                "the benchmark of locks failed: {failure}"
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
    size.leak_cycles = arguments.cycles.unwrap_or(size.leak_cycles);
    let stage = Stage::set(arguments.folder.as_deref())?;
    let mut results = Results::default();
    if let Some(why) = stage.why_no_openclaw() {
        results.missing.push(format!("OpenClaw's lock: {why}"));
        say(&format!(
            "!!! OPENCLAW IS NOT MEASURED: {why}. The rest is."
        ));
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
        report.write(&plot::draw(&results)?)?;
        say("Written: docs/performance/lock.md and lock.svg.");
    }
    Ok(())
}

/// A line for whoever watches; a closed terminal is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
