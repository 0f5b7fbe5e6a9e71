//! OpenClaw from 2026.8 on: each row's JSON is an entry of this very format, with an id and a parent.
//!
//! An entry comes as it is; its id, parent and time are given anew, and the time it had stands in `sourceTimestamp`. Fields
//! that name other entries (`firstKeptEntryId`, `targetId`, `fromId`) are carried over to the new ids; where the
//! entry that they name is not in the source, the whole is kept raw rather than referring to nothing.

use std::collections::HashMap;

use latchwork_format::json::{Fields, Raw};
use latchwork_format::{Body, EntryId, RawObject, line as written};

use crate::item::{Follows, Item, ItemKind};
use crate::key::fit;
use crate::out::{From, Out};
use crate::reader::{Line, Mapping};

/// Which field of which type names another entry.
const REFERENCES: [(&str, &str); 4] = [
    ("compaction", "firstKeptEntryId"),
    ("label", "targetId"),
    ("context_edit", "targetId"),
    ("branch_summary", "fromId"),
];

/// The state of a session that is being read.
#[derive(Default)]
pub(crate) struct OpenClaw {
    numbers: HashMap<String, u64>,
    last: Option<u64>,
}

impl Mapping for OpenClaw {
    fn line(&mut self, line: &Line<'_>, out: &mut Out) {
        let fields = &line.fields;
        if fields.str("type").as_deref() == Some("session") {
            out.is_of_session(&fields.str("id").unwrap_or_default());
            out.cwd = fields.str("cwd").map(std::borrow::Cow::into_owned);
            out.keep(&line.numbered(), "session", line.json);
            return;
        }
        let Some(id) = fields.str("id").filter(|id| !id.is_empty()) else {
            out.report.note("an event without an id is kept raw");
            out.keep(&line.numbered(), "event without an id", line.json);
            return;
        };
        if self.numbers.contains_key(id.as_ref()) {
            out.report
                .note("an event with the id of an earlier one is kept raw");
            out.keep(&line.numbered(), "event with a used id", line.json);
            return;
        }
        self.event(line, out, &id);
    }

    fn end(&mut self, _: &mut Out) {}
}

impl OpenClaw {
    /// An event with an id of its own.
    fn event(&mut self, line: &Line<'_>, out: &mut Out, id: &str) {
        let follows = self.follows(&line.fields, out);
        let from = From {
            place: fit(id),
            content: None,
            lines: (line.number, line.number),
        };
        match self.entry(line.json, &line.fields) {
            Some((body, refers)) => {
                let number = out.number();
                self.numbers.insert(id.to_owned(), number);
                self.last = Some(number);
                out.give(Item {
                    key: from.place.clone(),
                    kind: kind(&line.fields),
                    number: Some(number),
                    follows,
                    side: false,
                    lines: from.lines,
                    body,
                    refers,
                });
            }
            None => {
                // Whoever follows it follows what it follows.
                if let Follows::Item(number) = follows {
                    self.numbers.insert(id.to_owned(), number);
                }
                out.report
                    .note("an event that no transcript can hold is kept raw");
                out.keep(&from, "event that does not fit", line.json);
            }
        }
    }

    fn follows(&self, fields: &Fields<'_>, out: &mut Out) -> Follows {
        let Some(parent) = fields.str("parentId").filter(|id| !id.is_empty()) else {
            return Follows::Nothing;
        };
        if let Some(number) = self.numbers.get(parent.as_ref()) {
            return Follows::Item(*number);
        }
        out.report
            .note("an event whose parent is not in the source follows the event before it");
        self.last.map_or(Follows::Nothing, Follows::Item)
    }

    /// The entry, and the entries that it names; `None` if a transcript cannot hold it.
    fn entry(
        &self,
        json: Raw<'_>,
        fields: &Fields<'_>,
    ) -> Option<(Body, Vec<(&'static str, u64)>)> {
        let name = fields.str("type")?;
        if name == "message" {
            // A message of nobody is none to those who read transcripts.
            let message = fields.get("message")?.fields()?;
            message.str("role").filter(|role| !role.is_empty())?;
        }
        let mut object = RawObject::parse(json.text()).ok()?;
        let mut refers = Vec::new();
        for (_, field) in REFERENCES.iter().filter(|(of, _)| *of == name) {
            match fields.str(field) {
                // Not there, or a word that names no entry.
                None => {}
                Some(root) if *field == "fromId" && root == "root" => {}
                // A compaction that keeps nothing names itself; without the field it keeps nothing, too.
                Some(own) if Some(&own) == fields.str("id").as_ref() => {
                    object = object.without(field);
                }
                Some(id) => refers.push((*field, *self.numbers.get(id.as_ref())?)),
            }
        }
        if let Some(at) = fields.str("timestamp").filter(|_| name != "message") {
            object = object.with_str("sourceTimestamp", &at);
        }
        let body = Body::Raw(object);
        let probe = EntryId::new("00000000");
        written(&probe, Some(&probe), "", None, &body).ok()?;
        Some((body, refers))
    }
}

fn kind(fields: &Fields<'_>) -> ItemKind {
    if fields.str("type").as_deref() != Some("message") {
        return ItemKind::Entry;
    }
    let message = fields.get("message").and_then(Raw::fields);
    match message.and_then(|message| message.str("role")).as_deref() {
        Some("user") => ItemKind::User,
        Some("assistant") => ItemKind::Assistant,
        Some("toolResult") => ItemKind::ToolResult,
        _ => ItemKind::Entry,
    }
}
