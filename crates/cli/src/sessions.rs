//! `latchwork sessions`: what there is, in the home or in an OpenClaw home's store, and what can be done with it.

mod archive;
mod cleanup;
mod export;
mod list;
mod remove;
mod search;
mod show;
mod store;
mod tidy;

use latchwork::format::time::iso_from_millis;
use latchwork::seams::SessionSummary;
use latchwork::{Latchwork, SessionKey};
use serde_json::json;

use crate::args::{Sessions, SessionsWhat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::world::World;

/// The longest name of a session that gets a column, in characters.
const ID_WIDTH_MAX: usize = 40;

/// Runs the command.
pub(crate) async fn run(
    typed: &Sessions,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    match &typed.what {
        Some(SessionsWhat::Show(typed)) => show::run(typed, latchwork).await,
        Some(SessionsWhat::Rm(typed)) => remove::run(typed, latchwork, errors).await,
        Some(SessionsWhat::Archive(typed)) => archive::archive(typed, latchwork).await,
        Some(SessionsWhat::Restore(typed)) => archive::restore(typed, latchwork).await,
        Some(SessionsWhat::List(typed)) if typed.archived => {
            archive::list(typed.json, latchwork).await
        }
        Some(SessionsWhat::Cleanup(typed)) if typed.own.is_meant() => {
            tidy::run(typed, latchwork, errors).await
        }
        Some(SessionsWhat::List(typed)) => list::run(typed, latchwork, world),
        Some(SessionsWhat::Cleanup(typed)) => cleanup::run(typed, latchwork, errors).await,
        Some(SessionsWhat::Import(typed)) => crate::import::run(typed, latchwork, world).await,
        Some(SessionsWhat::Export(typed)) => export::run(typed, latchwork, world, errors).await,
        Some(SessionsWhat::Search(typed)) => search::run(typed, latchwork, world, errors).await,
        None => of_the_home(typed, latchwork).await,
    }
}

/// The sessions of the home.
async fn of_the_home(typed: &Sessions, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let sessions = latchwork.sessions().await?;
    let mut output = Output::standard();
    if typed.json {
        for session in &sessions {
            output.json(&as_json(session))?;
        }
    } else if sessions.is_empty() {
        let folder = latchwork
            .sessions_folder()
            .map_or_else(String::new, |folder| format!(" in {}", folder.display()));
        output.line(format!("no sessions{folder}"));
    } else {
        let width = sessions
            .iter()
            .map(|session| name(session).chars().count())
            .max()
            .unwrap_or(0)
            .min(ID_WIDTH_MAX);
        for session in &sessions {
            output.line(row(session, width));
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn as_json(session: &SessionSummary) -> serde_json::Value {
    json!({
        "session": session.session,
        "key": session.session_key,
        "name": session.name,
        "title": session.title,
        "cwd": session.cwd,
        "path": session.place,
        "created": session.created,
        "modified": iso_from_millis(session.modified_ms),
        "bytes": session.bytes,
        "waiting": session.waiting,
    })
}

fn row(session: &SessionSummary, width: usize) -> String {
    let modified = iso_from_millis(session.modified_ms);
    let modified = modified.get(..16).unwrap_or(&modified).replace('T', " ");
    let title = session
        .name
        .as_deref()
        .or(session.title.as_deref())
        .unwrap_or("(no messages)");
    let waiting = if session.waiting > 0 {
        format!("  [{} waiting]", session.waiting)
    } else {
        String::new()
    };
    format!(
        "{:<width$}  {modified}  {:>9}  {title}{waiting}",
        name(session),
        size(session.bytes)
    )
}

/// What a person types to reach the session: the key that it keeps, if that leads to it, else its id.
fn name(session: &SessionSummary) -> &str {
    let kept = session.session_key.as_deref();
    let leads_there =
        |key: &&str| SessionKey::new(*key).is_ok_and(|key| *key.session_id() == session.session);
    kept.filter(leads_there).unwrap_or(session.session.as_str())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} kB", bytes / 1_024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::{name, row, size};
    use latchwork::seams::{SessionId, SessionSummary};

    #[test]
    fn a_row_says_what_waits_and_what_it_is_called() {
        let mut session =
            SessionSummary::new(SessionId::new("s").unwrap(), "/x/s.jsonl".into(), 0, 2_000);
        session.title = Some("hello".into());
        session.waiting = 2;
        assert_eq!(
            row(&session, 4),
            "s     1970-01-01 00:00       1 kB  hello  [2 waiting]"
        );
        assert_eq!(size(5 << 20), "5 MB");
        session.session_key = Some("somebody else's".into());
        assert_eq!(name(&session), "s");
        session.session_key = Some("Our Talk".into());
        session.session = latchwork::SessionKey::new("Our Talk")
            .unwrap()
            .session_id()
            .clone();
        assert_eq!(name(&session), "Our Talk");
    }
}
