//! `latchwork tail`: the last entries of a session, and with -f what is added to it, until interrupted. A reader: it holds nobody up.

use latchwork::{Added, Latchwork};

use crate::args::Tail;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output, stdout_is_styled};
use crate::show::entry_in_words;
use crate::signals::Interrupts;
use crate::world::World;

/// Runs the command.
pub(crate) async fn run(
    typed: &Tail,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let interrupts = Interrupts::listen()?;
    let (last, mut following) = session.tail(typed.lines).await?;
    let Some(last) = last else {
        return Err(Failure::new(format!(
            "session {} does not exist ({})",
            session.id(),
            session.place().display()
        ))
        .near(&session.place(), typed.session.session_key().is_some())
        .hint("`latchwork sessions` lists what there is"));
    };
    let mut output = Output::standard();
    let styled = stdout_is_styled(world);
    let mut added = Some(Added::Entries(last));
    while let Some(news) = added.take() {
        match news {
            Added::Entries(entries) => {
                for entry in &entries {
                    if typed.json {
                        output.json(&entry.json())?;
                    } else {
                        entry_in_words(&mut output, entry, styled);
                    }
                }
            }
            Added::Replaced => {
                errors.dim("the transcript was replaced; what is added to the new one follows");
            }
            Added::Gone => errors.dim("the transcript is not there any more"),
            _ => {}
        }
        if typed.follow && output.is_read() {
            added = tokio::select! {
                news = following.next() => Some(news?),
                () = interrupts.token.cancelled() => None,
            };
        }
    }
    output.finish()?;
    Ok(interrupts.exit().unwrap_or(Exit::Ok))
}
