//! `latchwork sessions search`: what was said in any session, with where it stands.

use std::fmt::Write as _;

use latchwork::format::Escaped;
use latchwork::format::time::iso_from_millis;
use latchwork::search::{Context, Found, Hit, Note, Progress, Query, SearchError, Snippet};
use latchwork::{Latchwork, SearchFailed, SearchHow, SessionKey};
use serde_json::{Value, json};

use crate::args::Search;
use crate::bar::Bar;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output, dim, paint, stdout_is_styled};
use crate::signals::Interrupts;
use crate::world::World;

/// Runs the command.
pub(super) async fn run(
    typed: &Search,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let query = Query::parse(&typed.query.join(" ")).map_err(|error| {
        Failure::of(&error)
            .exit(Exit::Usage)
            .hint("words, \"words in a row\", begin*, this OR that, -without")
    })?;
    let how = SearchHow {
        query,
        folder: typed.dir.clone(),
        session: typed.session.clone(),
        voice: typed.role.map(Into::into),
        since_ms: typed
            .since
            .map(|since| since.at(world.system.clock.wall_ms())),
        limit: typed.limit.into(),
        rebuild: typed.rebuild,
    };
    let interrupts = Interrupts::listen()?;
    let bar = Bar::counted(world, typed.json, "indexing sessions");
    let shown = bar.clone();
    let watch = move |progress: Progress| shown.tell(progress.done as u64, progress.of as u64);
    let found = tokio::select! {
        found = latchwork.search(how, watch) => found,
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
    };
    bar.clear();
    let found = found.map_err(|error| failure(&error, typed))?;
    for note in &found.notes {
        errors.warn(&in_words(note));
    }
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(&found))?;
    } else {
        told(&mut output, &found, stdout_is_styled(world));
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn told(output: &mut Output, found: &Found, styled: bool) {
    for hit in &found.hits {
        let time = hit.time.map(iso_from_millis).unwrap_or_default();
        let time = time.get(..16).unwrap_or("(no time)").replace('T', " ");
        let head = format!("{}  {}  {time}  {}", name(hit), hit.entry, hit.voice.name());
        let head = paint(styled, "1", &one_line(&head));
        let stands = dim(
            styled,
            &one_line(&format!("{}{}", stands(hit), called(hit))),
        );
        output.styled_line(&format!("{head}  {stands}"));
        output.styled_line(&format!("  {}", marked(&hit.snippet, styled)));
    }
    match (found.hits.is_empty(), found.more) {
        (true, _) => output.line("nothing was found"),
        (false, true) => output.styled_line(&dim(styled, "there is more: --limit N shows it")),
        (false, false) => {}
    }
}

/// What a person types to reach the session: the key that it keeps, if that leads to it, else the stem of its file.
fn name(hit: &Hit) -> &str {
    let leads_there =
        |key: &&str| SessionKey::new(*key).is_ok_and(|key| key.session_id().as_str() == hit.stem);
    hit.key.as_deref().filter(leads_there).unwrap_or(&hit.stem)
}

fn called(hit: &Hit) -> String {
    match hit.name.as_deref().or(hit.title.as_deref()) {
        Some(title) => format!("  ({title})"),
        None => String::new(),
    }
}

fn stands(hit: &Hit) -> String {
    let leaf = &hit.standing.leaf;
    let place = match hit.standing.context {
        Context::Shown => return "in the context".to_owned(),
        Context::Compacted => return "compacted away".to_owned(),
        Context::Edited => return "edited away".to_owned(),
        Context::Beside => "beside the active branch",
        Context::Hidden => "hidden by a later entry of the same id",
        Context::Never => "shown to no model",
    };
    if hit.standing.active {
        place.to_owned()
    } else {
        format!("{place}, leads to {leaf}")
    }
}

/// The snippet in one harmless line, what was looked for marked.
fn marked(snippet: &Snippet, styled: bool) -> String {
    let mut line = String::new();
    if snippet.thought {
        line.push_str(&dim(styled, "(thinking) "));
    }
    for part in &snippet.parts {
        let text = one_line(&part.text);
        match (part.matched, styled) {
            (true, true) => line.push_str(&paint(true, "1;33", &text)),
            (true, false) => {
                // Writing to a text cannot fail.
                let _ = write!(line, "\u{ab}{text}\u{bb}");
            }
            (false, _) => line.push_str(&text),
        }
    }
    line
}

/// Harmless, and in one line.
fn one_line(text: &str) -> String {
    Escaped(&text.replace(['\n', '\t'], " ")).to_string()
}

fn as_json(found: &Found) -> Value {
    json!({
        "hits": found.hits.iter().map(hit_as_json).collect::<Vec<_>>(),
        "more": found.more,
        "notes": found.notes.iter().map(in_words).collect::<Vec<_>>(),
    })
}

fn hit_as_json(hit: &Hit) -> Value {
    let parts = &hit.snippet.parts;
    json!({
        "session": hit.stem,
        "key": hit.key,
        "name": hit.name,
        "title": hit.title,
        "entryId": hit.entry,
        "line": hit.line,
        "timestamp": hit.time.map(iso_from_millis),
        "role": hit.voice.name(),
        "thinking": hit.snippet.thought,
        "active": hit.standing.active,
        "leafId": hit.standing.leaf,
        "context": hit.standing.context.name(),
        "snippet": parts.iter().map(|part| json!({ "text": part.text, "match": part.matched })).collect::<Vec<_>>(),
    })
}

fn in_words(note: &Note) -> String {
    let sessions = |count: &usize| match count {
        1 => "1 session is".to_owned(),
        count => format!("{count} sessions are"),
    };
    match note {
        Note::PutAside { path, why } => format!(
            "the index could not be used and was made anew ({why}); it was put aside as {}",
            path.display()
        ),
        Note::NotKept { why } => {
            format!("the index could not be kept and was made for this search alone: {why}")
        }
        Note::Behind { sessions: count } => format!(
            "the index may not be written: {} not searched as they are now",
            sessions(count)
        ),
        Note::IndexedElsewhere { sessions: count } => format!(
            "another process is indexing: {} not searched as they are now",
            sessions(count)
        ),
        Note::NotIndexed {
            sessions: count,
            why,
        } => format!(
            "indexing ended early ({why}): {} not searched as they are now",
            sessions(count)
        ),
        Note::Unread(unread) => {
            let first = unread.first().map(|(stem, why)| format!("{stem}: {why}"));
            format!(
                "{} not searched, as they cannot be read ({})",
                sessions(&unread.len()),
                first.unwrap_or_default()
            )
        }
        _ => "something was worked around".to_owned(),
    }
}

fn failure(error: &SearchFailed, typed: &Search) -> Failure {
    let failure = Failure::of(error);
    match error {
        SearchFailed::NoHome => failure
            .exit(Exit::Settings)
            .hint("set LATCHWORK_HOME to a folder of yours, or name a folder with --dir"),
        SearchFailed::NoSession { place, .. } => failure
            .near(place, typed.dir.is_none())
            .hint("`latchwork sessions` lists what there is"),
        SearchFailed::Folder(error) => failure.near(&error.path, false),
        SearchFailed::Search(SearchError::Stopped) => {
            failure.hint("say it again: it goes on from there")
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::{in_words, marked};
    use latchwork::search::{Note, Snippet, SnippetPart};

    #[test]
    fn what_steers_a_terminal_is_escaped_inside_and_outside_of_a_match() {
        let part = |text: &str, matched| SnippetPart {
            text: text.to_owned(),
            matched,
        };
        let snippet = Snippet {
            parts: vec![part("\u{1b}[2Ja\n", false), part("\u{202e}x\u{7}", true)],
            thought: true,
        };
        assert_eq!(
            marked(&snippet, false),
            "(thinking) \\x1b[2Ja \u{ab}\\u{202e}x\\x07\u{bb}"
        );
        let styled = marked(&snippet, true);
        assert!(
            styled.contains("\u{1b}[1;33m\\u{202e}x\\x07\u{1b}[0m") && !styled.contains('\u{7}'),
            "{styled}"
        );
    }

    #[test]
    fn one_session_and_many_are_told_in_words() {
        assert!(in_words(&Note::Behind { sessions: 1 }).contains("1 session is not"));
        assert!(in_words(&Note::Behind { sessions: 2 }).contains("2 sessions are not"));
    }
}
