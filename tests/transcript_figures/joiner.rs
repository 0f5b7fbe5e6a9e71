//! Ours as a guest in a harness of sections: called with a letter, it measures on the harness's own corpus and prints a JSON
//! line for each figure, `{bench, impl, case, metric, unit, value, min, max, runs}`, as the peers' scripts do.
//!
//! | section | bench | impl |
//! |---|---|---|
//! | B | `B.append` | `latchwork`, one message a commit; `latchwork-batch16`; `latchwork+device`, each acknowledged |
//! | C | `C.open` | `latchwork`; `latchwork-values`, the messages as trees of values; `latchwork-index`, with what a writer saved |
//! | E | `E.list` | `latchwork` |
//!
//! Other letters have no figure of ours and print nothing. The harness says by its environment where it is (`BENCH`, else
//! the working directory), where there is room (`BENCH_TMP`, else `tmp` in there) and how many runs it wants (`RUNS`, else 5).
//! The corpus is read and never written: whatever is appended to, or has something saved beside it, is a copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use latchwork_tests::conversations;
use latchwork_tests::measure::{Answer, Ask, Show, Spread, Who, names};
use serde_json::json;

use crate::{Failure, say};

const SIZES: [u64; 4] = [0, 1_000, 10_000, 100_000];
/// Messages of a run, as the peers append them; and of one that waits for the device each time.
const MESSAGES: usize = 2_000;
const ON_DEVICE: usize = 300;
const WARM_UP: usize = 3;

/// What the harness calls a figure, its unit, and where it is found in an answer, divided by so much.
type Metric = (&'static str, &'static str, &'static str, f64);

pub(crate) fn section(letter: &str) -> Result<(), Failure> {
    let guest = Guest::arrive()?;
    match letter {
        "B" => guest.append(),
        "C" => guest.open(),
        "E" => guest.list(),
        _ => Ok(()),
    }
}

struct Guest {
    corpus: PathBuf,
    room: Room,
    runs: usize,
}

/// A folder that goes with this.
struct Room(PathBuf);

impl Drop for Room {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

impl Guest {
    fn arrive() -> Result<Self, Failure> {
        let bench = harness_says("BENCH").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let parent = harness_says("BENCH_TMP").map_or_else(|| bench.join("tmp"), PathBuf::from);
        let room = Room(parent.join(format!("latchwork-{}", std::process::id())));
        fs::create_dir_all(&room.0)?;
        let runs = harness_says("RUNS").map_or(Ok(5), |runs| runs.parse())?;
        Ok(Self {
            corpus: bench.join("corpus"),
            room,
            runs,
        })
    }

    fn append(&self) -> Result<(), Failure> {
        let messages = self.room.0.join("messages");
        let all = conversations::messages(1, MESSAGES + WARM_UP);
        fs::write(&messages, all.join("\n") + "\n")?;
        for size in SIZES {
            let from = self.corpus.join(format!("mixed-{size}.jsonl"));
            let case = format!("{size} entries");
            for (name, batch) in [("latchwork", 1), ("latchwork-batch16", 16)] {
                let ask = |file| Ask::Append {
                    who: Who::OursOfValues,
                    file,
                    messages: messages.clone(),
                    warm_up: WARM_UP,
                    batch,
                };
                let Some(answers) = self.of_copies(&from, size == 0, ask)? else {
                    continue;
                };
                emit("B.append", name, &case, &APPEND, &answers)?;
            }
            let ask = |file| Ask::Device {
                file,
                messages: messages.clone(),
                writers: 1,
                rounds: ON_DEVICE,
            };
            let Some(mut answers) = self.of_copies(&from, size == 0, ask)? else {
                continue;
            };
            for answer in &mut answers {
                let micros = answer.get(names::HELD_US).copied().unwrap_or(f64::NAN);
                answer.insert(names::PER_SECOND.to_owned(), 1e6 / micros);
            }
            emit("B.append", "latchwork+device", &case, &DEVICE, &answers)?;
        }
        Ok(())
    }

    fn open(&self) -> Result<(), Failure> {
        for shape in ["mixed", "linear"] {
            for size in &SIZES[1..] {
                let file = self.corpus.join(format!("{shape}-{size}.jsonl"));
                let Ok(bytes) = fs::read(&file).map(|read| read.len()) else {
                    missing(&file);
                    continue;
                };
                let saved = self.room.0.join("saved.jsonl");
                fs::copy(&file, &saved)?;
                run(&Ask::Prime {
                    file: saved.clone(),
                })?;
                let mut cases = vec![
                    ("latchwork", "context", &file, Show::Context),
                    ("latchwork-index", "context", &saved, Show::Context),
                    ("latchwork-values", "context", &file, Show::Values),
                ];
                if shape == "mixed" {
                    cases.push(("latchwork", "last50", &file, Show::Last));
                    cases.push(("latchwork-index", "last50", &saved, Show::Last));
                }
                for (name, what, file, show) in cases {
                    let ask = Ask::Open {
                        who: Who::Ours,
                        file: file.clone(),
                        show,
                        again: if *size > 50_000 { 3 } else { 7 },
                    };
                    let mut answers = self.repeat(|| run(&ask))?;
                    for answer in &mut answers {
                        per_byte(answer, bytes);
                    }
                    let case = format!("{shape} {size} entries, {what}");
                    if show != Show::Last {
                        emit("C.open", name, &case, &STEPS, &answers)?;
                    }
                    emit("C.open", name, &case, &OPEN, &answers)?;
                }
                self.room.clear()?;
            }
        }
        Ok(())
    }

    fn list(&self) -> Result<(), Failure> {
        let folder = self.corpus.join("list");
        let Ok(entries) = fs::read_dir(&folder) else {
            missing(&folder);
            return Ok(());
        };
        let mut sessions = 0;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                fs::read(path)?;
                sessions += 1;
            }
        }
        let ask = Ask::List {
            who: Who::Ours,
            folder,
        };
        let answers = self.repeat(|| run(&ask))?;
        let case = format!("{sessions} sessions x 100 entries");
        emit("E.list", "latchwork", &case, &LIST, &answers)
    }

    /// Each time on a copy of that session, or on none; nothing where the corpus has no such session.
    fn of_copies(
        &self,
        from: &Path,
        new: bool,
        ask: impl Fn(PathBuf) -> Ask,
    ) -> Result<Option<Vec<Answer>>, Failure> {
        if !new && !from.exists() {
            missing(from);
            return Ok(None);
        }
        let once = || {
            let file = self.room.0.join("s.jsonl");
            if !new {
                fs::copy(from, &file)?;
            }
            let answer = run(&ask(file));
            self.room.clear()?;
            answer
        };
        self.repeat(once).map(Some)
    }

    fn repeat(&self, once: impl Fn() -> Result<Answer, Failure>) -> Result<Vec<Answer>, Failure> {
        (0..self.runs).map(|_| once()).collect()
    }
}

