//! Appending as far as the process's own death goes: the guard is held, and every message is a commit, or every few.
//!
//! Timed is the call and, for `OursOfValues`, making JSON of the message. Memory of the messages is made before.

use std::fs;
use std::path::Path;
use std::time::Instant;

use latchwork_format::Body;
use latchwork_tests::measure::{Answer, Sample, Who, names};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ours::{Session, scope};
use crate::process::Io;
use crate::raw::Raw;
use crate::{Failure, micros_since, numbers};

pub(crate) async fn measure(
    who: Who,
    file: &Path,
    messages: &Path,
    warm_up: usize,
    batch: usize,
) -> Result<Answer, Failure> {
    let text = fs::read_to_string(messages)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    match who {
        Who::Raw => raw(file, &lines, warm_up, batch),
        Who::Ours => {
            let mut bodies = Vec::with_capacity(lines.len());
            for line in lines {
                bodies.push(RawValue::from_string(line.to_owned())?);
            }
            ours(file, bodies, warm_up, batch, |message| {
                Ok(Body::Message(message))
            })
            .await
        }
        Who::OursOfValues => {
            let mut values = Vec::with_capacity(lines.len());
            for line in lines {
                values.push(serde_json::from_str::<Value>(line)?);
            }
            ours(file, values, warm_up, batch, |value| {
                Ok(Body::message(&value)?)
            })
            .await
        }
        _ => Err("this process appends for ours and for the bare calls".into()),
    }
}

#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over calls of the store"
)]
async fn ours<M>(
    file: &Path,
    messages: Vec<M>,
    warm_up: usize,
    batch: usize,
    body: impl Fn(M) -> Result<Body, Failure>,
) -> Result<Answer, Failure> {
    let session = Session::of(file)?;
    let (mut turns, mut scope) = (scope(), scope());
    let claim = session.claim(&mut turns).await?;
    let mut guard = session.guard(&mut scope, &claim).await?;
    let mut head = session.head().await?;
    let mut messages = messages.into_iter();
    for message in messages.by_ref().take(warm_up) {
        let commit = session.commit(vec![body(message)?], true);
        head = session.append(&mut guard, &head, commit).await?.head;
    }
    let mut meter = Meter::start(file)?;
    loop {
        let messages: Vec<M> = messages.by_ref().take(batch).collect();
        if messages.is_empty() {
            break;
        }
        let count = messages.len();
        let start = Instant::now();
        let mut bodies = Vec::with_capacity(count);
        for message in messages {
            bodies.push(body(message)?);
        }
        let commit = session.commit(bodies, true);
        head = session.append(&mut guard, &head, commit).await?.head;
        meter.took(start, count);
    }
    let answer = meter.end(file);
    guard.release().await?;
    answer
}

fn raw(file: &Path, lines: &[&str], warm_up: usize, batch: usize) -> Result<Answer, Failure> {
    let mut raw = Raw::at(file)?;
    let (first, rest) = lines.split_at(warm_up.min(lines.len()));
    for line in first {
        raw.write(line.as_bytes())?;
    }
    let batches: Vec<(String, usize)> = rest
        .chunks(batch)
        .map(|lines| (lines.concat(), lines.len()))
        .collect();
    let mut meter = Meter::start(file)?;
    for (lines, count) in &batches {
        let start = Instant::now();
        raw.write(lines.as_bytes())?;
        meter.took(start, *count);
    }
    meter.end(file)
}

/// Times of calls, and what the kernel counts meanwhile.
struct Meter {
    micros: Vec<f64>,
    messages: usize,
    size: u64,
    io: Io,
}

impl Meter {
    fn start(file: &Path) -> Result<Self, Failure> {
        Ok(Self {
            micros: Vec::new(),
            messages: 0,
            size: fs::metadata(file).map_or(0, |found| found.len()),
            io: Io::so_far()?,
        })
    }

    fn took(&mut self, start: Instant, messages: usize) {
        self.micros.push(micros_since(start));
        self.messages += messages;
    }

    fn end(self, file: &Path) -> Result<Answer, Failure> {
        let io = Io::since(self.io)?;
        let grown = fs::metadata(file)?.len() - self.size;
        let sample = Sample::new(self.micros);
        let each = |all: f64| all / self.messages as f64;
        let quantile = |q| sample.quantile(q).unwrap_or(f64::NAN);
        Ok(numbers([
            (names::PER_SECOND, 1e6 / each(sample.sum())),
            (names::P50_US, quantile(0.5)),
            (names::P99_US, quantile(0.99)),
            (names::GROWN, each(grown as f64)),
            (names::READ, each(io.read)),
            (names::WRITTEN, each(io.written)),
            (names::READS, each(io.reads)),
            (names::WRITES, each(io.writes)),
        ]))
    }
}
