//! `latchwork rewind`: the head goes to an earlier entry. Nothing is removed.

use latchwork::Latchwork;
use latchwork::lock::LockScope;
use latchwork::seams::EntryId;
use serde_json::json;

use crate::args::Rewind;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::run::from_stdin;

/// What names the place before the first entry.
const ROOT: &str = "root";

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(typed: &Rewind, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let to = (typed.to != ROOT).then(|| EntryId::new(&typed.to));
    let mut scope = LockScope::open();
    let why = &typed.why;
    let receipt = match &typed.summary {
        None => session.rewind(&mut scope, to.as_ref(), why).await?,
        Some(text) => {
            let summary = summary(text)?;
            session
                .branch_with_summary(&mut scope, to.as_ref(), why, &summary)
                .await?
        }
    };
    let mut output = Output::standard();
    let head = receipt.placed.first().map(|placed| placed.id.clone());
    if typed.json {
        output
            .json(&json!({ "session": session.id(), "to": to, "head": head, "why": typed.why }))?;
    } else {
        let place = to.map_or_else(
            || "before the first entry".to_owned(),
            |id| format!("after entry {id}"),
        );
        output.line(format!("session {} goes on {place}", session.id()));
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// What is said of what is left behind.
fn summary(text: &str) -> Result<String, Failure> {
    match text {
        "-" => from_stdin(),
        text if text.trim().is_empty() => Err(Failure::usage("the summary is empty")
            .hint("leave --summary out to move the head alone")),
        text => Ok(text.to_owned()),
    }
}
