//! Which entry the active branch ends with, folded over the entries in file order.
//!
//! Without anything of ours, pi's rule holds: the leaf is the last entry. From the first place on where our own head
//! is known, one rule holds for each further entry: one that continues the head moves it; an entry of ours moves it,
//! unless it was put aside; anything else (a stale peer's metadata, another branch) does not. Pure; no I/O.

use latchwork_format::Outline;
use latchwork_format::outline::Row;

/// Whether an entry moves the head: one that continues it, or is ours, unless it was put aside.
pub(crate) const fn moves(continues: bool, is_ours: bool, is_aside: bool) -> bool {
    (continues || is_ours) && !is_aside
}

/// Folds the entries from number `from` on into a head that held before them.
pub(crate) fn fold(outline: &Outline, head: Option<u32>, from: u32) -> Option<u32> {
    // Of several entries with one id, the last is meant.
    let meant = |entry: u32| match outline.is_crooked() {
        true => outline.id(entry).and_then(|id| outline.find(id.as_str())),
        false => Some(entry),
    };
    outline
        .rows(from)
        .fold(head.and_then(meant), |head, (entry, row)| {
            let continues = outline.hang(entry).parent() == head;
            match moves(continues, row.is_ours(), row.is_aside()) {
                true => meant(entry),
                false => head,
            }
        })
}

/// The head when nothing is saved of it: pi's rule, but that what we put aside never counts. (A line that says where the head
/// stayed follows it, unless the writer was killed within its write.)
pub(crate) fn from_nothing(outline: &Outline) -> Option<u32> {
    let is_aside = |entry: u32| outline.row(entry).is_some_and(Row::is_aside);
    let mut last = std::iter::successors(outline.leaf(), |entry| entry.checked_sub(1));
    last.find(|entry| !is_aside(*entry))
}

#[cfg(test)]
mod tests {
    use super::{fold, from_nothing};
    use latchwork_format::Outline;
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

    fn outline(lines: &[String]) -> Outline {
        let header = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;
        let mut text = format!("{header}\n");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        Outline::parse(text.as_bytes())
    }

    fn head(session: &Outline, from: u32, at: &str) -> String {
        let head = fold(session, session.find(at), from).unwrap();
        session.id(head).unwrap().to_string()
    }

    #[test]
    fn a_stale_peers_metadata_does_not_move_the_head_and_what_continues_it_does() {
        let session = outline(&[
            entry("a", "", "message", ""),
            entry("b", "a", "message", r#","latchwork":{}"#),
            entry("name", "a", "session_info", ""),
        ]);
        assert_eq!(head(&session, 2, "b"), "b");
        let session = outline(&[
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
        let session = outline(&[
            entry("a", "", "message", ""),
            entry("late", "a", "message", r#","latchwork":{"aside":true}"#),
        ]);
        assert_eq!(head(&session, 1, "a"), "a");
        assert_eq!(from_nothing(&session), session.find("a"));
        let session = outline(&[
            entry("a", "", "message", ""),
            entry("late", "a", "message", r#","latchwork":{"aside":true}"#),
            entry("head", "a", "custom", r#","latchwork":{}"#),
        ]);
        assert_eq!(head(&session, 1, "a"), "head");
        assert_eq!(from_nothing(&session), session.find("head"));
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
            let from = u32::try_from(cut).unwrap();
            let whole = outline(&lines);
            let once = fold(&whole, None, 0);
            let first = fold(&outline(&lines[..cut]), None, 0);
            prop_assert_eq!(fold(&whole, first, from), once);
        }
    }
}
