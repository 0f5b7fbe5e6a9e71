//! `latchwork why`: one page on what a session is doing or waiting for, who holds what, and what can be done about it.
//!
//! A bystander, as `locks` is: nothing is locked or written.

mod advice;

use latchwork::filelock::LockView;
use latchwork::format::time::iso_from_millis;
use latchwork::{LastTurn, Latchwork, Next, Read, Session, SessionKey, Why};
use serde_json::{Value, json};

use crate::args::Why as Typed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::locks::{json as locks_json, words};
use crate::output::Output;

/// Runs the command.
pub(crate) async fn run(typed: &Typed, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let why = session.why().await?;
    let is_there = why
        .read
        .as_ref()
        .map_or(true, |read| read.exists || !read.waiting.is_empty());
    if !is_there && why.locks.is_idle() && why.locks.grants.is_empty() {
        return Err(Failure::new(format!(
            "session {} does not exist ({})",
            session.id(),
            why.place.display()
        ))
        .hint("`latchwork sessions` lists what there is"));
    }
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(&session, &why))?;
    } else {
        page(&mut output, &session, &why);
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn page(output: &mut Output, session: &Session, why: &Why) {
    output.line(format!(
        "session {}  ({})",
        session.id(),
        why.place.display()
    ));
    output.line(format!("  {}", doing(&why.locks, why.read.as_ref().ok())));
    if let Err(error) = &why.read {
        output.line(format!("  it cannot be read: {error}"));
    }
    output.line("");
    output.line("who holds what:");
    held(output, &why.locks);
    if let Ok(read) = &why.read {
        queue(output, read);
        if let Some(turn) = &read.last_turn {
            last_turn(output, turn);
        }
    }
    if !why.locks.grants.is_empty() {
        output.line("");
        output.line("the last grants of the lock, the newest first:");
        for one in why.locks.grants.iter().rev() {
            output.line(format!("  {}", words::grant(one)));
        }
    }
    output.line("");
    output.line("what to do:");
    for line in advice::of(&why.locks, typed_name(session).as_deref()) {
        output.line(format!("  - {line}"));
    }
}

/// What is held, and plainly what is not.
fn held(output: &mut Output, view: &LockView) {
    words::session(output, view);
    let free = [
        (view.latch.is_none(), "lock", "free: nobody writes"),
        (view.turn.is_none(), "turn", "free: no turn is under way"),
        (view.peer.is_none(), "peers", "no lock file of a peer"),
    ];
    for (_, what, words) in free.iter().filter(|(is_free, _, _)| *is_free) {
        output.line(format!("  {what:<8}{words}"));
    }
}

fn queue(output: &mut Output, read: &Read) {
    if read.waiting.is_empty() {
        return;
    }
    output.line("");
    output.line(format!(
        "{} waiting to be answered:",
        messages(read.waiting.len())
    ));
    for message in &read.waiting {
        let accepted = iso_from_millis(message.at_ms);
        output.line(format!("  message {}, accepted {accepted}", message.key));
    }
}

fn messages(count: usize) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}

fn last_turn(output: &mut Output, turn: &LastTurn) {
    output.line("");
    output.line(format!(
        "the last turn ({:?}, written down {}): {:.1} ms, {} rounds, {} calls of tools; the lock was held for {:.1} ms of it",
        turn.turn, turn.at, turn.total_ms, turn.rounds, turn.tool_calls, turn.guard_ms
    ));
    if turn.phases.is_empty() {
        output.line("  its phases are not written down; see the grants");
        return;
    }
    output.line(format!(
        "  {:<12} {:>5} {:>12} {:>7} {:>12} {:>12}",
        "phase", "times", "took ms", "guards", "waited ms", "held ms"
    ));
    for one in &turn.phases {
        output.line(format!(
            "  {:<12} {:>5} {:>12.1} {:>7} {:>12.1} {:>12.1}",
            one.phase.escape_debug().to_string(),
            one.times,
            one.took_ms,
            one.guards,
            one.waited_ms,
            one.held_ms
        ));
    }
}

/// One sentence.
fn doing(view: &LockView, read: Option<&Read>) -> String {
    let peers = view
        .peer
        .as_ref()
        .filter(|peer| !peer.is_ours && !peer.owner.is_dead());
    match (&view.latch, &view.turn, peers) {
        (Some(_), _, Some(_)) => {
            "one of us has the lock and waits for the peers' lock file".to_owned()
        }
        (Some(_), Some(_), None) => {
            "a turn is under way, and the session is being written".to_owned()
        }
        (Some(_), None, None) => "the session is being written".to_owned(),
        (None, Some(_), None) => format!(
            "a turn is under way; it holds no lock: {}",
            waits_for(read.map(|read| &read.next))
        ),
        (None, Some(_), Some(_)) => "a turn is under way, and a peer has its lock file".to_owned(),
        (None, None, Some(_)) => "a peer has its lock file; nobody of ours writes".to_owned(),
        (None, None, None) if !view.wall.is_empty() => {
            "the transcript is locked by somebody who does not have our lock".to_owned()
        }
        (None, None, None) => match read.map_or(0, |read| read.waiting.len()) {
            0 => "idle: nobody writes, and no turn is under way".to_owned(),
            count => format!("idle, with {} waiting to be answered", messages(count)),
        },
    }
}

fn waits_for(next: Option<&Next>) -> String {
    match next {
        Some(Next::Tools(names)) if !names.is_empty() => {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("it runs {}", names.join(", "))
        }
        Some(Next::Model) => "it waits for the model".to_owned(),
        _ => "it waits for the model, a tool or a person".to_owned(),
    }
}

/// What a person types to reach the session.
fn typed_name(session: &Session) -> Option<String> {
    let key = session.key().map(SessionKey::as_str);
    key.map_or_else(
        || session.place().to_str().map(str::to_owned),
        |key| Some(key.to_owned()),
    )
}

fn as_json(session: &Session, why: &Why) -> Value {
    let mut value = locks_json::session(&why.locks);
    let read = why.read.as_ref();
    value["at"] = json!(iso_from_millis(why.locks.at_ms));
    value["id"] = json!(session.id());
    value["key"] = json!(session.key().map(SessionKey::as_str));
    value["doing"] = json!(doing(&why.locks, read.ok()));
    value["unreadable"] = json!(read.err());
    value["exists"] = json!(read.ok().map(|read| read.exists));
    let waiting = read
        .ok()
        .map(|read| read.waiting.as_slice())
        .unwrap_or_default();
    let waiting = waiting
        .iter()
        .map(|message| json!({ "key": message.key, "acceptedAt": iso_from_millis(message.at_ms) }));
    value["messages"] = waiting.collect();
    value["lastTurn"] = json!(
        read.ok()
            .and_then(|read| read.last_turn.as_ref())
            .map(turn_in_json)
    );
    value["whatToDo"] = json!(advice::of(&why.locks, typed_name(session).as_deref()));
    value
}

fn turn_in_json(turn: &LastTurn) -> Value {
    let phases = turn.phases.iter().map(|one| {
        json!({
            "phase": one.phase, "times": one.times, "tookMs": one.took_ms,
            "guards": one.guards, "waitedMs": one.waited_ms, "heldMs": one.held_ms,
        })
    });
    json!({
        "entry": turn.entry, "at": turn.at, "turn": turn.turn, "totalMs": turn.total_ms, "guardMs": turn.guard_ms,
        "rounds": turn.rounds, "toolCalls": turn.tool_calls, "phases": phases.collect::<Vec<_>>(),
    })
}
