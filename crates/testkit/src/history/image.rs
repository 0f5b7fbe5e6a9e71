//! What is there: the bytes of a session's files, and the lines of its transcript.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use serde_json::Value;

/// The files of a session, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The transcript; `None` where there is none.
    pub transcript: Option<Vec<u8>>,
    /// The inbox.
    pub inbox: Vec<u8>,
    /// What lies in quarantine: name and bytes.
    pub quarantine: Vec<(String, Vec<u8>)>,
    /// The other transcripts of the folder: name without its ending, and bytes.
    pub others: Vec<(String, Vec<u8>)>,
}

impl Image {
    /// Reads the files of session `id` in a folder of sessions.
    #[must_use]
    pub fn read(sessions: &Path, id: &str) -> Self {
        let list = |dir: &Path| -> Vec<(String, Vec<u8>)> {
            let mut found: Vec<_> = std::fs::read_dir(dir)
                .into_iter()
                .flatten()
                .filter_map(|entry| {
                    let entry = entry.ok()?;
                    let name = entry.file_name().into_string().ok()?;
                    Some((name, std::fs::read(entry.path()).ok()?))
                })
                .collect();
            found.sort();
            found
        };
        let sidecars = sessions.join(".latchwork");
        Self::of(
            id,
            list(sessions),
            std::fs::read(sidecars.join(format!("{id}.inbox.jsonl"))).unwrap_or_default(),
            list(&sidecars.join(format!("{id}.quarantine"))),
        )
    }

    /// From the files of a folder of sessions, the inbox and the quarantine, however they were read.
    #[must_use]
    pub fn of(
        id: &str,
        folder: Vec<(String, Vec<u8>)>,
        inbox: Vec<u8>,
        quarantine: Vec<(String, Vec<u8>)>,
    ) -> Self {
        let mut image = Self {
            inbox,
            quarantine,
            ..Self::default()
        };
        for (name, bytes) in folder {
            match name.strip_suffix(".jsonl") {
                Some(stem) if stem == id => image.transcript = Some(bytes),
                Some(stem) => image.others.push((stem.to_owned(), bytes)),
                None => {}
            }
        }
        image
    }

    /// Whether the transcript ends in the middle of a line.
    #[must_use]
    pub fn ends_torn(&self) -> bool {
        let bytes = self.transcript.as_ref();
        bytes.is_some_and(|bytes| !bytes.ends_with(b"\n"))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.transcript.as_deref().unwrap_or_default()
    }
}

/// One line, without its newline.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub at: usize,
    pub bytes: &'a [u8],
    /// It ends in a newline.
    pub ended: bool,
    /// What it says; `None` if it does not read, or is no object (a digit that is left of a fragment reads).
    pub value: Option<Rc<Value>>,
}

impl Line<'_> {
    /// Blanked bytes are spaces; in front of them may stand what was no damage to whoever blanked the rest. Every reader passes over a
    /// line of space, as JavaScript's `trim` has it: rubbish may be that by chance.
    pub(super) fn is_blank(&self) -> bool {
        let is_space = |letter: char| match letter {
            '\u{feff}' => true,
            '\u{b}' | '\u{85}' => false,
            letter => letter.is_whitespace(),
        };
        std::str::from_utf8(self.bytes).is_ok_and(|text| text.chars().all(is_space))
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.value.as_ref()?.get("id")?.as_str()
    }

    pub(super) fn nonce(&self) -> Option<&str> {
        nonce_of(self.value.as_ref()?)
    }

    /// The key and the number of its placement.
    pub(super) fn placement(&self) -> Option<(&str, u64)> {
        let mark = self.value.as_ref()?.get("latchwork")?;
        Some((
            mark["key"].as_str()?,
            mark["placement"].as_u64().unwrap_or(1),
        ))
    }

    /// Its bytes between what was blanked in front of it and behind.
    pub(super) fn own_bytes(&self) -> &[u8] {
        self.bytes.trim_ascii()
    }
}

/// The nonce of an entry.
pub(super) fn nonce_of(entry: &Value) -> Option<&str> {
    let of = |part: &str| entry.get(part)?.get("nonce")?.as_str();
    of("message").or_else(|| of("data"))
}

/// The lines of a transcript.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut at = 0;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let ended = piece.ends_with(b"\n");
        let bytes = &piece[..piece.len() - usize::from(ended)];
        for (from, to, value) in on_one_line(bytes) {
            lines.push(Line {
                at: at + from,
                bytes: &bytes[from..to],
                ended,
                value,
            });
        }
        at += piece.len();
    }
    lines
}

/// What stands on a line: one entry or damage, or whole entries one behind the other, where a writer died right before its
/// newline and a peer that takes no lock went on.
fn on_one_line(bytes: &[u8]) -> Vec<(usize, usize, Option<Rc<Value>>)> {
    let one = value(bytes).filter(|value| value.is_object());
    if one.is_some() || !contains(bytes, b"}{") {
        return vec![(0, bytes.len(), one)];
    }
    let mut read = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(Ok(value)) = read.next() {
        let to = read.byte_offset();
        found.push((from, to, Some(value).filter(Value::is_object).map(Rc::new)));
        from = to;
    }
    let all = from == bytes.len() && found.iter().all(|(_, _, value)| value.is_some());
    if all {
        found
    } else {
        vec![(0, bytes.len(), None)]
    }
}

/// So many lines are remembered as they were read.
const REMEMBERED: usize = 2_000;

/// JSON as JavaScript writes it: half a surrogate pair is read as a replacement character. The states of one campaign are made of
/// the same lines, so what was read is remembered.
pub(super) fn value(bytes: &[u8]) -> Option<Rc<Value>> {
    thread_local! {
        static READ: RefCell<HashMap<Vec<u8>, Option<Rc<Value>>>> = RefCell::default();
    }
    READ.with_borrow_mut(|read| {
        if let Some(known) = read.get(bytes) {
            return known.clone();
        }
        if read.len() >= REMEMBERED {
            read.clear();
        }
        let value = parse(bytes).map(Rc::new);
        read.insert(bytes.to_vec(), value.clone());
        value
    })
}

fn parse(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        return Some(value);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut tolerant = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        let (before, escape) = rest.split_at(at);
        tolerant.push_str(before);
        let escape = escape.get(..6)?;
        let code = u16::from_str_radix(&escape[2..], 16).ok()?;
        tolerant.push_str(if (0xd800..0xe000).contains(&code) {
            "\\ufffd"
        } else {
            escape
        });
        rest = &rest[at + 6..];
    }
    tolerant.push_str(rest);
    serde_json::from_str(&tolerant).ok()
}

/// Whether `needle` stands in `hay`.
pub(super) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    find(hay, needle).is_some()
}

pub(super) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(step) = hay.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + step;
        if hay.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
