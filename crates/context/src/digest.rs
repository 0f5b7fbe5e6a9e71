//! A conversation as text: for a model that is to summarise it, and as the plain summary that needs no model.
//!
//! Pure. Deliberately absent: asking anybody.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use latchwork_format::{Block, Content, MessageView, RawEntry, Role};

/// The most of a tool's outcome that a summariser is shown, in characters.
const OUTCOME_CHARS: usize = 2_000;
/// The most of a wish of the user's that a plain summary repeats, in characters.
const WISH_CHARS: usize = 300;
/// How many of the user's last wishes a plain summary repeats.
const WISHES: usize = 12;
/// The most of an earlier summary that a plain one repeats, in characters.
const EARLIER_CHARS: usize = 8_000;

/// Files that tools read and changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    pub read: BTreeSet<String>,
    pub modified: BTreeSet<String>,
}

/// What one entry said, in lines that begin with who said it; empty for what says nothing.
pub(crate) fn said(entry: &RawEntry) -> String {
    if let Some(message) = entry.message() {
        // What no model said here is not summed up for one either.
        return match message.is_mirror() {
            true => String::new(),
            false => message_text(&message),
        };
    }
    if let Some(custom) = entry.custom_message() {
        let text = custom
            .content
            .and_then(latchwork_format::json::Raw::as_str)
            .unwrap_or_default();
        return line("Note", &text);
    }
    entry.branch_summary().map_or_else(String::new, |summary| {
        line("Earlier branch", &summary.summary)
    })
}

fn message_text(message: &MessageView<'_>) -> String {
    match message.role() {
        Role::User => line("User", &message.text()),
        Role::ToolResult => {
            let name = message.tool_name().unwrap_or_default();
            line(
                &format!("Outcome of {name}"),
                &cut_to(&message.text(), OUTCOME_CHARS),
            )
        }
        Role::Assistant => {
            let mut text = line("Assistant", &message.text());
            for call in message.tool_calls() {
                let arguments = call
                    .arguments
                    .map_or("{}", latchwork_format::json::Raw::text);
                text.push_str(&line(
                    "Assistant called",
                    &format!("{} {arguments}", call.name.unwrap_or_default()),
                ));
            }
            text
        }
        Role::BashExecution => message.bash_execution().map_or_else(String::new, |run| {
            line(
                "User ran",
                &format!("{}\n{}", run.command, cut_to(&run.output, OUTCOME_CHARS)),
            )
        }),
        _ => line("Note", &message.text()),
    }
}

fn line(who: &str, text: &str) -> String {
    if text.trim().is_empty() {
        String::new()
    } else {
        format!("[{who}] {text}\n\n")
    }
}

fn cut_to(text: &str, chars: usize) -> String {
    let mut rest = text.chars();
    let mut cut: String = rest.by_ref().take(chars).collect();
    let left = rest.count();
    if left > 0 {
        let _ = write!(cut, " [... {left} more characters]");
    }
    cut
}

/// The entries as texts of at most about `chars` characters each; one that is longer alone is cut.
pub(crate) fn chunks(entries: &[&RawEntry], chars: usize) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for entry in entries {
        let text = cut_to(&said(entry), chars);
        match chunks.last_mut() {
            Some(chunk) if chunk.chars().count() + text.chars().count() <= chars => {
                chunk.push_str(&text);
            }
            _ => chunks.push(text),
        }
    }
    chunks.retain(|chunk| !chunk.trim().is_empty());
    chunks
}

/// The files that the calls among the entries name.
pub(crate) fn files(entries: &[&RawEntry]) -> Files {
    let mut files = Files::default();
    for message in entries.iter().filter_map(|entry| entry.message()) {
        let Content::Blocks(blocks) = message.content() else {
            continue;
        };
        for block in blocks {
            let Block::ToolCall(call) = block else {
                continue;
            };
            let path = call.arguments.and_then(latchwork_format::json::Raw::fields);
            let path = path.and_then(|fields| fields.str("path").map(std::borrow::Cow::into_owned));
            match (call.name.as_deref(), path) {
                (Some("read"), Some(path)) => drop(files.read.insert(path)),
                (Some("write" | "edit"), Some(path)) => drop(files.modified.insert(path)),
                _ => {}
            }
        }
    }
    files.read = files.read.difference(&files.modified).cloned().collect();
    files
}

