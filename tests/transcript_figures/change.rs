//! Changing what is stored: entries replaced, a branch begun, a session made of another one. Each the first time in this process, and
//! until the device has it; the bare calls beside it do no more than write the file once more.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use latchwork_format::{Body, EntryId};
use latchwork_tests::measure::{Answer, Who, names};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ours::Session;
use crate::process::{Io, forget_peak, memory};
use crate::{Failure, ms_since, numbers};

/// An entry, and what it is to say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    entry_id: String,
    message: Box<RawValue>,
}

pub(crate) async fn rewrite(who: Who, file: &Path, replacements: &Path) -> Result<Answer, Failure> {
    let all: Vec<Replacement> = serde_json::from_slice(&fs::read(replacements)?)?;
    let all: Vec<(EntryId, Body)> = all
        .into_iter()
        .map(|one| (EntryId::new(one.entry_id), Body::Message(one.message)))
        .collect();
    let (before, io, start) = (forget_peak()?, Io::so_far()?, Instant::now());
    let items = match who {
        Who::Raw => {
            once_more(file, file)?;
            0
        }
        _ => Session::of(file)?.rewrite(all).await?,
    };
    let ms = ms_since(start);
    let io = Io::since(io)?;
    Ok(numbers([
        (names::MS, ms),
        (names::ITEMS, items as f64),
        (names::READ, io.read),
        (names::WRITTEN, io.written),
        (names::MORE_MIB, memory()?.peak - before),
        (names::BYTES, fs::metadata(file)?.len() as f64),
    ]))
}

pub(crate) async fn branch(file: &Path, to: &str) -> Result<Answer, Failure> {
    let start = Instant::now();
    let session = Session::of(file)?;
    session.branch(&EntryId::new(to)).await?;
    let ms = ms_since(start);
    // In a process that has the session, which is one that works on it.
    let again = Instant::now();
    session.branch(&EntryId::new(to)).await?;
    Ok(numbers([
        (names::MS, ms),
        (names::AGAIN_MS, ms_since(again)),
    ]))
}

pub(crate) async fn fork(who: Who, file: &Path, to: &Path) -> Result<Answer, Failure> {
    let (before, start) = (forget_peak()?, Instant::now());
    match who {
        Who::Raw => once_more(file, to)?,
        _ => Session::of(file)?.fork(&Session::of(to)?).await?,
    }
    let ms = ms_since(start);
    Ok(numbers([
        (names::MS, ms),
        (names::MORE_MIB, memory()?.peak - before),
        (names::BYTES, fs::metadata(to)?.len() as f64),
    ]))
}

/// The bytes of a file written to another one and brought to the device, which then gets the name.
fn once_more(file: &Path, to: &Path) -> Result<(), Failure> {
    let beside = to.with_extension("anew");
    fs::copy(file, &beside)?;
    File::open(&beside)?.sync_all()?;
    fs::rename(&beside, to)?;
    if let Some(folder) = to.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
