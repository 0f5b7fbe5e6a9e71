//! The law of the outline: its rows make the tree, the contexts and the damage that the transcript has.

use std::collections::HashMap;

use latchwork_format::outline::{Hang, Row};
use latchwork_format::{
    Context, EntryId, Kind, Limits, Outline, RawEntry, Role, Transcript, TreeFault, Version,
    context,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::mishaps::{befall, corpus, graph, mishap};
use crate::{pieces, sessions, straight};

/// Reads the pieces, looks at the end of each where it is told to, and compares the whole.
fn outline_agrees(bytes: &[u8], pieces: &[&[u8]], settle: bool, limits: Limits) -> Outline {
    let mut transcript = Transcript::with_limits(limits);
    transcript.push_tail(bytes, 0).unwrap();
    let mut outline = Outline::with_limits(limits);
    let mut end = 0;
    for piece in pieces {
        let from = end;
        end += piece.len();
        if settle {
            let through = usize::try_from(outline.saved_through()).unwrap();
            outline
                .push(&bytes[through..end], outline.saved_through())
                .unwrap();
            outline.settle();
        } else {
            outline.push(piece, from as u64).unwrap();
        }
    }
    assert_eq!(outline.settle(), transcript.tail());
    assert_eq!(outline.tail(), transcript.tail());
    assert_eq!(outline.damage(), transcript.damage());
    assert_eq!(outline.saved_through(), transcript.saved_through());
    assert_eq!(outline.header(), transcript.header());
    assert_eq!(outline.writable(), transcript.writable());
    rows_agree(&outline, &transcript, bytes);
    tree_agrees(&outline, &transcript);
    if let Some(kept) = outline.to_bytes() {
        kept_agrees(&kept, &transcript, bytes, limits);
    }
    outline
}

/// What was kept, read back and on to the end of the file, is the same again.
fn kept_agrees(kept: &[u8], transcript: &Transcript, bytes: &[u8], limits: Limits) {
    let mut outline = Outline::from_bytes(kept, limits).unwrap();
    let through = outline.saved_through();
    assert_eq!(through, transcript.saved_through());
    let rest = &bytes[usize::try_from(through).unwrap()..];
    outline.push(rest, through).unwrap();
    assert_eq!(outline.settle(), transcript.tail());
    assert_eq!(outline.damage(), transcript.damage());
    assert_eq!(outline.header(), transcript.header());
    rows_agree(&outline, transcript, bytes);
    tree_agrees(&outline, transcript);
}

fn entry_of(transcript: &Transcript, number: u32) -> &RawEntry {
    &transcript.lines()[number as usize].entry
}

fn rows_agree(outline: &Outline, transcript: &Transcript, bytes: &[u8]) {
    assert_eq!(outline.len(), transcript.entry_count());
    let mut keys: HashMap<String, Vec<u32>> = HashMap::new();
    let (mut kinds, mut roles) = (HashMap::new(), HashMap::new());
    for (number, row) in outline.rows(0) {
        let line = &transcript.lines()[number as usize];
        let entry = &line.entry;
        assert_eq!(outline.id(number).as_ref(), Some(entry.id()));
        assert_eq!(u64::from(row.number()), line.number);
        assert_eq!((row.offset(), row.len() as usize), (line.offset, line.len));
        let start = usize::try_from(row.offset()).unwrap();
        let own = &bytes[start..start + line.len];
        assert!(row.fits(own));
        entry_agrees(row, own, entry, transcript);
        assert_eq!(
            (row.is_ours(), row.is_aside()),
            (entry.is_ours(), entry.is_aside())
        );
        assert_eq!(row.is_keyed(), entry.key().is_some());
        assert_eq!(row.kind(), known(entry.kind()));
        kinds.insert(known(&without_role(entry.kind())), number);
        entry
            .role()
            .map(|role| roles.insert(known_role(role), number));
        if let Some(key) = entry.key() {
            keys.entry(key).or_default().insert(0, number);
        }
    }
    for (key, carriers) in keys {
        assert_eq!(outline.keyed(&key), carriers);
    }
    for (kind, number) in kinds {
        assert_eq!(outline.newest(&kind), Some(number));
    }
    for (role, number) in roles {
        assert_eq!(outline.newest_from(&role), Some(number));
    }
    assert_eq!(outline.keyed("a key that nothing carries"), [0; 0]);
    assert_eq!(outline.find("an id that nothing has"), None);
}

/// The entry that a row makes of its line is the one that the transcript has, in every part.
fn entry_agrees(row: &Row, line: &[u8], entry: &RawEntry, transcript: &Transcript) {
    let version = transcript.header().map(|header| &header.version);
    if matches!(version, Some(Version::One | Version::Two)) {
        return;
    }
    let again = row.entry(line).unwrap();
    assert_eq!(&again, entry);
    assert_eq!(
        (again.kind(), again.timestamp()),
        (entry.kind(), entry.timestamp())
    );
    let message = |entry: &RawEntry| entry.message_json().map(|json| json.text().to_owned());
    assert_eq!(message(&again), message(entry));
    let mut other = line.to_vec();
    other[line.len() / 2] ^= 1;
    assert!(row.entry(&other).is_none());
}

fn known_role(role: &Role) -> Role {
    match role {
        Role::Other(_) => Role::Other("".into()),
        known => known.clone(),
    }
}

fn known(kind: &Kind) -> Kind {
    match kind {
        Kind::Unknown(_) => Kind::Unknown("".into()),
        Kind::Message(role) => Kind::Message(known_role(role)),
        known => known.clone(),
    }
}

fn without_role(kind: &Kind) -> Kind {
    match kind {
        Kind::Message(_) => Kind::Message(Role::Other("".into())),
        other => other.clone(),
    }
}

fn tree_agrees(outline: &Outline, transcript: &Transcript) {
    let ids = |entries: &[u32]| -> Vec<EntryId> {
        entries
            .iter()
            .map(|&entry| outline.id(entry).unwrap())
            .collect()
    };
    let owned = |branch: Vec<&RawEntry>| -> Vec<EntryId> {
        branch.into_iter().map(|entry| entry.id().clone()).collect()
    };
    assert_eq!(
        outline.leaf().and_then(|leaf| outline.id(leaf)).as_ref(),
        transcript.leaf()
    );
    for (number, entry) in transcript.entries().enumerate() {
        let number = u32::try_from(number).unwrap();
        let place = transcript.line(entry.id()).unwrap().offset;
        let found = outline.find(entry.id().as_str()).unwrap();
        assert_eq!(outline.row(found).unwrap().offset(), place);
        if found != number {
            assert!(outline.is_crooked() && outline.hidden().contains(&number));
            continue;
        }
        let parent = outline
            .hang(number)
            .parent()
            .map(|parent| outline.id(parent).unwrap());
        assert_eq!(
            parent.as_ref(),
            transcript.parent_of(entry.id()).map(RawEntry::id)
        );
        let branch = owned(transcript.branch(entry.id()).unwrap());
        assert_eq!(ids(&outline.branch(number)), branch);
        assert_eq!(
            ids(&outline.branch_end(number, 3)),
            branch[branch.len().saturating_sub(3)..]
        );
        for (other, ancestor) in transcript.entries().enumerate() {
            let other = u32::try_from(other).unwrap();
            if outline.find(ancestor.id().as_str()) == Some(other) {
                let is = transcript.is_ancestor(ancestor.id(), entry.id());
                assert_eq!(outline.is_ancestor(other, number), is);
            }
        }
        let rows = outline.context(number);
        let lines = |entries: &[u32]| -> Vec<RawEntry> {
            entries
                .iter()
                .map(|&entry| entry_of(transcript, entry).clone())
                .collect()
        };
        let (above, part) = (lines(&rows.above), lines(&rows.part));
        assert!(above.len() <= 2);
        assert_eq!(
            Context::of_part(&above, &part),
            context(transcript, Some(entry.id()))
        );
    }
    faults_agree(outline, transcript);
}

fn faults_agree(outline: &Outline, transcript: &Transcript) {
    let (mut bridged, mut hidden) = (Vec::new(), Vec::new());
    for fault in transcript.tree_faults() {
        match fault {
            TreeFault::Bridged { child, to, .. } => bridged.push((child, to)),
            TreeFault::Hidden { line, .. } => hidden.push(line),
            _ => {}
        }
    }
    let id = |entry: u32| outline.id(entry).unwrap();
    let found = outline
        .rows(0)
        .filter_map(|(entry, _)| match outline.hang(entry) {
            Hang::Bridged(to) => Some((id(entry), to.map(id))),
            _ => None,
        });
    assert_eq!(found.collect::<Vec<_>>(), bridged);
    let line = |entry: &u32| u64::from(outline.row(*entry).unwrap().number());
    assert_eq!(
        outline.hidden().iter().map(line).collect::<Vec<_>>(),
        hidden
    );
}

#[test]
fn every_session_of_the_corpus_has_the_tree_that_it_is_read_to_have() {
    for (name, bytes) in sessions() {
        let blocks: Vec<_> = bytes.chunks(997).collect();
        let outline = outline_agrees(&bytes, &blocks, false, Limits::default());
        assert!(!outline.is_crooked(), "{name}: every answer is quick");
    }
}

#[test]
fn an_outline_is_read_on_like_the_transcript_and_a_clone_sees_nothing_of_it() {
    let line = |number: usize| {
        format!(
            "{{\"type\":\"label\",\"id\":\"{number}\",\"parentId\":\"{}\"}}\n",
            number.saturating_sub(1)
        )
    };
    let mut outline = Outline::default();
    let mut clones = Vec::new();
    for number in 0..5000 {
        outline
            .push(line(number).as_bytes(), outline.saved_through())
            .unwrap();
        if number % 7 == 0 {
            clones.push((number, outline.clone()));
        }
    }
    for (number, clone) in clones {
        assert_eq!(clone.len(), number + 1);
        assert_eq!(clone.find(&number.to_string()), clone.leaf());
        assert_eq!(clone.find(&(number + 1).to_string()), None);
        assert_eq!(clone.find("0"), Some(0));
    }
    let gap = outline.push(b"x", 7).unwrap_err();
    assert_eq!((gap.expected, gap.given), (outline.saved_through(), 7));
    assert_eq!((outline.len(), outline.last(50)), (5000, 4950));
}

#[test]
fn a_parent_that_turns_up_later_and_an_id_that_comes_again_move_what_hung_elsewhere() {
    let entry = |id: &str, parent: &str| {
        format!("{{\"type\":\"label\",\"id\":\"{id}\",\"parentId\":\"{parent}\"}}\n")
    };
    let torn = |id: &str, parent: &str| entry(id, parent).replace('}', "");
    let before = [entry("a", ""), entry("b", "late"), entry("c", "b")].concat();
    let moving = [
        entry("late", "a"),
        entry("a", "c"),
        entry("b", "a"),
        entry("b", "b"),
        torn("late", "a"),
        torn("late", "c"),
        torn("late", "nowhere"),
    ];
    let mut files: Vec<_> = moving
        .iter()
        .map(|after| (before.clone(), after.clone()))
        .collect();
    // The lost line's own parent, and that one's: both were asked for.
    let lost = [
        entry("a", ""),
        entry("b", "a"),
        torn("l", "m"),
        torn("m", "z"),
        entry("x", "l"),
    ]
    .concat();
    files.extend(["z", "m"].map(|late| (lost.clone(), entry(late, "a"))));
    for (before, after) in files {
        let file = before.clone() + &after;
        let (first, second) = file.as_bytes().split_at(before.len());
        let outline = outline_agrees(file.as_bytes(), &[first, second], false, Limits::default());
        assert!(outline.is_crooked());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_mangled_session_has_the_tree_that_it_is_read_to_have(which in any::<Index>(), mishaps in proptest::collection::vec(mishap(), 0..6), cuts in proptest::collection::vec(any::<Index>(), 0..6), settle in any::<bool>()) {
        let mut bytes = which.get(&corpus()).clone();
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        outline_agrees(&bytes, &pieces(&bytes, &cuts), settle, Limits::default());
    }

    #[test]
    fn a_random_graph_has_the_tree_that_it_is_read_to_have(graph in graph(), cuts in proptest::collection::vec(any::<Index>(), 0..6), settle in any::<bool>()) {
        outline_agrees(graph.as_bytes(), &pieces(graph.as_bytes(), &cuts), settle, Limits::default());
    }

    #[test]
    fn a_session_with_few_oddities_has_the_tree_that_it_is_read_to_have(file in straight(), cuts in proptest::collection::vec(any::<Index>(), 0..4), settle in any::<bool>()) {
        outline_agrees(file.as_bytes(), &pieces(file.as_bytes(), &cuts), settle, Limits::default());
    }
}
