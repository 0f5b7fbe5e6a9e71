//! The active branch in words, and the context that the model is shown.

use std::collections::HashMap;

use latchwork::Look;
use latchwork::format::{
    self, Block, Content, EntryId, Escaped, Kind, MessageView, RawEntry, Role, TreeFault, ours,
};

use crate::output::{Output, dim, paint};

/// How much of a tool's arguments or outcome one line shows, in characters.
const GLIMPSE: usize = 200;

/// The conversation on the active branch.
pub(crate) fn conversation(output: &mut Output, look: &Look, styled: bool) {
    let transcript = &look.snapshot.transcript;
    let leaf = look.snapshot.head.leaf.as_ref();
    let lost: HashMap<EntryId, EntryId> = transcript
        .tree_faults()
        .into_iter()
        .filter_map(|fault| match fault {
            TreeFault::Bridged { child, missing, .. } => Some((child, missing)),
            _ => None,
        })
        .collect();
    for entry in leaf
        .and_then(|leaf| transcript.branch(leaf))
        .unwrap_or_default()
    {
        if let Some(missing) = lost.get(entry.id()) {
            gap(output, Some(missing.as_str()), styled);
        }
        entry_in_words(output, entry, styled);
    }
}

/// Where entries are lost, `last` of them in front of what is shown next.
fn gap(output: &mut Output, last: Option<&str>, styled: bool) {
    let last = last.map_or_else(String::new, |last| format!(", the last of them {last}"));
    let note = format!("(something is lost here{last})");
    output.styled_line(&dim(styled, &Escaped(&note).to_string()));
}

/// One entry; nothing for those that say nothing to a person.
pub(crate) fn entry_in_words(output: &mut Output, entry: &RawEntry, styled: bool) {
    let time = entry
        .timestamp()
        .get(..19)
        .unwrap_or_default()
        .replace('T', " ");
    if let Some(message) = entry.message() {
        let who = format!("{} {time} {}", message.role(), entry.id());
        said(output, &message, &who, styled);
        return;
    }
    if let Some(missing) = gap_of(entry) {
        return gap(output, missing.as_deref(), styled);
    }
    let note = match entry.kind() {
        Kind::Compaction => entry
            .compaction()
            .map(|compaction| format!("compaction: {}", glimpse(&compaction.summary))),
        Kind::BranchSummary => entry
            .branch_summary()
            .map(|summary| format!("branch: {}", glimpse(&summary.summary))),
        Kind::CustomMessage => entry
            .custom_message()
            .map(|custom| format!("message of {}", custom.custom_type)),
        Kind::ModelChange => entry
            .model_change()
            .map(|model| format!("model: {}/{}", model.provider, model.model_id)),
        Kind::SessionInfo => {
            Some("name: ".to_owned() + &entry.session_name().flatten().unwrap_or_default())
        }
        _ => None,
    };
    if let Some(note) = note {
        output.styled_line(&dim(styled, &Escaped(&format!("({note})")).to_string()));
    }
}

/// The last of the entries that a repair found lost here, if the entry says so.
fn gap_of(entry: &RawEntry) -> Option<Option<String>> {
    let custom = entry
        .custom()
        .filter(|custom| custom.custom_type == ours::GAP)?;
    let data = custom.data.and_then(format::Raw::fields);
    Some(data.and_then(|data| data.str("missing").map(String::from)))
}

fn said(output: &mut Output, message: &MessageView<'_>, who: &str, styled: bool) {
    output.styled_line(&paint(styled, "1", &Escaped(who).to_string()));
    if matches!(message.role(), Role::ToolResult) {
        let mark = if message.is_error() { "error: " } else { "" };
        let name = message.tool_name().unwrap_or_default();
        output.line(format!("  {name} -> {mark}{}", glimpse(&message.text())));
        return;
    }
    match message.content() {
        Content::Text(text) => output.line(text),
        Content::Blocks(blocks) => blocks
            .iter()
            .for_each(|block| show_block(output, block, styled)),
        Content::None => {}
    }
    if let Some(error) = message.error_message() {
        output.line(format!("  error: {error}"));
    }
}

fn show_block(output: &mut Output, block: &Block<'_>, styled: bool) {
    match block {
        Block::Text { text, .. } => output.line(text),
        Block::Thinking { text, .. } => {
            output.styled_line(&dim(
                styled,
                &Escaped(&format!("  (thinking) {}", glimpse(text))).to_string(),
            ));
        }
        Block::ToolCall(call) => {
            let arguments = call
                .arguments
                .map_or("{}", latchwork::format::json::Raw::text);
            output.line(format!(
                "  {} {}",
                call.name.as_deref().unwrap_or("?"),
                glimpse(arguments)
            ));
        }
        Block::Image { .. } => output.line("  [an image]"),
        _ => {}
    }
}

fn glimpse(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = one_line.chars();
    let mut shown: String = rest.by_ref().take(GLIMPSE).collect();
    if rest.next().is_some() {
        shown.push_str(" ...");
    }
    shown
}

/// What the model would be shown.
fn context_of(look: &Look) -> latchwork::format::Context {
    format::context(&look.snapshot.transcript, look.snapshot.head.leaf.as_ref())
}

/// The context in words.
pub(crate) fn context(output: &mut Output, look: &Look, styled: bool) {
    let shown = context_of(look);
    output.styled_line(&dim(
        styled,
        &format!(
            "{} messages, about {} tokens",
            shown.messages.len(),
            shown.estimate_tokens()
        ),
    ));
    for message in &shown.messages {
        let Some(view) = message.view() else { continue };
        let from = message
            .source()
            .map(|id| format!(" {id}"))
            .unwrap_or_default();
        said(output, &view, &format!("{}{from}", view.role()), styled);
        if let Some(summary) = view.summary() {
            output.line(summary);
        }
    }
}
