//! `latchwork mirror codex`: what Codex says, mirrored into a session while it is said.
//!
//! What is written is told once it is durable. Standard input is read on a thread of its own: whoever writes it may be slow.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use latchwork::lock::LockScope;
use latchwork::{
    Latchwork, MirrorHow, MirrorNews, MirrorReport, MirrorSource, Session, SessionArg,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::args::{MirrorCodex, MirrorWhat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::signals::Interrupts;
use crate::world::World;

/// How much of standard input is read at once, and how many such pieces wait.
const PIECE: usize = 64 << 10;
const WAITING: usize = 2;
/// The most damaged lines that are shown to a person.
const SHOWN_MAX: usize = 20;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(
    what: &MirrorWhat,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let MirrorWhat::Codex(typed) = what;
    let session = latchwork.session(&session_of(typed, latchwork).await?)?;
    let interrupts = Interrupts::listen()?;
    let mut output = Output::standard();
    let mut unwritten = None;
    let mut scope = LockScope::open();
    let mut tell = |news| {
        let told = told(typed, &mut output, &session, &news);
        unwritten = unwritten.take().or(told.err());
        // Nobody is told any more, or cannot be: what was mirrored stands.
        if unwritten.is_some() || !output.is_read() {
            interrupts.token.cancel();
        }
    };
    let (source, how) = (source(typed), how(typed, world, errors));
    let done = session
        .mirror_codex(&mut scope, source, how, &interrupts.token, &mut tell)
        .await?;
    if let Some(failure) = unwritten {
        return Err(failure);
    }
    ended(typed, &mut output, &session, &done)?;
    output.finish()?;
    // Following ends with an interrupt: that is no failure of anything, and a script is told by the number all the same.
    Ok(interrupts.exit().unwrap_or_else(|| verdict(&done)))
}

/// A source of which nothing was understood, and something was damaged, is none of Codex's.
fn verdict(done: &MirrorReport) -> Exit {
    let nothing = done.thread.is_none() && done.source.entries.is_empty();
    if nothing && done.source.damaged_lines > 0 {
        Exit::Findings
    } else {
        Exit::Ok
    }
}

async fn session_of(typed: &MirrorCodex, latchwork: &Latchwork) -> Result<SessionArg, Failure> {
    match &typed.session {
        Some(session) => Ok(session.clone()),
        None if typed.source == "-" => Err(Failure::usage(
            "a stream needs a session that it goes to: --session KEY or --session PATH",
        )),
        None => {
            let key = latchwork.mirror_key(Path::new(&typed.source)).await?;
            Ok(SessionArg::Key(key))
        }
    }
}

fn source(typed: &MirrorCodex) -> MirrorSource {
    if typed.source == "-" {
        return MirrorSource::Pieces(pieces());
    }
    MirrorSource::File {
        path: Path::new(&typed.source).to_owned(),
        once: typed.once,
    }
}

fn how(typed: &MirrorCodex, world: &World, errors: Errors) -> MirrorHow {
    let mut how = MirrorHow::default();
    how.cwd = world.cwd.display().to_string();
    how.wait = typed.wait.0;
    how.on_wait = Some(Arc::new(move |holder| {
        errors.dim(&format!("waiting for the turn that is under way: {holder}"));
    }));
    how
}

/// Standard input, piece by piece.
fn pieces() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (to, from) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut bytes = vec![0; PIECE];
            let piece = match input.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    bytes.truncate(count);
                    Ok(bytes)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = piece.is_err();
            if to.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    from
}

fn told(
    typed: &MirrorCodex,
    output: &mut Output,
    session: &Session,
    news: &MirrorNews,
) -> Result<(), Failure> {
    match news {
        MirrorNews::Wrote(entries) if typed.json => output.json(&json!({
            "type": "mirrored",
            "session": session.id(),
            "entries": entries,
        })),
        MirrorNews::Wrote(entries) => {
            output.line(format!("{} entries written", entries.len()));
            Ok(())
        }
        _ if typed.json => output.json(&json!({ "type": "replaced", "session": session.id() })),
        _ => {
            output.line("the source is another file now; it is read from its beginning");
            Ok(())
        }
    }
}

fn ended(
    typed: &MirrorCodex,
    output: &mut Output,
    session: &Session,
    done: &MirrorReport,
) -> Result<(), Failure> {
    if typed.json {
        return output.json(&as_json(session, done));
    }
    let source = &done.source;
    output.line(format!(
        "{}: {} entries written, {} there already: {}",
        done.thread.as_deref().unwrap_or("a source without a name"),
        done.written,
        done.already,
        session.place().display()
    ));
    if done.waiting > 0 {
        output.line(format!(
            "  {} wait for the outcomes of calls, or for a turn; said again, they are written",
            done.waiting
        ));
    }
    let counted = source.left_out.iter().chain(&source.notes);
    for (what, count) in counted {
        output.line(format!("  {count} times: {what}"));
    }
    for fault in source.damaged.iter().take(SHOWN_MAX) {
        output.line(format!("  line {} left out: {}", fault.line, fault.why));
    }
    if source.damaged_lines > SHOWN_MAX as u64 {
        output.line(format!("  {} damaged lines in all", source.damaged_lines));
    }
    Ok(())
}

fn as_json(session: &Session, done: &MirrorReport) -> Value {
    json!({
        "type": "ended",
        "session": session.id(),
        "path": session.place(),
        "thread": done.thread,
        "written": done.written,
        "already": done.already,
        "waiting": done.waiting,
        "lines": done.lines,
        "stopped": done.stopped,
        "raw": done.source.raw,
        "leftOut": done.source.left_out,
        "notes": done.source.notes,
        "damaged": done.source.damaged,
        "damagedLines": done.source.damaged_lines,
    })
}
