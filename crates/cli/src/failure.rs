//! A failure as one block, or as one JSON object: what, why, and what to do. And the number that the program ends with.
//!
//! | file | idea |
//! |---|---|
//! | `from` | what each error of the library means here |
//!
//! The words of a library's error say what and where; its causes say why; hints are given here alone, since only the
//! program knows what can be typed.

mod from;

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use latchwork::AppendLineError;
use latchwork::config::nearest;
use latchwork::format::Escaped;
use serde_json::{Value, json};

use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    what: String,
    faults: Vec<Shown>,
    why: Vec<String>,
    hints: Vec<String>,
}

/// One of several things that are wrong.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Lines that were made harmless part by part, and may hold styles of our own.
    pub(crate) block: String,
    /// The same in a sentence.
    pub(crate) words: String,
    /// The same for programs.
    pub(crate) json: Value,
}

impl Failure {
    /// A failure in these words.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failure,
            what: what.into(),
            faults: Vec::new(),
            why: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// A command line that makes no sense.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(what).exit(Exit::Usage)
    }

    /// Settings that cannot be used.
    pub(crate) fn settings(what: impl Into<String>) -> Self {
        Self::new(what).exit(Exit::Settings)
    }

    /// What clap says of a line that makes no sense: its first paragraph is what is wrong, the others say what to do.
    pub(crate) fn of_usage(told: &clap::Error) -> Self {
        let words = told.render().to_string();
        let mut paragraphs = words.split("\n\n").map(|paragraph| {
            let words: Vec<&str> = paragraph.split_whitespace().collect();
            words.join(" ")
        });
        let what = paragraphs.next().unwrap_or_default();
        let failure = Self::usage(what.trim_start_matches("error: "));
        paragraphs.fold(failure, |failure, hint| {
            failure.hint(hint.trim_start_matches("tip: "))
        })
    }

    /// The error and its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let failure = Self::new(error.to_string());
        match error.source() {
            Some(cause) => failure.because(cause),
            None => failure,
        }
    }

    /// With this cause, and its own.
    pub(crate) fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        for cause in std::iter::successors(Some(cause), |cause| Error::source(*cause)) {
            let words = cause.to_string();
            // Some errors repeat their cause: once is enough.
            if !self.what.contains(&words) && !self.why.iter().any(|why| why.contains(&words)) {
                self.why.push(words);
            }
        }
        self
    }

    /// With one more cause, in words.
    pub(crate) fn also(mut self, why: String) -> Self {
        self.why.push(why);
        self
    }

    /// With another failure for one of its causes, and what is to be done about that.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.why.push(other.in_words());
        let new = other.hints.into_iter();
        let new: Vec<String> = new.filter(|hint| !self.hints.contains(hint)).collect();
        self.hints.extend(new);
        self
    }

    /// With one of several things that are wrong.
    pub(crate) fn shown(mut self, fault: Shown) -> Self {
        self.faults.push(fault);
        self
    }

    /// With something to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With the file beside this path that may be meant, if there is one: by its path, or by the name of its session.
    pub(crate) fn near(self, path: &Path, by_name: bool) -> Self {
        let Some(meant) = beside(path) else {
            return self;
        };
        let name = meant.file_stem().unwrap_or_default().to_string_lossy();
        let shown = if by_name {
            name.into_owned()
        } else {
            meant.display().to_string()
        };
        self.hint(format!("did you mean `{shown}`?"))
    }

    /// All of it in one line, but for the hints.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.what.clone();
        let faults = self.faults.iter().map(|fault| &fault.words);
        for why in faults.chain(&self.why) {
            words = format!("{words}: {why}");
        }
        words
    }

    /// The several things that are wrong, as a JSON array.
    pub(crate) fn faults_as_json(&self) -> Value {
        self.faults.iter().map(|fault| fault.json.clone()).collect()
    }

    /// All of it as one JSON object: `docs/schemas/error.json`.
    pub(crate) fn as_json(&self) -> Value {
        json!({
            "error": self.what,
            "causes": self.why,
            "faults": self.faults_as_json(),
            "hints": self.hints,
            "exit": self.exit.code(),
        })
    }

    /// With another end of the program.
    pub(crate) const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// The file of the same kind in the same folder whose name is nearest to this one's.
fn beside(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let names = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension() == path.extension());
    let names: Vec<String> = names.collect();
    let meant = nearest(
        path.file_name()?.to_str()?,
        names.iter().map(String::as_str),
    )?;
    Some(path.with_file_name(meant))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        block(f, "error: ", &self.what)?;
        for fault in &self.faults {
            write!(f, "\n{}", fault.block)?;
        }
        for why in &self.why {
            block(f, "\n  why: ", why)?;
        }
        for hint in &self.hints {
            block(f, "\n  hint: ", hint)?;
        }
        Ok(())
    }
}

/// Further lines of a text are indented, so that the block stays one.
fn block(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    write!(
        f,
        "{label}{}",
        Escaped(text).to_string().replace('\n', "\n    ")
    )
}

/// What stands in the receipt of a line that was not appended.
pub(crate) fn in_one_line(error: &AppendLineError) -> String {
    let causes = std::iter::successors(Some(error as &dyn Error), |error| Error::source(*error));
    let mut words: Vec<String> = Vec::new();
    for cause in causes.map(ToString::to_string) {
        if !words.iter().any(|said| said.contains(&cause)) {
            words.push(cause);
        }
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::exit::Exit;
    use latchwork::RunError;
    use latchwork::runner::TurnError;
    use latchwork::seams::{ClaimError, ModelError, SessionId};

    #[test]
    fn a_failure_says_what_why_and_what_to_do_and_steers_no_terminal() {
        let cause = std::io::Error::other("no\x1b[2J");
        let failure = Failure::new("a\nb").because(&cause).hint("c");
        assert_eq!(
            failure.to_string(),
            "error: a\n    b\n  why: no\\x1b[2J\n  hint: c"
        );
    }

    #[test]
    fn for_a_program_each_part_stands_under_its_name() {
        let cause = std::io::Error::other("b");
        let failure = Failure::usage("a").because(&cause).hint("c");
        assert_eq!(
            failure.as_json(),
            serde_json::json!({ "error": "a", "causes": ["b"], "faults": [], "hints": ["c"], "exit": 2 })
        );
        let told = clap::Command::new("x").try_get_matches_from(["x", "--why"]);
        let failure = Failure::of_usage(&told.unwrap_err());
        assert_eq!(
            failure.as_json()["error"],
            "unexpected argument '--why' found"
        );
        assert_eq!(failure.as_json()["hints"][0], "Usage: x");
    }

    #[test]
    fn contention_a_provider_and_an_interrupt_end_with_numbers_of_their_own() {
        let session = SessionId::new("s").unwrap();
        let claimed = ClaimError::Claimed {
            session: session.clone(),
            holder: None,
            waited: std::time::Duration::ZERO,
        };
        let exit = |error: TurnError| Failure::from(RunError::Turn(error)).exit;
        assert_eq!(exit(TurnError::Claimed(claimed)), Exit::Busy);
        assert_eq!(
            exit(TurnError::Model(ModelError::Cancelled {
                provider: "p".into()
            })),
            Exit::Provider
        );
        assert_eq!(
            exit(TurnError::Cancelled {
                session,
                kept: false
            }),
            Exit::Signal(2)
        );
        let unset = Failure::from(RunError::NoModel);
        assert_eq!(unset.exit, Exit::Settings);
        assert!(
            unset.to_string().contains("replay:FILE")
                && unset.to_string().contains("LATCHWORK_MODEL")
        );
    }
}
