//! Every branch, as a tree with the head marked.

use std::collections::HashSet;

use latchwork::Look;
use latchwork::format::{EntryId, Escaped, Kind, RawEntry};
use serde_json::{Value, json};

use crate::output::{Output, paint};

/// How much of an entry's words a node shows, in characters.
const WORDS: usize = 60;

/// Draws the tree. A chain goes straight down; only a fork indents.
pub(crate) fn draw(output: &mut Output, look: &Look, styled: bool) {
    let transcript = &look.snapshot.transcript;
    let tree = transcript.tree();
    let head = look.snapshot.head.leaf.as_ref();
    let active: HashSet<&EntryId> = head
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default()
        .into_iter()
        .map(RawEntry::id)
        .collect();
    let mut open: Vec<(usize, usize)> = tree.roots().iter().rev().map(|root| (*root, 0)).collect();
    while let Some((place, depth)) = open.pop() {
        let Some(line) = transcript.lines().get(place) else {
            continue;
        };
        let entry = &line.entry;
        let mark = if active.contains(entry.id()) {
            "*"
        } else {
            "-"
        };
        let here = if Some(entry.id()) == head {
            "  <- head"
        } else {
            ""
        };
        let label = transcript
            .label(entry.id())
            .map(|label| format!(" [{label}]"))
            .unwrap_or_default();
        let text = format!(
            "{}{mark} {} {}{label}{here}",
            "  ".repeat(depth),
            entry.id(),
            words(entry)
        );
        let style = if active.contains(entry.id()) {
            "1"
        } else {
            "0"
        };
        output.styled_line(&paint(
            styled,
            style,
            &Escaped(&text.replace('\n', " ")).to_string(),
        ));
        let children = tree.children(place);
        let deeper = depth + usize::from(children.len() > 1);
        open.extend(children.iter().rev().map(|child| (*child, deeper)));
    }
}

fn words(entry: &RawEntry) -> String {
    let text = match entry.kind() {
        Kind::Message(role) => {
            let text = entry
                .message()
                .map(|message| message.text())
                .unwrap_or_default();
            format!("{role}: {text}")
        }
        kind => kind.to_string(),
    };
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(WORDS)
        .collect()
}

/// The tree as JSON: each entry with its parent, in stored order.
pub(crate) fn as_json(look: &Look) -> Value {
    let transcript = &look.snapshot.transcript;
    let entries: Vec<Value> = transcript
        .entries()
        .map(|entry| {
            json!({
                "id": entry.id(),
                "parentId": transcript.parent_of(entry.id()).map(RawEntry::id),
                "type": entry.kind().type_name(),
                "role": entry.role().map(latchwork::format::Role::as_str),
                "timestamp": entry.timestamp(),
                "label": transcript.label(entry.id()),
            })
        })
        .collect();
    json!({ "leafId": look.snapshot.head.leaf, "entries": entries })
}
