//! Standard output and standard error, and what keeps them harmless.
//!
//! Invariant: whatever goes out has been made harmless for a terminal: words pass through [`Escaped`], JSON through
//! [`harmless_json`]. A reader that went away is no failure; anything else that standard output refuses is.
//! Deliberately absent: knowledge of what is shown.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write};

use latchwork::format::Escaped;

use crate::failure::Failure;
use crate::world::World;

/// Standard output.
pub(crate) struct Output<W = io::Stdout> {
    to: W,
    state: State,
    /// The last character was a line break, or nothing was written yet.
    at_line_start: bool,
}

enum State {
    Open,
    /// The reader went away. What follows is dropped.
    Gone,
    Failed(io::Error),
}

impl Output {
    /// The program's own.
    pub(crate) fn standard() -> Self {
        Self::to(io::stdout())
    }
}

impl<W: Write> Output<W> {
    /// To anything.
    pub(crate) const fn to(to: W) -> Self {
        Self {
            to,
            state: State::Open,
            at_line_start: true,
        }
    }

    /// Words, as they come: shown at once.
    pub(crate) fn words(&mut self, text: &str) {
        self.write(&Escaped(text).to_string());
    }

    /// A line of words.
    pub(crate) fn line(&mut self, text: impl fmt::Display) {
        let text = text.to_string();
        self.words(&text);
        self.write("\n");
    }

    /// A line that was made harmless part by part and holds styles of our own.
    pub(crate) fn styled_line(&mut self, text: &str) {
        self.write(text);
        self.write("\n");
    }

    /// One JSON value in a line.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| {
            Failure::new("what was found cannot be written as JSON").because(&error)
        })?;
        self.write(&harmless_json(&text));
        self.write("\n");
        Ok(())
    }

    /// On a terminal: what follows is drawn from the top on, and nothing else is left.
    pub(crate) fn clear_screen(&mut self) {
        self.write("\x1b[H\x1b[2J\x1b[3J");
    }

    /// Ends the line that was begun, if one was.
    pub(crate) fn end_line(&mut self) {
        if !self.at_line_start {
            self.write("\n");
        }
    }

    /// Whether anybody still reads.
    pub(crate) const fn is_read(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether everything went out, or the reader went away by itself.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.state {
            State::Failed(error) => {
                Err(Failure::new("standard output cannot be written").because(&error))
            }
            State::Open | State::Gone => Ok(()),
        }
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() || !self.is_read() {
            return;
        }
        self.at_line_start = text.ends_with('\n');
        self.state = match self
            .to
            .write_all(text.as_bytes())
            .and_then(|()| self.to.flush())
        {
            Ok(()) => State::Open,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => State::Gone,
            Err(error) => State::Failed(error),
        };
    }
}

/// Standard error: words for the person at the terminal. That nobody reads them is no failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errors {
    /// Whether styles are wanted.
    pub(crate) styled: bool,
    /// Whether a failure is wanted as JSON. Warnings stay words, in lines before it.
    pub(crate) json: bool,
}

impl Errors {
    /// The program's own: styled on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    pub(crate) fn standard(world: &World, json: bool) -> Self {
        Self {
            styled: io::stderr().is_terminal() && wants_styles(world),
            json,
        }
    }

    /// Why the command failed: a block of words, or one JSON object in a line. Nothing comes after it.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            self.line(&harmless_json(&failure.as_json().to_string()));
        } else {
            self.block(failure);
        }
    }

    /// A line that is not the main thing.
    pub(crate) fn dim(self, text: &str) {
        self.line(&dim(self.styled, &Escaped(text).to_string()));
    }

    /// Something odd that stops nobody.
    pub(crate) fn warn(self, text: &str) {
        self.line(&format!("warning: {}", Escaped(text)));
    }

    /// A block of lines.
    pub(crate) fn block(self, text: impl fmt::Display) {
        self.line(&text.to_string());
    }

    fn line(self, text: &str) {
        let _nobody_reads = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Whether standard output is a terminal.
pub(crate) fn stdout_is_a_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output takes styles.
pub(crate) fn stdout_is_styled(world: &World) -> bool {
    io::stdout().is_terminal() && wants_styles(world)
}

fn wants_styles(world: &World) -> bool {
    !world.has("NO_COLOR")
        && world
            .environment
            .get("TERM")
            .is_none_or(|term| term != "dumb")
}

/// The text in faint letters, where styles are wanted. It must be harmless already.
pub(crate) fn dim(styled: bool, text: &str) -> String {
    paint(styled, "2", text)
}

/// The text in this style (an SGR number), where styles are wanted. It must be harmless already.
pub(crate) fn paint(styled: bool, style: &str, text: &str) -> String {
    if styled {
        format!("\x1b[{style}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// The same JSON with everything that could steer a terminal written as an escape. Such characters stand in strings only,
/// so the value is the same.
pub(crate) fn harmless_json(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(harmless, "\\u{unit:04x}");
            }
        } else {
            harmless.push(character);
        }
    }
    Cow::Owned(harmless)
}

fn steers(character: char) -> bool {
    let mut buffer = [0; 4];
    let alone: &str = character.encode_utf8(&mut buffer);
    !matches!(character, ' '..='~') && Escaped(alone).to_string() != alone
}

#[cfg(test)]
mod tests {
    use super::{Output, harmless_json};
    use proptest::prelude::*;
    use std::io::{self, Write};

    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
        let mut output = Output::to(Closed(io::ErrorKind::BrokenPipe));
        output.line("x");
        assert!(!output.is_read() && output.finish().is_ok());
        let mut output = Output::to(Closed(io::ErrorKind::StorageFull));
        output.line("x");
        assert!(output.finish().is_err());
    }

    #[test]
    fn words_are_harmless_and_a_line_that_was_begun_is_ended_once() {
        let mut bytes = Vec::new();
        let mut output = Output::to(&mut bytes);
        output.words("a\x1b[2J");
        output.end_line();
        output.end_line();
        output.json(&"\u{9b}x\u{7f}").unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "a\\x1b[2J\n\"\\u009bx\\u007f\"\n"
        );
    }

    proptest! {
        #[test]
        fn harmless_json_is_the_same_value_without_a_control_character(text in any::<String>(), odd in "[\u{80}-\u{9f}\u{7f}\u{202e}\u{e0041}é🙂]{0,6}") {
            let value = serde_json::Value::String(format!("{text}{odd}"));
            let json = value.to_string();
            let harmless = harmless_json(&json);
            let steers = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{e0041}');
            prop_assert!(!harmless.chars().any(steers));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), value);
        }
    }
}
