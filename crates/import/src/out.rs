//! What a mapping gives: items in order, and what could not be given.
//!
//! Keys need the session's name, which some sources say only after a few lines: items wait for it, for as many as
//! [`WAITING_MAX`].

use std::collections::VecDeque;

use latchwork_format::json::Raw;
use latchwork_format::{Body, RawObject};

use crate::build::{Obj, value};
use crate::item::{Follows, Item, ItemKind, RAW};
use crate::key;
use crate::kind::SourceKind;
use crate::report::Report;

/// The most items that wait for the session's name.
const WAITING_MAX: usize = 256;
/// The most bytes of an entry, with room for its frame.
const ENTRY_BYTES_MAX: usize = (64 << 20) - (8 << 10);

/// Where an item comes from: the name of its place in a key, and its lines.
#[derive(Clone, Debug)]
pub(crate) struct From {
    /// The source's own name, or the number of the line.
    pub(crate) place: String,
    /// Digits of its content, where the place alone does not name it.
    pub(crate) content: Option<String>,
    pub(crate) lines: (u64, u64),
}

impl From {
    /// Its part of this number, where one line makes several items.
    pub(crate) fn part(&self, number: usize) -> Self {
        match number {
            0 => self.clone(),
            _ => Self {
                place: format!("{}.{number}", self.place),
                ..self.clone()
            },
        }
    }
}

/// What a mapping gives.
pub(crate) struct Out {
    kind: SourceKind,
    session: Option<String>,
    /// What keys begin with, where that is not said by the program and the session.
    scope: Option<&'static str>,
    waiting: VecDeque<Item>,
    numbers: u64,
    pub(crate) report: Report,
    /// The working directory of the conversation.
    pub(crate) cwd: Option<String>,
    /// What the source calls itself, to people.
    pub(crate) title: Option<String>,
}

impl Out {
    pub(crate) fn new(kind: SourceKind, session: Option<String>) -> Self {
        Self {
            kind,
            session,
            scope: None,
            waiting: VecDeque::new(),
            numbers: 0,
            report: Report::default(),
            cwd: None,
            title: None,
        }
    }

    /// Keys begin with this and the session's name.
    pub(crate) fn is_in_scope(&mut self, scope: &'static str) {
        self.scope = Some(scope);
    }

    /// The session's name, unless it is known already.
    pub(crate) fn is_of_session(&mut self, name: &str) {
        if self.session.is_none() && !name.is_empty() {
            self.session = Some(name.to_owned());
        }
    }

    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether an item can be given now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.waiting.is_empty() && self.session.is_some()
    }

    /// Whether anything waits for the session's name, or to be given.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether so much waits for the session's name that it must do without.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    pub(crate) fn pop(&mut self) -> Option<Item> {
        let mut item = self.waiting.pop_front()?;
        let session = self.session.as_deref().unwrap_or_default();
        let prefix = match self.scope {
            Some(scope) => format!("{scope}:{}:", key::fit(session)),
            None => key::prefix(self.kind, session),
        };
        item.key = format!("{prefix}{}", item.key);
        Some(item)
    }

    /// The number of an item that is about to be given.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers - 1
    }

    /// Gives an item. Its key is still without the source's name.
    pub(crate) fn give(&mut self, mut item: Item) {
        if item.size() > ENTRY_BYTES_MAX {
            let why = format!(
                "what it becomes has about {} bytes, more than an entry can have",
                item.size()
            );
            self.report.damage(item.lines.0, why);
            item.kind = ItemKind::Raw;
            item.refers.clear();
            let Some(stub) = raw_body("too long", "null", item.lines.0) else {
                return;
            };
            item.body = stub;
        }
        *self.report.entries.entry(item.kind.as_str()).or_default() += 1;
        self.waiting.push_back(item);
    }

    /// Gives what is said in the conversation.
    pub(crate) fn say(&mut self, from: &From, said: Said) {
        let item = Item {
            key: key_of(&from.place, from.content.as_deref()),
            kind: said.kind,
            number: Some(said.number),
            follows: said.follows,
            side: said.side,
            lines: from.lines,
            body: said.body,
            refers: Vec::new(),
        };
        self.give(item);
    }

    /// Gives what is said after what was said last, and makes it that.
    pub(crate) fn say_next(
        &mut self,
        from: &From,
        last: &mut Option<u64>,
        kind: ItemKind,
        body: Body,
    ) {
        let number = self.number();
        let said = Said {
            kind,
            number,
            follows: last.map_or(Follows::Nothing, Follows::Item),
            side: false,
            body,
        };
        self.say(from, said);
        *last = Some(number);
    }

    /// Gives a setting: it takes its place in the order, and nothing follows it.
    pub(crate) fn set(&mut self, from: &From, body: Body) {
        self.give(aside(from, ItemKind::Setting, body));
    }

    /// Keeps what has no place in the format.
    pub(crate) fn keep(&mut self, from: &From, name: &str, source: Raw<'_>) {
        self.give_kept(kept(from, name, source), name);
    }

    /// Gives what was [kept](kept) before.
    pub(crate) fn give_kept(&mut self, item: Option<Item>, name: &str) {
        if let Some(item) = item {
            self.report.kept(name);
            self.give(item);
        }
    }
}

/// What is said in the conversation.
pub(crate) struct Said {
    pub(crate) kind: ItemKind,
    pub(crate) number: u64,
    pub(crate) follows: Follows,
    pub(crate) side: bool,
    pub(crate) body: Body,
}

/// What has no place in the format, as an item.
pub(crate) fn kept(from: &From, name: &str, source: Raw<'_>) -> Option<Item> {
    let body = raw_body(name, source.text(), from.lines.0)?;
    Some(aside(from, ItemKind::Raw, body))
}

fn aside(from: &From, kind: ItemKind, body: Body) -> Item {
    Item {
        key: key_of(&format!("~{}", from.place), from.content.as_deref()),
        kind,
        number: None,
        follows: Follows::Anything,
        side: false,
        lines: from.lines,
        body,
        refers: Vec::new(),
    }
}

fn key_of(place: &str, content: Option<&str>) -> String {
    match content {
        Some(content) => format!("{place}#{content}"),
        None => place.to_owned(),
    }
}

fn raw_body(name: &str, source: &str, line: u64) -> Option<Body> {
    let data = Obj::of(name).raw("line", &line.to_string());
    let data = data.raw("source", source).end();
    let entry = Obj::of("custom").str("customType", RAW).raw("data", &data);
    RawObject::parse(&entry.end()).ok().map(Body::Raw)
}

/// A message that was built as JSON.
pub(crate) fn message(text: String) -> Option<Body> {
    value(text).map(Body::Message)
}
