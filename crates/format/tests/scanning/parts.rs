//! The law of a part: the context at its leaf is that of the whole file, whatever else is held; ancestry, the leaf and what is damaged are
//! the file's.

use latchwork_format::backwards::{FromEnd, Reach};
use latchwork_format::{EntryId, Limits, Outline, RawEntry, Role, Transcript, Version, context};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::backwards::from_end;
use crate::mishaps::{befall, corpus, graph, mishap};
use crate::{sessions, straight};

fn entry(transcript: &Transcript, number: u32) -> RawEntry {
    transcript.lines()[number as usize].entry.clone()
}

/// The part at every `step`th leaf and at the file's own, with these entries besides.
fn parts_agree(bytes: &[u8], step: usize, besides: &[Index]) {
    let whole = Transcript::parse(bytes);
    let outline = Outline::parse(bytes);
    let own = outline.leaf();
    if whole
        .header()
        .is_none_or(|header| !matches!(header.version, Version::One | Version::Two))
    {
        whole_agrees(&outline, &whole);
    }
    for leaf in (0..outline.len())
        .step_by(step)
        .map(|leaf| u32::try_from(leaf).unwrap())
        .chain(own)
    {
        let id = outline.id(leaf).unwrap();
        let rows = outline.context(outline.find(id.as_str()).unwrap());
        let extra = besides
            .iter()
            .map(|index| u32::try_from(index.index(outline.len())).unwrap());
        let held = rows.part.iter().copied().chain(extra);
        let entries = held.map(|number| (number, entry(&whole, number))).collect();
        let above = rows
            .above
            .iter()
            .map(|&number| entry(&whole, number))
            .collect();
        let part = Transcript::part(outline.clone(), entries, above);
        assert_eq!(context(&part, Some(&id)), context(&whole, Some(&id)));
        part_agrees(&part, &whole, &id);
        end_agrees(bytes, &whole, &id);
    }
}

/// All entries by their rows are the whole file.
fn whole_agrees(outline: &Outline, whole: &Transcript) {
    let entries = whole.entries().cloned().collect();
    let again = Transcript::whole(outline, entries).unwrap();
    assert!(again.is_whole());
    assert_eq!(again.lines(), whole.lines());
    assert_eq!(
        (again.damage(), again.tail()),
        (whole.damage(), whole.tail())
    );
    assert_eq!(
        (again.header(), again.saved_through()),
        (whole.header(), whole.saved_through())
    );
    assert_eq!(again.tree_faults(), whole.tree_faults());
    assert_eq!(
        (again.labels(), again.name()),
        (whole.labels(), whole.name())
    );
    assert_eq!(context(&again, None), context(whole, None));
    let (mut on, mut again_on) = (whole.clone(), again);
    let more = b"{\"type\":\"label\",\"id\":\"more\",\"parentId\":null,\"targetId\":\"e1\"}\n";
    on.push_tail(more, on.saved_through()).unwrap();
    again_on.push_tail(more, again_on.saved_through()).unwrap();
    assert_eq!(on.lines(), again_on.lines());
    assert_eq!(
        Transcript::whole(outline, Vec::new()).is_some(),
        outline.is_empty()
    );
}

fn part_agrees(part: &Transcript, whole: &Transcript, leaf: &EntryId) {
    assert!(!part.is_whole() && whole.is_whole());
    assert_eq!(part.leaf(), whole.leaf());
    assert_eq!((part.damage(), part.tail()), (whole.damage(), whole.tail()));
    assert_eq!(
        (part.header(), part.saved_through()),
        (whole.header(), whole.saved_through())
    );
    assert_eq!(part.file_entry_count(), Some(whole.entry_count()));
    let spoke = whole
        .entries()
        .any(|entry| entry.role() == Some(&Role::Assistant));
    assert_eq!(part.has_message_from(&Role::Assistant), spoke);
    let (short, long) = (part.branch(leaf).unwrap(), whole.branch(leaf).unwrap());
    assert_eq!(short, long[long.len() - short.len()..]);
    assert!(!part.has_entry(&EntryId::new("an id that nothing has")));
    for other in whole.entries() {
        assert!(part.has_entry(other.id()));
        assert_eq!(
            part.is_ancestor(other.id(), leaf),
            whole.is_ancestor(other.id(), leaf)
        );
        assert_eq!(
            part.is_ancestor(leaf, other.id()),
            whole.is_ancestor(leaf, other.id())
        );
    }
    for line in part.lines() {
        assert!(whole.lines().contains(line));
    }
}

fn end_agrees(bytes: &[u8], whole: &Transcript, leaf: &EntryId) {
    let FromEnd::Found(found) = from_end(bytes, Some(leaf), Reach::Context, Limits::default())
    else {
        return;
    };
    let mut beginning = Outline::default();
    beginning
        .push(&bytes[..bytes.len().min(64 << 10)], 0)
        .unwrap();
    let part = Transcript::part_of_end(found, &beginning);
    assert_eq!(context(&part, Some(leaf)), context(whole, Some(leaf)));
    assert_eq!(
        (part.leaf(), part.tail(), part.saved_through()),
        (Some(leaf), whole.tail(), whole.saved_through())
    );
    assert_eq!(part.header(), whole.header());
    assert_eq!(part.file_entry_count(), None);
    assert!(
        part.clone()
            .push_tail(b"{}\n", part.saved_through())
            .is_err()
    );
}

#[test]
fn a_part_of_any_corpus_session_has_its_contexts() {
    for (_, bytes) in sessions() {
        parts_agree(&bytes, 7, &[]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_part_of_any_file_has_its_contexts(file in straight(), besides in prop::collection::vec(any::<Index>(), 0..4)) {
        parts_agree(file.as_bytes(), 3, &besides);
    }

    #[test]
    fn a_part_of_a_wild_graph_has_its_contexts(file in graph(), besides in prop::collection::vec(any::<Index>(), 0..4)) {
        parts_agree(file.as_bytes(), 3, &besides);
    }

    #[test]
    fn a_part_of_a_mangled_file_has_its_contexts(which in any::<Index>(), mishaps in prop::collection::vec(mishap(), 1..4)) {
        let mut bytes = which.get(&corpus()).clone();
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        parts_agree(&bytes, 29, &[]);
    }
}
