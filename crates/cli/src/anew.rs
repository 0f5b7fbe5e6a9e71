//! `latchwork vacuum`, `redact`: dead branches dropped, and messages replaced where they stand.

use std::io::{self, Read as _};

use latchwork::format::{Body, Escaped};
use latchwork::lock::LockScope;
use latchwork::seams::{EntryId, Head, Rewrite, RewriteMode};
use latchwork::transcript::{DeadBranch, Stays, Sweep, Swept};
use latchwork::{Latchwork, Session};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::args::{Redact, Vacuum};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};

/// The most that is read from standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// Drops dead branches.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn vacuum(
    typed: &Vacuum,
    latchwork: &Latchwork,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let sweep = Sweep {
        orphans: typed.orphans,
    };
    let swept = if typed.dry_run {
        let found = session.dead_branches(sweep).await?;
        found.ok_or_else(|| {
            Failure::new(format!("there is no session {}", session.id()))
                .hint("list the sessions: latchwork sessions")
        })?
    } else {
        let mut scope = LockScope::open();
        let swept = session.vacuum(&mut scope, sweep).await?;
        if swept.entries > 0 {
            forget(latchwork, &session, errors).await;
        }
        swept
    };
    let mut output = Output::standard();
    if typed.json {
        let branches: Vec<Value> = swept.branches.iter().map(as_json).collect();
        output.json(&json!({
            "session": session.id(),
            "dryRun": typed.dry_run,
            "branches": branches,
            "entries": swept.entries,
            "storedBytesDelta": swept.stored_bytes_delta,
        }))?;
    } else {
        for branch in &swept.branches {
            output.line(Escaped(&row(branch, typed.dry_run)).to_string());
        }
        output.line(total(&swept, typed.dry_run));
    }
    output.finish()?;
    Ok(Exit::Ok)
}

const fn in_words(stays: Stays) -> (&'static str, &'static str) {
    match stays {
        Stays::Labelled => ("labelled", "an entry of it has a label"),
        Stays::Names => ("names", "it holds the session's name"),
        _ => (
            "orphaned",
            "nobody may have seen it yet (drop it with --orphans)",
        ),
    }
}

fn as_json(branch: &DeadBranch) -> Value {
    json!({
        "leafId": branch.leaf,
        "fromId": branch.from,
        "entries": branch.entries,
        "bytes": branch.bytes,
        "stays": branch.stays.map(|stays| in_words(stays).0),
    })
}

fn row(branch: &DeadBranch, dry_run: bool) -> String {
    let what = match (branch.entries, dry_run) {
        (0, _) => "stays",
        (_, true) => "would go",
        (_, false) => "gone",
    };
    let many = if branch.entries == 1 {
        "entry"
    } else {
        "entries"
    };
    let size = match branch.entries {
        0 => String::new(),
        entries => format!("  {entries} {many}, {} bytes", branch.bytes),
    };
    let why = match branch.stays {
        Some(stays) if branch.entries > 0 => format!("; the rest stays: {}", in_words(stays).1),
        Some(stays) => format!(": {}", in_words(stays).1),
        None => String::new(),
    };
    format!("{what:<8}  {}{size}{why}", branch.leaf)
}

fn total(swept: &Swept, dry_run: bool) -> String {
    let many = if swept.entries == 1 {
        "entry"
    } else {
        "entries"
    };
    let would = if dry_run { "would be " } else { "" };
    match swept.entries {
        0 => "nothing to drop".to_owned(),
        entries => format!(
            "{entries} {many} {would}dropped, the file {would}{} bytes smaller",
            swept.stored_bytes_delta.saturating_neg()
        ),
    }
}

/// Words that went are not to be found in a search index either.
async fn forget(latchwork: &Latchwork, session: &Session, errors: Errors) {
    if let Some(why) = latchwork.forget_words(session).await {
        errors.warn(&format!(
            "words of what is gone may be in the search index still: {why}; \
             `latchwork sessions search --rebuild WORD` takes them out"
        ));
    }
}

/// One line of what is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    id: String,
    #[serde(default)]
    message: Option<Box<RawValue>>,
    #[serde(default)]
    text: Option<String>,
}

