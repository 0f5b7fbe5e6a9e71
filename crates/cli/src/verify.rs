//! `latchwork verify` and `latchwork repair`: whether a transcript is sound, and a new one made of what can be read of it.

use latchwork::lock::LockScope;
use latchwork::transcript::{Repair as Done, Verified};
use latchwork::{Latchwork, Session};
use serde_json::{Value, json};

use crate::args::{Repair, Verify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs `verify`.
pub(crate) async fn verify(typed: &Verify, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let Some(found) = session.verify().await? else {
        return Err(not_there(&session));
    };
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(&session, &found))?;
    } else {
        for line in in_words(&found) {
            output.line(line);
        }
    }
    output.finish()?;
    Ok(if found.is_sound() {
        Exit::Ok
    } else {
        Exit::Findings
    })
}

/// Runs `repair`.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn repair(typed: &Repair, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let done = session.repair(&mut LockScope::open()).await?;
    let mut output = Output::standard();
    if typed.json {
        output.json(&repaired_as_json(&session, done.as_ref()))?;
    } else {
        match &done {
            None => output.line("nothing is wrong with it, so nothing was changed"),
            Some(done) => {
                output.line(format!(
                    "written anew: {} damaged parts left out, {} gaps marked, {} entries given another parent or id{}",
                    done.left_out,
                    done.gaps,
                    done.mended,
                    if done.new_header { ", and a new header" } else { "" }
                ));
                output.line(format!("as it was: {}", done.kept_in.display()));
            }
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn not_there(session: &Session) -> Failure {
    let place = session.place();
    Failure::new(format!("session {} does not exist", session.id()))
        .near(&place, true)
        .hint("`latchwork sessions` lists what there is")
}

fn in_words(found: &Verified) -> Vec<String> {
    let version = found.version.as_ref().map_or_else(
        || "without a header".to_owned(),
        |version| format!("version {version}"),
    );
    let mut lines = vec![format!(
        "{} entries on {} branches, {} bytes, {version}",
        found.entries, found.branches, found.bytes
    )];
    lines.extend(
        found
            .read_only
            .iter()
            .map(|why| format!("read-only: {why}")),
    );
    lines.extend(found.flaws.iter().map(|flaw| format!("wrong: {flaw}")));
    lines.push(if found.is_sound() {
        "sound".to_owned()
    } else {
        "`latchwork repair` writes it anew from what can be read, and keeps it as it is".to_owned()
    });
    lines
}

fn as_json(session: &Session, found: &Verified) -> Value {
    json!({
        "session": session.id(),
        "path": session.place(),
        "sound": found.is_sound(),
        "bytes": found.bytes,
        "version": found.version.as_ref().map(ToString::to_string),
        "entries": found.entries,
        "branches": found.branches,
        "readOnly": found.read_only,
        "flaws": found.flaws.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn repaired_as_json(session: &Session, done: Option<&Done>) -> Value {
    json!({
        "session": session.id(),
        "path": session.place(),
        "repaired": done.is_some(),
        "keptIn": done.map(|done| &done.kept_in),
        "leftOut": done.map_or(0, |done| done.left_out),
        "gaps": done.map_or(0, |done| done.gaps),
        "mended": done.map_or(0, |done| done.mended),
        "newHeader": done.is_some_and(|done| done.new_header),
    })
}
