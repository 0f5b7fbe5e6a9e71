//! `latchwork sessions import`: sessions of other programs taken in, or held against what was taken in before.
//!
//! A receipt is printed for each session, once everything of it is durable. One that fails does not keep the others back. An interruption
//! ends between two commits: what was taken in stands, and the same command goes on behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork::importing::{DiffReport, Difference, Report, SourceKind, Summary};
use latchwork::lock::LockScope;
use latchwork::{ImportHow, ImportSource, Imported, Latchwork, Session, SessionArg};
use serde_json::{Value, json};

use crate::args::Import;
use crate::bar::{Bar, Cleared};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Interrupts;
use crate::world::World;

/// The most damaged lines, or differences, that are shown to a person.
const SHOWN_MAX: usize = 20;

/// Runs the command.
pub(crate) async fn run(
    typed: &Import,
    latchwork: &Latchwork,
    world: &World,
) -> Result<Exit, Failure> {
    match typed.diff {
        true => diff(typed, latchwork).await,
        false => import(typed, latchwork, world).await,
    }
}

/// The sessions of a path that are meant.
async fn sources(
    typed: &Import,
    latchwork: &Latchwork,
    path: &Path,
) -> Result<Vec<ImportSource>, Failure> {
    let mut found = latchwork.import_sources(path, typed.from).await?;
    if let Some(only) = &typed.only {
        found.retain(|source| source.row() == Some(only.as_str()));
    }
    if found.is_empty() {
        let asked = typed.only.as_deref();
        let what = asked.map_or_else(|| "session".to_owned(), |only| format!("session {only:?}"));
        return Err(Failure::new(format!(
            "{} holds no {what} that could be taken in",
            path.display()
        )));
    }
    Ok(found)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
async fn import(typed: &Import, latchwork: &Latchwork, world: &World) -> Result<Exit, Failure> {
    let mut output = Output::standard();
    let interrupts = Interrupts::listen()?;
    let mut scope = LockScope::open();
    let mut how = ImportHow::default();
    how.cwd = world.cwd.display().to_string();
    how.dry_run = typed.dry_run;
    let (mut failed, mut all) = (Vec::new(), 0_usize);
    for path in &typed.sources {
        let found = match sources(typed, latchwork, Path::new(path)).await {
            Ok(found) => found,
            // A single source says by itself what is wrong with it.
            Err(failure) if typed.sources.len() == 1 => return Err(failure),
            Err(failure) => {
                all += 1;
                failed.push(failure.in_words());
                continue;
            }
        };
        let alone = typed.sources.len() == 1 && found.len() == 1;
        for source in found {
            all += 1;
            let bar = Bar::of_bytes(world, typed.json, "importing");
            let shown = bar.clone();
            how.watch(Arc::new(move |done, of| shown.tell(done, of)));
            let bar = Cleared(bar);
            let done = tokio::select! {
                done = one(typed, latchwork, &how, &mut scope, &source) => done,
                () = interrupts.token.cancelled() => {
                    drop(bar);
                    output.finish()?;
                    return Ok(interrupts.exit().unwrap_or(Exit::Failure));
                }
            };
            drop(bar);
            match done {
                Ok((session, done)) => told(typed, &mut output, &source, &session, &done)?,
                Err(failure) if alone => return Err(failure),
                Err(failure) => failed.push(failure.in_words()),
            }
        }
    }
    output.finish()?;
    if failed.is_empty() {
        return Ok(Exit::Ok);
    }
    let what = format!("{} of {all} sessions were not taken in", failed.len());
    Err(failed.into_iter().fold(Failure::new(what), Failure::also))
}

async fn one(
    typed: &Import,
    latchwork: &Latchwork,
    how: &ImportHow,
    scope: &mut LockScope,
    source: &ImportSource,
) -> Result<(Session, Imported), Failure> {
    let into = match &typed.into {
        Some(into) => into.clone(),
        None => SessionArg::Key(latchwork.import_key(source).await?),
    };
    let session = latchwork.session(&into)?;
    let done = session.import(scope, source, how).await?;
    Ok((session, done))
}

async fn diff(typed: &Import, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let [source, session] = typed.sources.as_slice() else {
        return Err(Failure::usage(
            "--diff takes one source and the session that it was taken into",
        ));
    };
    let named = session.to_str().map(SessionArg::parse).transpose();
    let named = named.map_err(|error| Failure::usage(error.to_string()))?;
    let named = named.unwrap_or_else(|| SessionArg::Path(PathBuf::from(session)));
    let session = latchwork.session(&named)?;
    let mut output = Output::standard();
    let mut proven = true;
    for source in sources(typed, latchwork, Path::new(source)).await? {
        let (summary, report) = session.import_diff(&source).await?;
        proven &= report.is_proof();
        if typed.json {
            output.json(&diff_json(&source, &session, &summary, &report))?;
        } else {
            diff_words(&summary, &report)
                .into_iter()
                .for_each(|line| output.line(line));
        }
    }
    output.finish()?;
    Ok(match proven {
        true => Exit::Ok,
        false => Exit::Findings,
    })
}

fn told(
    typed: &Import,
    output: &mut Output,
    source: &ImportSource,
    session: &Session,
    done: &Imported,
) -> Result<(), Failure> {
    if typed.json {
        return output.json(&as_json(typed, source, session, done));
    }
    let place = session.place();
    let words = match typed.dry_run {
        true => "would be written",
        false => "written",
    };
    let beside = match done.aside {
        0 => String::new(),
        aside => format!(", {aside} of them beside the active branch"),
    };
    output.line(format!(
        "{} session {}: {} entries {words}{beside}, {} there already: {}",
        done.summary.kind,
        done.summary.session,
        done.written,
        done.already,
        place.display()
    ));
    for line in report_words(&done.summary.report) {
        output.line(format!("  {line}"));
    }
    Ok(())
}

fn report_words(report: &Report) -> Vec<String> {
    let count = |counts: Vec<String>| counts.join(", ");
    let mut lines = Vec::new();
    let entries = report.entries.iter();
    lines.push(count(
        entries.map(|(kind, n)| format!("{n} {kind}")).collect(),
    ));
    let others = report.left_out.iter().chain(&report.notes);
    lines.extend(others.map(|(what, n)| format!("{n} times: {what}")));
    let damaged = report.damaged.iter().take(SHOWN_MAX);
    lines.extend(damaged.map(|fault| format!("line {} left out: {}", fault.line, fault.why)));
    if report.damaged_lines > SHOWN_MAX as u64 {
        lines.push(format!("{} damaged lines in all", report.damaged_lines));
    }
    lines
}

fn about(source: &ImportSource, session: &Session, summary: &Summary) -> Value {
    json!({
        "source": source.path(),
        "program": SourceKind::as_str(summary.kind),
        "sourceSession": summary.session,
        "session": session.id(),
        "path": session.place(),
        "hash": format!("blake3:{}", summary.hash),
        "bytes": summary.bytes,
        "lines": summary.lines,
        "damaged": summary.report.damaged,
        "damagedLines": summary.report.damaged_lines,
    })
}

/// One object of the fields of both.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn as_json(typed: &Import, source: &ImportSource, session: &Session, done: &Imported) -> Value {
    let report = &done.summary.report;
    let did = json!({
        "dryRun": typed.dry_run,
        "written": done.written,
        "already": done.already,
        "aside": done.aside,
        "receipt": done.receipt,
        "leaf": done.leaf,
        "entries": report.entries,
        "raw": report.raw,
        "leftOut": report.left_out,
        "notes": report.notes,
    });
    joined(about(source, session, &done.summary), did)
}

