//! Where a hit stands, held against what the format says of the same file.

use std::collections::BTreeSet;

use latchwork_format::Transcript;
use latchwork_search::Context;
use proptest::prelude::*;

use crate::bench::{Bench, entry, said, whole};

#[derive(Clone, Debug)]
enum Kind {
    User,
    System,
    Custom,
    Summary,
    Compaction { kept: usize },
    Edit { target: usize, omit: bool },
    Silent,
}

/// The entry of that number. Its parent may be any other one, and one that is not there.
fn line(number: usize, kind: &Kind, parent: usize) -> String {
    let id = format!("e{number}");
    let parent = (parent < 14).then(|| format!("e{parent}"));
    let parent = parent.as_deref();
    match kind {
        Kind::User => said(&id, parent, "user", "word"),
        Kind::System => said(&id, parent, "system", "word"),
        Kind::Custom => entry(
            &id,
            parent,
            r#""type":"custom_message","customType":"x","content":"word","display":true"#,
        ),
        Kind::Summary => entry(
            &id,
            parent,
            r#""type":"branch_summary","fromId":"root","summary":"word""#,
        ),
        Kind::Compaction { kept } => entry(
            &id,
            parent,
            &format!(
                r#""type":"compaction","summary":"word","firstKeptEntryId":"e{kept}","tokensBefore":1"#
            ),
        ),
        Kind::Edit { target, omit } => {
            let what = if *omit {
                "null"
            } else {
                r#"{"content":"other"}"#
            };
            entry(
                &id,
                parent,
                &format!(r#""type":"context_edit","targetId":"e{target}","replacement":{what}"#),
            )
        }
        Kind::Silent => entry(&id, parent, r#""type":"custom","customType":"x""#),
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        5 => Just(Kind::User),
        1 => Just(Kind::System),
        1 => Just(Kind::Custom),
        1 => Just(Kind::Summary),
        2 => (0_usize..14).prop_map(|kept| Kind::Compaction { kept }),
        2 => (0_usize..14, any::<bool>()).prop_map(|(target, omit)| Kind::Edit { target, omit }),
        1 => Just(Kind::Silent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Parents are mostly the entry before, at times any other.
    #[test]
    fn what_is_said_to_be_shown_is_what_the_context_holds_word_for_word(
        entries in proptest::collection::vec((kind(), prop_oneof![4 => Just(None), 1 => (0_usize..16).prop_map(Some)]), 1..14),
    ) {
        let lines: Vec<String> = entries.iter().enumerate().map(|(number, (kind, parent))| {
            line(number, kind, parent.unwrap_or_else(|| number.checked_sub(1).unwrap_or(15)))
        }).collect();
        let bench = Bench::new();
        bench.put("s", &lines);
        let transcript = Transcript::parse(whole(&lines).as_bytes());
        let context = latchwork_format::context(&transcript, None);
        let shown: BTreeSet<String> = context.messages.iter()
            .filter(|message| message.json().text().contains("word"))
            .filter_map(|message| message.source().map(ToString::to_string))
            .collect();
        let branch = transcript.branch(transcript.leaf().unwrap()).unwrap();
        let active: BTreeSet<&str> = branch.iter().map(|entry| entry.id().as_str()).collect();
        let found = bench.find("word");
        let said_shown: BTreeSet<String> = found.hits.iter()
            .filter(|hit| hit.standing.context == Context::Shown)
            .map(|hit| hit.entry.to_string())
            .collect();
        prop_assert_eq!(said_shown, shown);
        for hit in &found.hits {
            prop_assert_eq!(hit.standing.active, active.contains(hit.entry.as_str()), "{}", hit.entry);
            let leads = transcript.branch(&hit.standing.leaf).unwrap();
            let is_on_it = leads.iter().any(|entry| entry.id() == &hit.entry);
            let last_said = branch.iter().rev().find(|entry| entry.kind().is_conversational());
            let end = last_said.or(branch.last()).map(|entry| entry.id());
            prop_assert!(if hit.standing.active { Some(&hit.standing.leaf) == end } else { is_on_it }, "{} leads to {}", hit.entry, hit.standing.leaf);
        }
    }
}

#[test]
fn a_hit_says_which_branch_it_is_on_and_where_that_leads() {
    let bench = Bench::new();
    let name = entry("n", Some("c"), r#""type":"session_info","name":"word""#);
    bench.put(
        "s",
        &[
            said("a", None, "user", "word"),
            said("left", Some("a"), "assistant", "word"),
            said("end", Some("left"), "user", "nothing"),
            said("b", Some("a"), "user", "word"),
            entry(
                "k",
                Some("b"),
                r#""type":"compaction","summary":"word","firstKeptEntryId":"k","tokensBefore":1"#,
            ),
            said("c", Some("k"), "user", "word"),
            said("twice", Some("c"), "user", "word"),
            said("twice", Some("c"), "user", "other"),
            name,
        ],
    );
    let found = bench.find("word");
    let mut told: Vec<_> = found
        .hits
        .iter()
        .map(|hit| {
            let standing = &hit.standing;
            (
                hit.entry.as_str(),
                standing.active,
                standing.leaf.as_str(),
                standing.context,
            )
        })
        .collect();
    told.sort_by_key(|told| told.0);
    assert_eq!(
        told,
        [
            ("a", true, "c", Context::Compacted),
            ("b", true, "c", Context::Compacted),
            ("c", true, "c", Context::Shown),
            ("k", true, "c", Context::Shown),
            ("left", false, "end", Context::Beside),
            ("n", true, "c", Context::Never),
            ("twice", false, "twice", Context::Hidden),
        ]
    );
}
