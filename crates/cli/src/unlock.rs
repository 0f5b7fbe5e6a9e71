//! `latchwork unlock`: who keeps a session, and ending them where that is asked for and proven.

use latchwork::Latchwork;
use latchwork::filelock::{Ended, NotProven, Occupation, Occupied, What};
use latchwork::lock::Holder;
use serde_json::{Value, json};

use crate::args::Unlock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::who;

/// Runs the command.
pub(crate) async fn run(typed: &Unlock, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let kept = session.occupation().await?;
    let mut output = Output::standard();
    if !typed.json {
        show(&mut output, &kept);
    }
    let what = match (&kept.latch, &kept.claim) {
        (Some(_), _) => Some(What::Latch),
        (None, Some(_)) => Some(What::Claim),
        (None, None) => None,
    };
    let ended = match what.filter(|_| typed.kill) {
        Some(what) => Some((what, session.end_holder(what).await?)),
        None => None,
    };
    match (&ended, typed.json) {
        (ended, true) => output.json(&as_json(&kept, ended.as_ref()))?,
        (Some((_, done)), false) => show_ended(&mut output, done),
        (None, false) => {}
    }
    output.finish()?;
    match (what, ended) {
        (Some(_), None) => Ok(Exit::Busy),
        (_, Some((_, done))) => match done.left {
            Some(left) if done.ended.is_empty() => Err(not_proven(&left)),
            _ => Ok(Exit::Ok),
        },
        (None, None) => Ok(Exit::Ok),
    }
}

fn show(output: &mut Output, kept: &Occupation) {
    show_one(output, "lock", kept.latch.as_ref());
    show_one(output, "turn", kept.claim.as_ref());
    if let Some(asker) = &kept.asker {
        output.line(format!("  asked for by {asker}"));
    }
}

fn show_one(output: &mut Output, what: &str, occupied: Option<&Occupied>) {
    let Some(occupied) = occupied else {
        output.line(format!("{what}: free"));
        return;
    };
    output.line(format!("{what}: held by {}", in_words(occupied)));
    if let Some(doubt) = occupied.doubt {
        output.line(format!("  {doubt}"));
    }
    for heir in &occupied.heirs {
        output.line(format!("  shared by inheritance: {heir}"));
    }
    for other in &occupied.others {
        output.line(format!("  by the kernel's word: {other}"));
    }
}

fn show_ended(output: &mut Output, done: &Ended) {
    for holder in &done.ended {
        output.line(format!("ended {holder}"));
    }
    match &done.left {
        None => output.line("nobody holds it any more"),
        Some(next) => output.line(format!("it is held by {}", in_words(next))),
    }
}

/// The same as one object: what was found, and what came of ending somebody, if that was tried.
fn as_json(kept: &Occupation, ended: Option<&(What, Ended)>) -> Value {
    let ended = ended.map(|(what, done)| {
        let what = match what {
            What::Latch => "latch",
            What::Claim => "claim",
        };
        let ended: Vec<Value> = done.ended.iter().map(who::holder).collect();
        json!({ "of": what, "ended": ended, "left": done.left.as_ref().map(who::occupied) })
    });
    json!({
        "latch": kept.latch.as_ref().map(who::occupied),
        "claim": kept.claim.as_ref().map(who::occupied),
        "asked": kept.asker.as_ref().map(who::asker),
        "kill": ended,
    })
}

/// The process that wrote itself down; where that is not the holder, the one that is, by the kernel's word.
fn in_words(occupied: &Occupied) -> String {
    let noted = occupied.holder.as_ref();
    let held_by_another = occupied.doubt.is_some() && occupied.heirs.is_empty();
    let other = occupied.others.first().filter(|_| held_by_another);
    other
        .or(noted)
        .map_or_else(|| Holder::default().to_string(), ToString::to_string)
}

fn not_proven(left: &Occupied) -> Failure {
    let why = left.doubt.unwrap_or(NotProven::NotNamed);
    Failure::new(format!(
        "nothing was ended: it is not proven who holds {}",
        left.path.display()
    ))
    .because(&why)
    .hint("run it as the user, and in the container, of that process; or end the process by hand")
}
