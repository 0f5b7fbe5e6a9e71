//! `latchwork sessions cleanup` of our own home: what is due and why; with --enforce, doing it.

use latchwork::Latchwork;
use latchwork::config::Bytes;
use latchwork::format::time::iso_from_millis;
use latchwork::house::{Action, Came, Cleaned, Cleanup as Plan, CleanupWhy, Limits};
use latchwork::lock::LockScope;
use latchwork::seams::SessionSummary;
use serde_json::{Value, json};

use crate::args::Cleanup;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};

use super::archive::shown;
use super::remove::{in_words, warn_of_blobs, warn_of_words};

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(super) async fn run(
    typed: &Cleanup,
    latchwork: &Latchwork,
    errors: Errors,
) -> Result<Exit, Failure> {
    let own = &typed.own;
    let limits = Limits {
        older_than_ms: own.older_than.map(|age| age.0),
        keep: own.keep,
        max_bytes: own.max_bytes.map(Bytes::get),
        floor_ms: own.floor.0,
    };
    let house = latchwork.house()?;
    let plan = house.plan_cleanup(&limits).await?;
    let is_done = typed.enforce && !typed.dry_run;
    let action = if own.delete {
        Action::Delete
    } else {
        Action::Archive
    };
    let done = if is_done {
        let mut scope = LockScope::open();
        house.clean_up(&mut scope, &plan, action).await?
    } else {
        Vec::new()
    };
    let gone = done.iter().filter_map(|one| match &one.came {
        Came::Removed(receipt) => Some(receipt),
        _ => None,
    });
    warn_of_words(gone.clone(), errors);
    warn_of_blobs(gone, errors);
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(&plan, &done, action, !is_done))?;
    } else {
        words(&mut output, &plan, &done, is_done, action);
    }
    output.finish()?;
    Ok(Exit::Ok)
}

const fn name(action: Action) -> &'static str {
    match action {
        Action::Archive => "archive",
        Action::Delete => "delete",
    }
}

fn rows(plan: &Plan) -> impl Iterator<Item = (usize, &SessionSummary, CleanupWhy)> {
    let rows = plan.sessions.iter().zip(&plan.planned.why).enumerate();
    rows.map(|(at, (session, why))| (at, session, *why))
}

fn words(output: &mut Output, plan: &Plan, done: &[Cleaned], is_done: bool, action: Action) {
    let due = plan.planned.order.len();
    output.line(format!("{} sessions, {due} due", plan.sessions.len()));
    for (at, session, why) in rows(plan) {
        // Who is kept though something asks for it is told, too.
        if !why.goes() && why != CleanupWhy::Parent {
            continue;
        }
        let modified = iso_from_millis(session.modified_ms);
        let day = modified.get(..10).unwrap_or(&modified).to_owned();
        let what = if why.goes() { name(action) } else { "keep" };
        output.line(format!(
            "{what:<8} {}  {day}  {} bytes  {why}",
            session.session, session.bytes
        ));
        let came = done.iter().find(|one| one.at == at).map(|one| &one.came);
        match came {
            Some(Came::Archived(moved)) => {
                output.line(format!("         archived as {}", moved.name));
            }
            Some(Came::Removed(receipt)) => output.line(format!("         {}", in_words(receipt))),
            Some(Came::Stayed(why)) => output.line(format!("         it stayed: {why}")),
            _ => {}
        }
    }
    if due > 0 && !is_done {
        output.line(
            "Nothing was changed; --enforce archives what is due, --enforce --delete removes it.",
        );
    }
}

fn as_json(plan: &Plan, done: &[Cleaned], action: Action, dry_run: bool) -> Value {
    let rows: Vec<Value> = rows(plan)
        .map(|(at, session, why)| {
            let came = done.iter().find(|one| one.at == at).map(|one| &one.came);
            json!({
                "session": session.session,
                "key": session.session_key,
                "modified": iso_from_millis(session.modified_ms),
                "bytes": session.bytes,
                "goes": why.goes(),
                "why": why.name(),
                "archived": came.and_then(|came| match came {
                    Came::Archived(moved) => Some(shown("archived", moved)),
                    _ => None,
                }),
                "receipt": came.and_then(|came| match came {
                    Came::Removed(receipt) => Some(json!(receipt)),
                    _ => None,
                }),
                "stayed": came.and_then(|came| match came {
                    Came::Stayed(why) => Some(why),
                    _ => None,
                }),
            })
        })
        .collect();
    json!({
        "dryRun": dry_run,
        "action": name(action),
        "due": plan.planned.order.len(),
        "sessions": rows,
    })
}