/// Replaces messages where they stand.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn redact(
    typed: &Redact,
    latchwork: &Latchwork,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let wanted = tokio::task::spawn_blocking(read).await;
    let wanted =
        wanted.map_err(|error| Failure::new("standard input was not read").because(&error))??;
    let ids: Vec<EntryId> = wanted
        .iter()
        .map(|(_, wanted)| EntryId::new(&wanted.id))
        .collect();
    let there = session.chosen(ids.clone()).await?;
    let mut replacements = Vec::with_capacity(wanted.len());
    for (((number, wanted), id), entry) in wanted.into_iter().zip(ids).zip(there) {
        let bad = |why: String| Failure::new(format!("line {number} of standard input: {why}"));
        let entry = entry.ok_or_else(|| {
            bad(format!("there is no entry {:?} in the session", wanted.id))
                .hint("nothing was changed; latchwork show --tree says the ids")
        })?;
        let message = match (wanted.message, wanted.text) {
            (Some(message), None) => message,
            (None, Some(text)) => with_text(&entry, &text).ok_or_else(|| {
                bad(format!("entry {:?} is no message", wanted.id)).hint("nothing was changed")
            })?,
            _ => {
                return Err(bad("it has neither or both of \"message\" and \"text\"".to_owned())
                    .hint("nothing was changed; {\"id\":\"…\",\"text\":\"…\"} keeps what else the message says"));
            }
        };
        replacements.push((id, Body::Message(message)));
    }
    let rewrite = Rewrite {
        replacements,
        mode: RewriteMode::InPlace,
    };
    let mut scope = LockScope::open();
    let done = session
        .rewrite(&mut scope, &Head::default(), rewrite)
        .await?;
    // Also where nothing is left to be replaced: it may have been cut off behind that.
    forget(latchwork, &session, errors).await;
    let mut output = Output::standard();
    if typed.json {
        output.json(&json!({
            "session": session.id(),
            "entries": done.rewritten_entries,
            "branchBytesFreed": done.branch_bytes_freed,
            "storedBytesDelta": done.stored_bytes_delta,
            "reason": done.reason,
        }))?;
    } else {
        let many = if done.rewritten_entries == 1 {
            "entry"
        } else {
            "entries"
        };
        output.line(match done.reason {
            Some(why) => format!("nothing was changed: {why}"),
            None => format!(
                "{} {many} replaced in place, the file {} bytes smaller; copies elsewhere (forks, exports, backups) are not looked at",
                done.rewritten_entries,
                done.stored_bytes_delta.saturating_neg()
            ),
        });
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// Standard input, line by line, each with its number.
fn read() -> Result<Vec<(usize, Wanted)>, Failure> {
    let mut text = String::new();
    let read = io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text);
    let read =
        read.map_err(|error| Failure::new("standard input cannot be read").because(&error))?;
    if read as u64 == INPUT_BYTES_MAX {
        return Err(Failure::new("standard input has more than 256 MiB")
            .hint("nothing was changed; replace in several runs"));
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let wanted = serde_json::from_str(line);
            let wanted = wanted.map_err(|error| {
                Failure::new(format!("line {} of standard input is not what is taken: {error}", index + 1))
                    .hint("nothing was changed; one JSON object a line: {\"id\":\"…\",\"text\":\"…\"} or {\"id\":\"…\",\"message\":{…}}")
            })?;
            Ok((index + 1, wanted))
        })
        .collect()
}

/// The message with this text for its content, and all else that it says.
fn with_text(entry: &latchwork::format::RawEntry, text: &str) -> Option<Box<RawValue>> {
    let raw = latchwork::format::RawObject::of(entry).object("message")?;
    let message: Value = serde_json::from_str(&raw.text()).ok()?;
    let Value::Object(mut fields) = message else {
        return None;
    };
    // The form in which it was: a string, or blocks.
    let content = match fields.get("content") {
        Some(Value::Array(_)) => json!([{ "type": "text", "text": text }]),
        _ => Value::String(text.to_owned()),
    };
    fields.insert("content".to_owned(), content);
    // What a tool says of its result for people is of the same matter.
    fields.remove("details");
    serde_json::value::to_raw_value(&fields).ok()
}
