//! `latchwork watch`: what the turn under way adds to a session, until it ends. A reader: it holds nobody up.

use latchwork::Latchwork;

use crate::args::Watch;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output, stdout_is_styled};
use crate::show::entry_in_words;
use crate::world::World;

/// Runs the command.
pub(crate) async fn run(
    typed: &Watch,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let mut watching = session.watch().await?;
    match watching.turn() {
        Some(turn) => errors.dim(&format!("watching the turn that is under way: {turn}")),
        None => errors.dim("no turn is under way"),
    }
    let mut output = Output::standard();
    let styled = stdout_is_styled(world);
    while output.is_read() {
        let Some(added) = watching.next().await? else {
            break;
        };
        for entry in &added {
            if typed.json {
                output.json(&entry.json())?;
            } else {
                entry_in_words(&mut output, entry, styled);
            }
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}
