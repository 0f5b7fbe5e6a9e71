//! A source and its mapping, as a stream of items.
//!
//! A line that cannot be read is reported and passed; whatever else the source holds still comes.

use std::io::{self, BufRead};

use latchwork_format::json::{Fields, Raw, deeper_than};
use latchwork_format::time::millis_from_iso;

use crate::claude::Claude;
use crate::codex::Codex;
use crate::goose::Goose;
use crate::item::Item;
use crate::key::digits;
use crate::kind::SourceKind;
use crate::lines::{Lines, Next, limits};
use crate::openclaw::OpenClaw;
use crate::out::{From, Out};
use crate::report::Report;
use crate::sqlite::{DatabaseError, Rows};

/// A source that cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The stream failed.
    #[error("the source cannot be read")]
    Io(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Lines, wherever they come from.
pub(crate) trait Feed: Send {
    fn advance(&mut self) -> Result<Next, SourceError>;
    fn line(&self) -> &[u8];
    fn number(&self) -> u64;
    fn bytes(&self) -> u64;
    fn hash(&self) -> blake3::Hash;
}

impl<R: BufRead + Send> Feed for Lines<R> {
    fn advance(&mut self) -> Result<Next, SourceError> {
        Ok(Lines::advance(self)?)
    }
    fn line(&self) -> &[u8] {
        Lines::line(self)
    }
    fn number(&self) -> u64 {
        Lines::number(self)
    }
    fn bytes(&self) -> u64 {
        Lines::bytes(self)
    }
    fn hash(&self) -> blake3::Hash {
        Lines::hash(self)
    }
}

/// One line of a source, read as JSON.
pub(crate) struct Line<'a> {
    pub(crate) number: u64,
    pub(crate) json: Raw<'a>,
    pub(crate) fields: Fields<'a>,
    /// Its number and its content, where the source has no names for its lines.
    pub(crate) from: From,
}

impl Line<'_> {
    /// Its number and its content.
    pub(crate) fn numbered(&self) -> From {
        From {
            content: Some(digits(&blake3::hash(self.json.text().as_bytes()))),
            ..self.from.clone()
        }
    }

    /// When it was written.
    pub(crate) fn at_ms(&self) -> Option<i64> {
        let at = self.fields.get("timestamp")?;
        match at.as_str() {
            Some(text) => millis_from_iso(&text),
            None => at.as_u64().and_then(|at| i64::try_from(at).ok()),
        }
    }

    /// When it was made, where that is said in seconds.
    pub(crate) fn created(&self) -> Option<i64> {
        let at = self.fields.get("created")?.as_u64()?;
        let at = i64::try_from(at).ok()?;
        // Milliseconds since 2001 are more than seconds until the year 33658.
        Some(if at > 1_000_000_000_000 {
            at
        } else {
            at.saturating_mul(1_000)
        })
    }
}

/// How lines of one program become items.
pub(crate) trait Mapping: Send {
    fn line(&mut self, line: &Line<'_>, out: &mut Out);
    fn end(&mut self, out: &mut Out);
    /// Whether a reply is open in which tools are called: it may yet call more.
    fn has_open_calls(&self) -> bool {
        false
    }
}

/// What a source was, known when it is read to its end.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The program.
    pub kind: SourceKind,
    /// The program's own name for the session.
    pub session: String,
    /// A hash (BLAKE3) of every byte that was read; of a database, of its rows.
    pub hash: String,
    /// How many bytes.
    pub bytes: u64,
    /// How many lines, or rows.
    pub lines: u64,
    /// The working directory of the conversation, where the source says.
    pub cwd: Option<String>,
    /// What the source calls the session for people.
    pub title: Option<String>,
    /// What became of it all.
    pub report: Report,
}

/// A source, item by item.
pub struct Reader<'r> {
    kind: SourceKind,
    feed: Box<dyn Feed + 'r>,
    mapping: Box<dyn Mapping>,
    out: Out,
    lines: u64,
    first: Option<String>,
    ended: bool,
}

impl<'r> Reader<'r> {
    /// A source of lines.
    pub fn lines(kind: SourceKind, input: impl BufRead + Send + 'r) -> Self {
        Self::new(kind, Box::new(Lines::new(input)), None)
    }

