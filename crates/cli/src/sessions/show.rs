//! `latchwork sessions show`: everything that is known of one session, without its words.

use latchwork::Latchwork;
use latchwork::format::time::iso_from_millis;
use latchwork::house::Facts;
use latchwork::seams::SessionId;
use serde_json::{Value, json};

use crate::args::SessionShow;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// How much of what is wrong is told in words.
const FLAWS: usize = 5;

/// Runs the command.
pub(super) async fn run(typed: &SessionShow, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let facts = latchwork.facts(&session).await?;
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(&facts))?;
    } else {
        for (what, said) in in_words(&facts) {
            output.line(format!("{what:<9} {said}"));
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn in_words(facts: &Facts) -> Vec<(&'static str, String)> {
    let summary = &facts.summary;
    let files: usize = facts.parts.iter().map(|one| one.files).sum();
    let bytes: u64 = facts.parts.iter().map(|one| one.bytes).sum();
    let mut lines = vec![("session", summary.session.to_string())];
    let mut tell = |what, said: Option<String>| lines.extend(said.map(|said| (what, said)));
    tell("key", summary.session_key.clone());
    tell("name", summary.name.clone());
    tell("title", summary.title.clone());
    tell("cwd", summary.cwd.clone());
    tell("path", Some(summary.place.clone()));
    tell("created", summary.created.clone());
    tell("modified", Some(iso_from_millis(summary.modified_ms)));
    tell(
        "size",
        Some(format!(
            "{} bytes; {bytes} in {files} files with all that belongs to it",
            summary.bytes
        )),
    );
    if let Some(seen) = &facts.verified {
        tell(
            "entries",
            Some(format!("{}, {} branches", seen.entries, seen.branches)),
        );
        tell("read-only", seen.read_only.clone());
        for flaw in seen.flaws.iter().take(FLAWS) {
            tell("damage", Some(flaw.to_string()));
        }
        let more = seen.flaws.len().saturating_sub(FLAWS);
        tell(
            "damage",
            (more > 0).then(|| format!("{more} more; `latchwork verify` lists all")),
        );
    }
    for message in &facts.waiting {
        tell(
            "waiting",
            Some(format!(
                "message {}, accepted {}",
                message.key,
                iso_from_millis(message.at_ms)
            )),
        );
    }
    let parent = summary.parent.as_ref().map(|path| match &facts.parent {
        Some(session) => format!("session {session} ({path})"),
        None => path.clone(),
    });
    tell("parent", parent);
    for fork in &facts.forks {
        tell("fork", Some(fork.to_string()));
    }
    for name in &facts.archived {
        tell("archived", Some(name.clone()));
    }
    tell("writer", facts.held.guard.as_ref().map(ToString::to_string));
    tell("turn", facts.held.claim.as_ref().map(ToString::to_string));
    tell(
        "asked by",
        facts.held.asker.as_ref().map(ToString::to_string),
    );
    lines
}

fn as_json(facts: &Facts) -> Value {
    let summary = &facts.summary;
    let seen = facts.verified.as_ref();
    json!({
        "session": summary.session,
        "key": summary.session_key,
        "name": summary.name,
        "title": summary.title,
        "cwd": summary.cwd,
        "path": summary.place,
        "created": summary.created,
        "modified": iso_from_millis(summary.modified_ms),
        "bytes": summary.bytes,
        "entries": seen.map(|seen| seen.entries),
        "branches": seen.map(|seen| seen.branches),
        "damage": seen.map_or_else(Vec::new, |seen| seen.flaws.iter().map(ToString::to_string).collect()),
        "readOnly": seen.and_then(|seen| seen.read_only.as_deref()),
        "waiting": facts.waiting.iter().map(|message| json!({
            "key": message.key,
            "acceptedAt": iso_from_millis(message.at_ms),
        })).collect::<Vec<_>>(),
        "parent": summary.parent,
        "parentSession": facts.parent,
        "forks": facts.forks.iter().map(SessionId::as_str).collect::<Vec<_>>(),
        "archived": facts.archived,
        "guard": facts.held.guard.as_ref().map(ToString::to_string),
        "claim": facts.held.claim.as_ref().map(ToString::to_string),
        "asked": facts.held.asker.as_ref().map(ToString::to_string),
        "parts": facts.parts.iter().map(|one| json!({
            "path": one.path,
            "files": one.files,
            "bytes": one.bytes,
        })).collect::<Vec<_>>(),
    })
}
