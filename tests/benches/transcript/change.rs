//! Changing a session of a hundred thousand entries: messages replaced, a branch begun at its middle, another session made of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Ask, names};
use serde_json::{Value, json};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::{Session, Stage};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "change";
pub(crate) const MS: &str = "until the device has it, ms";
pub(crate) const AGAIN_MS: &str = "again in the same process, ms";
pub(crate) const SIZE: &str = "the file afterwards, of what it was";
const MORE_MIB: &str = "memory at its peak, MiB more";
const READ: &str = "bytes read, of the file";
const WRITTEN: &str = "bytes written, of the file";

/// One entry in so many is replaced, or so many at the end.
const EVERY: usize = 100;
const AT_THE_END: usize = 100;

/// The cases that replace something.
pub(crate) const SPREAD: &str = "1 % of the messages replaced";
pub(crate) const TAIL: &str = "the last 100 messages replaced";
pub(crate) const BRANCH: &str = "a branch begun at the middle";
pub(crate) const FORK: &str = "a session made of all of it";

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let session = stage.session(Shape::Linear, size.change)?;
    let said = messages(&session.file)?;
    let spread: Vec<&Value> = said.iter().step_by(EVERY).collect();
    let tail: Vec<&Value> = said.iter().rev().take(AT_THE_END).rev().collect();
    let middle = said
        .get(said.len() / 2)
        .and_then(|entry| entry["id"].as_str());
    let middle = middle.ok_or("the session says nothing")?.to_owned();
    for _ in 0..size.runs {
        for (case, chosen) in [(SPREAD, &spread), (TAIL, &tail)] {
            let plan = plan(stage, chosen)?;
            for contender in
                stage.available(&[Contender::Ours, Contender::OpenClaw, Contender::Raw])
            {
                rewrite(stage, contender, (case, &plan), &session, results)?;
            }
        }
        for (contender, is_saved) in [(Contender::Ours, false), (Contender::OursSaved, true)] {
            let copy = Copy::of(stage, &session, is_saved)?;
            let ask = Ask::Branch {
                file: copy.file.clone(),
                to: middle.clone(),
            };
            let answer = stage.ask(contender, &ask)?;
            for (metric, name) in [(MS, names::MS), (AGAIN_MS, names::AGAIN_MS)] {
                let value = answer.get(name).copied();
                results
                    .figures
                    .add(SECTION, BRANCH, contender.name(), metric, value);
            }
        }
        for contender in [Contender::Ours, Contender::Raw] {
            let copy = Copy::of(stage, &session, false)?;
            let ask = Ask::Fork {
                who: contender.who(),
                file: copy.file.clone(),
                to: copy.file.with_file_name("fork.jsonl"),
            };
            let answer = stage.ask(contender, &ask)?;
            for (metric, name) in [(MS, names::MS), (MORE_MIB, names::MORE_MIB)] {
                let value = answer.get(name).copied();
                results
                    .figures
                    .add(SECTION, FORK, contender.name(), metric, value);
            }
        }
    }
    Ok(())
}

fn rewrite(
    stage: &Stage,
    contender: Contender,
    (case, plan): (&str, &Path),
    session: &Session,
    results: &mut Results,
) -> Result<(), Failure> {
    let copy = Copy::of(stage, session, false)?;
    let ask = Ask::Rewrite {
        who: contender.who(),
        file: copy.file.clone(),
        replacements: plan.to_path_buf(),
    };
    let answer = stage.ask(contender, &ask)?;
    let get = |name: &str| answer.get(name).copied();
    let of_file = |value: f64| value / session.bytes as f64;
    for (metric, value) in [
        (MS, get(names::MS)),
        (SIZE, get(names::BYTES).map(of_file)),
        (READ, get(names::READ).map(of_file)),
        (WRITTEN, get(names::WRITTEN).map(of_file)),
        (MORE_MIB, get(names::MORE_MIB)),
    ] {
        results
            .figures
            .add(SECTION, case, contender.name(), metric, value);
    }
    let replaced: Vec<Value> = serde_json::from_slice(&fs::read(plan)?)?;
    let found = get(names::ITEMS).unwrap_or_default();
    if contender != Contender::Raw && (found - replaced.len() as f64).abs() > 0.5 {
        let of = replaced.len();
        results.errors.push(format!(
            "change, {case}: {contender} replaced {found} of {of}"
        ));
    }
    Ok(())
}

/// The messages of a session, as entries.
fn messages(file: &Path) -> Result<Vec<Value>, Failure> {
    let text = fs::read_to_string(file)?;
    let mut all = Vec::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line)?;
        if entry["type"] == "message" {
            all.push(entry);
        }
    }
    Ok(all)
}

/// What is to stand in place of these.
fn plan(stage: &Stage, entries: &[&Value]) -> Result<PathBuf, Failure> {
    let replaced = |entry: &&Value| {
        let mut message = entry["message"].clone();
        message["content"] = json!([{ "type": "text", "text": "[taken out]" }]);
        json!({ "entryId": entry["id"], "message": message })
    };
    let all: Vec<Value> = entries.iter().map(replaced).collect();
    let path = stage.folder().join("replacements.json");
    fs::write(&path, serde_json::to_vec(&all)?)?;
    Ok(path)
}

/// A session in a folder of its own, for one measurement; on the device, so that nobody waits for what copying it left behind.
struct Copy {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Copy {
    fn of(stage: &Stage, session: &Session, is_saved: bool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(stage.folder())?;
        let file = folder.path().join("s.jsonl");
        fs::copy(&session.file, &file)?;
        if is_saved {
            stage.ask(Contender::Ours, &Ask::Prime { file: file.clone() })?;
        }
        File::open(&file)?.sync_all()?;
        Ok(Self {
            file,
            _folder: folder,
        })
    }
}
