//! `latchwork show`: a session, as a conversation, as a tree, as what the model is shown, or as JSON.

mod branch;
pub(crate) mod tree;

pub(crate) use branch::entry_in_words;

use std::path::Path;

use latchwork::format::time::iso_from_millis;
use latchwork::format::{EntryId, Raw, RawEntry, inspect};
use latchwork::seams::{Divergence, SessionId, Waiting};
use latchwork::{Latchwork, Look, Session, SessionKey};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Show;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, dim, stdout_is_styled};
use crate::who;
use crate::world::World;

/// Runs the command.
pub(crate) async fn run(
    typed: &Show,
    latchwork: &Latchwork,
    world: &World,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let look = session.look().await?;
    if !look.snapshot.exists && look.waiting.is_empty() {
        return Err(Failure::new(format!(
            "session {} does not exist ({})",
            session.id(),
            look.place.display()
        ))
        .near(&look.place, typed.session.session_key().is_some())
        .hint("`latchwork sessions` lists what there is"));
    }
    let mut output = Output::standard();
    let styled = stdout_is_styled(world);
    let head = look.snapshot.head.leaf.as_ref();
    match (typed.context, typed.tree, typed.json) {
        (true, _, true) => output.json(&inspect(&look.snapshot.transcript, head))?,
        (true, _, false) => branch::context(&mut output, &look, styled),
        (false, true, true) => output.json(&tree::as_json(&look))?,
        (false, true, false) => tree::draw(&mut output, &look, styled),
        (false, false, true) => output.json(&shown(&session, &look))?,
        (false, false, false) => {
            heading(&mut output, &session, &look, styled);
            branch::conversation(&mut output, &look, styled);
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// What there is to know of a session before its words.
fn heading(output: &mut Output, session: &Session, look: &Look, styled: bool) {
    let (snapshot, report) = (&look.snapshot, &look.snapshot.report);
    let name = snapshot
        .transcript
        .name()
        .map(|name| format!(" \u{201c}{name}\u{201d}"))
        .unwrap_or_default();
    output.line(format!("session {}{name}", session.id()));
    let mut note = |text: String| {
        output.styled_line(&dim(styled, &latchwork::format::Escaped(&text).to_string()));
    };
    note(format!("  {}", look.place.display()));
    let saved = match report.saved_through {
        Some(place) => format!(", saved through byte {}", place.0),
        None => String::new(),
    };
    note(format!(
        "  restored {} of {} entries{saved}",
        report.restored, report.of
    ));
    for damage in &report.damage {
        note(format!("  damage: {damage}"));
    }
    if let Some(why) = &report.read_only {
        note(format!("  read-only: {why}"));
    }
    for branch in &report.divergent {
        note(format!(
            "  another program's branch of {} entries ends at {} (attach: latchwork rewind)",
            branch.entries, branch.leaf
        ));
    }
    for waiting in &look.waiting {
        note(format!(
            "  waiting: message {}, accepted {}",
            waiting.key,
            iso_from_millis(waiting.at_ms)
        ));
    }
    for (what, holder) in [
        ("being written by", &look.held.guard),
        ("turn under way:", &look.held.claim),
    ] {
        if let Some(holder) = holder {
            note(format!("  {what} {holder}"));
        }
    }
    if let Some(asker) = &look.held.asker {
        note(format!("  asked for by {asker}"));
    }
    output.line("");
}

/// The session as one JSON object: what is known of it, and the entries of the active branch as they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    session: &'a SessionId,
    key: Option<&'a str>,
    path: &'a Path,
    exists: bool,
    leaf_id: Option<&'a EntryId>,
    name: Option<&'a str>,
    entry_count: usize,
    restored: usize,
    of: usize,
    saved_through: Option<u64>,
    damage: &'a [String],
    read_only: Option<&'a str>,
    divergent: Vec<Value>,
    waiting: Vec<Value>,
    guard: Option<String>,
    claim: Option<String>,
    asked: Option<Value>,
    entries: Vec<Raw<'a>>,
}

fn shown<'a>(session: &'a Session, look: &'a Look) -> Shown<'a> {
    let (snapshot, report) = (&look.snapshot, &look.snapshot.report);
    let leaf = snapshot.head.leaf.as_ref();
    let branch = leaf.and_then(|leaf| snapshot.transcript.branch(leaf));
    Shown {
        session: session.id(),
        key: session.key().map(SessionKey::as_str),
        path: &look.place,
        exists: snapshot.exists,
        leaf_id: leaf,
        name: snapshot.transcript.name(),
        entry_count: snapshot.transcript.entry_count(),
        restored: report.restored,
        of: report.of,
        saved_through: report.saved_through.map(|place| place.0),
        damage: &report.damage,
        read_only: report.read_only.as_deref(),
        divergent: report.divergent.iter().map(divergent).collect(),
        waiting: look.waiting.iter().map(waiting).collect(),
        guard: look.held.guard.as_ref().map(ToString::to_string),
        claim: look.held.claim.as_ref().map(ToString::to_string),
        asked: look.held.asker.as_ref().map(who::asker),
        entries: branch
            .unwrap_or_default()
            .into_iter()
            .map(RawEntry::json)
            .collect(),
    }
}

fn divergent(branch: &Divergence) -> Value {
    json!({ "from": branch.from, "leafId": branch.leaf, "entries": branch.entries })
}

fn waiting(message: &Waiting) -> Value {
    json!({ "key": message.key, "acceptedAt": iso_from_millis(message.at_ms) })
}
