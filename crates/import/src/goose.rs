//! goose: messages in order, as rows of `messages` (see `sqlite`) or as lines of the older files.
//!
//! A message of a user may hold the outcomes of calls: each becomes a message of its own, in front of what is left. What goose
//! wrote for the model alone, after everything before it was hidden from the model, is its summary, and becomes a compaction.
//! Rows are named by their order and their content, for goose writes all rows anew now and then.

mod content;

use std::collections::VecDeque;

use latchwork_format::Body;
use latchwork_format::json::{Fields, Raw};

use crate::build::Obj;
use crate::item::{Follows, ItemKind};
use crate::key::digits;
use crate::out::{From, Out, message};
use crate::part::Part;
use crate::reader::{Line, Mapping};
use crate::reply::Reply;
use content::parts_of;

/// How many calls are remembered for the names of their outcomes.
const CALLS_MAX: usize = 1_024;

/// The state of a session that is being read.
#[derive(Default)]
pub(crate) struct Goose {
    last: Option<u64>,
    messages: u64,
    /// Whether any message so far is still shown to the model.
    any_shown: bool,
    model: String,
    provider: String,
    calls: VecDeque<(String, String)>,
}

impl Mapping for Goose {
    fn line(&mut self, line: &Line<'_>, out: &mut Out) {
        let role = line.fields.str("role");
        match (role.as_deref(), line.fields.get("content")) {
            (Some(role @ ("user" | "assistant")), Some(content)) if content.is_array() => {
                self.message(line, out, role, content);
            }
            (None, _) => self.about(line, out),
            _ => out.keep(&line.numbered(), "message of another role", line.json),
        }
    }

    fn end(&mut self, _: &mut Out) {}
}

/// A name for a message: its order, and its content without what goose changes of it.
fn from(number: u64, line: &Line<'_>, role: &str, content: Raw<'_>) -> From {
    let mut hash = blake3::Hasher::new();
    let created = line.fields.get("created").map_or("", Raw::text);
    for part in [role, created, content.text()] {
        hash.update(part.as_bytes()).update(b"\0");
    }
    From {
        place: number.to_string(),
        content: Some(digits(&hash.finalize())),
        lines: (line.number, line.number),
    }
}

impl Goose {
    /// A line about the session.
    fn about(&mut self, line: &Line<'_>, out: &mut Out) {
        let text = |key: &str| line.fields.str(key).filter(|text| !text.is_empty());
        if let Some(id) = text("id") {
            out.is_of_session(&id);
        }
        let owned =
            |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
        out.cwd = out.cwd.take().or_else(|| owned(text("working_dir")));
        let title = text("name").or_else(|| text("description"));
        out.title = out.title.take().or_else(|| owned(title));
        self.provider = owned(text("provider_name")).unwrap_or_default();
        let model = line.fields.get("model_config").and_then(Raw::fields);
        let model = model.and_then(|model| owned(model.str("model_name")));
        self.model = model.unwrap_or_default();
        out.keep(&line.numbered(), "session", line.json);
    }

    fn message(&mut self, line: &Line<'_>, out: &mut Out, role: &str, content: Raw<'_>) {
        self.messages += 1;
        let from = from(self.messages, line, role, content);
        let meta = line.fields.get("metadata").and_then(Raw::fields);
        let shown_to = |who| {
            let meta = meta.as_ref();
            meta.and_then(|meta: &Fields<'_>| meta.get(who)?.as_bool()) != Some(false)
        };
        let (user, agent) = (shown_to("userVisible"), shown_to("agentVisible"));
        let is_summary = agent && !user && !self.any_shown && self.messages > 1;
        self.any_shown |= agent;
        let (parts, unknown) = parts_of(content);
        if is_summary && let Some(summary) = content::only_text(&parts) {
            let body = Body::Compaction {
                summary,
                first_kept: None,
                tokens_before: 0,
                details: None,
                system_message: None,
            };
            self.say(&from, out, ItemKind::Compaction, Some(body));
        } else if role == "assistant" {
            self.reply(line, out, &from, &parts);
            self.outcomes(line, out, &from, &parts, 1);
        } else {
            let given = self.outcomes(line, out, &from, &parts, 0);
            if given < parts.len() || parts.is_empty() {
                let said = content::user(&parts, line.created());
                self.say(&from.part(given), out, ItemKind::User, message(said));
            }
        }
        if unknown > 0 {
            out.keep(&from, "message with unknown parts", line.json);
        }
    }

    fn outcomes(
        &mut self,
        line: &Line<'_>,
        out: &mut Out,
        from: &From,
        parts: &[Part],
        first: usize,
    ) -> usize {
        let mut given = 0;
        for part in parts {
            let Part::Outcome {
                call,
                content,
                failed,
            } = part
            else {
                continue;
            };
            let said = Obj::new()
                .str("role", "toolResult")
                .str("toolCallId", call)
                .str("toolName", self.tool_of(call))
                .raw("content", content)
                .raw("isError", if *failed { "true" } else { "false" });
            let said = said.time(line.created()).end();
            let place = from.part(first + given);
            self.say(&place, out, ItemKind::ToolResult, message(said));
            given += 1;
        }
        given
    }

    fn reply(&mut self, line: &Line<'_>, out: &mut Out, from: &From, parts: &[Part]) {
        let number = out.number();
        let mut reply = Reply::new(number, self.follows(), from);
        reply.add_line(from);
        reply.api = "goose";
        let or_goose = |name: &str, other: &str| match name {
            "" => other.to_owned(),
            name => name.to_owned(),
        };
        reply.provider = or_goose(&self.provider, "goose");
        reply.model = or_goose(&self.model, "unknown");
        reply.at_ms = line.created();
        for part in parts {
            match part {
                Part::Call { id, name, block } => {
                    reply.add_call(block);
                    if self.calls.len() == CALLS_MAX {
                        self.calls.pop_front();
                    }
                    self.calls.push_back((id.clone(), name.clone()));
                }
                Part::Text { block, .. } | Part::Block(block) => reply.add_block(block),
                Part::Outcome { .. } => {}
            }
        }
        self.last = Some(number);
        reply.close(out);
    }

    fn follows(&self) -> Follows {
        self.last.map_or(Follows::Nothing, Follows::Item)
    }

    fn say(&mut self, from: &From, out: &mut Out, kind: ItemKind, body: Option<Body>) {
        let Some(body) = body else {
            return;
        };
        out.say_next(from, &mut self.last, kind, body);
    }

    fn tool_of(&self, call: &str) -> &str {
        let known = self.calls.iter().rev().find(|(id, _)| id == call);
        known.map_or("unknown", |(_, name)| name)
    }
}