impl Room {
    /// Takes away the sessions, and what lies beside them.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.file_name().is_some_and(|name| name != "messages") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

const APPEND: [Metric; 8] = [
    ("msgs", "1/s", names::PER_SECOND, 1.0),
    ("latency_p50", "us", names::P50_US, 1.0),
    ("latency_p99", "us", names::P99_US, 1.0),
    ("file_growth", "B/append", names::GROWN, 1.0),
    ("bytes_read", "B/append", names::READ, 1.0),
    ("bytes_written", "B/append", names::WRITTEN, 1.0),
    ("read_calls", "n/append", names::READS, 1.0),
    ("write_calls", "n/append", names::WRITES, 1.0),
];
const DEVICE: [Metric; 2] = [
    ("msgs", "1/s", names::PER_SECOND, 1.0),
    ("latency_p50", "us", names::HELD_US, 1.0),
];
const READ_PER_BYTE: &str = "readPerByte";
const MORE_PER_BYTE: &str = "morePerByte";
const STEPS: [Metric; 2] = [
    ("open", "ms", names::OPEN_MS, 1.0),
    ("build_context", "ms", names::BUILD_MS, 1.0),
];
const OPEN: [Metric; 6] = [
    ("total", "ms", names::MS, 1.0),
    ("total_warm", "ms", names::AGAIN_MS, 1.0),
    ("bytes_read/file", "x", READ_PER_BYTE, 1.0),
    ("peak_rss_delta", "MiB", names::MORE_MIB, 1.0),
    ("peak_rss_delta/file", "x", MORE_PER_BYTE, 1.0),
    ("peak_rss", "MiB", names::PEAK_MIB, 1.0),
];
const LIST: [Metric; 4] = [
    ("time", "ms", names::MS, 1.0),
    ("time_again_same_process", "ms", names::AGAIN_MS, 1.0),
    ("bytes_read", "MB", names::READ, 1e6),
    ("peak_rss_delta", "MiB", names::MORE_MIB, 1.0),
];

fn per_byte(answer: &mut Answer, bytes: usize) {
    for (of, to, unit) in [
        (names::READ, READ_PER_BYTE, 1.0),
        (names::MORE_MIB, MORE_PER_BYTE, 1_048_576.0),
    ] {
        if let Some(value) = answer.get(of).copied() {
            answer.insert(to.to_owned(), value * unit / bytes as f64);
        }
    }
}

fn emit(
    bench: &str,
    name: &str,
    case: &str,
    metrics: &[Metric],
    answers: &[Answer],
) -> Result<(), Failure> {
    for (metric, unit, found, divided) in metrics {
        let runs: Vec<f64> = answers
            .iter()
            .filter_map(|answer| answer.get(*found))
            .map(|value| five_digits(value / divided))
            .collect();
        let Some(Spread {
            median, min, max, ..
        }) = Spread::of(runs.iter().copied())
        else {
            continue;
        };
        let line = json!({
            "bench": bench, "impl": name, "case": case, "metric": metric, "unit": unit,
            "value": five_digits(median), "min": min, "max": max, "runs": runs,
        });
        say(&line.to_string())?;
    }
    Ok(())
}

/// The number to five digits that mean something.
fn five_digits(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// One measurement in a fresh process of this program.
fn run(ask: &Ask) -> Result<Answer, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .arg("measure")
        .arg(serde_json::to_string(ask)?)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{ask:?} failed: {said}").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn missing(path: &Path) {
    use std::io::Write as _;
    let _closed = writeln!(
        io::stderr(),
        "transcript-figures: {} is not in the corpus, and is left out",
        path.display()
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness speaks to its guests by the environment"
)]
fn harness_says(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
