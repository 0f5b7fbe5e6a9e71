//! The law of reading backwards: what is found is what the whole file gives, and an undamaged file of today is found.

use latchwork_format::backwards::{FromEnd, NeedAll, Reach, read};
use latchwork_format::{Context, EntryId, Limits, Outline, RawEntry, Transcript, Version, context};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::mishaps::{befall, corpus, graph, mishap};
use crate::{sessions, straight};

/// Reads from `bytes` as from a file.
pub(crate) fn from_end(
    bytes: &[u8],
    leaf: Option<&EntryId>,
    reach: Reach,
    limits: Limits,
) -> FromEnd {
    let read_at = |offset: u64, out: &mut [u8]| {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(
            bytes
                .get(start..start + out.len())
                .ok_or("beyond the end")?,
        );
        Ok::<(), &str>(())
    };
    read(bytes.len() as u64, leaf, reach, limits, read_at).unwrap()
}

/// Compares every `step`th leaf of the file and its own; gives how many were found and how many not.
fn ends_agree(bytes: &[u8], limits: Limits, step: usize) -> (usize, usize) {
    let mut transcript = Transcript::with_limits(limits);
    transcript.push_tail(bytes, 0).unwrap();
    let mut leaves: Vec<Option<&EntryId>> = vec![None];
    let ids = transcript.entries().map(|entry| Some(entry.id()));
    leaves.extend(ids.step_by(step));
    let bridged = !transcript.tree_faults().is_empty();
    let mut outline = Outline::with_limits(limits);
    outline.push(bytes, 0).unwrap();
    outline.settle();
    let (mut found, mut not) = (0, 0);
    for leaf in leaves {
        match from_end(bytes, leaf, Reach::Context, limits) {
            FromEnd::NeedAll(_) => not += 1,
            FromEnd::Found(end) => {
                found += 1;
                assert_eq!(end.context(), context(&transcript, leaf));
                assert_eq!(
                    (end.tail, end.saved_through),
                    (transcript.tail(), transcript.saved_through())
                );
                let branch = transcript
                    .branch(leaf.or(transcript.leaf()).unwrap())
                    .unwrap();
                let part: Vec<&RawEntry> = end.part.iter().map(|placed| &placed.entry).collect();
                assert_eq!(part, branch[branch.len() - part.len()..]);
                let from_root = part.len() == branch.len();
                assert!(end.from_root == from_root || (from_root && bridged));
                // No entry more than is needed, and in the same order.
                let at = outline.find(part[part.len() - 1].id().as_str()).unwrap();
                let rows = outline.context(at);
                let ids = |rows: &[u32]| -> Vec<EntryId> {
                    rows.iter().map(|&row| outline.id(row).unwrap()).collect()
                };
                assert!(part.iter().map(|entry| entry.id()).eq(&ids(&rows.part)));
                assert!(end.above.iter().map(RawEntry::id).eq(&ids(&rows.above)));
                for placed in &end.part {
                    let line = transcript.line(placed.entry.id()).unwrap();
                    assert_eq!((placed.offset, placed.len), (line.offset, line.len));
                }
            }
        }
        shorter_ends_agree(bytes, &transcript, leaf, limits);
    }
    (found, not)
}

fn shorter_ends_agree(
    bytes: &[u8],
    transcript: &Transcript,
    leaf: Option<&EntryId>,
    limits: Limits,
) {
    if let FromEnd::Found(end) = from_end(bytes, leaf, Reach::Shown, limits) {
        let part = end.part.iter().map(|placed| &placed.entry);
        let messages = context(transcript, leaf).messages;
        assert_eq!(Context::of_part(&end.above, part).messages, messages);
    }
    if let FromEnd::Found(end) = from_end(bytes, leaf, Reach::Last(3), limits) {
        let branch = transcript
            .branch(leaf.or(transcript.leaf()).unwrap())
            .unwrap();
        let part: Vec<&RawEntry> = end.part.iter().map(|placed| &placed.entry).collect();
        assert_eq!(part, branch[branch.len().saturating_sub(3)..]);
        assert!(end.above.is_empty());
    }
}

#[test]
fn every_context_of_the_corpus_is_found_from_the_end() {
    for (name, bytes) in sessions() {
        let (found, not) = ends_agree(&bytes, Limits::default(), 5);
        let transcript = Transcript::parse(&bytes);
        if transcript.header().unwrap().version == Version::Three {
            assert_eq!(
                (found, not),
                (transcript.entry_count().div_ceil(5) + 1, 0),
                "{name}"
            );
        } else {
            assert_eq!(found, 0, "{name}: old versions are read forwards");
        }
    }
}

/// A session of a thousand entries with one compaction in it.
fn compacted() -> String {
    let mut file = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n".to_owned();
    for number in 0..1000 {
        let frame = format!(
            "\"id\":\"{number:08x}\",\"parentId\":\"{:08x}\",\"timestamp\":\"T\"",
            number - 1
        );
        let frame = if number == 0 {
            "\"id\":\"00000000\",\"parentId\":null".to_owned()
        } else {
            frame
        };
        file.push_str(&match number {
            970 => format!("{{\"type\":\"thinking_level_change\",{frame},\"thinkingLevel\":\"high\"}}\n"),
            985 => format!("{{\"type\":\"compaction\",{frame},\"summary\":\"s\",\"firstKeptEntryId\":\"{:08x}\"}}\n", 980),
            _ => format!("{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}}}}\n", "x".repeat(1000)),
        });
    }
    file
}

