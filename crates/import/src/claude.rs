//! Claude Code's project files: one object a line, each naming its parent by `parentUuid`.
//!
//! A reply stands in several lines of one `message.id`, one for each block, and becomes one reply. Calls that ran at once make
//! a fork in the source, which is none in the conversation: their outcomes are put in a row (see `tree`). A summary behind a
//! compact boundary becomes a compaction. A helper's conversation (`isSidechain`) goes beside the main one. Lines of other
//! types are kept raw, and whoever names one as its parent follows what that one follows.
//!
//! Limits: of what stands around a message (`cwd`, `version`, `gitBranch`, `requestId`, ...) only the first `cwd` is carried
//! over; the outcome of a call keeps its `toolUseResult` as `details`.

mod blocks;
mod tree;

use std::collections::VecDeque;

use latchwork_format::Body;
use latchwork_format::json::{Fields, Raw};

use crate::item::{Follows, ItemKind};
use crate::key::fit;
use crate::out::{From, Out, Said, kept, message};
use crate::part::Part;
use crate::reader::{Line, Mapping};
use crate::reply::Reply;
use blocks::{outcome, parts_of, stop_of, usage_of, user};
use tree::Tree;

/// How many calls are remembered for the names of their outcomes.
const CALLS_MAX: usize = 1_024;

/// The state of a file that is being read.
#[derive(Default)]
pub(crate) struct Claude {
    reply: Option<Reply>,
    tree: Tree,
    /// What was said last in the main conversation.
    last: Option<u64>,
    /// Whether the file as a whole is a helper's.
    is_side: Option<bool>,
    calls: VecDeque<(String, String)>,
    /// The tokens before the compaction whose summary is to come.
    tokens_before: u64,
}

impl Mapping for Claude {
    fn line(&mut self, line: &Line<'_>, out: &mut Out) {
        let fields = &line.fields;
        out.is_of_session(&fields.str("sessionId").unwrap_or_default());
        if out.cwd.is_none() {
            out.cwd = fields.str("cwd").map(std::borrow::Cow::into_owned);
        }
        let uuid = fields.str("uuid").filter(|uuid| !uuid.is_empty());
        if uuid.as_deref().is_some_and(|uuid| self.tree.knows(uuid)) {
            out.report
                .left_out("a line whose uuid an earlier line has: a copy");
            return;
        }
        let name = fields.str("type").unwrap_or_default();
        match (name.as_ref(), uuid.as_deref(), message_of(fields)) {
            ("assistant", Some(uuid), Some(message)) => self.assistant(line, out, uuid, &message),
            ("user", Some(uuid), Some(message)) => self.user(line, out, uuid, &message),
            ("summary", ..) => self.title(line, out, "summary"),
            ("custom-title", ..) => self.title(line, out, "customTitle"),
            ("ai-title", ..) => self.title(line, out, "aiTitle"),
            (name, uuid, _) => self.other(line, out, name, uuid),
        }
    }

    fn end(&mut self, out: &mut Out) {
        self.close(out);
    }
}

fn message_of<'a>(fields: &Fields<'a>) -> Option<Fields<'a>> {
    fields.get("message").and_then(Raw::fields)
}

/// What stands for a line with a name of its own.
fn from(line: &Line<'_>, uuid: &str) -> From {
    From {
        place: fit(uuid),
        content: None,
        lines: (line.number, line.number),
    }
}

impl Claude {
    fn close(&mut self, out: &mut Out) {
        if let Some(reply) = self.reply.take() {
            reply.close(out);
        }
    }

    fn side(&mut self, fields: &Fields<'_>) -> bool {
        let side = fields.get("isSidechain").and_then(Raw::as_bool) == Some(true);
        side != *self.is_side.get_or_insert(side)
    }

    /// What a line stands behind.
    fn parent(&self, fields: &Fields<'_>, side: bool, out: &mut Out) -> Follows {
        let named = fields.str("parentUuid");
        let named = named.or_else(|| fields.str("logicalParentUuid"));
        let Some(named) = named else {
            return Follows::Nothing;
        };
        if let Some(known) = self.tree.stands(&named) {
            return known;
        }
        out.report
            .note("a line whose parent is not in the source follows the line before it");
        match self.last {
            Some(last) if !side => Follows::Item(last),
            _ => Follows::Nothing,
        }
    }

    fn said(&mut self, side: bool, number: u64) {
        if !side {
            self.last = Some(number);
        }
    }

    fn title(&mut self, line: &Line<'_>, out: &mut Out, field: &str) {
        let Some(name) = line.fields.str(field).filter(|name| !name.is_empty()) else {
            self.other(line, out, field, None);
            return;
        };
        self.close(out);
        let name = name.into_owned();
        out.title = Some(name.clone());
        out.set(&line.numbered(), Body::SessionInfo { name });
    }

    /// A line that says nothing in the conversation.
    fn other(&mut self, line: &Line<'_>, out: &mut Out, name: &str, uuid: Option<&str>) {
        let subtype = line.fields.str("subtype").unwrap_or_default();
        let name = match subtype.is_empty() {
            true => name.to_owned(),
            false => format!("{name} {subtype}"),
        };
        let mut place = line.numbered();
        if let Some(uuid) = uuid {
            place = from(line, uuid);
            let stands = self.parent(&line.fields, false, out);
            self.tree.note(uuid, stands);
        }
        if subtype == "compact_boundary" {
            let meta = line.fields.get("compactMetadata").and_then(Raw::fields);
            let tokens = meta.and_then(|meta| meta.get("preTokens")?.as_u64());
            self.tokens_before = tokens.unwrap_or_default();
        }
        self.keep(&place, out, &name, line.json);
    }