    /// A session of a database.
    #[must_use]
    pub fn rows(rows: Rows) -> Self {
        let (kind, session) = (rows.kind(), rows.session().to_owned());
        Self::new(kind, Box::new(rows), Some(session))
    }

    fn new(kind: SourceKind, feed: Box<dyn Feed + 'r>, session: Option<String>) -> Self {
        let mapping: Box<dyn Mapping> = match kind {
            SourceKind::Codex => Box::new(Codex::default()),
            SourceKind::ClaudeCode => Box::new(Claude::default()),
            SourceKind::Goose => Box::new(Goose::default()),
            SourceKind::OpenClaw => Box::new(OpenClaw::default()),
        };
        Self {
            kind,
            feed,
            mapping,
            out: Out::new(kind, session),
            lines: 0,
            first: None,
            ended: false,
        }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// [`SourceError`]: the source cannot be read on. What came before it stands.
    ///
    /// # Blocking
    /// As its input does.
    pub fn advance(&mut self) -> Result<Option<Item>, SourceError> {
        loop {
            if self.out.is_full() || self.ended {
                self.name();
            }
            if self.out.is_ready() {
                return Ok(self.out.pop());
            }
            if self.ended {
                return Ok(None);
            }
            self.step()?;
        }
    }

    /// What the source was. Whole once [`advance`](Self::advance) has come to the end.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            kind: self.kind,
            session: self.out.session().unwrap_or("unnamed").to_owned(),
            hash: self.feed.hash().to_hex().to_string(),
            bytes: self.feed.bytes(),
            lines: self.lines,
            cwd: self.out.cwd.clone(),
            title: self.out.title.clone(),
            report: self.out.report.clone(),
        }
    }

    /// How many bytes were read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.feed.bytes()
    }

    /// The program's own name for the session, as far as it is known.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.out.session()
    }

    /// Where the conversation took place, as far as it is known.
    #[must_use]
    pub fn cwd(&self) -> Option<&str> {
        self.out.cwd.as_deref()
    }

    /// A session that says no name of its own is called by its first line.
    fn name(&mut self) {
        let first = self.first.as_deref().unwrap_or("empty");
        self.out.is_of_session(&format!("unnamed-{first}"));
    }

    fn step(&mut self) -> Result<(), SourceError> {
        let next = self.feed.advance()?;
        let number = self.feed.number();
        match next {
            Next::End => {
                self.ended = true;
                self.mapping.end(&mut self.out);
            }
            Next::TooLong(bytes) => {
                self.lines += 1;
                let why = format!("it has {bytes} bytes, more than are read of one line");
                self.out.report.damage(number, why);
            }
            Next::Line { torn } => {
                self.lines += 1;
                let bytes = self.feed.line();
                if self.first.is_none() {
                    self.first = Some(digits(&blake3::hash(bytes)));
                }
                match read(bytes, number, self.kind) {
                    Ok(None) => {}
                    Ok(Some(line)) => self.mapping.line(&line, &mut self.out),
                    Err(_) if torn => {
                        let why = "the source ends within it";
                        self.out.report.damage(number, why);
                    }
                    Err(why) => self.out.report.damage(number, why),
                }
            }
        }
        Ok(())
    }
}

/// Reads a line; `None` for one with nothing on it.
pub(crate) fn read(
    bytes: &[u8],
    number: u64,
    kind: SourceKind,
) -> Result<Option<Line<'_>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!(
            "it is not UTF-8 from its byte {} on",
            error.valid_up_to() + 1
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let limits = limits();
    if deeper_than(text.as_bytes(), limits.depth) {
        return Err(format!("it nests deeper than {} levels", limits.depth));
    }
    let json = Raw::parse(text)
        .map_err(|error| format!("it is not JSON from its byte {} on", error.column().max(1)))?;
    if !json.is_object() {
        return Err("it holds something other than one JSON object".to_owned());
    }
    let fields = json
        .fields()
        .ok_or("its object has too many keys to be looked into")?;
    // Only a rollout's lines are all named by their content; elsewhere few are.
    let content =
        (kind == SourceKind::Codex).then(|| digits(&blake3::hash(json.text().as_bytes())));
    let from = From {
        place: number.to_string(),
        content,
        lines: (number, number),
    };
    Ok(Some(Line {
        number,
        json,
        fields,
        from,
    }))
}
