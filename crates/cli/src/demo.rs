//! `latchwork demo`: a real turn with a slow recorded model in this process, while a second process appends to the same
//! session and a third asks for the turn. Everything is real but the model.
//!
//! The timeline is drawn as it happens; at the end stand the figures and what was verified. Needs no key and no network.

mod lanes;
mod others;
mod stage;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use latchwork::lock::LockScope;
use latchwork::runner::{TurnEvent, TurnPhase, What};
use latchwork::{Latchwork, SessionArg};
use tokio::sync::Notify;

use crate::args::Demo;
use crate::demo::lanes::{Figures, Lanes, LooksLike, SECOND, THIRD, TURN};
use crate::demo::stage::Stage;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, stdout_is_styled};
use crate::signals::Interrupts;
use crate::world::World;

/// The session of the demo.
const SESSION: &str = "demo";
/// How long everything may take, besides the model's own time; machines may be slow and busy.
const LIMIT: Duration = Duration::from_secs(120);
/// How many times the model's time for one reply.
const LIMIT_PACES: u32 = 10;
/// What the user asks.
const PROMPT: &str = "What is left to do before the release?";

/// Runs the command.
pub(crate) async fn run(typed: &Demo, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let stage = Stage::set(world)?;
    let latchwork = begin(world, &stage, typed, errors)?;
    let (lanes, screen) = Lanes::begin(if typed.json {
        LooksLike::Json
    } else {
        LooksLike::Words {
            styled: stdout_is_styled(world),
        }
    })?;
    let done = play(typed, &latchwork, &stage, &lanes).await;
    // What happened is shown before what went wrong.
    screen.end()?;
    done
}

/// Everything between the first line and the last.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
async fn play(
    typed: &Demo,
    latchwork: &Latchwork,
    stage: &Stage,
    lanes: &Lanes,
) -> Result<Exit, Failure> {
    let session =
        latchwork.session(&SessionArg::parse(SESSION).map_err(|error| Failure::of(&error))?)?;
    let pace = typed.pace.0;
    lanes.say(
        TURN,
        &format!(
            "this process runs a turn; the recorded model takes {} ms for each reply",
            pace.as_millis()
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
    let turn = async { Ok(turn.await?) };
    let beside = async {
        asked.notified().await;
        tokio::try_join!(
            others::append(stage, lanes, pace),
            others::ask_for_the_turn(stage, lanes, &session, pace),
        )
    };
    // Whichever fails ends the others.
    let all = async { tokio::try_join!(turn, beside) };
    let (report, (sent, third)) = tokio::select! {
        biased;
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
        all = tokio::time::timeout(LIMIT + pace * LIMIT_PACES, all) => all.map_err(|_| {
            Failure::new("the processes of the demo do not come to an end")
                .hint("this machine may be very busy; what was written by then is all there")
        })??,
    };
    let verified = verify::verify(&session, &sent).await?;
    lanes.figures(&Figures {
        report: &report,
        sent: &sent,
        third,
        verified,
        transcript: &session.place(),
    });
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
