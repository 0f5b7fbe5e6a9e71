//! One item of a response, or of what was sent for one.

use latchwork_format::json::{Fields, Raw};

use super::Codex;
use crate::build::{List, Obj, Tokens, arguments, call_block, image_of_address, quote, text_block};
use crate::item::ItemKind;
use crate::out::{Out, message};
use crate::reader::Line;
use crate::reply::thinking_block;

impl Codex {
    pub(super) fn item(
        &mut self,
        line: &Line<'_>,
        out: &mut Out,
        payload: Raw<'_>,
        fields: &Fields<'_>,
    ) {
        let name = fields.str("type").unwrap_or_default();
        match name.as_ref() {
            "message" => self.message(line, out, fields),
            "reasoning" => self.reasoning(line, out, payload, fields),
            "function_call" | "custom_tool_call" | "local_shell_call"
                if fields.str("call_id").is_some() =>
            {
                self.call(line, out, fields);
            }
            "function_call_output" | "custom_tool_call_output" => {
                self.outcome(line, out, fields);
            }
            name => self.keep(line, out, name, line.json),
        }
    }

    fn message(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        let role = fields.str("role").unwrap_or_default();
        let content = fields.get("content");
        match role.as_ref() {
            "assistant" => {
                let (blocks, unknown) = blocks_of(content);
                let reply = self.reply(line, out);
                for block in blocks {
                    reply.add_block(&block);
                }
                self.keep_unknown(line, out, unknown);
            }
            "user" => {
                self.close(out);
                let (blocks, unknown) = blocks_of(content);
                let mut list = List::default();
                for block in blocks {
                    list.push(&block);
                }
                let said = Obj::new().str("role", "user").raw("content", &list.end());
                if let Some(body) = message(said.time(line.at_ms()).end()) {
                    self.say(&line.from, out, ItemKind::User, body);
                }
                self.keep_unknown(line, out, unknown);
            }
            role => self.keep(line, out, &format!("message of {role}"), line.json),
        }
    }

    /// The whole line is kept where a part of it has no place.
    fn keep_unknown(&mut self, line: &Line<'_>, out: &mut Out, unknown: usize) {
        if unknown > 0 {
            out.report
                .note("a part of a message that has no place is kept beside it");
            self.keep(line, out, "message with unknown parts", line.json);
        }
    }

    /// What the model thought. The item itself is its seal, as the format keeps it for this provider.
    fn reasoning(&mut self, line: &Line<'_>, out: &mut Out, payload: Raw<'_>, fields: &Fields<'_>) {
        let mut text = String::new();
        for part in ["summary", "content"] {
            for item in fields.get(part).and_then(Raw::items).unwrap_or_default() {
                let said = item.fields().and_then(|item| item.str("text"));
                if let Some(said) = said.filter(|said| !said.is_empty()) {
                    if !text.is_empty() {
                        text.push_str("\n\n");
                    }
                    text.push_str(&said);
                }
            }
        }
        let seal = quote(payload.text());
        let block = thinking_block(&quote(&text), Some(&seal));
        self.reply(line, out).add_block(&block);
    }

    fn call(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        let id = fields.str("call_id").unwrap_or_default();
        let name = fields.str("name");
        let name = name.unwrap_or(std::borrow::Cow::Borrowed("local_shell"));
        let arguments = match (fields.get("arguments"), fields.get("input")) {
            (Some(given), _) if given.is_object() => given.text().to_owned(),
            (Some(given), _) => arguments(&given.as_str().unwrap_or_default()),
            (None, Some(given)) => Obj::new().raw("input", given.text()).end(),
            (None, None) => match fields.get("action") {
                Some(action) if action.is_object() => action.text().to_owned(),
                _ => "{}".to_owned(),
            },
        };
        self.reply(line, out)
            .add_call(&call_block(&id, &name, &arguments, None));
        self.remember(&id, &name);
    }

    fn outcome(&mut self, line: &Line<'_>, out: &mut Out, fields: &Fields<'_>) {
        self.close(out);
        let id = fields.str("call_id").unwrap_or_default();
        let (content, failed, unknown) = outcome_of(fields.get("output"));
        let said = Obj::new()
            .str("role", "toolResult")
            .str("toolCallId", &id)
            .str("toolName", self.tool_of(&id))
            .raw("content", &content)
            .raw("isError", if failed { "true" } else { "false" });
        if let Some(body) = message(said.time(line.at_ms()).end()) {
            self.say(&line.from, out, ItemKind::ToolResult, body);
        }
        self.keep_unknown(line, out, unknown);
    }
}

/// The parts of a message, and how many have no place.
fn blocks_of(content: Option<Raw<'_>>) -> (Vec<String>, usize) {
    let Some(content) = content else {
        return (Vec::new(), 0);
    };
    if content.as_str().is_some() {
        return (text_block(content).into_iter().collect(), 0);
    }
    let (mut blocks, mut unknown) = (Vec::new(), 0);
    for part in content.items().unwrap_or_default() {
        let fields = part.fields();
        let name = fields.as_ref().and_then(|fields| fields.str("type"));
        let field = |key| fields.as_ref().and_then(|fields| fields.get(key));
        let block = match name.as_deref() {
            Some("input_text" | "output_text" | "text") => match field("text") {
                // Text that says nothing is no part.
                Some(text) if text.text() == "\"\"" => continue,
                text => text.and_then(text_block),
            },
            Some("input_image") => field("image_url")
                .and_then(Raw::as_str)
                .and_then(|address| image_of_address(&address)),
            _ => None,
        };
        match block {
            Some(block) => blocks.push(block),
            None => unknown += 1,
        }
    }
    (blocks, unknown)
}

/// What a tool gave: text, parts, or an object that says whether it went well.
fn outcome_of(output: Option<Raw<'_>>) -> (String, bool, usize) {
    let Some(output) = output else {
        return ("[]".to_owned(), false, 0);
    };
    if let Some(fields) = output.fields() {
        let failed = fields.get("success").and_then(Raw::as_bool) == Some(false);
        let inner = fields.get("content_items").filter(|items| items.is_array());
        let (content, _, unknown) = outcome_of(inner.or_else(|| fields.get("content")));
        return (content, failed, unknown);
    }
    let (blocks, unknown) = blocks_of(Some(output));
    let mut list = List::default();
    for block in blocks {
        list.push(&block);
    }
    (list.end(), false, unknown)
}

/// The tokens of the last response, in an event that counts them. Cached ones are among the input there.
pub(super) fn usage(event: &Fields<'_>) -> Option<Tokens> {
    let last = event
        .get("info")?
        .fields()?
        .get("last_token_usage")?
        .fields()?;
    let number = |key| last.get(key).and_then(Raw::as_u64).unwrap_or_default();
    let cached = number("cached_input_tokens");
    Some(Tokens {
        input: number("input_tokens").saturating_sub(cached),
        output: number("output_tokens"),
        cache_read: cached,
        cache_write: 0,
    })
}
