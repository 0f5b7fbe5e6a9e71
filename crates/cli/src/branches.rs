//! `latchwork branches`, `label`, `merge`: which branches there are, a name for an entry, and what of one is wanted on another.

use latchwork::format::Escaped;
use latchwork::lock::LockScope;
use latchwork::seams::EntryId;
use latchwork::{Branch, Latchwork, Origin};
use serde_json::{Value, json};

use crate::args::{Branches, Label, Merge};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::show::tree::words;

/// Lists the branches.
pub(crate) async fn list(typed: &Branches, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let branches = session.branches().await?;
    let mut output = Output::standard();
    for branch in &branches {
        if typed.json {
            output.json(&as_json(branch))?;
        } else {
            output.line(Escaped(&row(branch)).to_string());
        }
    }
    if !typed.json {
        match branches.len() {
            0 => output.line("nothing was said in this session".to_owned()),
            1 => {}
            _ => output.line(format!(
                "go there: latchwork rewind {0} LEAF; take an entry over: latchwork merge {0} ENTRY",
                typed.session
            )),
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

const fn in_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Active => "active",
        Origin::Aside => "orphaned",
        Origin::Theirs => "theirs",
        _ => "left",
    }
}

fn row(branch: &Branch) -> String {
    let count = branch.entries;
    let many = if count == 1 { "entry" } else { "entries" };
    let from = match &branch.from {
        _ if branch.origin == Origin::Active => String::new(),
        Some(from) => format!(", left the active one after {from}"),
        None => ", shares nothing with the active one".to_owned(),
    };
    let said = words(&branch.last);
    let what = in_words(branch.origin);
    format!("{what:<8}  {}  {count} {many}{from}: {said}", branch.leaf)
}

fn as_json(branch: &Branch) -> Value {
    json!({
        "leafId": branch.leaf,
        "fromId": branch.from,
        "entries": branch.entries,
        "origin": in_words(branch.origin),
        "timestamp": branch.last.timestamp(),
        "text": words(&branch.last),
    })
}

/// Names an entry.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn label(typed: &Label, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let target = EntryId::new(&typed.entry);
    let mut scope = LockScope::open();
    let receipt = session
        .label(&mut scope, &target, typed.name.as_deref())
        .await?;
    let mut output = Output::standard();
    if typed.json {
        let by = receipt.placed.first().map(|placed| placed.id.clone());
        output.json(&json!({
            "session": session.id(), "target": target, "label": typed.name, "entry": by,
        }))?;
    } else {
        let done = match &typed.name {
            Some(name) => format!("entry {target} is called {:?}", name.trim()),
            None => format!("entry {target} has no name any more"),
        };
        output.line(Escaped(&done).to_string());
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// Takes entries over.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn merge(typed: &Merge, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let from = typed.from.as_ref().unwrap_or(&typed.session);
    let source = latchwork.session(from)?;
    let entries: Vec<EntryId> = typed.entries.iter().map(EntryId::new).collect();
    let mut scope = LockScope::open();
    let receipt = session.merge(&mut scope, &source, &entries).await?;
    let new = receipt.placed.iter().filter(|placed| !placed.duplicate);
    let (new, all) = (new.count(), receipt.placed.len());
    let mut output = Output::standard();
    if typed.json {
        let placed: Vec<Value> = receipt
            .placed
            .iter()
            .map(|placed| json!({ "id": placed.id, "parentId": placed.parent, "duplicate": placed.duplicate }))
            .collect();
        output.json(&json!({ "session": session.id(), "from": source.id(), "entries": placed }))?;
    } else {
        let there = match all - new {
            0 => String::new(),
            there => format!(", {there} stood there already"),
        };
        let many = if new == 1 { "entry" } else { "entries" };
        output.line(format!(
            "{new} {many} of session {} taken over to session {}{there}",
            source.id(),
            session.id()
        ));
    }
    output.finish()?;
    Ok(Exit::Ok)
}
