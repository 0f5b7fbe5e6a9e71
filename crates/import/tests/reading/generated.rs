//! Conversations that are generated: what comes out is what went in, and whatever is changed is found.

use latchwork_format::{Block, Content, RawEntry, RawLine};
use latchwork_import::{Difference, SourceKind};
use proptest::prelude::*;

use crate::placed::{branch, held, placed, read};
use crate::render::{Expected, expected, render, rounds};

/// What an entry says, taken from its own text, without the mappings' help.
fn said(entry: &RawEntry) -> Expected {
    let message = entry.message().unwrap();
    let role = match message.role().as_str() {
        "user" => "user",
        "assistant" => "assistant",
        _ => "toolResult",
    };
    let thought = match message.content() {
        Content::Blocks(blocks) => blocks.iter().find_map(|block| match block {
            Block::Thinking { text, .. } => Some(text.clone().into_owned()),
            _ => None,
        }),
        _ => None,
    };
    let calls = message.tool_calls().into_iter().map(|call| {
        (
            call.id.unwrap().into_owned(),
            call.name.unwrap().into_owned(),
            call.arguments.unwrap().to_value().to_string(),
        )
    });
    Expected {
        role,
        text: message.text(),
        thought,
        calls: calls.collect(),
        answers: message
            .tool_call_id()
            .map(|id| (id.into_owned(), message.is_error())),
    }
}

/// The entry with one byte of its message changed, so that it still reads.
fn changed(entry: &RawEntry, at: usize) -> Option<RawEntry> {
    let text = entry.text();
    let start = text.find("\"content\":")? + "\"content\":".len();
    let places: Vec<usize> = text
        .char_indices()
        .skip_while(|(place, _)| *place < start)
        .filter(|(_, character)| *character == 'w')
        .map(|(place, _)| place)
        .collect();
    let place = *places.get(at % places.len().max(1))?;
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] = b'v';
    match RawLine::parse(&bytes).ok()? {
        RawLine::Entry(changed)
            if changed.message()?.raw().text() != entry.message()?.raw().text() =>
        {
            Some(changed)
        }
        _ => None,
    }
}

