//! The timeline: a line for each thing that happens, in the lane of the process that it happens in; then the figures.

use std::path::Path;
use std::time::{Duration, Instant};

use latchwork::format::Escaped;
use latchwork::runner::{PlacedAs, TurnEvent, TurnPhase, TurnReport, What};
use serde_json::{Value, json};

use crate::demo::others::{Sent, millis};
use crate::demo::verify::Verified;
use crate::failure::Failure;
use crate::output::{Output, harmless_json, paint};
use crate::screen::{Screen, Show, Teller};

/// The process of the turn.
pub(crate) const TURN: Lane = Lane {
    name: "turn",
    style: "36",
};
/// The process that appends.
pub(crate) const SECOND: Lane = Lane {
    name: "writer",
    style: "33",
};
/// The process that asks for the turn.
pub(crate) const THIRD: Lane = Lane {
    name: "client",
    style: "35",
};

/// Where a line belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    name: &'static str,
    style: &'static str,
}

/// The screen. Clones draw on the same one; saying something never waits.
#[derive(Clone)]
pub(crate) struct Lanes {
    to: Teller<String>,
    begun: Instant,
    look: LooksLike,
}

/// What the lines are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LooksLike {
    /// For a person; styled or not.
    Words {
        /// With colours.
        styled: bool,
    },
    /// For a program.
    Json,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'a> {
    /// The first turn.
    pub(crate) report: &'a TurnReport,
    /// What the second process appended.
    pub(crate) sent: &'a [Sent],
    /// How long the third process waited for the turn.
    pub(crate) third: Duration,
    /// What was verified.
    pub(crate) verified: Verified,
    /// Where all of it stands.
    pub(crate) transcript: &'a Path,
}

/// Lines that are harmless already.
struct Lines(Output);

impl Show<String> for Lines {
    fn show(&mut self, line: String) {
        self.0.styled_line(&line);
    }

    fn end(self) -> Result<(), Failure> {
        self.0.finish()
    }
}

impl Lanes {
    /// Empty lanes, and the screen that they are drawn on.
    pub(crate) fn begin(look: LooksLike) -> Result<(Self, Screen<String>), Failure> {
        let screen = Screen::start(Lines(Output::standard()))?;
        let lanes = Self {
            to: screen.teller(),
            begun: Instant::now(),
            look,
        };
        Ok((lanes, screen))
    }

    /// A line in a lane.
    pub(crate) fn say(&self, lane: Lane, text: &str) {
        let since = self.begun.elapsed();
        match self.look {
            LooksLike::Words { styled } => {
                let name = paint(styled, lane.style, &format!("{:<7}", lane.name));
                let since = since.as_secs_f64();
                self.to
                    .tell(format!("{since:>+8.3} s  {name} {}", Escaped(text)));
            }
            LooksLike::Json => self.tell_json(&json!({
                "type": "said", "ms": millis(since), "lane": lane.name, "text": text,
            })),
        }
    }

    fn tell_json(&self, value: &Value) {
        self.to.tell(harmless_json(&value.to_string()).into_owned());
    }

    /// A line below the lanes.
    fn say_plain(&self, text: &str) {
        self.to.tell(Escaped(text).to_string());
    }

    /// What an event of a turn looks like, if it is worth a line.
    pub(crate) fn event(&self, lane: Lane, event: &TurnEvent) {
        if let Some(text) = in_words(&event.what) {
            self.say(lane, &text);
        }
    }

    /// The figures.
    pub(crate) fn figures(&self, figures: &Figures<'_>) {
        match self.look {
            LooksLike::Words { .. } => self.figures_in_words(figures),
            LooksLike::Json => self.tell_json(&figures.as_json()),
        }
    }

    fn figures_in_words(&self, figures: &Figures<'_>) {
        let (report, guard) = (figures.report, &figures.report.guard);
        let lines = figures.sent.len();
        let share = 100.0 * guard.held_ms / report.total_ms.max(0.001);
        self.say_plain("");
        self.say_plain(&format!(
            "guard held for {:.1} ms of a turn of {:.0} ms ({share:.1} %), {} times, {:.1} ms at most",
            guard.held_ms, report.total_ms, guard.taken, guard.longest_hold_ms
        ));
        self.say_plain(&format!(
            "longest wait of a writer: {:.1} ms, from sending a line to its durable receipt ({lines} lines)",
            millis(figures.longest_wait())
        ));
        self.say_plain(&format!(
            "the client had the turn after {:.0} ms, when the first one was over",
            millis(figures.third)
        ));
        self.say_plain(&format!(
            "{} entries verified: every line reads, every parent exists, each of the {lines} appended messages and entries \
             stands exactly once",
            figures.verified.entries
        ));
        self.say_plain("");
        self.say_plain(&format!("transcript: {}", figures.transcript.display()));
    }
}

impl Figures<'_> {
    fn longest_wait(&self) -> Duration {
        let waits = self.sent.iter().map(|sent| sent.waited);
        waits.max().unwrap_or_default()
    }

    fn as_json(&self) -> Value {
        let guard = &self.report.guard;
        json!({
            "type": "figures",
            "turnMs": self.report.total_ms,
            "guardHeldMs": guard.held_ms,
            "guardsTaken": guard.taken,
            "longestHoldMs": guard.longest_hold_ms,
            "appended": self.sent.len(),
            "longestWaitMs": millis(self.longest_wait()),
            "clientWaitedMs": millis(self.third),
            "entriesVerified": self.verified.entries,
            "transcript": self.transcript.to_string_lossy(),
        })
    }
}

fn in_words(what: &What) -> Option<String> {
    Some(match what {
        What::Accepted { .. } => {
            "the message is accepted: durable in the inbox, nothing held".to_owned()
        }
        What::PhaseStarted {
            phase: TurnPhase::Ask,
        } => "asks the model; nothing is held".to_owned(),
        What::PhaseEnded {
            phase: TurnPhase::Ask,
            took_ms,
        } => format!("the model has answered, after {took_ms:.0} ms"),
        What::GuardReleased { phase, held_ms } => {
            format!("guard of {} given back after {held_ms:.1} ms", name(*phase))
        }
        What::GuardTaken { phase, waited_ms } => format!(
            "guard taken for {} (waited {waited_ms:.1} ms)",
            name(*phase)
        ),
        What::ToolStarted { name, .. } => format!("tool {name} runs; nothing is held"),
        What::ToolEnded { name, status, .. } => format!(
            "tool {name} ended: {}",
            format!("{status:?}").to_lowercase()
        ),
        What::Recorded { ids, outcome } => {
            let entries = if ids.len() == 1 {
                "1 entry".to_owned()
            } else {
                format!("{} entries", ids.len())
            };
            format!("recorded {entries}{}", placed(*outcome))
        }
        What::Waiting { n: 1 } => "1 message came in meanwhile: it is answered next".to_owned(),
        What::Waiting { n } if *n > 1 => {
            format!("{n} messages came in meanwhile: they are answered next")
        }
        What::Warning { text } => format!("warning: {text}"),
        What::Ended { report, .. } => format!("the turn is over, after {:.0} ms", report.total_ms),
        _ => return None,
    })
}

/// What had come in between, and what became of it.
fn placed(outcome: PlacedAs) -> &'static str {
    match outcome {
        PlacedAs::Rebased => ", after what had come in between",
        PlacedAs::Diverged => "; a message had come in between and stands after it now",
        PlacedAs::Aside => ", beside the active branch",
        _ => "",
    }
}

fn name(phase: TurnPhase) -> String {
    format!("{phase:?}").to_lowercase()
}
