//! A source of Codex's that is still being written, fed in pieces as they come: a rollout, or the stream of an app-server or of
//! `codex exec --json`.
//!
//! Invariants: how the bytes are cut into pieces changes nothing; no more than one line is kept, and of one beyond the limit
//! nothing; whatever the bytes are, what cannot be read is counted and the rest comes.
//!
//! A reply that several lines make up comes when a line says that it is whole. [`rest`](Live::rest) gives it earlier, for a source that
//! is quiet or has ended; where that was done is told by the reply's key, and [`was_cut`](Live::was_cut) makes another reading end it at the
//! same line: so whoever reads the source again is given the same items.
//!
//! Limit: a session that does not name itself in its first line is named by that line, whatever comes later.

use std::collections::{HashMap, HashSet};

use crate::codex::{Codex, Stream, is_stream};
use crate::item::Item;
use crate::key::{digits, place_of, prefix};
use crate::kind::SourceKind;
use crate::lines::LINE_BYTES_MAX;
use crate::out::Out;
use crate::reader::{Mapping, read};
use crate::report::Report;

/// A source that is being written.
pub struct Live {
    mapping: Box<dyn Mapping>,
    /// It is known what the source is.
    known: bool,
    out: Out,
    line: Vec<u8>,
    length: u64,
    number: u64,
    /// A digest of the first line, for a source that does not name itself.
    first: Option<String>,
    /// After which lines a reply ended before, by what the keys of the source begin with.
    cuts: HashMap<String, HashSet<u64>>,
    /// Those of this source, once it is known.
    own_cuts: Option<HashSet<u64>>,
}

/// What a call of [`Live::rest`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// No reply is open, or it was given.
    Given,
    /// A reply is open that calls tools, and it may call more of them: it waits.
    Calling,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            mapping: Box::<Codex>::default(),
            known: false,
            out: Out::new(SourceKind::Codex, None),
            line: Vec::new(),
            length: 0,
            number: 0,
            first: None,
            cuts: HashMap::new(),
            own_cuts: None,
        }
    }
}

impl Live {
    /// Nothing has come yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In a source whose keys begin with `prefix`, a reply ends after this line, if one is open there: see [`cut_of`].
    pub fn was_cut(&mut self, prefix: &str, line: u64) {
        let lines = self.cuts.entry(prefix.to_owned()).or_default();
        lines.insert(line);
    }

    /// Takes the next bytes. What they complete is there to be [popped](Self::pop).
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.add(line);
            self.line_ends(false);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.add(bytes);
    }

    /// The next item.
    pub fn pop(&mut self) -> Option<Item> {
        if self.out.is_ready() {
            return self.out.pop();
        }
        None
    }

    /// The source is quiet: a reply that is open is given as far as it has come, unless it calls tools.
    pub fn rest(&mut self) -> Rest {
        if self.mapping.has_open_calls() {
            return Rest::Calling;
        }
        self.mapping.end(&mut self.out);
        self.name();
        Rest::Given
    }

    /// The source has ended: a last line without its newline is taken, if it is whole.
    pub fn end(&mut self) -> Rest {
        if self.length > 0 {
            self.line_ends(true);
        }
        self.rest()
    }

    /// The program's own name for the session, as far as it is known.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.out.session()
    }

    /// What the keys of its rollout begin with, as far as that is known.
    #[must_use]
    pub fn key_prefix(&self) -> Option<String> {
        self.session().map(|name| prefix(SourceKind::Codex, name))
    }

    /// Where the conversation took place, as far as it is known.
    #[must_use]
    pub fn cwd(&self) -> Option<&str> {
        self.out.cwd.as_deref()
    }

    /// What came, what was kept, and what could not be read.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.out.report
    }

    /// How many lines there were.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.number
    }

    /// Whether a line has begun that is not whole yet.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.length > 0
    }

    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.length <= LINE_BYTES_MAX as u64 {
            self.line.extend_from_slice(bytes);
        } else {
            self.line = Vec::new();
        }
    }

    fn line_ends(&mut self, torn: bool) {
        self.number += 1;
        let (line, length) = (std::mem::take(&mut self.line), self.length);
        self.length = 0;
        if length > LINE_BYTES_MAX as u64 {
            let why = format!("it has {length} bytes, more than are read of one line");
            return self.out.report.damage(self.number, why);
        }
        self.take(&line, torn);
        if self.was_cut_here() {
            self.mapping.end(&mut self.out);
        }
        self.name();
        // The room is kept, unless it is much.
        if line.capacity() <= 1 << 20 {
            self.line = line;
            self.line.clear();
        }
    }

    fn was_cut_here(&mut self) -> bool {
        if self.own_cuts.is_none()
            && let Some(prefix) = self.key_prefix()
        {
            self.own_cuts = Some(self.cuts.remove(&prefix).unwrap_or_default());
        }
        let own = self.own_cuts.as_ref();
        own.is_some_and(|lines| lines.contains(&self.number))
    }

    /// What has come cannot wait for a name that may never be said.
    fn name(&mut self) {
        if self.out.session().is_none() && self.out.is_waiting() {
            let first = self.first.as_deref().unwrap_or("empty");
            let name = format!("unnamed-{first}");
            self.out.is_of_session(&name);
        }
    }

    fn take(&mut self, bytes: &[u8], torn: bool) {
        let line = match read(bytes, self.number, SourceKind::Codex) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(_) if torn => {
                let why = "the source ends within it";
                return self.out.report.damage(self.number, why);
            }
            Err(why) => return self.out.report.damage(self.number, why),
        };
        if !self.known {
            self.known = true;
            if is_stream(&line.fields) {
                self.mapping = Box::<Stream>::default();
            }
        }
        if self.first.is_none() {
            self.first = Some(digits(&blake3::hash(bytes)));
        }
        self.mapping.line(&line, &mut self.out);
    }
}

/// Where a rollout's item stands, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<'k> {
    /// What the keys of its source begin with.
    pub prefix: &'k str,
    /// Its first line.
    pub first: u64,
    /// Its last line.
    pub last: u64,
}

/// Where a rollout's item stands, by its key; `None` for the key of anything else, or of what says nothing.
#[must_use]
pub fn cut_of(key: &str) -> Option<Cut<'_>> {
    let all = place_of(key)?;
    let own = all.strip_prefix("import:codex:")?;
    let (_, place) = own.split_once(':')?;
    let (first, last) = place.split_once('/').unwrap_or((place, place));
    Some(Cut {
        prefix: all.get(..all.len() - place.len())?,
        first: first.parse().ok()?,
        last: last.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Cut, cut_of};

    #[test]
    fn a_key_tells_the_lines_of_what_was_said() {
        let cut = |first, last| {
            Some(Cut {
                prefix: "import:codex:t:",
                first,
                last,
            })
        };
        assert_eq!(cut_of("import:codex:t:12/14#aa"), cut(12, 14));
        assert_eq!(cut_of("import:codex:t:7#aa"), cut(7, 7));
        for other in [
            "import:codex:t:~7#aa",
            "import:goose:t:7#aa",
            "k",
            "import:codex:t:7.1#a",
        ] {
            assert_eq!(cut_of(other), None, "{other}");
        }
    }
}
