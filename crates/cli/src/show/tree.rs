//! Every branch, as a tree with the head marked.

use std::collections::HashSet;

use latchwork::Look;
use latchwork::format::{EntryId, Escaped, Kind, RawEntry};
use serde_json::{Value, json};

use crate::output::{Output, paint};

/// How much of an entry's words a node shows, in characters.
const WORDS: usize = 60;
/// Deeper forks are not indented further.
const DEPTH_MAX: usize = 20;

/// Draws the tree. The active branch goes straight down; what left it is indented, and stands before what went on.
pub(crate) fn draw(output: &mut Output, look: &Look, styled: bool) {
    let transcript = &look.snapshot.transcript;
    let tree = transcript.tree();
    let head = look.snapshot.head.leaf.as_ref();
    let active = active(look);
    let is_active = |place: &usize| {
        let line = transcript.lines().get(*place);
        line.is_some_and(|line| active.contains(line.entry.id()))
    };
    let mut open = Vec::new();
    unfold(&mut open, tree.roots(), 0, is_active);
    while let Some((place, depth)) = open.pop() {
        let Some(line) = transcript.lines().get(place) else {
            continue;
        };
        let entry = &line.entry;
        let here = if Some(entry.id()) == head {
            "  <- head"
        } else {
            ""
        };
        let label = transcript
            .label(entry.id())
            .map(|label| format!(" [{label}]"))
            .unwrap_or_default();
        let (mark, style) = if is_active(&place) {
            ("*", "1")
        } else {
            ("-", "0")
        };
        let indent = "  ".repeat(depth.min(DEPTH_MAX));
        let text = format!(
            "{indent}{mark} {} {}{label}{here}",
            entry.id(),
            words(entry)
        );
        let text = Escaped(&text.replace('\n', " ")).to_string();
        output.styled_line(&paint(styled, style, &text));
        unfold(&mut open, tree.children(place), depth, is_active);
    }
}

/// Puts siblings on the stack. The active one, or else the last, goes on at their parent's depth.
fn unfold(
    open: &mut Vec<(usize, usize)>,
    siblings: &[usize],
    depth: usize,
    is_active: impl Fn(&usize) -> bool,
) {
    let goes_on = siblings
        .iter()
        .find(|place| is_active(place))
        .or(siblings.last());
    open.extend(goes_on.map(|place| (*place, depth)));
    let left = siblings
        .iter()
        .rev()
        .filter(|place| Some(*place) != goes_on);
    open.extend(left.map(|place| (*place, depth + 1)));
}

/// The entries of the active branch.
fn active(look: &Look) -> HashSet<&EntryId> {
    let transcript = &look.snapshot.transcript;
    let head = look.snapshot.head.leaf.as_ref();
    let branch = head.and_then(|head| transcript.branch(head));
    branch
        .unwrap_or_default()
        .into_iter()
        .map(RawEntry::id)
        .collect()
}

/// What an entry says, in a few words.
pub(crate) fn words(entry: &RawEntry) -> String {
    let text = match entry.kind() {
        Kind::Message(role) => {
            let text = entry
                .message()
                .map(|message| message.text())
                .unwrap_or_default();
            format!("{role}: {text}")
        }
        Kind::Custom => entry.custom().map_or_else(
            || entry.kind().to_string(),
            |custom| format!("({})", custom.custom_type),
        ),
        kind => format!("({kind})"),
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
    let active = active(look);
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
                "active": active.contains(entry.id()),
            })
        })
        .collect();
    json!({ "leafId": look.snapshot.head.leaf, "entries": entries })
}

#[cfg(test)]
mod tests {
    use super::unfold;

    #[test]
    fn the_active_branch_goes_straight_down_and_what_left_it_stands_before() {
        let order = |siblings: &[usize], active: usize| {
            let mut open = Vec::new();
            unfold(&mut open, siblings, 3, |place| *place == active);
            open.into_iter().rev().collect::<Vec<_>>()
        };
        assert_eq!(order(&[1, 2, 4], 2), [(1, 4), (4, 4), (2, 3)]);
        assert_eq!(order(&[1, 2], 9), [(1, 4), (2, 3)]);
        assert_eq!(order(&[7], 9), [(7, 3)]);
        assert!(order(&[], 9).is_empty());
    }
}
