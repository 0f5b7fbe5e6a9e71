//! The active path of a session as the beginning of another one, as pi 0.87 branches a session.
//!
//! Entries keep their ids and, where their parent stays, their very bytes. Left out, with their children chained anew:
//! labels (the ones in effect follow at the end, as pi writes them), and what we ourselves say of the old file (its name,
//! its head). A compaction whose kept part began with a line that is left out keeps from the next one on.
//! Deliberately absent: the header, and files.

use std::collections::HashMap;

use super::migrate::{entry_as_v3, push_line, set_parent};
use super::{HeaderFault, Transcript};
use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::json::quote;
use crate::json::splice::Object;
use crate::kind::{Kind, Role};
use crate::{Header, ours};

/// Why a session is not forked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// It cannot be read well enough.
    #[error("the session cannot be forked")]
    Header(#[from] HeaderFault),
    /// There is no such entry.
    #[error("there is no entry {0} to fork at")]
    NoEntry(EntryId),
    /// No assistant has spoken on the path: pi would write such a file a second time.
    #[error("nothing has been answered on this branch yet, so there is nothing to fork")]
    NothingSaid,
}

/// The lines from the root to `leaf` and the labels of their entries, as they follow the header of a new session; the
/// first is a child of `after`. In version 3, whatever the version of the source.
///
/// # Errors
/// See [`ForkError`].
pub fn fork(
    transcript: &Transcript,
    leaf: &EntryId,
    after: Option<&EntryId>,
) -> Result<Vec<u8>, ForkError> {
    let header = transcript.writable()?;
    let path = transcript
        .branch(leaf)
        .ok_or_else(|| ForkError::NoEntry(leaf.clone()))?;
    if !path
        .iter()
        .any(|entry| entry.role() == Some(&Role::Assistant))
    {
        return Err(ForkError::NothingSaid);
    }
    let (kept, instead) = keep(&path);
    let mut out = Vec::new();
    let mut parent = after;
    for entry in &kept {
        let first_kept = entry
            .compaction()
            .and_then(|compaction| compaction.first_kept);
        let first_kept = first_kept.and_then(|id| instead.get(&id).copied());
        push_line(&mut out, &entry_below(entry, header, parent, first_kept));
        parent = Some(entry.id());
    }
    for label in labels_of(transcript, &kept) {
        push_line(&mut out, &entry_below(label, header, parent, None));
        parent = Some(label.id());
    }
    Ok(out)
}

/// What is kept of a path, and for each entry that is left out the kept one that comes next.
fn keep<'t>(path: &[&'t RawEntry]) -> (Vec<&'t RawEntry>, HashMap<EntryId, &'t EntryId>) {
    let (mut kept, mut instead, mut left_out) = (Vec::new(), HashMap::new(), Vec::new());
    for entry in path {
        if is_about_the_file(entry) {
            left_out.push(entry.id().clone());
            continue;
        }
        instead.extend(left_out.drain(..).map(|id| (id, entry.id())));
        kept.push(*entry);
    }
    (kept, instead)
}

fn is_about_the_file(entry: &RawEntry) -> bool {
    *entry.kind() == Kind::Label
        || entry
            .custom()
            .is_some_and(|custom| [ours::HEAD, ours::SESSION].contains(&&*custom.custom_type))
}

/// The entries that give the kept ones the labels they have, in file order.
fn labels_of<'t>(transcript: &'t Transcript, kept: &[&RawEntry]) -> Vec<&'t RawEntry> {
    let mut newest: HashMap<EntryId, &RawEntry> = HashMap::new();
    for entry in transcript.entries() {
        if let Some(label) = entry.label() {
            newest.insert(label.target, entry);
        }
    }
    let in_effect = |entry: &&RawEntry| {
        let label = entry.label().filter(|label| label.label.is_some());
        label.is_some_and(|label| {
            kept.iter().any(|kept| *kept.id() == label.target)
                && newest
                    .get(&label.target)
                    .is_some_and(|n| n.id() == entry.id())
        })
    };
    transcript.entries().filter(in_effect).collect()
}

