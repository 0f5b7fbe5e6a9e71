//! What Codex tells while it runs: notifications of an app-server (`{"method","params"}`), events of `codex exec --json` (`{"type","item"}`).
//!
//! A finished item becomes what OpenClaw's mirror makes of it, under OpenClaw's keys: `codex-app-server:<thread>:<turn>:prompt`,
//! `…:tool:<id>:call` and `:result`. What the model says is `…:item:<id>`: which of a turn's messages is the last one, which OpenClaw calls
//! `:assistant`, is not known when it comes. Items that are none of these are kept raw. What only says that something began,
//! grew or ended is counted and not kept.
//!
//! Limits: an exec stream names no turns. Its items are named by digests of everything in the stream up to them, so the same stream
//! read again is the same, and a resumed one whose beginning is equal to the byte is taken for it. The user's words are not in such a
//! stream at all. A rollout has both; prefer it.

use latchwork_format::json::{Fields, Raw};

use crate::build::{List, Obj, Tokens, call_block, image_of_address, quote, text_block};
use crate::item::ItemKind;
use crate::key::digits;
use crate::out::{From, Out, message};
use crate::reader::{Line, Mapping};

/// What all keys begin with.
const SCOPE: &str = "codex-app-server";

/// The state of a stream.
#[derive(Default)]
pub(crate) struct Stream {
    last: Option<u64>,
    /// The turn under way, by the stream's own name.
    turn: Option<String>,
    /// Somebody asked something in it.
    prompted: bool,
    /// Everything up to here, for a stream without names.
    chain: blake3::Hasher,
}

/// Whether the first line of a source is of a stream.
pub(crate) fn is_stream(fields: &Fields<'_>) -> bool {
    let kind = fields.str("type");
    let told = |kind: &str| {
        ["thread.", "turn.", "item."]
            .iter()
            .any(|start| kind.starts_with(start))
    };
    fields.str("method").is_some()
        || fields.get("jsonrpc").is_some()
        || (fields.get("result").is_some() && fields.get("id").is_some())
        || kind.is_some_and(|kind| told(&kind))
}

impl Mapping for Stream {
    fn line(&mut self, line: &Line<'_>, out: &mut Out) {
        out.is_in_scope(SCOPE);
        self.chain.update(line.json.text().as_bytes());
        let params = line.fields.get("params").and_then(Raw::fields);
        match (line.fields.str("method"), line.fields.str("type")) {
            (Some(method), _) => {
                if let Some(params) = &params {
                    self.place(out, params);
                }
                match (method.as_ref(), &params) {
                    ("item/completed", Some(params)) => self.item(line, out, params),
                    (method, _) => self.other(line, out, method),
                }
            }
            (None, Some(kind)) => {
                if let Some(thread) = line.fields.str("thread_id") {
                    out.is_of_session(&thread);
                }
                match kind.as_ref() {
                    "item.completed" => self.item(line, out, &line.fields),
                    kind => self.other(line, out, kind),
                }
            }
            (None, None) if line.fields.get("id").is_some() => self.answer(out, &line.fields),
            (None, None) => self.other(line, out, "neither a method nor a type"),
        }
    }

    fn end(&mut self, _: &mut Out) {}
}

impl Stream {
    /// Where a notification belongs.
    fn place(&mut self, out: &mut Out, params: &Fields<'_>) {
        let inner = |name: &str| params.get(name).and_then(Raw::fields);
        let thread = inner("thread").and_then(|thread| Some(thread.str("id")?.into_owned()));
        let named = params.str("threadId").map(std::borrow::Cow::into_owned);
        if let Some(thread) = named.or(thread) {
            out.is_of_session(&thread);
        }
        if let Some(cwd) = inner("thread").and_then(|thread| Some(thread.str("cwd")?.into_owned()))
        {
            out.cwd = Some(cwd);
        }
        let turn = inner("turn").and_then(|turn| Some(turn.str("id")?.into_owned()));
        let named = params.str("turnId").map(std::borrow::Cow::into_owned);
        if let Some(turn) = named.or(turn)
            && self.turn.as_ref() != Some(&turn)
        {
            self.turn = Some(turn);
            self.prompted = false;
        }
    }

    /// An answer to a request: it may name the thread.
    fn answer(&mut self, out: &mut Out, fields: &Fields<'_>) {
        if let Some(result) = fields.get("result").and_then(Raw::fields) {
            self.place(out, &result);
        }
        out.report.left_out("an answer of the app-server");
    }

    fn other(&mut self, line: &Line<'_>, out: &mut Out, name: &str) {
        if is_passing(name) {
            out.report
                .left_out("what only says that something began, grew or ended");
            return;
        }
        let from = self.from(line, &format!("raw:{}", line.number));
        out.keep(&from, name, line.json);
    }

    /// Its name: what the stream calls it in its turn, or what the stream was up to it.
    fn from(&self, line: &Line<'_>, identity: &str) -> From {
        let place = match &self.turn {
            Some(turn) => format!("{}:{identity}", crate::key::fit(turn)),
            None => format!("{}:{identity}", digits(&self.chain.finalize())),
        };
        From {
            place,
            content: None,
            lines: (line.number, line.number),
        }
    }

