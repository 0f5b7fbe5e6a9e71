//! Which entry the active branch ends with, folded over the entries in file order.
//!
//! Without anything of ours, pi's rule holds: the leaf is the last entry. From the first place on where our own head
//! is known, one rule holds for each further entry: one that continues the head moves it; an entry of ours moves it,
//! unless it was put aside; anything else (a stale peer's metadata, another branch) does not. Pure; no I/O.

use latchwork_format::{EntryId, Transcript};

/// Folds the entries from position `from` (among [`Transcript::lines`]) on into a head that held before them.
pub(crate) fn fold(transcript: &Transcript, head: Option<EntryId>, from: usize) -> Option<EntryId> {
    let mut head = head;
    for line in transcript.lines().get(from..).unwrap_or_default() {
        let entry = &line.entry;
        let continues = match (&head, transcript.parent_of(entry.id())) {
            (Some(head), Some(parent)) => parent.id() == head,
            (None, parent) => parent.is_none(),
            (Some(_), None) => false,
        };
        if (continues || entry.is_ours()) && !entry.is_aside() {
            head = Some(entry.id().clone());
        }
    }
    head
}

/// The head when nothing is saved of it: pi's rule up to our first entry, ours from there on.
pub(crate) fn from_nothing(transcript: &Transcript) -> Option<EntryId> {
    transcript.leaf().cloned()
}

/// The position of the first entry that begins at `offset` or later.
pub(crate) fn position_at(transcript: &Transcript, offset: u64) -> usize {
    transcript
        .lines()
        .partition_point(|line| line.offset < offset)
}

#[cfg(test)]
mod tests {
    use super::{fold, from_nothing};
    use latchwork_format::{EntryId, Transcript};
    use proptest::prelude::*;

    fn entry(id: &str, parent: &str, kind: &str, mark: &str) -> String {
        let parent = if parent.is_empty() {
            "null".to_owned()
        } else {
            format!("{parent:?}")
        };
        let body = match kind {
            "message" => r#","message":{"role":"user","content":"x"}"#,
            "session_info" => r#","name":"n""#,
            _ => r#","customType":"t""#,
        };
        format!(
            r#"{{"type":"{kind}","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z"{mark}{body}}}"#
        )
    }

    fn transcript(lines: &[String]) -> Transcript {
        let header = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;
        let mut text = format!("{header}\n");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        Transcript::parse(text.as_bytes())
    }

    fn head(transcript: &Transcript, from: usize, at: &str) -> String {
        fold(transcript, Some(EntryId::new(at)), from)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_stale_peers_metadata_does_not_move_the_head_and_what_continues_it_does() {
        let session = transcript(&[
            entry("a", "", "message", ""),
            entry("b", "a", "message", r#","latchwork":{}"#),
            entry("name", "a", "session_info", ""),
        ]);
        assert_eq!(head(&session, 2, "b"), "b");
        let session = transcript(&[
            entry("a", "", "message", ""),
            entry("b", "a", "message", r#","latchwork":{}"#),
            entry("name", "b", "session_info", ""),
            entry("c", "name", "message", ""),
            entry("d", "b", "message", ""),
        ]);
        assert_eq!(head(&session, 2, "b"), "c");
    }

    #[test]
    fn what_we_put_aside_moves_no_head_even_if_the_line_that_says_so_is_missing() {
        let session = transcript(&[
            entry("a", "", "message", ""),
            entry("late", "a", "message", r#","latchwork":{"aside":true}"#),
        ]);
        assert_eq!(head(&session, 1, "a"), "a");
        let session = transcript(&[
            entry("a", "", "message", ""),
            entry("late", "a", "message", r#","latchwork":{"aside":true}"#),
            entry("head", "a", "custom", r#","latchwork":{}"#),
        ]);
        assert_eq!(head(&session, 1, "a"), "head");
        assert_eq!(from_nothing(&session).unwrap().as_str(), "head");
    }

    proptest! {
        /// Folding in two pieces is folding at once, wherever the cut.
        #[test]
        fn the_head_does_not_depend_on_how_often_it_was_saved(
            parents in prop::collection::vec((0..12_usize, 0..4_u8), 1..12),
            cut in 0..12_usize,
        ) {
            let lines: Vec<String> = parents
                .iter()
                .enumerate()
                .map(|(place, (parent, sort))| {
                    let parent = if place == 0 { String::new() } else { format!("e{}", parent % place) };
                    let kind = if sort % 2 == 0 { "message" } else { "custom" };
                    let mark = if *sort > 1 { r#","latchwork":{}"# } else { "" };
                    entry(&format!("e{place}"), &parent, kind, mark)
                })
                .collect();
            let cut = cut.min(lines.len());
            let whole = transcript(&lines);
            let once = fold(&whole, None, 0);
            let first = fold(&transcript(&lines[..cut]), None, 0);
            prop_assert_eq!(fold(&whole, first, cut), once);
        }
    }
}
