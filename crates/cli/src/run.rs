//! `latchwork run`: one turn, shown as it happens.

use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use latchwork::lock::LockScope;
use latchwork::runner::{OnClaimed, TurnEnd, TurnEvent, TurnReport, What};
use latchwork::seams::SessionLocks as _;
use latchwork::{Ask, Flag, Session, SessionArg, SessionKey};
use serde_json::Value;

use crate::args::Run;
use crate::begun::Begun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::screen::{Screen, Show};
use crate::signals::Interrupts;
use crate::world::World;

/// The most that is read of a prompt, in bytes.
const PROMPT_BYTES_MAX: u64 = 32 << 20;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(typed: Run, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let begun = Begun::begin(world, flags(&typed), errors)?;
    let _following = begun.follow(errors)?;
    let latchwork = &begun.latchwork;
    let address = match (&typed.file, &typed.session) {
        (Some(path), _) => SessionArg::Path(path.clone()),
        (None, Some(key)) => SessionArg::Key(key.clone()),
        (None, None) => SessionArg::Key(SessionKey::new(&latchwork.settings().session).map_err(
            |error| Failure::settings("the setting session names no session").because(&error),
        )?),
    };
    let session = latchwork.session(&address)?;
    let mut ask = match typed.prompt.as_deref() {
        Some("-") => session.ask(said(&from_stdin()?)?, typed.key.clone())?,
        Some(words) => session.ask(said(words)?, typed.key.clone())?,
        None => Ask::what_waits(),
    };
    ask.on_claimed = on_claimed(&typed);
    let interrupts = Interrupts::listen()?;
    let screen = Screen::start(Shown {
        output: Output::standard(),
        errors,
        json: typed.json,
        failed: None,
    })?;
    let (teller, waiting) = (screen.teller(), Arc::new(OnceLock::new()));
    let still_waits = waiting.clone();
    let told = Arc::new(move |event: &TurnEvent| {
        if let What::Ended { report, .. } = &event.what {
            still_waits.get_or_init(|| report.waiting.unwrap_or_default());
        }
        teller.tell(event.clone());
    });
    if !typed.json {
        let as_set = latchwork.settings().turn.claim_wait_ms;
        tell_of_a_wait(&session, &ask, as_set, errors).await;
    }
    let mut scope = LockScope::open();
    let done = session
        .run(&mut scope, ask, told, interrupts.token.clone())
        .await;
    let written = screen.end();
    let interrupted = interrupts.exit();
    match done {
        Ok(report) => {
            written?;
            if !typed.json {
                status(errors, &session, &report);
            }
            let as_ended = match report.end {
                // Nobody has been answered here: a script must not take it for an answer.
                TurnEnd::HandedOver { .. } => Exit::Busy,
                _ => Exit::Ok,
            };
            Ok(interrupted
                .filter(|_| report.end != TurnEnd::Completed)
                .unwrap_or(as_ended))
        }
        Err(error) => {
            let mut failure = Failure::from(error);
            if waiting.get().is_some_and(|waiting| *waiting > 0) {
                failure = failure.hint("the message is kept: `latchwork run` on this session without a prompt has it answered");
            }
            Err(match interrupted {
                Some(exit) if matches!(failure.exit, Exit::Signal(_)) => failure.exit(exit),
                _ => failure,
            })
        }
    }
}

fn flags(typed: &Run) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut flag = |flag: &str, key: &str, value: Value| {
        flags.push(Flag {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value,
        });
    };
    if let Some(model) = &typed.model {
        flag("--model", "model", Value::from(model.as_str()));
    }
    if let Some(tools) = &typed.tools {
        let list: Vec<&str> = tools
            .split(',')
            .map(str::trim)
            .filter(|tool| !tool.is_empty())
            .collect();
        flag("--tools", "tools.tools", Value::from(list));
    }
    if let Some(system) = &typed.system {
        flag("--system", "system_prompt", Value::from(system.as_str()));
    }
    flags
}

