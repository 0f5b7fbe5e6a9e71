//! `latchwork show`: a session, as a conversation, as a tree, as what the model is shown, or as JSON.

mod branch;
mod tree;

use latchwork::format::inspect;
use latchwork::{Latchwork, Look, Session};
use serde_json::json;

use crate::args::Show;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, dim, stdout_is_styled};
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
        (false, false, true) => output.json(&as_json(&session, &look))?,
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
    note(format!(
        "  restored {} of {} entries",
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
        note(format!("  waiting: message {}", waiting.key));
    }
    for (what, holder) in [
        ("being written by", &look.held.guard),
        ("turn under way:", &look.held.claim),
    ] {
        if let Some(holder) = holder {
            note(format!("  {what} {holder}"));
        }
    }
    output.line("");
}

fn as_json(session: &Session, look: &Look) -> serde_json::Value {
    let (snapshot, report) = (&look.snapshot, &look.snapshot.report);
    json!({
        "session": session.id(),
        "key": session.key().map(latchwork::SessionKey::as_str),
        "path": look.place,
        "exists": snapshot.exists,
        "leafId": snapshot.head.leaf,
        "name": snapshot.transcript.name(),
        "entryCount": snapshot.transcript.entry_count(),
        "restored": report.restored,
        "of": report.of,
        "damage": report.damage,
        "readOnly": report.read_only,
        "divergent": report.divergent.iter().map(|branch| json!({
            "from": branch.from, "leafId": branch.leaf, "entries": branch.entries,
        })).collect::<Vec<_>>(),
        "waiting": look.waiting.iter().map(|waiting| waiting.key.as_str()).collect::<Vec<_>>(),
        "guard": look.held.guard.as_ref().map(ToString::to_string),
        "claim": look.held.claim.as_ref().map(ToString::to_string),
    })
}
