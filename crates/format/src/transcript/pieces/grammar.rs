//! Where in a JSON object that was cut off its grammar lets a value begin.
//!
//! It follows the text byte by byte as far as that is JSON. Behind what is none (a run of zeros, rubbish) nothing is known of
//! strings and brackets any more, and the byte before a place decides.

use crate::json::lex::{is_space, string_end, word_end};

/// What may begin at a place of a torn object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A value: what stands there may be a part of the object.
    Value,
    /// None: what stands there is no part of it.
    NoValue,
}

/// What the grammar asks for next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Key,
    Colon,
    Value,
    /// A value whose key takes no object: the frame of an entry is strings.
    PlainValue,
    /// A comma or a closing bracket.
    End,
    /// Nothing: the object is whole.
    Nothing,
    /// What was there is no JSON.
    Unknown,
}

/// A walk through an object that was cut off, or damaged.
pub(super) struct Within<'a> {
    line: &'a [u8],
    start: usize,
    at: usize,
    asks: Asks,
    /// The brackets that are open: whether each is an array's.
    open: Vec<bool>,
    /// The key that was read last.
    key: &'a [u8],
}

/// Keys of an entry whose values are no objects, in whoever's writing.
const PLAIN: [&[u8]; 4] = [b"\"type\"", b"\"id\"", b"\"parentId\"", b"\"timestamp\""];

impl<'a> Within<'a> {
    /// The object begins at `start`.
    pub(super) fn new(line: &'a [u8], start: usize) -> Self {
        Within {
            line,
            start,
            at: start,
            asks: Asks::Value,
            open: Vec::new(),
            key: b"",
        }
    }

    /// The next place behind the start where `beginning`, an opening brace and a string, stands, outside of strings.
    pub(super) fn next_beginning(&mut self, beginning: &[u8]) -> Option<(usize, Place)> {
        loop {
            let at = self.at;
            let rest = self.line.get(at..)?;
            let byte = *rest.first()?;
            let found = (at > self.start && rest.starts_with(beginning)).then(|| self.place());
            match byte {
                _ if self.asks == Asks::Unknown => {
                    self.at += 1;
                }
                b'"' => {
                    let end = string_end(self.line, at)?;
                    // Quotes in a string are escaped: this one was cut off, and its "end" is the first quote behind that.
                    if self
                        .line
                        .get(end.saturating_sub(2)..)?
                        .starts_with(beginning)
                    {
                        self.at = end;
                        self.asks = Asks::Unknown;
                        return Some((end - 2, Place::NoValue));
                    }
                    self.string(at, end);
                    self.at = end;
                }
                _ if is_space(byte) => self.at += 1,
                b'{' | b'[' => self.opened(byte == b'['),
                b'}' | b']' => self.closed(byte == b']'),
                b':' | b',' => self.separated(byte),
                _ => self.word(at),
            }
            if let Some(place) = found {
                return Some((at, place));
            }
        }
    }

    /// What may begin where it stands now.
    fn place(&self) -> Place {
        let value = match self.asks {
            Asks::Value => true,
            Asks::Unknown => {
                let before = self.line.get(self.start..self.at).unwrap_or_default();
                let last = before.iter().rfind(|&&byte| !is_space(byte));
                matches!(last, Some(b':' | b',' | b'['))
            }
            _ => false,
        };
        if value { Place::Value } else { Place::NoValue }
    }

    fn string(&mut self, at: usize, end: usize) {
        self.asks = match self.asks {
            Asks::Key => {
                self.key = self.line.get(at..end).unwrap_or_default();
                Asks::Colon
            }
            Asks::Value | Asks::PlainValue => self.after_value(),
            _ => Asks::Unknown,
        };
    }

    fn word(&mut self, at: usize) {
        let end = word_end(self.line, at);
        self.asks = match self.asks {
            Asks::Value | Asks::PlainValue if end > at => self.after_value(),
            _ => Asks::Unknown,
        };
        self.at = end.max(at + 1);
    }

    fn opened(&mut self, array: bool) {
        self.asks = match self.asks {
            Asks::Value | Asks::PlainValue => {
                self.open.push(array);
                if array { Asks::Value } else { Asks::Key }
            }
            _ => Asks::Unknown,
        };
        self.at += 1;
    }

    /// A bracket closes behind a value, or right behind the opening one; a comma before it is let pass.
    fn closed(&mut self, array: bool) {
        let closes = match self.asks {
            Asks::End => true,
            Asks::Key => !array,
            Asks::Value => array,
            _ => false,
        };
        self.asks = match self.open.pop() {
            Some(open) if closes && open == array => self.after_value(),
            _ => Asks::Unknown,
        };
        self.at += 1;
    }

    fn separated(&mut self, byte: u8) {
        self.asks = match (self.asks, byte) {
            (Asks::Colon, b':') if self.open.len() == 1 && PLAIN.contains(&self.key) => {
                Asks::PlainValue
            }
            (Asks::Colon, b':') => Asks::Value,
            (Asks::End, b',') => match self.open.last() {
                Some(true) => Asks::Value,
                _ => Asks::Key,
            },
            _ => Asks::Unknown,
        };
        self.at += 1;
    }

    fn after_value(&self) -> Asks {
        match self.open.is_empty() {
            true => Asks::Nothing,
            false => Asks::End,
        }
    }
}
