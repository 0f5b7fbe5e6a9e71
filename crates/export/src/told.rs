//! One entry as it is exported: what is left out is left out here, and what is secret is taken out here.
//!
//! Invariant: nothing else in this crate reads an entry, so that no format can tell more than [`Options`] allow.
//! Deliberately absent: how it looks.

mod parts;

use std::borrow::Cow;

use latchwork_format::time::iso_from_millis;
use latchwork_format::{Content, Kind, MessageView, RawEntry, Role, Usage, ours};

use crate::options::Options;
pub(crate) use parts::Part;

/// Who or what speaks in an entry: what a reader can filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    User,
    Assistant,
    Tool,
    Bash,
    System,
    Extension,
    Compaction,
    Branch,
    /// A place where entries are lost.
    Gap,
    /// About the session, not in it.
    Note,
}

impl Voice {
    pub(crate) const ALL: [Voice; 10] = [
        Voice::User,
        Voice::Assistant,
        Voice::Tool,
        Voice::Bash,
        Voice::System,
        Voice::Extension,
        Voice::Compaction,
        Voice::Branch,
        Voice::Gap,
        Voice::Note,
    ];

    /// What it is called in an export.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Voice::User => "user",
            Voice::Assistant => "assistant",
            Voice::Tool => "tool result",
            Voice::Bash => "command",
            Voice::System => "system",
            Voice::Extension => "extension",
            Voice::Compaction => "compaction",
            Voice::Branch => "branch summary",
            Voice::Gap => "gap",
            Voice::Note => "note",
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Told<'e> {
    pub(crate) voice: Voice,
    /// The kind or role that the file names, where [`Voice`] does not say it.
    pub(crate) kind: Cow<'e, str>,
    pub(crate) id: Cow<'e, str>,
    /// Unix milliseconds.
    pub(crate) time: Option<i64>,
    pub(crate) provider: Option<Cow<'e, str>>,
    pub(crate) model: Option<Cow<'e, str>>,
    pub(crate) stop: Option<Cow<'e, str>>,
    pub(crate) error: Option<Cow<'e, str>>,
    /// The call that this is the outcome of.
    pub(crate) call: Option<Cow<'e, str>>,
    pub(crate) tool: Option<Cow<'e, str>>,
    pub(crate) failed: bool,
    pub(crate) usage: Option<Usage>,
    pub(crate) parts: Vec<Part<'e>>,
}

impl Told<'_> {
    /// Nothing yet, in this voice.
    fn by(voice: Voice) -> Self {
        Self {
            voice,
            kind: "".into(),
            id: "".into(),
            time: None,
            provider: None,
            model: None,
            stop: None,
            error: None,
            call: None,
            tool: None,
            failed: false,
            usage: None,
            parts: Vec::new(),
        }
    }

    /// The time as ISO 8601, to the second.
    pub(crate) fn time_in_words(&self) -> Option<String> {
        let time = iso_from_millis(self.time?);
        Some(time.get(..19)?.replace('T', " "))
    }
}

/// Tells entries by the rules of one export.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teller<'o> {
    pub(crate) options: &'o Options<'o>,
}

