//! `latchwork du`: what eats the space of a session, or of the home.

mod json;
mod words;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use latchwork::{Latchwork, SpaceFailed, SpaceHow, SpaceProgress};

use crate::args::Du;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output, stdout_is_styled};
use crate::signals::Interrupts;
use crate::world::World;

/// What takes no longer has no bar.
const AT_ONCE: Duration = Duration::from_millis(400);

/// Runs the command.
pub(crate) async fn run(
    typed: &Du,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let how = SpaceHow {
        largest: typed.largest.into(),
    };
    let interrupts = Interrupts::listen()?;
    let bar = Bar::new(world, typed.json);
    let shown = bar.0.clone();
    let mut output = Output::standard();
    let styled = stdout_is_styled(world);
    let looking = async {
        match &typed.session {
            Some(session) => {
                let session = latchwork.session(session)?;
                let found = session.space(how, bar.watch()).await;
                shown.finish_and_clear();
                let found = found.map_err(|error| failure(&error, typed))?;
                match typed.json {
                    true => output.json(&json::session(&found)),
                    false => {
                        words::session(&mut output, &found, styled);
                        Ok(())
                    }
                }
            }
            None => {
                let found = latchwork.space(how, bar.watch()).await;
                shown.finish_and_clear();
                let found = found.map_err(|error| failure(&error, typed))?;
                for (session, why) in &found.unread {
                    errors.warn(&format!("session {session} could not be read: {why}"));
                }
                match typed.json {
                    true => output.json(&json::home(&found)),
                    false => {
                        words::home(&mut output, &found, styled);
                        Ok(())
                    }
                }
            }
        }
    };
    tokio::select! {
        done = looking => done?,
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn failure(error: &SpaceFailed, typed: &Du) -> Failure {
    let failure = Failure::of(error);
    match error {
        SpaceFailed::NoSession { place, .. } => {
            let is_key = typed
                .session
                .as_ref()
                .is_some_and(|session| session.session_key().is_some());
            failure
                .near(place, is_key)
                .hint("`latchwork sessions` lists what there is")
        }
        SpaceFailed::Setup(_) => failure
            .exit(Exit::Settings)
            .hint("set LATCHWORK_HOME to a folder of yours, or name a transcript"),
        _ => failure,
    }
}

/// How far it has come, on standard error, if that is a terminal and it takes a while.
struct Bar(ProgressBar, std::sync::Arc<dyn latchwork::sys::Clock>);

impl Bar {
    fn new(world: &World, json: bool) -> Self {
        let target = if io::stderr().is_terminal() && !json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(bar, world.system.clock.clone())
    }

    fn watch(self) -> impl FnMut(SpaceProgress) + Send + 'static {
        let begun = self.1.monotonic();
        move |progress| {
            if self.1.monotonic().saturating_sub(begun) > AT_ONCE {
                self.0.set_message("reading sessions");
                self.0.set_length(progress.of);
                self.0.set_position(progress.done);
            }
        }
    }
}