/// `None`: as the settings say.
fn on_claimed(typed: &Run) -> Option<OnClaimed> {
    if let Some(reason) = &typed.take_over {
        return Some(OnClaimed::TakeOver(reason.clone()));
    }
    if let Some(reason) = &typed.hand_over {
        return Some(OnClaimed::HandOver {
            reason: reason.clone(),
            grace: typed.grace.map(|span| span.0),
        });
    }
    if typed.queue {
        return Some(OnClaimed::Queue);
    }
    typed.wait.map(|span| {
        if span.0.is_zero() {
            OnClaimed::Fail
        } else {
            OnClaimed::Wait(span.0)
        }
    })
}

/// Nobody waits without being told what for.
async fn tell_of_a_wait(session: &Session, ask: &Ask, as_set: u64, errors: Errors) {
    let waits = match &ask.on_claimed {
        None => as_set > 0,
        Some(claimed) => matches!(claimed, OnClaimed::Wait(_) | OnClaimed::HandOver { .. }),
    };
    if waits
        && let Ok(held) = session.store().held(session.id()).await
        && let Some(holder) = held.claim
    {
        errors.dim(&format!("waiting for the turn that is under way: {holder}"));
    }
}

/// A prompt that says something.
fn said(words: &str) -> Result<&str, Failure> {
    if words.trim().is_empty() {
        return Err(
            Failure::usage("the prompt is empty").hint("leave it out to have answered what waits")
        );
    }
    Ok(words)
}

pub(crate) fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(PROMPT_BYTES_MAX + 1)
        .read_to_string(&mut text);
    let read = read.map_err(|error| {
        Failure::new("the prompt cannot be read from standard input").because(&error)
    })?;
    if read as u64 > PROMPT_BYTES_MAX {
        return Err(Failure::usage(
            "the prompt on standard input has more than 32 MiB",
        ));
    }
    Ok(text)
}

/// What is on the screen.
struct Shown {
    output: Output,
    errors: Errors,
    json: bool,
    failed: Option<Failure>,
}

impl Show<TurnEvent> for Shown {
    fn show(&mut self, event: TurnEvent) {
        if self.json {
            if let Err(failure) = self.output.json(&event) {
                self.failed = Some(failure);
            }
            return;
        }
        match &event.what {
            What::Text { text } => self.output.words(text),
            What::ToolStarted { name, .. } => self.aside(&format!("[{name} ...]")),
            What::ToolEnded { name, status, .. } => {
                self.aside(&format!("[{name}: {status:?}]").to_lowercase());
            }
            What::Warning { text } => {
                self.output.end_line();
                self.errors.warn(text);
            }
            What::Ended { report, .. } => {
                if matches!(report.end, TurnEnd::AlreadyAnswered { .. }) {
                    self.output.words(&report.text);
                }
                self.output.end_line();
            }
            _ => {}
        }
    }

    fn end(self) -> Result<(), Failure> {
        match self.failed {
            Some(failure) => Err(failure),
            None => self.output.finish(),
        }
    }
}

impl Shown {
    /// Words beside the answer begin on a line of their own.
    fn aside(&mut self, text: &str) {
        self.output.end_line();
        self.errors.dim(text);
    }
}

/// One line about where the session stands.
fn status(errors: Errors, session: &Session, report: &TurnReport) {
    match &report.end {
        TurnEnd::Nothing => errors.dim("nothing waits for an answer"),
        TurnEnd::AlreadyAnswered { by } => {
            errors.dim(&format!("this message was answered before, by entry {by}"));
        }
        TurnEnd::Queued => errors.dim("another turn is under way; the message waits in the inbox"),
        TurnEnd::HandedOver { to, reason, .. } => errors.warn(&format!(
            "the turn was handed over to {to}, who asked for it ({reason}); what is not answered is answered there"
        )),
        TurnEnd::Replaced { why } => {
            errors.warn(&format!(
                "{why}: what was said is kept beside the active branch"
            ));
        }
        _ => {}
    }
    let saved = report.saved_through.map_or_else(
        || "nothing written".to_owned(),
        |level| format!("saved ({level})"),
    );
    let waiting = match report.waiting {
        Some(0) | None => String::new(),
        Some(1) => ", 1 message waits".to_owned(),
        Some(more) => format!(", {more} messages wait"),
    };
    errors.dim(&format!(
        "session {}: {saved}{waiting}; guard held {:.1} ms of a turn of {:.0} ms",
        session.id(),
        report.guard.held_ms,
        report.total_ms
    ));
}
