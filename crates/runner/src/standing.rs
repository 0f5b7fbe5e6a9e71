//! Where a waiting message stands: not in the transcript, in the context, answered, left beside, or rewound away.
//!
//! A pure decision from the transcript and its head. Of the placements of one message, the newest counts. The transcript may be a
//! part that holds those, and what was said behind them. Deliberately absent: acting on it (`phase/prepare.rs` places, `phase/settle.rs` retires).

use std::collections::HashMap;

use latchwork_format::{RawEntry, Transcript};
use latchwork_session::{EntryId, Key};

use crate::entries::{is_final_reply, is_reply};

/// Where one message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is not in the transcript.
    New,
    /// It is on the active path, and nothing that follows answers it.
    InContext,
    /// This reply answers it.
    Answered(EntryId),
    /// It is beside the active path, and nobody has answered it there.
    Beside,
    /// The user went back to before it, for this reason.
    Rewound(String),
}

/// Where each of the messages stands, in order.
pub(crate) fn standings<'k>(
    transcript: &Transcript,
    head: Option<&EntryId>,
    keys: impl IntoIterator<Item = &'k Key>,
) -> Vec<Standing> {
    let path = head
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default();
    let places: HashMap<&EntryId, usize> = path
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.id(), place))
        .collect();
    keys.into_iter()
        .map(|key| {
            let Some(placement) = newest_placement(transcript, key) else {
                return Standing::New;
            };
            match (places.get(placement.id()), head) {
                (Some(place), _) => on_path(path.get(place + 1..).unwrap_or_default()),
                (None, Some(head)) if transcript.is_ancestor(placement.id(), head) => {
                    further_up(transcript, placement, head)
                }
                (None, _) => beside(transcript, placement),
            }
        })
        .collect()
}

/// The newest placement of a message: the greatest number, and of equal ones the last in the file.
pub(crate) fn newest_placement<'t>(transcript: &'t Transcript, key: &Key) -> Option<&'t RawEntry> {
    let mut newest: Option<(u32, &RawEntry)> = None;
    for entry in transcript.entries() {
        if !may_hold(entry.text(), key.as_str()) || entry.key().as_deref() != Some(key.as_str()) {
            continue;
        }
        let number = entry.mark().map_or(1, |mark| mark.placement.max(1));
        if newest.is_none_or(|(known, _)| number >= known) {
            newest = Some((number, entry));
        }
    }
    newest.map(|(_, entry)| entry)
}

/// A cheap look before a line is opened: a plain key stands in its line as it is.
fn may_hold(line: &str, key: &str) -> bool {
    let escaped = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\' | b'/');
    key.bytes().any(escaped) || line.contains(key)
}

fn on_path(after: &[&RawEntry]) -> Standing {
    let answer = after.iter().find(|entry| is_final_reply(entry));
    answer.map_or(Standing::InContext, |entry| {
        Standing::Answered(entry.id().clone())
    })
}

/// It is on the path, before the part of it that is held.
fn further_up(transcript: &Transcript, placement: &RawEntry, head: &EntryId) -> Standing {
    let is_between = |id: &EntryId| {
        transcript.is_ancestor(placement.id(), id) && transcript.is_ancestor(id, head)
    };
    let mut later = behind(transcript, placement);
    let answer = later.find(|entry| is_final_reply(entry) && is_between(entry.id()));
    answer.map_or(Standing::InContext, |entry| {
        Standing::Answered(entry.id().clone())
    })
}

/// What stands behind an entry in the file: in every file that a program wrote, all that descends from it.
fn behind<'t>(
    transcript: &'t Transcript,
    placement: &RawEntry,
) -> impl DoubleEndedIterator<Item = &'t RawEntry> {
    let lines = transcript.lines();
    let at = lines
        .iter()
        .rposition(|line| line.entry.id() == placement.id());
    let behind = lines.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
    behind.iter().map(|line| &line.entry)
}

fn beside(transcript: &Transcript, placement: &RawEntry) -> Standing {
    let below = |id: &EntryId| transcript.is_ancestor(placement.id(), id);
    let mut later = behind(transcript, placement);
    if let Some(reply) = later.find(|entry| is_reply(entry) && below(entry.id())) {
        return Standing::Answered(reply.id().clone());
    }
    let rewind = behind(transcript, placement).rev().find_map(|entry| {
        let moved = entry.head_move()?;
        let left = moved.from.as_ref().is_some_and(below) && !entry.parent().is_some_and(below);
        left.then_some(moved.why)
    });
    rewind.map_or(Standing::Beside, Standing::Rewound)
}

