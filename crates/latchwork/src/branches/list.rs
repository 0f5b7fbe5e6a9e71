//! Which branches there are. Pure; one walk over the entries.

use std::collections::HashSet;

use latchwork_format::{EntryId, RawEntry, Transcript};

use super::{Branch, Origin};

/// The active branch first, then the others, the newest first.
pub(super) fn branches(transcript: &Transcript, head: Option<&EntryId>) -> Vec<Branch> {
    let active = head
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default();
    let mut found: Vec<Branch> = said_last(&active)
        .map(|last| Branch {
            leaf: last.id().clone(),
            from: Some(last.id().clone()),
            entries: active.iter().filter(|entry| says(entry)).count(),
            origin: Origin::Active,
            last: last.clone(),
        })
        .into_iter()
        .collect();
    let mut met: HashSet<&EntryId> = active.iter().map(|entry| entry.id()).collect();
    let shared = met.clone();
    for line in transcript.lines().iter().rev() {
        // From the newest up to what is known; what is met on the way ends no branch.
        let mut own = Vec::new();
        let mut at = Some(&line.entry);
        while let Some(entry) = at.filter(|entry| met.insert(entry.id())) {
            own.push(entry);
            at = transcript.parent_of(entry.id());
        }
        own.reverse();
        let Some(last) = said_last(&own) else {
            continue;
        };
        found.push(Branch {
            leaf: last.id().clone(),
            from: left_at(transcript, at, &shared),
            entries: own.iter().filter(|entry| says(entry)).count(),
            origin: origin(last),
            last: last.clone(),
        });
    }
    found
}

fn says(entry: &RawEntry) -> bool {
    entry.kind().is_conversational()
}

fn said_last<'e>(branch: &[&'e RawEntry]) -> Option<&'e RawEntry> {
    branch.iter().rev().copied().find(|entry| says(entry))
}

/// Where it left the active branch, though it hangs on another one.
fn left_at(
    transcript: &Transcript,
    from: Option<&RawEntry>,
    shared: &HashSet<&EntryId>,
) -> Option<EntryId> {
    let path = transcript.branch(from?.id())?;
    let last = path.iter().rev().find(|entry| shared.contains(entry.id()));
    last.map(|entry| entry.id().clone())
}

fn origin(last: &RawEntry) -> Origin {
    if last.is_aside() {
        Origin::Aside
    } else if last.is_ours() {
        Origin::Left
    } else {
        Origin::Theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines `id parent kind`: `u` a message of ours, `p` of a peer, `a` one put aside, `c` a custom entry.
    fn transcript(lines: &[(&str, Option<&str>, char)]) -> Transcript {
        let mut text = r#"{"type":"session","version":3,"id":"s"}"#.to_owned() + "\n";
        for (id, parent, kind) in lines {
            let mark = match kind {
                'a' => r#","latchwork":{"v":1,"aside":true}"#,
                'p' => "",
                _ => r#","latchwork":{"v":1}"#,
            };
            let said = match kind {
                'c' => r#""type":"custom","customType":"x""#.to_owned(),
                _ => format!(r#""type":"message","message":{{"role":"user","content":"{id}"}}"#),
            };
            let parent = serde_json::to_string(parent).unwrap();
            text += &format!("{{{said},\"id\":\"{id}\",\"parentId\":{parent}{mark}}}\n");
        }
        Transcript::parse(text.as_bytes())
    }

    fn found(
        lines: &[(&str, Option<&str>, char)],
        head: &str,
    ) -> Vec<(String, Option<String>, usize, Origin)> {
        branches(&transcript(lines), Some(&EntryId::new(head)))
            .into_iter()
            .map(|branch| {
                let from = branch.from.map(|id| id.to_string());
                (branch.leaf.to_string(), from, branch.entries, branch.origin)
            })
            .collect()
    }

    #[test]
    fn every_branch_that_says_something_is_listed_once_with_where_it_left_and_how_it_came_to_be() {
        let lines = [
            ("a", None, 'u'),
            ("b", Some("a"), 'u'),
            ("late", Some("b"), 'a'),
            ("c", Some("a"), 'u'),
            ("d", Some("c"), 'u'),
            ("p1", Some("b"), 'p'),
            ("p2", Some("p1"), 'p'),
            ("x", Some("d"), 'c'),
            ("only-metadata", Some("a"), 'c'),
            ("root2", None, 'p'),
        ];
        let text = |text: &str| text.to_owned();
        assert_eq!(
            found(&lines, "x"),
            [
                (text("d"), Some(text("d")), 3, Origin::Active),
                (text("root2"), None, 1, Origin::Theirs),
                (text("p2"), Some(text("a")), 3, Origin::Theirs),
                (text("late"), Some(text("a")), 1, Origin::Aside),
            ]
        );
    }

    #[test]
    fn a_session_in_which_nothing_was_said_has_no_branch() {
        assert_eq!(branches(&Transcript::default(), None).len(), 0);
        assert_eq!(found(&[("m", None, 'c')], "m"), []);
    }

    proptest::proptest! {
        /// Whatever the parents say, it ends, and each entry that says something is in one branch at most.
        #[test]
        fn no_entry_is_counted_twice(parents in proptest::collection::vec(proptest::option::of(0_usize..12), 0..12), head in 0_usize..12) {
            let names: Vec<String> = (0..12).map(|number| format!("e{number}")).collect();
            let lines: Vec<_> = parents
                .iter()
                .enumerate()
                .map(|(number, parent)| (names[number].as_str(), parent.map(|parent| names[parent].as_str()), 'u'))
                .collect();
            let listed: usize = found(&lines, &names[head]).iter().map(|branch| branch.2).sum();
            proptest::prop_assert_eq!(listed, lines.len());
        }
    }
}