/// The entry without its parent; none for one that has none.
fn orphaned(entry: &RawEntry) -> Option<RawEntry> {
    let parent = entry.parent()?;
    let named = format!("\"parentId\":\"{parent}\"");
    let text = entry.text().replacen(&named, "\"parentId\":null", 1);
    match RawLine::parse(text.as_bytes()).ok()? {
        RawLine::Entry(entry) => Some(entry),
        RawLine::Header(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_of_a_source_comes_in_order_with_its_text_its_calls_and_their_outcomes(rounds in rounds()) {
        for kind in SourceKind::ALL {
            let (items, summary) = read(kind, &render(kind, &rounds));
            prop_assert_eq!(summary.report.damaged_lines, 0);
            let entries = placed(&items);
            let said: Vec<Expected> = branch(&entries).iter().map(said).collect();
            prop_assert_eq!(said, expected(&rounds), "{}", kind);
            let report = held(kind, "g", &items, &entries);
            prop_assert!(report.is_proof(), "{}: {:?}", kind, report);
            prop_assert_eq!(report.same, items.len() as u64);
        }
    }

    #[test]
    fn any_one_message_that_is_changed_lost_or_put_elsewhere_is_found(rounds in rounds(), pick in any::<prop::sample::Index>(), at in any::<usize>()) {
        for kind in SourceKind::ALL {
            let (items, _) = read(kind, &render(kind, &rounds));
            let mut entries = placed(&items);
            let messages: Vec<usize> = (0..entries.len()).filter(|index| entries[*index].message().is_some()).collect();
            let index = *pick.get(&messages);
            let whole = entries[index].clone();
            if let Some(other) = changed(&whole, at) {
                entries[index] = other;
                let report = held(kind, "g", &items, &entries);
                prop_assert_eq!(report.different, 1, "{}: {:?}", kind, report);
                let changed = matches!(&report.differences[0], Difference::Changed { entry, .. } if entry == whole.id());
                prop_assert!(changed, "{:?}", report);
            }
            if let Some(other) = orphaned(&whole) {
                entries[index] = other;
                let report = held(kind, "g", &items, &entries);
                prop_assert_eq!(report.different, 1, "{}: {:?}", kind, report);
                let moved = matches!(&report.differences[0], Difference::Moved { entry, .. } if entry == whole.id());
                prop_assert!(moved, "{:?}", report);
            }
            entries.remove(index);
            let report = held(kind, "g", &items, &entries);
            let missing = report.differences.iter().filter(|one| matches!(one, Difference::Missing { .. })).count();
            prop_assert_eq!(missing, 1, "{}: {:?}", kind, report);
        }
    }

    #[test]
    fn a_source_that_lost_or_changed_a_message_since_is_found(rounds in rounds(), pick in any::<prop::sample::Index>()) {
        for kind in SourceKind::ALL {
            let source = render(kind, &rounds);
            let entries = placed(&read(kind, &source).0);
            let mut lines: Vec<&[u8]> = source.split_inclusive(|byte| *byte == b'\n').collect();
            let index = 1 + pick.index(lines.len() - 1);
            lines.remove(index);
            let (items, _) = read(kind, &lines.concat());
            prop_assert!(!held(kind, "g", &items, &entries).is_proof(), "{} without line {}", kind, index + 1);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(source in proptest::collection::vec(any::<u8>(), 0..300)) {
        for kind in SourceKind::ALL {
            let (items, summary) = read(kind, &source);
            prop_assert_eq!(summary.bytes, source.len() as u64);
            prop_assert!(held(kind, &summary.session, &items, &placed(&items)).is_proof());
        }
    }

    #[test]
    fn no_damage_to_a_source_makes_reading_panic_or_the_proof_of_its_import_fail(
        rounds in rounds(), damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        for kind in SourceKind::ALL {
            let mut source = render(kind, &rounds);
            for (place, byte) in &damage {
                let place = place.index(source.len());
                source[place] = *byte;
            }
            let (items, summary) = read(kind, &source);
            let report = held(kind, &summary.session, &items, &placed(&items));
            prop_assert!(report.is_proof(), "{}: {:?}", kind, report);
        }
    }

    #[test]
    fn objects_of_any_shape_are_read_without_panic(lines in proptest::collection::vec(shape(), 1..12)) {
        let source: String = lines.iter().map(|line| format!("{line}\n")).collect();
        for kind in SourceKind::ALL {
            let (items, summary) = read(kind, source.as_bytes());
            let report = held(kind, &summary.session, &items, &placed(&items));
            prop_assert!(report.is_proof(), "{}: {:?}", kind, report);
        }
    }
}

/// Objects with the words that the programs use, in places where they do not belong.
fn shape() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let words = prop::sample::select(vec![
        "message",
        "user",
        "assistant",
        "tool_use",
        "tool_result",
        "toolRequest",
        "toolResponse",
        "text",
        "thinking",
        "reasoning",
        "function_call",
        "function_call_output",
        "compacted",
        "response_item",
        "session_meta",
        "turn_context",
        "event_msg",
        "system",
        "summary",
        "label",
        "compaction",
        "session",
        "a",
        "b",
        "",
        "image",
        "root",
        "success",
    ]);
    let leaf = prop_oneof![
        words.prop_map(|word| json!(word)),
        any::<i8>().prop_map(|n| json!(n)),
        any::<bool>().prop_map(|flag| json!(flag)),
        Just(Value::Null)
    ];
    let keys = prop::sample::select(vec![
        "type",
        "payload",
        "role",
        "content",
        "message",
        "id",
        "uuid",
        "parentUuid",
        "parentId",
        "sessionId",
        "call_id",
        "name",
        "arguments",
        "input",
        "output",
        "text",
        "thinking",
        "signature",
        "tool_use_id",
        "toolCall",
        "toolResult",
        "value",
        "summary",
        "targetId",
        "firstKeptEntryId",
        "model",
        "effort",
        "isSidechain",
        "isCompactSummary",
        "created",
        "timestamp",
        "metadata",
        "source",
        "data",
        "info",
        "encrypted_content",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            3 => proptest::collection::vec((keys.clone(), inner.clone()), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}
