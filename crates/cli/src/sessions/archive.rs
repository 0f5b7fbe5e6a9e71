//! `latchwork sessions archive`, `restore` and `list --archived`: sessions put away, brought back, and what is put away.

use latchwork::Latchwork;
use latchwork::house::Moved;
use latchwork::lock::LockScope;
use latchwork::transcript::IfWaiting;
use serde_json::{Value, json};

use crate::args::{Archive, Restore};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Puts sessions away. It ends at the first one that stays.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(super) async fn archive(typed: &Archive, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let house = latchwork.house()?;
    let if_waiting = if typed.with_waiting {
        IfWaiting::Take
    } else {
        IfWaiting::Stay
    };
    let mut scope = LockScope::open();
    let mut output = Output::standard();
    for name in &typed.sessions {
        let session = house.named(name).await?;
        let moved = house.archive(&mut scope, &session, if_waiting).await?;
        tell(&mut output, typed.json, "archived", &moved)?;
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// Brings sessions back. It ends at the first one that cannot come.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(super) async fn restore(typed: &Restore, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let house = latchwork.house()?;
    let mut scope = LockScope::open();
    let mut output = Output::standard();
    for name in &typed.sessions {
        let moved = house.restore(&mut scope, name).await?;
        tell(&mut output, typed.json, "restored", &moved)?;
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn tell(output: &mut Output, as_json: bool, done: &str, moved: &Moved) -> Result<(), Failure> {
    if as_json {
        return output.json(&shown(done, moved));
    }
    output.line(format!(
        "session {} is {done}: {} files, {} bytes, {}",
        moved.session,
        moved.files,
        moved.bytes,
        match done {
            "archived" => format!("as {}", moved.name),
            _ => moved.transcript.display().to_string(),
        }
    ));
    Ok(())
}

/// A move, for programs.
pub(super) fn shown(done: &str, moved: &Moved) -> Value {
    json!({
        "session": moved.session,
        "done": done,
        "name": moved.name,
        "path": moved.transcript,
        "files": moved.files,
        "bytes": moved.bytes,
    })
}

/// Lists what is put away.
pub(super) async fn list(as_json: bool, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let house = latchwork.house()?;
    let archived = house.archived().await?;
    let mut output = Output::standard();
    for one in &archived {
        if as_json {
            let mut shown = super::as_json(&one.summary);
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("name".into(), json!(one.summary.name));
                fields.insert("archivedAs".into(), json!(one.name));
            }
            output.json(&shown)?;
        } else {
            let row = super::row(&one.summary, 0);
            let said = row.split_once("  ").map_or(row.as_str(), |(_, said)| said);
            output.line(format!("{}  {said}", one.name));
        }
    }
    if archived.is_empty() && !as_json {
        output.line(format!(
            "nothing is archived in {}",
            house.archive_folder().display()
        ));
    }
    output.finish()?;
    Ok(Exit::Ok)
}
