//! One entry as it is looked for: who speaks, what is said, what was thought. The only place that reads the texts of an entry.
//!
//! What no model and no person is told is not here: state of extensions (receipts and our own notes among it), settings, tokens, images,
//! seals, and what stands in place of an edited entry. Limits: the texts of one entry are bounded (see [`words`](crate::words)); of a call
//! the values of its arguments count, not their names.

use latchwork_format::message::ToolCall;
use latchwork_format::{Block, Content, Kind, MessageView, Raw, RawEntry, Role};

use crate::words::{BEGIN_BYTES, END_BYTES, bounded};

/// Who speaks in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Voice {
    /// A person.
    User,
    /// The model.
    Assistant,
    /// The outcome of a tool.
    Tool,
    /// A command that the user ran, with its output.
    Command,
    /// Standing instructions.
    System,
    /// An extension.
    Extension,
    /// The summary of a compaction or of a branch.
    Summary,
    /// The session's name, or a label.
    Note,
}

impl Voice {
    const ALL: [Voice; 8] = [
        Voice::User,
        Voice::Assistant,
        Voice::Tool,
        Voice::Command,
        Voice::System,
        Voice::Extension,
        Voice::Summary,
        Voice::Note,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Voice::User => "user",
            Voice::Assistant => "assistant",
            Voice::Tool => "tool",
            Voice::Command => "command",
            Voice::System => "system",
            Voice::Extension => "extension",
            Voice::Summary => "summary",
            Voice::Note => "note",
        }
    }

    /// How it stands in the index.
    pub(crate) fn code(self) -> i64 {
        self as i64
    }

    pub(crate) fn of_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

/// What of an entry is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) voice: Voice,
    /// Unix milliseconds.
    pub(crate) time: Option<i64>,
    pub(crate) said: String,
    pub(crate) thought: String,
    /// No model is ever shown it.
    pub(crate) never: bool,
}

/// What of the entry is looked for; `None` if nothing is.
pub(crate) fn told(entry: &RawEntry) -> Option<Told> {
    let mut texts = Texts::default();
    let mut told = Told {
        voice: voice(entry)?,
        time: entry.timestamp_millis(),
        said: String::new(),
        thought: String::new(),
        never: entry.is_mirror(),
    };
    match entry.message() {
        Some(message) => {
            told.time = message.timestamp_millis().or(told.time);
            let run = message.bash_execution();
            told.never |= run.is_some_and(|run| run.exclude_from_context);
            texts.message(&message);
        }
        None => {
            told.never |= told.voice == Voice::Note;
            texts.other(entry);
        }
    }
    told.said = bounded(&texts.said).into_owned();
    told.thought = bounded(&texts.thought).into_owned();
    let is_empty = told.said.trim().is_empty() && told.thought.trim().is_empty();
    (!is_empty).then_some(told)
}

fn voice(entry: &RawEntry) -> Option<Voice> {
    Some(match entry.kind() {
        Kind::Message(Role::User) => Voice::User,
        Kind::Message(Role::Assistant) => Voice::Assistant,
        Kind::Message(Role::ToolResult) => Voice::Tool,
        Kind::Message(Role::BashExecution) => Voice::Command,
        Kind::Message(Role::System) => Voice::System,
        Kind::Message(Role::CompactionSummary | Role::BranchSummary)
        | Kind::Compaction
        | Kind::BranchSummary => Voice::Summary,
        Kind::Message(_) | Kind::CustomMessage => Voice::Extension,
        Kind::Label | Kind::SessionInfo => Voice::Note,
        _ => return None,
    })
}

#[derive(Default)]
struct Texts {
    said: String,
    thought: String,
}

impl Texts {
    fn message(&mut self, message: &MessageView<'_>) {
        if let Some(run) = message.bash_execution() {
            say(&mut self.said, &run.command);
            say(&mut self.said, &run.output);
            return;
        }
        self.content(message.content());
        let more = [message.summary(), message.error_message()];
        more.into_iter()
            .flatten()
            .for_each(|text| say(&mut self.said, &text));
    }

    fn other(&mut self, entry: &RawEntry) {
        let said = &mut self.said;
        if let Some(view) = entry.compaction() {
            say(said, &view.summary);
        } else if let Some(view) = entry.branch_summary() {
            say(said, &view.summary);
        } else if let Some(name) = entry.session_name() {
            say(said, &name.unwrap_or_default());
        } else if let Some(label) = entry.label() {
            say(said, &label.label.unwrap_or_default());
        } else if let Some(content) = entry.custom_message().and_then(|view| view.content) {
            self.content(Content::read(content));
        }
    }