/// The entry's line in version 3, below this parent; every other byte stays where it stood.
fn entry_below(
    entry: &RawEntry,
    header: &Header,
    parent: Option<&EntryId>,
    first_kept: Option<&EntryId>,
) -> Vec<u8> {
    let line = entry_as_v3(entry, header).unwrap_or_else(|| entry.raw().to_vec());
    if entry.parent() == parent && first_kept.is_none() {
        return line;
    }
    let Some(mut object) = Object::read(&line) else {
        return line;
    };
    set_parent(&mut object, parent);
    if let Some(first_kept) = first_kept {
        object.set_or_add("firstKeptEntryId", quote(first_kept.as_str()).as_bytes());
    }
    object.to_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context;

    const HEADER: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"T","cwd":"/"}"#;

    fn said(id: &str, parent: Option<&str>, role: &str) -> String {
        let parent = parent.map_or("null".to_owned(), |parent| format!("{parent:?}"));
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"T","odd":1e999,"message":{{"role":"{role}","content":"{id}"}}}}"#
        )
    }

    fn other(id: &str, parent: &str, fields: &str) -> String {
        format!(r#"{{{fields},"id":"{id}","parentId":"{parent}","timestamp":"T"}}"#)
    }

    fn parsed(lines: &[String]) -> Transcript {
        Transcript::parse(format!("{HEADER}\n{}\n", lines.join("\n")).as_bytes())
    }

    fn forked(lines: &[String], leaf: &str) -> Vec<String> {
        let bytes = fork(&parsed(lines), &leaf.into(), None).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_path_is_copied_byte_for_byte_and_other_branches_are_not() {
        let lines = [
            said("a", None, "user"),
            said("b", Some("a"), "assistant"),
            said("x", Some("a"), "assistant"),
            said("c", Some("b"), "user"),
        ];
        let kept = [lines[0].clone(), lines[1].clone(), lines[3].clone()];
        assert_eq!(forked(&lines, "c"), kept);
    }

    #[test]
    fn what_is_about_the_old_file_is_left_out_and_its_children_and_boundaries_are_chained_anew() {
        let label = r#""type":"label","targetId":"b","label":"here""#;
        let gone = r#""type":"label","targetId":"a""#;
        let compaction =
            r#""type":"compaction","summary":"s","firstKeptEntryId":"l","tokensBefore":1"#;
        let named = r#""type":"custom","customType":"latchwork.session","data":{"key":"k"}"#;
        let lines = [
            other("n", "nowhere", named),
            said("a", Some("n"), "user"),
            said("b", Some("a"), "assistant"),
            other("l", "b", label),
            other("g", "l", gone),
            said("c", Some("g"), "user"),
            other("k", "c", compaction),
        ];
        let forked = forked(&lines, "k");
        let transcript = parsed(&forked);
        let ids: Vec<&str> = transcript.entries().map(|e| e.id().as_str()).collect();
        assert_eq!(ids, ["a", "b", "c", "k", "l"]);
        let parents: Vec<_> = transcript
            .entries()
            .map(|e| e.parent().map(EntryId::as_str))
            .collect();
        assert_eq!(parents, [None, Some("a"), Some("b"), Some("c"), Some("k")]);
        let kept = transcript
            .entry(&"k".into())
            .unwrap()
            .compaction()
            .unwrap()
            .first_kept;
        assert_eq!(kept, Some("c".into()));
        assert_eq!(transcript.label(&"b".into()), Some("here"));
        assert!(
            forked[0].contains("1e999"),
            "what we do not understand stays"
        );
    }

    #[test]
    fn a_branch_that_nobody_answered_and_an_unknown_entry_are_not_forked() {
        let lines = [said("a", None, "user")];
        let fork = |leaf: &str| fork(&parsed(&lines), &leaf.into(), None);
        assert_eq!(fork("a"), Err(ForkError::NothingSaid));
        assert_eq!(fork("z"), Err(ForkError::NoEntry("z".into())));
    }

    proptest! {
        /// Whatever stands between: the fork is one chain, and its model is shown what the source's is.
        #[test]
        fn a_fork_is_a_sound_chain_that_shows_a_model_what_its_source_does(
            kinds in prop::collection::vec((0..7_u8, any::<prop::sample::Index>()), 0..12),
        ) {
            let mut lines = vec![said("a", None, "user"), said("b", Some("a"), "assistant")];
            let mut ids = vec!["a".to_owned(), "b".to_owned()];
            for (number, (kind, index)) in kinds.into_iter().enumerate() {
                let (id, last, earlier) = (format!("e{number}"), ids.last().unwrap(), index.get(&ids));
                lines.push(match kind {
                    0 => said(&id, Some(last), "user"),
                    1 => said(&id, Some(last), "assistant"),
                    2 => other(&id, last, &format!(r#""type":"label","targetId":"{earlier}","label":"on {id}""#)),
                    3 => other(&id, last, &format!(r#""type":"label","targetId":"{earlier}""#)),
                    4 => other(&id, last, r#""type":"custom","customType":"latchwork.head","data":{"kind":"kept"}"#),
                    5 => other(&id, last, r#""type":"custom","customType":"latchwork.session","data":{"key":"old"}"#),
                    _ => other(&id, last, &format!(r#""type":"compaction","summary":"s","firstKeptEntryId":"{earlier}","tokensBefore":1"#)),
                });
                ids.push(id);
            }
            let (source, leaf) = (parsed(&lines), EntryId::new(ids.pop().unwrap()));
            let bytes = fork(&source, &leaf, None).unwrap();
            let copy = Transcript::parse(&[HEADER.as_bytes(), b"\n", &bytes].concat());
            prop_assert!(copy.damage().is_empty() && copy.tree_faults().is_empty());
            let path = copy.branch(copy.leaf().unwrap()).unwrap();
            prop_assert_eq!(path.len(), copy.entry_count());
            let shown = |transcript: &Transcript, leaf: &EntryId| -> Vec<String> {
                let context = context(transcript, Some(leaf));
                context.messages.iter().filter_map(|m| m.view().map(|v| v.text())).collect()
            };
            prop_assert_eq!(shown(&copy, copy.leaf().unwrap()), shown(&source, &leaf));

            // What says something of the old file alone is gone, and what is kept has the labels that it had.
            let is_ours = |entry: &&RawEntry| entry.custom().is_some();
            prop_assert!(!path.iter().any(is_ours));
            let (labels, kept): (Vec<_>, Vec<_>) = path.iter().partition(|entry| *entry.kind() == Kind::Label);
            prop_assert!(path.ends_with(&labels), "labels follow at the end");
            for entry in &kept {
                prop_assert_eq!(copy.label(entry.id()), source.label(entry.id()));
            }
            let labelled = kept.iter().filter(|entry| source.label(entry.id()).is_some());
            prop_assert_eq!(labels.len(), labelled.count(), "one for each, and none that takes off");
        }
    }
}
