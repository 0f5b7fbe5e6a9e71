//! `latchwork demo`: a real turn with a slow recorded model in this process, while a second process appends to the same
//! session and a third asks for the turn. Everything is real but the model.
//!
//! The timeline is drawn as it happens; at the end stand the figures and what was verified. Needs no key and no network.

mod lanes;
mod others;
mod stage;
mod verify;

use std::sync::Arc;

use latchwork::lock::LockScope;
use latchwork::runner::{TurnEvent, TurnPhase, What};
use latchwork::{Latchwork, SessionArg};
use tokio::sync::Notify;

use crate::args::Demo;
use crate::demo::lanes::{Lanes, SECOND, THIRD, TURN};
use crate::demo::stage::Stage;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, stdout_is_styled};
use crate::signals::Interrupts;
use crate::world::World;

/// The session of the demo.
const SESSION: &str = "demo";
/// What the user asks.
const PROMPT: &str = "What is left to do before the release?";

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(typed: &Demo, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let stage = Stage::set(world)?;
    let latchwork = begin(world, &stage, typed, errors)?;
    let session =
        latchwork.session(&SessionArg::parse(SESSION).map_err(|error| Failure::of(&error))?)?;
    let lanes = Lanes::new(stdout_is_styled(world));
    lanes.say(
        TURN,
        &format!(
            "this process runs a turn; the recorded model takes {} ms for each reply",
            typed.pace.0.as_millis()
        ),
    );
    lanes.say(
        SECOND,
        "a second process appends to the same session meanwhile",
    );
    lanes.say(THIRD, "a third process asks for the turn");

    let asked = Arc::new(Notify::new());
    let (shown, told) = (lanes.clone(), asked.clone());
    let watch = Arc::new(move |event: &TurnEvent| {
        shown.event(TURN, event);
        if matches!(
            event.what,
            What::PhaseStarted {
                phase: TurnPhase::Ask
            }
        ) {
            told.notify_one();
        }
    });
    let interrupts = Interrupts::listen()?;
    let ask = session.ask(PROMPT, None)?;
    let mut scope = LockScope::open();
    let turn = session.run(&mut scope, ask, watch, interrupts.token.clone());
    let beside = async {
        asked.notified().await;
        tokio::join!(
            others::append(&stage, &lanes, typed.pace.0),
            others::ask_for_the_turn(&stage, &lanes, typed.pace.0),
        )
    };
    let (report, (sent, third)) = tokio::select! {
        biased;
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
        both = async { tokio::join!(turn, beside) } => both,
    };
    let (report, sent, third) = (report?, sent?, third?);
    let verified = verify::verify(&session, &sent).await?;
    lanes.figures(&report, &sent, third, verified);
    lanes.say_plain(&format!("\ntranscript: {}", session.place().display()));
    lanes.finish()?;
    Ok(Exit::Ok)
}

/// The runtime of the demo: its own home, its own folder, the recorded model.
fn begin(world: &World, stage: &Stage, typed: &Demo, errors: Errors) -> Result<Latchwork, Failure> {
    let mut settings = world.settings(Vec::new(), &errors)?.value;
    settings.home = Some(stage.home());
    settings.model = Some(stage.model(typed.pace.0));
    settings.tools.root = stage.folder();
    settings.tools.tools = vec!["read".to_owned(), "ls".to_owned()];
    world.latchwork(settings)
}