    fn content(&mut self, content: Content<'_>) {
        match content {
            Content::None => {}
            Content::Text(text) => say(&mut self.said, &text),
            Content::Blocks(blocks) => blocks.iter().for_each(|block| self.block(block)),
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        match block {
            Block::Text { text, .. } => say(&mut self.said, text),
            Block::Thinking { text, .. } => say(&mut self.thought, text),
            Block::ToolCall(call) => self.call(call),
            Block::Other(raw) => values(*raw, &mut self.said),
            _ => {}
        }
    }

    fn call(&mut self, call: &ToolCall<'_>) {
        say(&mut self.said, call.name.as_deref().unwrap_or_default());
        if let Some(arguments) = call.arguments {
            values(arguments, &mut self.said);
        }
    }
}

/// Adds a text. What is bounded in the end is not gathered without bounds either.
fn say(to: &mut String, text: &str) {
    if to.len() > 2 * (BEGIN_BYTES + END_BYTES) {
        *to = bounded(to).into_owned();
    }
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(&bounded(text));
}

/// Adds what a JSON value says: its strings as they read, and its numbers.
fn values(raw: Raw<'_>, to: &mut String) {
    let mut rest = vec![raw.to_value()];
    while let Some(value) = rest.pop() {
        use serde_json::Value;
        match value {
            Value::String(text) => say(to, &text),
            Value::Number(number) => say(to, &number.to_string()),
            Value::Array(items) => rest.extend(items.into_iter().rev()),
            Value::Object(fields) => rest.extend(fields.into_iter().map(|(_, value)| value).rev()),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Voice, told};
    use crate::words::{BEGIN_BYTES, END_BYTES};
    use latchwork_format::{RawEntry, RawLine};

    fn entry(fields: &str) -> RawEntry {
        let line = format!(
            r#"{{"id":"a","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z",{fields}}}"#
        );
        match RawLine::parse(line.as_bytes()).unwrap() {
            RawLine::Entry(entry) => entry,
            RawLine::Header(_) => panic!("an entry"),
        }
    }

    fn message(message: &str) -> RawEntry {
        entry(&format!(r#""type":"message","message":{message}"#))
    }

    #[test]
    fn words_calls_and_thoughts_are_told_and_images_and_seals_are_not() {
        let reply = message(
            r#"{"role":"assistant","provider":"p","model":"m","content":[{"type":"thinking","thinking":"hm","thinkingSignature":"seal"},{"type":"text","text":"yes"},{"type":"image","data":"QUJD","mimeType":"image/png"},{"type":"toolCall","id":"c","name":"bash","arguments":{"cmd":"ls\nx","n":[7,null]}}]}"#,
        );
        let found = told(&reply).unwrap();
        assert_eq!(
            (
                found.voice,
                found.said.as_str(),
                found.thought.as_str(),
                found.never
            ),
            (Voice::Assistant, "yes\nbash\nls\nx\n7", "hm", false)
        );
    }

    #[test]
    fn what_no_model_is_shown_is_marked_and_state_of_extensions_is_not_told() {
        let never = |entry: RawEntry| told(&entry).map(|told| (told.voice, told.never));
        let mirror = message(
            r#"{"role":"assistant","content":"x","provider":"openclaw","model":"delivery-mirror"}"#,
        );
        assert_eq!(never(mirror), Some((Voice::Assistant, true)));
        let run = message(
            r#"{"role":"bashExecution","command":"ls","output":"o","excludeFromContext":true}"#,
        );
        assert_eq!(never(run), Some((Voice::Command, true)));
        let name = entry(r#""type":"session_info","name":"n""#);
        assert_eq!(never(name), Some((Voice::Note, true)));
        for silent in [
            r#""type":"custom","customType":"latchwork.turn","data":{"x":"secret"}"#,
            r#""type":"model_change","provider":"p","modelId":"m""#,
            r#""type":"new_kind","text":"x""#,
            r#""type":"message","message":{"role":"user","content":" "}"#,
        ] {
            assert_eq!(told(&entry(silent)), None, "{silent}");
        }
    }

    #[test]
    fn the_text_of_an_entry_is_bounded_however_many_parts_it_has() {
        let block = format!(r#"{{"type":"text","text":"{}"}}"#, "word ".repeat(9_000));
        let blocks = vec![block; 9].join(",");
        let found = told(&message(&format!(
            r#"{{"role":"toolResult","content":[{{"type":"text","text":"first"}},{blocks},{{"type":"text","text":"last"}}]}}"#
        )))
        .unwrap();
        assert!(found.said.starts_with("first") && found.said.ends_with("last"));
        assert!(found.said.len() < BEGIN_BYTES + END_BYTES + 10);
    }
}