impl Teller<'_> {
    pub(crate) fn tell<'e>(self, entry: &'e RawEntry) -> Told<'e> {
        let mut told = Told {
            kind: self.clean(entry.kind().type_name()),
            id: self.clean(entry.id().as_str()),
            time: entry.timestamp_millis(),
            ..Told::by(voice(entry))
        };
        match entry.message() {
            Some(message) => self.message(entry, &message, &mut told),
            None => self.other(entry, &mut told),
        }
        told
    }

    fn clean<'t>(self, text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
        self.options.clean(text.into())
    }

    fn message<'e>(self, entry: &'e RawEntry, message: &MessageView<'e>, told: &mut Told<'e>) {
        let clean = |text: Option<Cow<'e, str>>| text.map(|text| self.clean(text));
        if let Some(Role::Other(role)) = entry.role() {
            told.kind = self.clean(&**role);
        }
        told.time = message.timestamp_millis().or(told.time);
        told.provider = clean(message.provider());
        told.model = clean(message.model());
        told.stop = clean(message.stop_reason());
        told.error = clean(message.error_message());
        told.call = clean(message.tool_call_id());
        told.tool = clean(message.tool_name());
        told.failed = message.is_error();
        told.usage = message.usage();
        if let Some(run) = message.bash_execution() {
            return self.command(&run, &mut told.parts);
        }
        self.content(told.voice, message.content(), &mut told.parts);
        if let Some(summary) = message.summary() {
            told.parts.push(Part::Text(self.clean(summary)));
        }
    }

    fn content<'e>(self, voice: Voice, content: Content<'e>, parts: &mut Vec<Part<'e>>) {
        match content {
            Content::None => {}
            Content::Text(text) => parts.push(self.text(voice, text)),
            Content::Blocks(blocks) => {
                let told = blocks
                    .into_iter()
                    .filter_map(|block| self.block(voice, block));
                parts.extend(told);
            }
        }
    }

    fn other<'e>(self, entry: &'e RawEntry, told: &mut Told<'e>) {
        let parts = &mut told.parts;
        match entry.kind() {
            Kind::Compaction => {
                if let Some(view) = entry.compaction() {
                    parts.push(Part::Text(self.clean(view.summary)));
                }
            }
            Kind::BranchSummary => {
                if let Some(view) = entry.branch_summary() {
                    parts.push(Part::Text(self.clean(view.summary)));
                }
            }
            Kind::CustomMessage => {
                if let Some(view) = entry.custom_message() {
                    told.kind = self.clean(view.custom_type);
                    if let Some(content) = view.content {
                        self.content(Voice::Extension, Content::read(content), parts);
                    }
                }
            }
            Kind::ModelChange => {
                if let Some(model) = entry.model_change() {
                    told.provider = Some(self.clean(model.provider));
                    told.model = Some(self.clean(model.model_id));
                }
            }
            Kind::Usage => {
                told.usage = entry.fields().get("usage").and_then(Usage::read);
            }
            _ => self.note(entry, told),
        }
    }

    /// What is about the session: names and levels in a line, anything else as the JSON that it is.
    fn note<'e>(self, entry: &'e RawEntry, told: &mut Told<'e>) {
        if let Some(view) = entry.custom() {
            told.kind = self.clean(view.custom_type);
            let data = view.data.filter(|data| !data.is_null());
            told.parts.extend(data.map(|data| self.json("data", data)));
            return;
        }
        let said = match entry.kind() {
            Kind::ThinkingLevelChange => entry.thinking_level(),
            Kind::SessionInfo => entry
                .session_name()
                .map(|name| name.unwrap_or_default().into()),
            Kind::Label => entry.label().map(|label| label.label.unwrap_or_default()),
            _ => None,
        };
        told.parts.push(match said {
            Some(text) => Part::Text(self.clean(text)),
            None => self.json("entry", entry.json()),
        });
    }
}

/// What stands for an entry that cannot be read any more.
pub(crate) fn lost() -> Told<'static> {
    let note = "This entry was changed while the session was exported, and could not be read.";
    Told {
        parts: vec![Part::Note(note.to_owned())],
        ..Told::by(Voice::Gap)
    }
}

fn voice(entry: &RawEntry) -> Voice {
    match entry.kind() {
        Kind::Message(Role::User) => Voice::User,
        Kind::Message(Role::Assistant) => Voice::Assistant,
        Kind::Message(Role::ToolResult) => Voice::Tool,
        Kind::Message(Role::BashExecution) => Voice::Bash,
        Kind::Message(Role::System) => Voice::System,
        Kind::Message(Role::CompactionSummary) | Kind::Compaction => Voice::Compaction,
        Kind::Message(Role::BranchSummary) | Kind::BranchSummary => Voice::Branch,
        Kind::Message(_) | Kind::CustomMessage => Voice::Extension,
        Kind::Custom if is_gap(entry) => Voice::Gap,
        _ => Voice::Note,
    }
}

/// Whether a repair left this where entries were lost.
fn is_gap(entry: &RawEntry) -> bool {
    entry
        .custom()
        .is_some_and(|custom| custom.custom_type == ours::GAP)
}

#[cfg(test)]
mod tests;
