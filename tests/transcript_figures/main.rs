//! A process that measures one thing about transcripts: a fresh one for each figure, since a process that has read a
//! session once is no measure of the first time, and peaks of memory are a process's own.
//!
//! ```text
//! transcript-figures measure ASK     one measurement (`latchwork_tests::measure::Ask`, JSON), answered with a JSON line
//! transcript-figures B|C|E           as a guest of a harness of sections: see `joiner`
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `ours` | every call of our store |
//! | `raw` | the bare system calls |
//! | `append`, `device`, `open`, `list`, `project`, `change` | one kind of measurement each |
//! | `process` | what the kernel knows of this process |
//! | `joiner` | whole sections of another harness, each figure by a process of its own |

mod append;
mod change;
mod device;
mod joiner;
mod list;
mod open;
mod ours;
mod process;
mod project;
mod raw;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use latchwork_tests::measure::{Answer, Ask};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["measure", ask] => measure(ask),
        [section] => joiner::section(section),
        _ => Err("say `measure ASK`, or the letter of a section: B, C or E".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _closed = writeln!(std::io::stderr(), "transcript-figures: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(ask: &str) -> Result<(), Failure> {
    // A thread for the waits and one for the work of the store, as a program on tokio has them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let answer = runtime.block_on(answer(serde_json::from_str(ask)?))?;
    say(&serde_json::to_string(&answer)?)
}

async fn answer(ask: Ask) -> Result<Answer, Failure> {
    match ask {
        Ask::Append {
            who,
            file,
            messages,
            warm_up,
            batch,
        } => append::measure(who, &file, &messages, warm_up, batch).await,
        Ask::Device {
            file,
            messages,
            writers,
            rounds,
        } => device::measure(&file, &messages, writers, rounds).await,
        Ask::Open {
            who: _,
            file,
            show,
            again,
        } => open::measure(&file, show, again).await,
        Ask::Prime { file } => ours::Session::of(&file)?.prime().await,
        Ask::Rewrite {
            who,
            file,
            replacements,
        } => change::rewrite(who, &file, &replacements).await,
        Ask::Branch { file, to } => change::branch(&file, &to).await,
        Ask::Fork { who, file, to } => change::fork(who, &file, &to).await,
        Ask::List { who: _, folder } => list::measure(&folder).await,
        Ask::Project { file, runs } => project::measure(&file, runs),
        Ask::Versions => Err("the versions of ours are the benchmark's own".into()),
    }
}

/// A line for whoever asked.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// An answer of these numbers.
fn numbers<const N: usize>(all: [(&str, f64); N]) -> Answer {
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn micros_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}