#[test]
fn a_compacted_session_costs_its_context_and_not_its_history() {
    let file = compacted();
    let FromEnd::Found(end) = from_end(file.as_bytes(), None, Reach::Context, Limits::default())
    else {
        panic!("found");
    };
    assert_eq!((end.part.len(), end.above.len()), (20, 1));
    assert_eq!(
        end.context(),
        context(&Transcript::parse(file.as_bytes()), None)
    );
    assert!(end.read < 200_000, "{} bytes were read", end.read);
}

#[test]
fn a_line_beyond_the_limits_is_passed_and_not_held() {
    let huge = format!(
        "{{\"type\":\"label\",\"id\":\"huge\",\"parentId\":\"b\",\"x\":\"{}\"}}",
        "x".repeat(300_000)
    );
    let lines = [
        "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}",
        "{\"type\":\"label\",\"id\":\"a\"}",
        "{\"type\":\"label\",\"id\":\"b\",\"parentId\":\"a\"}",
        &huge,
        "{\"type\":\"label\",\"id\":\"c\",\"parentId\":\"b\"}",
    ];
    let limits = Limits {
        line_bytes: 1000,
        ..Limits::default()
    };
    let file = lines.join("\n") + "\n";
    assert_eq!(ends_agree(file.as_bytes(), limits, 1), (4, 0));
    assert_eq!(ends_agree(file.as_bytes(), Limits::default(), 1), (5, 0));
    let unfinished = lines[..4].join("\n");
    let end = from_end(unfinished.as_bytes(), None, Reach::Context, limits);
    assert!(matches!(end, FromEnd::NeedAll(NeedAll::LongTail)));
}

#[test]
fn the_beginning_of_a_line_beyond_the_limits_is_not_taken_for_the_line() {
    let limits = Limits {
        line_bytes: 1000,
        ..Limits::default()
    };
    let kept =
        "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n{\"type\":\"label\",\"id\":\"a\"}\n";
    let entry = "{\"type\":\"label\",\"id\":\"b\",\"parentId\":\"a\"}";
    // The line goes over the edge of the block that is read first, by this much.
    for beyond in [50, 500, 999, 2000] {
        let padding = " ".repeat((64 << 10) + beyond - entry.len() - 1);
        let file = format!("{kept}{entry}{padding}\n");
        assert_eq!(ends_agree(file.as_bytes(), limits, 1), (2, 0));
    }
}

#[test]
fn what_the_end_cannot_tell_is_not_guessed() {
    let header = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n";
    let entry = |id: &str, parent: &str| {
        format!("{{\"type\":\"label\",\"id\":\"{id}\",\"parentId\":\"{parent}\"}}\n")
    };
    let end = |lines: &[String]| {
        from_end(
            format!("{header}{}", lines.concat()).as_bytes(),
            None,
            Reach::Context,
            Limits::default(),
        )
    };
    let later = [
        entry("a", ""),
        entry("b", "c"),
        entry("c", ""),
        entry("d", "b"),
    ];
    assert!(matches!(end(&later), FromEnd::NeedAll(NeedAll::Later)));
    // Read from behind, the first b would be the later one, and it stands behind its child.
    let twice = [
        entry("a", ""),
        entry("b", "a"),
        entry("c", "b"),
        entry("b", "c"),
        entry("d", "c"),
    ];
    assert!(matches!(end(&twice), FromEnd::NeedAll(NeedAll::Later)));
    assert!(matches!(
        end(&[entry("a", "gone")]),
        FromEnd::NeedAll(NeedAll::Missing)
    ));
    let lost = [
        entry("a", ""),
        entry("b", "a").replace('}', ""),
        entry("c", "b"),
    ];
    assert!(matches!(end(&lost), FromEnd::NeedAll(NeedAll::Missing)));
    assert!(matches!(end(&[]), FromEnd::NeedAll(NeedAll::Missing)));
}

#[test]
fn an_error_of_the_file_is_handed_on() {
    let failing = |_: u64, _: &mut [u8]| Err("no");
    assert_eq!(
        read(10, None, Reach::Context, Limits::default(), failing).unwrap_err(),
        "no"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_found_in_a_mangled_session_is_right(which in any::<Index>(), mishaps in proptest::collection::vec(mishap(), 0..4), line_bytes in prop_oneof![3 => Just(64_usize << 20), 1 => 200_usize..2000]) {
        let mut bytes = which.get(&corpus()).clone();
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        ends_agree(&bytes, Limits { line_bytes, ..Limits::default() }, 3);
    }

    #[test]
    fn what_is_found_in_a_random_graph_is_right(graph in graph()) {
        ends_agree(graph.as_bytes(), Limits::default(), 1);
    }

    #[test]
    fn what_is_found_in_a_session_with_few_oddities_is_right(file in straight()) {
        ends_agree(file.as_bytes(), Limits::default(), 1);
    }
}

#[test]
fn what_shows_more_than_is_gathered_from_behind_is_left_to_a_reading_of_all_lines() {
    let mut file = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n".to_owned();
    for number in 0..5 {
        let parent = match number {
            0 => "null".to_owned(),
            _ => format!("\"e{}\"", number - 1),
        };
        let text = "x".repeat(1 << 20);
        file += &format!(
            "{{\"type\":\"message\",\"id\":\"e{number}\",\"parentId\":{parent},\"timestamp\":\"T\",\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}}}\n"
        );
    }
    let end = |reach| from_end(file.as_bytes(), None, reach, Limits::default());
    assert!(matches!(
        end(Reach::Context),
        FromEnd::NeedAll(NeedAll::Much)
    ));
    assert!(matches!(end(Reach::Shown), FromEnd::NeedAll(NeedAll::Much)));
    assert!(matches!(end(Reach::Last(5)), FromEnd::Found(found) if found.part.len() == 5));
}
