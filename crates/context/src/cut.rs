//! Where a compaction cuts: what is summarised, and from which entry on the conversation stays as it is.
//!
//! Pure. The rule is pi's: walk back from the end until enough is kept, then forward to an entry where a cut is allowed.
//! An outcome of a tool is no such entry, so a call is never parted from it. Deliberately absent: summarising.

use latchwork_format::{Class, EntryId, Kind, RawEntry, Role, estimate_tokens};

/// Where to cut an active path.
#[derive(Debug)]
pub(crate) struct Cut<'a> {
    /// What the summary before this one said.
    pub previous: Option<String>,
    /// What the summary is to stand for, oldest first.
    pub summarised: Vec<&'a RawEntry>,
    /// The first entry that stays; `None`: nothing before the boundary stays.
    pub first_kept: Option<EntryId>,
}

/// Cuts a path, keeping about `keep_tokens` of its end. `None` when there is nothing to summarise; with `force` that is so
/// only when nothing was said since the last compaction.
pub(crate) fn cut<'a>(path: &[&'a RawEntry], keep_tokens: u64, force: bool) -> Option<Cut<'a>> {
    let last = path
        .iter()
        .rposition(|entry| *entry.kind() == Kind::Compaction);
    let (start, previous) = match last.and_then(|at| Some((at, path.get(at)?.compaction()?))) {
        Some((at, before)) => {
            let kept = before.first_kept.as_ref();
            let start = path
                .iter()
                .take(at)
                .position(|entry| Some(entry.id()) == kept)
                .unwrap_or(at + 1);
            (start, Some(before.summary.into_owned()))
        }
        None => (0, None),
    };
    let region = path.get(start..).unwrap_or_default();
    if !region.iter().any(|entry| is_said(entry)) {
        return None;
    }
    let at = boundary(region, keep_tokens)
        .filter(|at| region.iter().take(*at).any(|entry| is_said(entry)));
    let (at, first_kept) = match at {
        Some(at) => (at, region.get(at).map(|entry| entry.id().clone())),
        None if force => (region.len(), None),
        None => return None,
    };
    let summarised = region
        .iter()
        .take(at)
        .copied()
        .filter(|entry| is_said(entry))
        .collect();
    Some(Cut {
        previous,
        summarised,
        first_kept,
    })
}

/// The place in the region from which on it is kept.
fn boundary(region: &[&RawEntry], keep_tokens: u64) -> Option<usize> {
    let mut kept = 0;
    let mut from = None;
    for (place, entry) in region.iter().enumerate().rev() {
        kept += entry
            .message()
            .map_or(0, |message| estimate_tokens(&message));
        if kept >= keep_tokens {
            from = Some(place);
            break;
        }
    }
    let allowed = |place: &usize| region.get(*place).is_some_and(|entry| may_begin(entry));
    let mut at = (from?..region.len()).find(allowed)?;
    // What says something about the kept entry belongs to it.
    while at > 0
        && region
            .get(at - 1)
            .is_some_and(|entry| entry.kind().class() == Class::Metadata)
    {
        at -= 1;
    }
    Some(at)
}

/// Whether the kept part may begin with the entry.
fn may_begin(entry: &RawEntry) -> bool {
    entry.kind().is_conversational() && entry.role() != Some(&Role::ToolResult)
}

/// Whether the entry is part of what was said; a compaction's own summary is told apart.
fn is_said(entry: &RawEntry) -> bool {
    entry.kind().is_conversational()
}

#[cfg(test)]
mod tests {
    use super::cut;
    use latchwork_format::{RawEntry, Transcript};
    use proptest::prelude::*;

    /// One entry for each letter: `u`ser, `a`ssistant with a call, `r`esult, `t`ext of an assistant, `m`etadata, `c`ompaction.
    fn transcript(shape: &str) -> Transcript {
        let mut text = String::from(
            "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"t\",\"cwd\":\"/\"}\n",
        );
        for (place, letter) in shape.chars().enumerate() {
            let parent = if place == 0 {
                "null".to_owned()
            } else {
                format!("\"e{}\"", place - 1)
            };
            let body = match letter {
                'u' => r#""type":"message","message":{"role":"user","content":"0123456789abcdef"}"#.to_owned(),
                'a' => r#""type":"message","message":{"role":"assistant","content":[{"type":"toolCall","id":"c","name":"ls","arguments":{}}]}"#.to_owned(),
                'r' => r#""type":"message","message":{"role":"toolResult","toolCallId":"c","toolName":"ls","content":[{"type":"text","text":"0123456789abcdef"}]}"#.to_owned(),
                't' => r#""type":"message","message":{"role":"assistant","content":[{"type":"text","text":"0123456789abcdef"}]}"#.to_owned(),
                'c' => format!(r#""type":"compaction","summary":"before","firstKeptEntryId":"e{}","tokensBefore":1"#, place.saturating_sub(1)),
                _ => r#""type":"custom","customType":"x""#.to_owned(),
            };
            text.push_str(&format!(
                "{{\"id\":\"e{place}\",\"parentId\":{parent},\"timestamp\":\"t\",{body}}}\n"
            ));
        }
        Transcript::parse(text.as_bytes())
    }

    fn cut_of(shape: &str, keep: u64, force: bool) -> Option<(usize, Option<String>)> {
        let session = transcript(shape);
        let path: Vec<&RawEntry> = session.entries().collect();
        cut(&path, keep, force).map(|cut| {
            (
                cut.summarised.len(),
                cut.first_kept.map(|id| id.to_string()),
            )
        })
    }

    #[test]
    fn enough_of_the_end_is_kept_and_the_rest_is_summarised() {
        assert_eq!(cut_of("ututut", 8, false), Some((4, Some("e4".into()))));
        assert_eq!(cut_of("ututut", 1_000, false), None);
        assert_eq!(cut_of("ututut", 1_000, true), Some((6, None)));
    }

    #[test]
    fn a_call_is_never_parted_from_its_outcome() {
        assert_eq!(cut_of("utuart", 5, false), Some((5, Some("e5".into()))));
        assert_eq!(cut_of("utuarmt", 5, false), Some((5, Some("e5".into()))));
    }

    #[test]
    fn a_second_compaction_begins_where_the_first_kept() {
        assert_eq!(cut_of("ututcut", 4, false), Some((2, Some("e6".into()))));
        assert_eq!(
            cut_of("utc", 1, false),
            None,
            "what was said is kept by the one before"
        );
    }

    proptest! {
        #[test]
        fn a_cut_summarises_something_keeps_the_rest_and_never_begins_with_an_outcome(
            shape in "[uartmc]{0,14}", keep in 0..40_u64, force in any::<bool>(),
        ) {
            let session = transcript(&shape);
            let path: Vec<&RawEntry> = session.entries().collect();
            if let Some(cut) = cut(&path, keep, force) {
                prop_assert!(!cut.summarised.is_empty());
                if let Some(kept) = &cut.first_kept {
                    let place = path.iter().position(|entry| entry.id() == kept).unwrap();
                    let before = |entry: &&&RawEntry| path[..place].iter().any(|other| other.id() == entry.id());
                    prop_assert_eq!(cut.summarised.iter().filter(before).count(), cut.summarised.len());
                    let first = path[place..].iter().find(|entry| entry.kind().is_conversational()).unwrap();
                    prop_assert_ne!(first.role().cloned(), Some(latchwork_format::Role::ToolResult));
                } else {
                    prop_assert!(force);
                }
            }
        }
    }
}
