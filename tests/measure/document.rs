//! What was found, for the terminal and as a document of `docs/performance`.
//!
//! All words that do not depend on a run are a benchmark's [`Words`], so that a new run replaces the whole document.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::machine::{self, Machine};
use super::{Figures, Goal, Table, Verdict};

/// One part of a measurement: its name among the figures, its title, and how it was measured.
pub type Part = (&'static str, &'static str, &'static str);

/// What a benchmark says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Its name: of the command, the document and, with an ending, its picture.
    pub name: &'static str,
    /// The title of the document.
    pub title: &'static str,
    /// How to read the tables, and who is who in them.
    pub how_to_read: &'static str,
    /// How another harness measures ours.
    pub by_another: &'static str,
    /// What the picture shows.
    pub picture: &'static str,
    /// The parts, in the order of the document.
    pub parts: &'static [Part],
    /// What this cannot say; a list.
    pub not_measured: &'static str,
}

/// One run of a benchmark.
#[derive(Debug)]
pub struct Report<'a> {
    /// Which benchmark.
    pub words: &'a Words,
    /// On what.
    pub machine: &'a Machine,
    /// Whether its figures mean little.
    pub quick: bool,
    /// How long it took.
    pub took: Duration,
    /// How much of everything, in a sentence.
    pub runs: String,
    /// What was found.
    pub figures: &'a Figures,
    /// What was wanted.
    pub goals: Vec<Goal>,
    /// Errors that callers saw, and what else a reader must know.
    pub errors: &'a [String],
    /// What could not be measured, and why.
    pub missing: &'a [String],
}

const BUSY: &str = "**The machine was busy with other work when this began (see the load): every figure is noisy, those of the slowest hundredth most.**";

const WHY_NOT: &str = "\
Why those that are not met are not. One that is missed by little may be met on an idle machine, and one that is met by little may be missed on a busy one: see \
the load.

";

impl Report<'_> {
    /// The tables in columns.
    #[must_use]
    pub fn for_the_terminal(&self) -> String {
        let mut text = String::new();
        for (section, title, _) in self.words.parts {
            let table = Table::of_section(self.figures, section);
            if !table.is_empty() {
                let _ = writeln!(text, "\n{title}\n{}", table.aligned());
            }
        }
        for line in self.errors.iter().chain(self.missing) {
            let _ = writeln!(text, "! {line}");
        }
        let _ = writeln!(text, "\nGoals\n{}", Table::of_goals(&self.goals).aligned());
        let _ = writeln!(
            text,
            "{}; {:.0} s; load after: {}",
            self.summary(),
            self.took.as_secs_f64(),
            machine::load()
        );
        text
    }

    /// Writes the document and its picture.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn write(&self, picture: &str) -> io::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{}.svg", self.words.name)), picture)?;
        fs::write(
            folder.join(format!("{}.md", self.words.name)),
            self.markdown(),
        )
    }

    fn markdown(&self) -> String {
        let Words {
            name,
            title,
            how_to_read,
            by_another,
            picture,
            parts,
            not_measured,
        } = self.words;
        let mut text = format!("# {title}\n\n");
        let _ = writeln!(
            text,
            "Written by `cargo xtask bench {name} -- --write`; do not edit. It took {:.0} s.\n",
            self.took.as_secs_f64()
        );
        if self.quick {
            let _ = writeln!(
                text,
                "**A quick run (`--quick`): these figures mean little.**\n"
            );
        }
        if self.machine.was_busy() {
            let _ = writeln!(text, "{BUSY}\n");
        }
        for (name, value) in self.machine.facts() {
            let _ = writeln!(text, "- {name}: {value}");
        }
        let _ = writeln!(
            text,
            "- Load after (the measurement itself makes some): {}",
            machine::load()
        );
        let _ = writeln!(
            text,
            "- Runs: {}\n\n{how_to_read}\n\n{by_another}\n\n![{picture}]({name}.svg)\n",
            self.runs
        );
        let _ = writeln!(
            text,
            "## Goals\n\n{}.\n\n{}\n{}",
            self.summary(),
            Table::of_goals(&self.goals).markdown(),
            self.why()
        );
        for (section, title, how) in *parts {
            let table = Table::of_section(self.figures, section);
            if !table.is_empty() {
                let _ = writeln!(text, "## {title}\n\n{how}\n\n{}", table.markdown());
            }
        }
        if !self.errors.is_empty() {
            let _ = writeln!(text, "## Errors that callers saw\n");
            for line in self.errors {
                let _ = writeln!(text, "- {line}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "## What is not measured\n");
        for line in self.missing {
            let _ = writeln!(text, "- {line}");
        }
        let _ = writeln!(text, "{not_measured}");
        text
    }

    /// What stands in the way of the goals that are not met, each reason once.
    fn why(&self) -> String {
        let missed = self
            .goals
            .iter()
            .filter(|goal| goal.verdict() == Verdict::NotMet);
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for goal in missed {
            match reasons.iter_mut().find(|(why, _)| *why == goal.why) {
                Some((_, goals)) => goals.push(&goal.what),
                None => reasons.push((goal.why, vec![&goal.what])),
            }
        }
        if reasons.is_empty() {
            return String::new();
        }
        let mut text = String::from(WHY_NOT);
        for (why, goals) in reasons {
            let _ = writeln!(text, "- {why} ({})", goals.join("; "));
        }
        text
    }

    fn summary(&self) -> String {
        let count = |verdict| {
            self.goals
                .iter()
                .filter(|goal| goal.verdict() == verdict)
                .count()
        };
        format!(
            "Of {} goals {} are met, {} are not, {} were not measured",
            self.goals.len(),
            count(Verdict::Met),
            count(Verdict::NotMet),
            count(Verdict::NotMeasured)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Limit;

    const WORDS: Words = Words {
        name: "door",
        title: "What doors cost",
        how_to_read: "From left to right.",
        by_another: "Bring your own.",
        picture: "A door",
        parts: &[
            ("open", "Opening", "By hand."),
            ("close", "Closing", "By foot."),
        ],
        not_measured: "- Windows.",
    };

    fn goal(what: &str, value: f64, why: &'static str) -> Goal {
        Goal {
            what: what.to_owned(),
            value: Some(value),
            limit: Limit::AtMost(1.0),
            why,
        }
    }

    #[test]
    fn a_document_has_its_goals_the_parts_that_were_measured_and_each_reason_once() {
        let mut figures = Figures::default();
        figures.add("open", "once", "ours", "ms", 2.0);
        let report = Report {
            words: &WORDS,
            machine: &Machine::default(),
            quick: true,
            took: Duration::from_secs(3),
            runs: "one".to_owned(),
            figures: &figures,
            goals: vec![
                goal("fast", 0.5, ""),
                goal("small", 2.0, "It is wide."),
                goal("quiet", 2.0, "It is wide."),
            ],
            errors: &["it creaked".to_owned()],
            missing: &["the hinge: no oil".to_owned()],
        };
        let text = report.markdown();
        for part in [
            "# What doors cost\n",
            "bench door -- --write",
            "A quick run",
            "![A door](door.svg)",
            "Of 3 goals 1 are met, 2 are not, 0 were not measured.",
            "- It is wide. (small; quiet)\n",
            "## Opening\n\nBy hand.\n\n| case |",
            "- it creaked\n",
            "- the hinge: no oil\n- Windows.\n",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(!text.contains("Closing"), "{text}");
        assert!(report.for_the_terminal().contains("! the hinge: no oil"));
    }
}