#[cfg(test)]
mod tests {
    use super::{Standing, standings};
    use crate::entries::tests::{assistant, moved, result, transcript, user};
    use latchwork_session::{EntryId, Key};
    use proptest::prelude::*;

    fn stands(lines: &[String], head: &str) -> Standing {
        let head = EntryId::new(head);
        let key = Key::new("k").unwrap();
        standings(&transcript(lines), Some(&head), [&key]).remove(0)
    }

    #[test]
    fn a_message_that_is_not_there_is_new() {
        assert_eq!(stands(&[user("a", "", None)], "a"), Standing::New);
        assert_eq!(
            standings(&transcript(&[]), None, [&Key::new("k").unwrap()]),
            [Standing::New]
        );
    }

    #[test]
    fn a_message_is_answered_by_a_final_reply_on_the_path_and_by_nothing_less() {
        let mut lines = vec![
            user("m", "", Some(("k", 1))),
            assistant("a", "m", "toolUse", &["c"]),
            result("r", "a", "c"),
            assistant("e", "r", "error", &[]),
        ];
        assert_eq!(stands(&lines, "e"), Standing::InContext);
        lines.push(assistant("f", "e", "stop", &[]));
        assert_eq!(stands(&lines, "f"), Standing::Answered("f".into()));
        assert_eq!(
            stands(&lines, "r"),
            Standing::InContext,
            "an answer beside the path is none"
        );
    }

    #[test]
    fn only_the_newest_placement_counts() {
        let lines = [
            user("m1", "", Some(("k", 1))),
            assistant("a", "m1", "stop", &[]),
            user("m2", "a", Some(("k", 2))),
        ];
        assert_eq!(stands(&lines, "m2"), Standing::InContext);
    }

    #[test]
    fn a_message_beside_the_path_is_placed_again_unless_somebody_answered_it_or_the_user_went_back()
    {
        let mut lines = vec![
            assistant("root", "", "stop", &[]),
            user("m", "root", Some(("k", 1))),
            assistant("other", "root", "stop", &[]),
        ];
        assert_eq!(stands(&lines, "other"), Standing::Beside);
        let mut answered = lines.clone();
        answered.push(assistant("a", "m", "toolUse", &["c"]));
        assert_eq!(stands(&answered, "other"), Standing::Answered("a".into()));
        lines.push(moved("h", "root", "m", "rewind"));
        assert_eq!(stands(&lines, "h"), Standing::Rewound("rewind".into()));
    }

    #[test]
    fn a_move_that_keeps_the_message_on_its_path_does_not_rewind_it() {
        let lines = [
            assistant("root", "", "stop", &[]),
            user("m", "root", Some(("k", 1))),
            moved("h", "m", "m", "kept"),
            assistant("other", "root", "stop", &[]),
        ];
        assert_eq!(stands(&lines, "other"), Standing::Beside);
    }

    proptest! {
        /// Whatever the tree: never a panic, new only if it is nowhere, in context only if it is on the path.
        #[test]
        fn a_standing_agrees_with_the_tree(shape in prop::collection::vec((0..12_usize, 0..4_u8), 1..14), head in 0..14_usize) {
            let lines: Vec<String> = shape.iter().enumerate().map(|(place, (parent, sort))| {
                let parent = if place == 0 { String::new() } else { format!("e{}", parent % place) };
                let id = format!("e{place}");
                match sort {
                    0 => user(&id, &parent, Some(("k", 1))),
                    1 => assistant(&id, &parent, "stop", &[]),
                    2 => moved(&id, &parent, &format!("e{}", place.saturating_sub(1)), "back"),
                    _ => user(&id, &parent, None),
                }
            }).collect();
            let session = transcript(&lines);
            let head = EntryId::new(format!("e{}", head % lines.len()));
            let key = Key::new("k").unwrap();
            let standing = standings(&session, Some(&head), [&key]).remove(0);
            let newest = session.entries().rfind(|entry| entry.key().is_some());
            prop_assert_eq!(standing == Standing::New, newest.is_none());
            if let Some(newest) = newest {
                let on_path = session.is_ancestor(newest.id(), &head);
                match &standing {
                    Standing::InContext => prop_assert!(on_path),
                    Standing::Beside | Standing::Rewound(_) => prop_assert!(!on_path),
                    Standing::Answered(by) => prop_assert!(session.is_ancestor(newest.id(), by)),
                    Standing::New => prop_assert!(false),
                }
            }
        }
    }
}
