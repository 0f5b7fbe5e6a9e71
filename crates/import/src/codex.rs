//! Codex rollouts: `{"timestamp","type","payload"}` a line, and the older form of bare items.
//!
//! What the model said in one response stands in several lines (reasoning, text, calls) and becomes one reply; an outcome, a
//! user's message or a compaction ends it. `event_msg` lines repeat for a screen what the items say; they are kept raw, and the
//! numbers of tokens among them go to the reply that they follow. Standing instructions (`developer`, `system`) are kept raw:
//! they are that program's, and a model that is told them here would believe them.
//!
//! Limits: calls that the provider runs itself (web search, images) have no outcome of their own and are kept raw. What a
//! `compacted` line repeats of the history is not kept.

mod item;
mod stream;

use std::collections::VecDeque;

use latchwork_format::Body;
use latchwork_format::json::{Fields, Raw};

use crate::item::{Follows, ItemKind};
use crate::out::{From, Out, kept};
use crate::reader::{Line, Mapping};
use crate::reply::Reply;

pub(crate) use stream::{Stream, is_stream};

/// How many calls are remembered for the names of their outcomes.
const CALLS_MAX: usize = 1_024;

/// Events after which a reply does not grow.
const ENDS_OF_TURNS: [&str; 3] = ["task_complete", "turn_complete", "turn_aborted"];

/// The state of a rollout that is being read.
#[derive(Default)]
pub(crate) struct Codex {
    reply: Option<Reply>,
    /// What was said last.
    last: Option<u64>,
    model: String,
    effort: String,
    provider: Option<String>,
    calls: VecDeque<(String, String)>,
    begun: bool,
}

impl Mapping for Codex {
    fn line(&mut self, line: &Line<'_>, out: &mut Out) {
        let Some((name, payload)) = outer(&line.fields) else {
            self.bare(line, out);
            return;
        };
        let fields = payload.fields().unwrap_or_else(|| line.fields.clone());
        match name.as_ref() {
            "session_meta" => self.meta(line, out, &fields),
            "response_item" => self.item(line, out, payload, &fields),
            "compacted" => self.compacted(line, out, &fields),
            "turn_context" => self.context(line, out, &fields),
            "event_msg" => self.event(line, out, &fields),
            name => self.keep(line, out, name, line.json),
        }
    }

    fn end(&mut self, out: &mut Out) {
        self.close(out);
    }

    fn has_open_calls(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::has_calls)
    }
}

/// What a line is, and what it holds: in the older form it is the item itself.
fn outer<'a>(fields: &Fields<'a>) -> Option<(std::borrow::Cow<'a, str>, Raw<'a>)> {
    if let (Some(name), Some(payload)) = (fields.str("type"), fields.get("payload")) {
        return payload.is_object().then_some((name, payload));
    }
    None
}

impl Codex {
    /// The older form: the first line is the session, every other one an item.
    fn bare(&mut self, line: &Line<'_>, out: &mut Out) {
        match line.fields.str("type") {
            None if line.fields.str("id").is_some() && line.fields.get("timestamp").is_some() => {
                self.meta(line, out, &line.fields);
            }
            Some(_) => self.item(line, out, line.json, &line.fields),
            None => self.keep(line, out, "state", line.json),
        }
    }

    fn meta(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        if !self.begun {
            self.begun = true;
            out.is_of_session(&fields.str("id").unwrap_or_default());
            out.cwd = fields.str("cwd").map(std::borrow::Cow::into_owned);
            self.provider = fields
                .str("model_provider")
                .map(std::borrow::Cow::into_owned);
        }
        self.keep(line, out, "session_meta", line.json);
    }

    /// What has no place in the format; it does not end a reply.
    fn keep(&mut self, line: &Line<'_>, out: &mut Out, name: &str, source: Raw<'_>) {
        match &mut self.reply {
            Some(reply) => reply.keep_behind(kept(&line.from, name, source), name),
            None => out.keep(&line.from, name, source),
        }
        if self.reply.as_ref().is_some_and(Reply::is_full) {
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut Out) {
        if let Some(reply) = self.reply.take() {
            reply.close(out);
        }
    }

    fn follows(&self) -> Follows {
        self.last.map_or(Follows::Nothing, Follows::Item)
    }

    fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or("openai")
    }

    fn context(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        self.close(out);
        let (model, effort) = (fields.str("model"), fields.str("effort"));
        if let Some(model) = model.filter(|model| !model.is_empty() && *model != self.model) {
            self.model = model.into_owned();
            let body = Body::ModelChange {
                provider: self.provider().to_owned(),
                model_id: self.model.clone(),
            };
            out.set(&line.from.part(1), body);
        }
        if let Some(effort) = effort.filter(|effort| !effort.is_empty() && *effort != self.effort) {
            self.effort = effort.into_owned();
            let thinking_level = level(&self.effort).to_owned();
            out.set(
                &line.from.part(2),
                Body::ThinkingLevelChange { thinking_level },
            );
        }
        out.keep(&line.from, "turn_context", line.json);
    }

    fn event(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        let name = fields.str("type").unwrap_or_default();
        if name == "token_count"
            && let Some(reply) = &mut self.reply
            && let Some(usage) = item::usage(fields)
        {
            reply.usage = Some(usage);
            reply.add_line(&line.from);
        }
        self.keep(line, out, &format!("event_msg {name}"), line.json);
        if ENDS_OF_TURNS.contains(&&*name) {
            // Whoever follows the file need not wait for the next turn.
            self.close(out);
        }
    }

    fn compacted(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        self.close(out);
        let summary = fields.str("message").unwrap_or_default();
        if summary.trim().is_empty() {
            // The provider's own compaction is sealed: nothing here could stand for what came before.
            out.report
                .note("a sealed compaction is kept, and hides nothing");
            out.keep(&line.from, "compacted (sealed)", line.json);
            return;
        }
        if fields.get("replacement_history").is_some() {
            out.report
                .left_out("what a compaction repeats of the history before it");
        }
        let body = Body::Compaction {
            summary: summary.into_owned(),
            first_kept: None,
            tokens_before: 0,
            details: None,
            system_message: None,
        };
        self.say(&line.from, out, ItemKind::Compaction, body);
    }

    /// Something is said after what was said last.
    fn say(&mut self, from: &From, out: &mut Out, kind: ItemKind, body: Body) {
        out.say_next(from, &mut self.last, kind, body);
    }

    /// The reply that is being put together; a new one if there is none.
    fn reply(&mut self, line: &Line<'_>, out: &mut Out) -> &mut Reply {
        if self.reply.as_ref().is_some_and(Reply::is_full) {
            self.close(out);
        }
        let follows = self.follows();
        let (provider, model) = (self.provider().to_owned(), self.model.clone());
        let last = &mut self.last;
        let reply = self.reply.get_or_insert_with(|| {
            let number = out.number();
            *last = Some(number);
            let mut reply = Reply::new(number, follows, &line.from);
            reply.api = "openai-responses";
            reply.provider = provider;
            reply.model = model;
            reply.at_ms = line.at_ms();
            reply
        });
        reply.add_line(&line.from);
        reply
    }

    fn remember(&mut self, call: &str, name: &str) {
        if self.calls.len() == CALLS_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back((call.to_owned(), name.to_owned()));
    }

    fn tool_of(&self, call: &str) -> &str {
        let known = self.calls.iter().rev().find(|(id, _)| id == call);
        known.map_or("unknown", |(_, name)| name)
    }
}

/// A level of thinking by the format's names.
fn level(effort: &str) -> &str {
    match effort {
        "none" => "off",
        other => other,
    }
}
