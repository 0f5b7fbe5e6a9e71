//! Appending as far as the process's own death goes, to sessions of any length: one writer that keeps its guard.
//!
//! The bare calls write the very bytes that ours has written, one line a call or sixteen.

use std::fs;

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Answer, Ask, names};

use crate::contender::Contender;
use crate::size::{PEER_ENTRIES_MAX, Size};
use crate::stage::{Session, Stage};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "append";
pub(crate) const RATE: &str = "messages a second";
pub(crate) const P50: &str = "one call, p50, us";
pub(crate) const P99: &str = "one call, p99, us";
const GROWN: &str = "bytes of the file, each";
const READ: &str = "bytes read, each";
const WRITES: &str = "calls that write, each";

/// How many are written together, in the second half of the cases.
pub(crate) const BATCH: usize = 16;
const WARM_UP: usize = 3;

/// The name of a case.
pub(crate) fn case(entries: u64, batch: usize) -> String {
    let together = match batch {
        1 => String::new(),
        many => format!(", {many} a commit"),
    };
    format!("to {entries} entries{together}")
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    for entries in size.append_to.iter().copied() {
        let session = stage.session(Shape::Mixed, entries)?;
        for _ in 0..size.runs {
            for batch in [1, BATCH] {
                let case = case(entries, batch);
                let mut tell = |of: Contender, answer: &Answer| {
                    for (metric, name) in [
                        (RATE, names::PER_SECOND),
                        (P50, names::P50_US),
                        (P99, names::P99_US),
                        (GROWN, names::GROWN),
                        (READ, names::READ),
                        (WRITES, names::WRITES),
                    ] {
                        let value = answer.get(name).copied();
                        results
                            .figures
                            .add(SECTION, &case, of.name(), metric, value);
                    }
                };
                ours_and_raw(stage, size, &session, batch, &mut tell)?;
                if batch == 1 && entries <= PEER_ENTRIES_MAX {
                    peers(stage, size, &session, &mut tell)?;
                }
            }
        }
        // A large one that no other part needs is only in the way.
        if entries > PEER_ENTRIES_MAX && !size.last_of.contains(&entries) {
            fs::remove_file(&session.file)?;
        }
    }
    Ok(())
}

fn ours_and_raw(
    stage: &Stage,
    size: &Size,
    session: &Session,
    batch: usize,
    tell: &mut dyn FnMut(Contender, &Answer),
) -> Result<(), Failure> {
    let count = size.appends + WARM_UP;
    let lines = stage.folder().join("lines");
    for contender in [Contender::OursOfValues, Contender::Ours, Contender::Raw] {
        let messages = match contender {
            Contender::Raw => lines.clone(),
            _ => stage.messages(count)?,
        };
        session.warm()?;
        let answer = stage.ask(
            contender,
            &Ask::Append {
                who: contender.who(),
                file: session.file.clone(),
                messages,
                warm_up: WARM_UP,
                batch,
            },
        )?;
        if contender == Contender::Ours {
            fs::write(&lines, session.appended()?)?;
        }
        session.restore()?;
        tell(contender, &answer);
    }
    Ok(())
}

fn peers(
    stage: &Stage,
    size: &Size,
    session: &Session,
    tell: &mut dyn FnMut(Contender, &Answer),
) -> Result<(), Failure> {
    for contender in stage.available(&[Contender::Pi, Contender::NewPi, Contender::OpenClaw]) {
        let count = match contender {
            Contender::OpenClaw => size.openclaw_appends,
            _ => size.appends,
        };
        session.warm()?;
        let answer = stage.ask(
            contender,
            &Ask::Append {
                who: contender.who(),
                file: session.file.clone(),
                messages: stage.messages(count + WARM_UP)?,
                warm_up: WARM_UP,
                batch: 1,
            },
        )?;
        session.restore()?;
        tell(contender, &answer);
    }
    Ok(())
}