    fn item(&mut self, line: &Line<'_>, out: &mut Out, params: &Fields<'_>) {
        let Some(item) = params.get("item").and_then(Raw::fields) else {
            return self.other(line, out, "an item that is none");
        };
        let id = crate::key::fit(&item.str("id").unwrap_or_default());
        let kind = item.str("type").unwrap_or_default();
        match kind.as_ref() {
            "userMessage" | "user_message" => self.asked(line, out, &item, &id),
            "agentMessage" | "agent_message" => self.said(line, out, &item, &id),
            "commandExecution" | "command_execution" => {
                let arguments = Obj::new().raw("command", text_of(item.get("command")));
                self.ran(line, out, &item, &id, "shell", &arguments.end());
            }
            "fileChange" | "file_change" => {
                let arguments = Obj::new().raw("changes", text_of(item.get("changes")));
                self.ran(line, out, &item, &id, "apply_patch", &arguments.end());
            }
            "mcpToolCall" | "mcp_tool_call" => {
                let (server, tool) = (item.str("server"), item.str("tool"));
                let name = format!(
                    "{}__{}",
                    server.unwrap_or_default(),
                    tool.unwrap_or_default()
                );
                let given = item.get("arguments").filter(|given| given.is_object());
                self.ran(line, out, &item, &id, &name, given.map_or("{}", Raw::text));
            }
            kind => {
                let from = self.from(line, &format!("raw:{}", line.number));
                out.keep(&from, &format!("item {kind}"), line.json);
            }
        }
    }

    fn asked(&mut self, line: &Line<'_>, out: &mut Out, item: &Fields<'_>, id: &str) {
        let mut list = List::default();
        for part in item.get("content").and_then(Raw::items).unwrap_or_default() {
            let fields = part.fields();
            let field = |name| fields.as_ref().and_then(|fields| fields.get(name));
            let image = || image_of_address(&field("url")?.as_str()?);
            match field("text").and_then(text_block).or_else(image) {
                Some(block) => list.push(&block),
                None => out.report.left_out(
                    "a part of the user's message that is neither text nor an image in it",
                ),
            }
        }
        let identity = match self.prompted {
            false => "prompt".to_owned(),
            true => format!("item:{id}"),
        };
        self.prompted = true;
        let said = Obj::new().str("role", "user").raw("content", &list.end());
        self.say(line, out, &identity, ItemKind::User, said);
    }

    fn said(&mut self, line: &Line<'_>, out: &mut Out, item: &Fields<'_>, id: &str) {
        let mut list = List::default();
        if let Some(block) = item.get("text").and_then(text_block) {
            list.push(&block);
        }
        let said = reply(&list.end(), "stop");
        self.say(line, out, &format!("item:{id}"), ItemKind::Assistant, said);
    }

    /// A tool was run: the call and what came of it.
    fn ran(
        &mut self,
        line: &Line<'_>,
        out: &mut Out,
        item: &Fields<'_>,
        id: &str,
        name: &str,
        arguments: &str,
    ) {
        // Between tokens a line break means nothing, and a line of ours holds none.
        let call = call_block(id, name, arguments, None);
        let said = reply(&format!("[{call}]"), "toolUse");
        let identity = format!("tool:{id}:call");
        self.say(line, out, &identity, ItemKind::Assistant, said);
        let output = [
            "aggregatedOutput",
            "aggregated_output",
            "result",
            "error",
            "status",
        ];
        let output = output.iter().find_map(|name| {
            let value = item.get(name)?;
            (!value.is_null()).then(|| match value.as_str() {
                Some(text) => text.into_owned(),
                None => value.text().to_owned(),
            })
        });
        let mut list = List::default();
        if let Some(text) = output.filter(|text| !text.is_empty()) {
            list.push(&Obj::of("text").raw("text", &quote(&text)).end());
        }
        let status = item.str("status");
        let failed = matches!(status.as_deref(), Some("failed" | "declined"));
        let said = Obj::new()
            .str("role", "toolResult")
            .str("toolCallId", id)
            .str("toolName", name)
            .raw("content", &list.end())
            .raw("isError", if failed { "true" } else { "false" });
        let identity = format!("tool:{id}:result");
        self.say(line, out, &identity, ItemKind::ToolResult, said);
    }

    fn say(&mut self, line: &Line<'_>, out: &mut Out, identity: &str, kind: ItemKind, said: Obj) {
        let from = self.from(line, identity);
        if let Some(body) = message(said.time(line.at_ms()).end()) {
            out.say_next(&from, &mut self.last, kind, body);
        }
    }
}

/// What only says that something began, grew or ended.
fn is_passing(name: &str) -> bool {
    let starts = [
        "thread/",
        "thread.",
        "turn/",
        "turn.",
        "account/",
        "codex/event",
        "model/",
        "mcpServer/",
    ];
    starts.iter().any(|start| name.starts_with(start))
        || [
            "item/started",
            "item.started",
            "item.updated",
            "item/updated",
            "initialized",
        ]
        .contains(&name)
        || (name.starts_with("item/") && name.to_ascii_lowercase().contains("delta"))
}

fn text_of<'a>(value: Option<Raw<'a>>) -> &'a str {
    value.map_or("null", Raw::text)
}

fn reply(content: &str, stop: &str) -> Obj {
    Obj::new()
        .str("role", "assistant")
        .raw("content", content)
        .str("api", "openai-codex-responses")
        .str("provider", "codex")
        .str("model", "codex")
        .raw("usage", &Tokens::default().to_json())
        .str("stopReason", stop)
}