    fn keep(&mut self, place: &From, out: &mut Out, name: &str, source: Raw<'_>) {
        match &mut self.reply {
            Some(reply) => reply.keep_behind(kept(place, name, source), name),
            None => out.keep(place, name, source),
        }
        if self.reply.as_ref().is_some_and(Reply::is_full) {
            self.close(out);
        }
    }

    fn assistant(&mut self, line: &Line<'_>, out: &mut Out, uuid: &str, said: &Fields<'_>) {
        let id = said.str("id").map(std::borrow::Cow::into_owned);
        let side = self.side(&line.fields);
        let place = from(line, uuid);
        let same = self.reply.as_ref().is_some_and(|reply| {
            id.is_some() && reply.name == id && reply.side == side && !reply.is_full()
        });
        if !same {
            self.close(out);
            let parent = self.parent(&line.fields, side, out);
            let number = out.number();
            let mut reply = Reply::new(number, self.tree.behind(parent, None), &place);
            reply.name = id;
            reply.side = side;
            reply.api = "anthropic-messages";
            reply.provider = "anthropic".to_owned();
            reply.at_ms = line.at_ms();
            self.reply = Some(reply);
            self.said(side, number);
        }
        let unknown = self.add(&place, uuid, &line.fields, said);
        if unknown > 0 {
            self.keep(&place, out, "assistant with unknown parts", line.json);
        }
    }

    /// Adds a line to the reply; says how many of its parts have no place.
    fn add(&mut self, place: &From, uuid: &str, around: &Fields<'_>, said: &Fields<'_>) -> usize {
        let Some(reply) = &mut self.reply else {
            return 0;
        };
        self.tree.note(uuid, Follows::Item(reply.number));
        reply.add_line(place);
        reply.model = said.str("model").unwrap_or_default().into_owned();
        reply.usage = said.get("usage").and_then(usage_of).or(reply.usage);
        reply.stop = said.str("stop_reason").and_then(|stop| stop_of(&stop));
        let (parts, unknown) = parts_of(said.get("content"));
        if around.get("isApiErrorMessage").and_then(Raw::as_bool) == Some(true) {
            reply.stop = Some("error");
            reply.error = parts.iter().find_map(Part::text);
        }
        for part in parts {
            match part {
                Part::Call { id, name, block } => {
                    reply.add_call(&block);
                    self.tree.call(reply.number, &id);
                    if self.calls.len() == CALLS_MAX {
                        self.calls.pop_front();
                    }
                    self.calls.push_back((id, name));
                }
                Part::Block(block) | Part::Text { block, .. } => reply.add_block(&block),
                // Outcomes come from users.
                Part::Outcome { .. } => {}
            }
        }
        unknown
    }

    fn user(&mut self, line: &Line<'_>, out: &mut Out, uuid: &str, said: &Fields<'_>) {
        self.close(out);
        let side = self.side(&line.fields);
        let parent = self.parent(&line.fields, side, out);
        let place = from(line, uuid);
        let (parts, unknown) = parts_of(said.get("content"));
        let outcomes = parts.iter().filter(|part| part.is_outcome()).count();
        let details = line.fields.get("toolUseResult").filter(|_| outcomes == 1);
        let (mut stands, mut given) = (parent, 0);
        for part in parts.iter().filter(|part| part.is_outcome()) {
            let Part::Outcome { call, .. } = part else {
                continue;
            };
            let number = out.number();
            let follows = self.tree.behind(parent, Some(call));
            self.tree.answered(parent, call, number);
            let text = outcome(part, self.tool_of(call), details, line.at_ms());
            let kind = ItemKind::ToolResult;
            self.say(
                &place.part(given),
                out,
                side,
                kind,
                (number, follows),
                message(text),
            );
            (stands, given) = (Follows::Item(number), given + 1);
        }
        if given < parts.len() || (parts.is_empty() && unknown == 0) {
            let number = out.number();
            let follows = self.tree.behind(parent, None);
            let (kind, body) = self.spoken(line, &parts);
            self.say(&place.part(given), out, side, kind, (number, follows), body);
            stands = Follows::Item(number);
        }
        self.tree.note(uuid, stands);
        if unknown > 0 {
            self.keep(&place, out, "user with unknown parts", line.json);
        }
    }

    /// What a user said, or the summary that the program says for one.
    fn spoken(&mut self, line: &Line<'_>, parts: &[Part]) -> (ItemKind, Option<Body>) {
        let summary = line.fields.get("isCompactSummary").and_then(Raw::as_bool);
        if summary == Some(true) {
            let texts: Vec<String> = parts.iter().filter_map(Part::text).collect();
            let body = Body::Compaction {
                summary: texts.join("\n"),
                first_kept: None,
                tokens_before: std::mem::take(&mut self.tokens_before),
                details: None,
                system_message: None,
            };
            return (ItemKind::Compaction, Some(body));
        }
        (ItemKind::User, message(user(parts, line.at_ms())))
    }

    fn say(
        &mut self,
        from: &From,
        out: &mut Out,
        side: bool,
        kind: ItemKind,
        (number, follows): (u64, Follows),
        body: Option<Body>,
    ) {
        let Some(body) = body else {
            return;
        };
        self.said(side, number);
        let said = Said {
            kind,
            number,
            follows,
            side,
            body,
        };
        out.say(from, said);
    }

    fn tool_of(&self, call: &str) -> &str {
        let known = self.calls.iter().rev().find(|(id, _)| id == call);
        known.map_or("unknown", |(_, name)| name)
    }
}