fn diff_json(
    source: &ImportSource,
    session: &Session,
    summary: &Summary,
    report: &DiffReport,
) -> Value {
    let found = json!({
        "proven": report.is_proof(),
        "same": report.same,
        "different": report.different,
        "superseded": report.superseded,
        "differences": report.differences,
    });
    joined(about(source, session, summary), found)
}

fn diff_words(summary: &Summary, report: &DiffReport) -> Vec<String> {
    let mut lines = vec![match report.is_proof() {
        true => format!(
            "{} session {}: all {} entries are there, in their order, and say the same",
            summary.kind, summary.session, report.same
        ),
        false => format!(
            "{} session {}: {} entries differ, {} are as they should be",
            summary.kind, summary.session, report.different, report.same
        ),
    }];
    let differences = report.differences.iter().take(SHOWN_MAX);
    lines.extend(differences.map(|difference| format!("  {}", difference_words(difference))));
    if report.different > SHOWN_MAX as u64 {
        lines.push(format!("  {} in all; --json names more", report.different));
    }
    let damaged = report_words(&summary.report).into_iter();
    lines.extend(
        damaged
            .filter(|line| line.starts_with("line "))
            .map(|line| format!("  {line}")),
    );
    lines
}

fn difference_words(difference: &Difference) -> String {
    match difference {
        Difference::Missing { line, kind, .. } => {
            format!("line {line} ({kind}) is not in the session")
        }
        Difference::Changed {
            line,
            kind,
            entry,
            parts,
        } => {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            format!(
                "line {line} ({kind}) and entry {entry} differ in {}",
                parts.join(", ")
            )
        }
        Difference::Moved { line, kind, entry } => {
            format!("line {line} ({kind}) follows something else than entry {entry} does")
        }
        Difference::Extra { entry, .. } => {
            format!("entry {entry} came from this source, which has it no more")
        }
        other => format!("{other:?}"),
    }
}
