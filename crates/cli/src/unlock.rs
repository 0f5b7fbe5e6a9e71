//! `latchwork unlock`: who keeps a session, and ending them where that is asked for and proven.

use latchwork::Latchwork;
use latchwork::filelock::{NotProven, Occupied, What};
use latchwork::lock::Holder;

use crate::args::Unlock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command.
pub(crate) async fn run(typed: &Unlock, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let kept = session.occupation().await?;
    let mut output = Output::standard();
    show(&mut output, "lock", kept.latch.as_ref());
    show(&mut output, "turn", kept.claim.as_ref());
    let what = match (&kept.latch, &kept.claim) {
        (Some(_), _) => What::Latch,
        (None, Some(_)) => What::Claim,
        (None, None) => {
            output.finish()?;
            return Ok(Exit::Ok);
        }
    };
    if !typed.kill {
        output.finish()?;
        return Ok(Exit::Busy);
    }
    let done = session.end_holder(what).await?;
    for holder in &done.ended {
        output.line(format!("ended {holder}"));
    }
    match &done.left {
        None => output.line("nobody holds it any more"),
        Some(next) => output.line(format!("it is held by {}", in_words(next))),
    }
    output.finish()?;
    match done.left {
        Some(left) if done.ended.is_empty() => Err(not_proven(&left)),
        _ => Ok(Exit::Ok),
    }
}

fn show(output: &mut Output, what: &str, occupied: Option<&Occupied>) {
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
}

/// The process that wrote itself down; where that has ended, one that has the lock now.
fn in_words(occupied: &Occupied) -> String {
    let unknown = || Holder::default().to_string();
    occupied
        .holder
        .as_ref()
        .map_or_else(unknown, ToString::to_string)
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