/// A summary without a model: how much was said, what the user wanted, which files were touched.
pub(crate) fn plain(previous: Option<&str>, entries: &[&RawEntry]) -> String {
    let mut text = String::from(
        "This summary was made without a model; the whole conversation is kept in the transcript.\n",
    );
    let count = |role: &Role| {
        entries
            .iter()
            .filter(|entry| entry.role() == Some(role))
            .count()
    };
    let _ = writeln!(
        text,
        "It stands for {} messages of the user, {} of the assistant and {} outcomes of tools.",
        count(&Role::User),
        count(&Role::Assistant),
        count(&Role::ToolResult)
    );
    let wishes: Vec<String> = entries
        .iter()
        .filter(|entry| entry.role() == Some(&Role::User))
        .filter_map(|entry| entry.message())
        .map(|message| cut_to(message.text().trim(), WISH_CHARS))
        .filter(|wish| !wish.is_empty())
        .collect();
    section(
        &mut text,
        "What the user asked, oldest first",
        wishes.iter().skip(wishes.len().saturating_sub(WISHES)),
    );
    let touched = files(entries);
    section(&mut text, "Files that were read", touched.read.iter());
    section(
        &mut text,
        "Files that were changed",
        touched.modified.iter(),
    );
    if let Some(previous) = previous {
        section(
            &mut text,
            "The summary before this one",
            std::iter::once(&cut_to(previous, EARLIER_CHARS)),
        );
    }
    text
}

fn section<'a>(text: &mut String, title: &str, items: impl Iterator<Item = &'a String>) {
    let items: Vec<&String> = items.collect();
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## {title}");
    for item in items {
        let _ = writeln!(text, "- {item}");
    }
}

#[cfg(test)]
mod tests {
    use super::{chunks, files, plain};
    use latchwork_format::{RawEntry, Transcript};
    use proptest::prelude::*;

    fn talk() -> Transcript {
        let lines = [
            r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#,
            r#"{"type":"message","id":"a","parentId":null,"timestamp":"t","message":{"role":"user","content":"make it faster"}}"#,
            r#"{"type":"message","id":"b","parentId":"a","timestamp":"t","message":{"role":"assistant","content":[{"type":"toolCall","id":"c","name":"read","arguments":{"path":"a.rs"}},{"type":"toolCall","id":"d","name":"edit","arguments":{"path":"b.rs"}},{"type":"toolCall","id":"e","name":"read","arguments":{"path":"b.rs"}}]}}"#,
            r#"{"type":"message","id":"r","parentId":"b","timestamp":"t","message":{"role":"toolResult","toolCallId":"c","toolName":"read","content":[{"type":"text","text":"fn main"}]}}"#,
        ];
        Transcript::parse(format!("{}\n", lines.join("\n")).as_bytes())
    }

    #[test]
    fn a_plain_summary_keeps_the_wishes_and_the_files() {
        let talk = talk();
        let entries: Vec<&RawEntry> = talk.entries().collect();
        let text = plain(Some("we began"), &entries);
        for part in [
            "make it faster",
            "a.rs",
            "b.rs",
            "we began",
            "1 messages of the user",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let touched = files(&entries);
        assert_eq!(
            touched.read.into_iter().collect::<Vec<_>>(),
            ["a.rs"],
            "a file that was changed counts as changed"
        );
        assert_eq!(touched.modified.into_iter().collect::<Vec<_>>(), ["b.rs"]);
    }

    #[test]
    fn what_no_model_said_here_is_summed_up_for_none() {
        let mirror = r#"{"type":"message","id":"m","parentId":null,"timestamp":"t","message":{"role":"assistant","provider":"openclaw","model":"delivery-mirror","content":"delivered"}}"#;
        let header = r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#;
        let said = mirror.replace("delivery-mirror", "gpt");
        let texts = [mirror, &said].map(|line| {
            let talk = Transcript::parse(format!("{header}\n{line}\n").as_bytes());
            let entries: Vec<&RawEntry> = talk.entries().collect();
            chunks(&entries, 100).concat()
        });
        assert_eq!(texts.map(|text| text.contains("delivered")), [false, true]);
    }

    proptest! {
        #[test]
        fn chunks_are_bounded_and_hold_every_entry(chars in 40..400_usize) {
            let talk = talk();
            let entries: Vec<&RawEntry> = talk.entries().collect();
            let chunks = chunks(&entries, chars);
            prop_assert!(chunks.iter().all(|chunk| chunk.chars().count() <= chars + 40));
            prop_assert!(chunks.concat().contains("[User] make it faster"));
        }
    }
}
