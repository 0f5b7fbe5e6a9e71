//! `latchwork locks`: every session of the home of which something is held, waited for or asked for, and the last grants.
//!
//! A bystander: nothing is locked or written, whatever others do. With `--watch` it looks again and again, and what it finds is
//! shown when it differs from what was shown last.
//!
//! | file | idea |
//! |---|---|
//! | `words` | locks in words |
//! | `json` | the same as one JSON object |

pub(crate) mod json;
pub(crate) mod words;

use std::time::{Duration, Instant};

use latchwork::Latchwork;
use latchwork::filelock::FolderView;

use crate::args::Locks;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, stdout_is_a_terminal};
use crate::signals::Interrupts;

/// A look shall take at most so much of the time between two: an eighth.
const PAUSES_FOR_A_LOOK: u32 = 7;

/// Runs the command.
pub(crate) async fn run(typed: &Locks, latchwork: &Latchwork) -> Result<Exit, Failure> {
    if typed.watch {
        return watch(typed, latchwork).await;
    }
    let mut output = Output::standard();
    show(typed, latchwork, &latchwork.locks().await?, &mut output)?;
    output.finish()?;
    Ok(Exit::Ok)
}

fn show(
    typed: &Locks,
    latchwork: &Latchwork,
    view: &FolderView,
    output: &mut Output,
) -> Result<(), Failure> {
    let folder = latchwork.sessions_folder();
    if typed.json {
        return output.json(&json::folder(view, folder.as_deref()));
    }
    words::folder(output, view, folder.as_deref());
    Ok(())
}

/// Until it is interrupted, or nobody reads any more.
async fn watch(typed: &Locks, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let redraws = !typed.json && stdout_is_a_terminal();
    let mut output = Output::standard();
    let mut shown = None;
    while output.is_read() {
        let began = Instant::now();
        let view = latchwork.locks().await?;
        let found = Some(json::what_matters(&view));
        // On a terminal the times go on, too.
        if redraws || found != shown {
            if redraws {
                output.clear_screen();
            } else if shown.is_some() && !typed.json {
                output.line("");
            }
            show(typed, latchwork, &view, &mut output)?;
            shown = found;
        }
        let pause = typed.every.0.max(began.elapsed() * PAUSES_FOR_A_LOOK);
        let pause = pause.max(Duration::from_millis(10));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = interrupts.token.cancelled() => break,
        }
    }
    output.finish()?;
    Ok(interrupts.exit().unwrap_or(Exit::Ok))
}
