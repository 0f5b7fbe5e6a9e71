//! Appending until the device has it, in turns with the bare calls: a disk is quick or slow for minutes, so both are
//! measured round by round, in one process, on two files of one folder.
//!
//! A round has as many messages as writers. Under one guard they are appended one after the other, and then every writer
//! waits for its own receipt; with a guard for each, every writer takes one, appends, gives it back and waits.

use std::fs;
use std::path::Path;
use std::time::Instant;

use latchwork_format::Body;
use latchwork_session::Head;
use latchwork_tests::measure::{Answer, Sample, names};
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use crate::ours::{Session, on_device, scope};
use crate::raw::Raw;
use crate::{Failure, micros_since, numbers};

/// Rounds that nobody times.
const WARM_UP: usize = 3;

pub(crate) async fn measure(
    file: &Path,
    messages: &Path,
    writers: usize,
    rounds: usize,
) -> Result<Answer, Failure> {
    let text = fs::read_to_string(messages)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let session = Session::of(file)?;
    let mut bare = Raw::at(&file.with_extension("bare"))?;
    let mut bare_batch = Raw::at(&file.with_extension("bare-batch"))?;
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..WARM_UP + rounds {
        let from = (round * writers) % (lines.len() - writers).max(1);
        let lines = &lines[from..from + writers];
        let took = [
            bare.write_and_sync(lines[0].as_bytes())?,
            under_one_guard(&session, bodies(lines)?).await?,
            bare_batch.write_and_sync(lines.concat().as_bytes())?,
            guard_for_each(&session, bodies(lines)?).await?,
        ];
        if round >= WARM_UP {
            for (times, took) in times.iter_mut().zip(took) {
                times.push(took);
            }
        }
    }
    let [one, held, batch, cycle] =
        times.map(|times| Sample::new(times).median().unwrap_or(f64::NAN));
    Ok(numbers([
        (names::BARE_US, one),
        (names::HELD_US, held),
        (names::BARE_BATCH_US, batch),
        (names::CYCLE_US, cycle),
    ]))
}

fn bodies(lines: &[&str]) -> Result<Vec<Body>, Failure> {
    let body = |line: &&str| Ok(Body::Message(RawValue::from_string((*line).to_owned())?));
    lines.iter().map(body).collect()
}

/// Microseconds from the first append to the last acknowledgement.
#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over calls of the store; and the wait under it is what is measured"
)]
async fn under_one_guard(session: &Session, bodies: Vec<Body>) -> Result<f64, Failure> {
    let mut scope = scope();
    let mut guard = session.guard_beside(&mut scope).await?;
    let start = Instant::now();
    let mut receipts = Vec::with_capacity(bodies.len());
    for body in bodies {
        let commit = session.commit(vec![body], false);
        receipts.push(session.append(&mut guard, &Head::default(), commit).await?);
    }
    if let [receipt] = &receipts[..] {
        on_device(receipt).await?;
    } else {
        let mut waits = JoinSet::new();
        for receipt in receipts {
            waits.spawn(async move { on_device(&receipt).await });
        }
        while let Some(waited) = waits.join_next().await {
            waited??;
        }
    }
    let took = micros_since(start);
    guard.release().await?;
    Ok(took)
}

/// The same, the waits for the guard among it.
async fn guard_for_each(session: &Session, bodies: Vec<Body>) -> Result<f64, Failure> {
    let start = Instant::now();
    let mut writers = JoinSet::new();
    for body in bodies {
        let session = session.clone();
        writers.spawn(async move { write(&session, body).await });
    }
    while let Some(wrote) = writers.join_next().await {
        wrote??;
    }
    Ok(micros_since(start))
}

#[expect(
    clippy::await_holding_invalid_type,
    reason = "a guard over one call of the store"
)]
async fn write(session: &Session, body: Body) -> Result<(), Failure> {
    let mut scope = scope();
    let mut guard = session.guard_beside(&mut scope).await?;
    let commit = session.commit(vec![body], false);
    let receipt = session.append(&mut guard, &Head::default(), commit).await;
    guard.release().await?;
    on_device(&receipt?).await
}
