//! Every line that is written reads back as what was meant.

#![allow(clippy::unwrap_used, reason = "a test may")]

use latchwork_format::{Body, EntryId, Mark, Raw, RawEntry, RawLine, RawObject, line};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            map(inner).prop_map(Value::Object),
        ]
    })
}

fn map(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::vec((any::<String>(), values), 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn id() -> impl Strategy<Value = EntryId> {
    any::<String>()
        .prop_filter("not empty", |id| !id.is_empty())
        .prop_map(EntryId::from)
}

fn mark() -> impl Strategy<Value = Mark> {
    let key = proptest::option::of(any::<String>());
    (key, any::<u32>(), proptest::option::of(any::<String>())).prop_map(|(key, placement, turn)| {
        Mark {
            key,
            placement,
            turn,
            other: Map::new(),
        }
    })
}

fn body() -> impl Strategy<Value = Body> {
    let text = any::<String>;
    prop_oneof![
        (text(), value()).prop_map(|(role, content)| {
            Body::message(&serde_json::json!({ "role": format!("r{role}"), "content": content }))
                .unwrap()
        }),
        (text(), proptest::option::of(value()))
            .prop_map(|(custom_type, data)| Body::Custom { custom_type, data }),
        (
            text(),
            value(),
            any::<bool>(),
            proptest::option::of(value())
        )
            .prop_map(
                |(custom_type, content, display, details)| Body::CustomMessage {
                    custom_type,
                    content,
                    display,
                    details
                }
            ),
        (text(), proptest::option::of(id()), any::<u32>()).prop_map(
            |(summary, first_kept, tokens)| Body::Compaction {
                summary,
                first_kept,
                tokens_before: u64::from(tokens),
                details: None,
                system_message: None,
            }
        ),
        (id(), proptest::option::of(text()))
            .prop_map(|(target, label)| Body::Label { target, label }),
        text().prop_map(|name| Body::SessionInfo { name }),
        (text(), text()).prop_map(|(provider, model_id)| Body::ModelChange { provider, model_id }),
        text().prop_map(|thinking_level| Body::ThinkingLevelChange { thinking_level }),
        (proptest::option::of(id()), text()).prop_map(|(from, summary)| Body::BranchSummary {
            from,
            summary,
            details: None
        }),
        (id(), proptest::option::of(value()))
            .prop_map(|(target, content)| Body::ContextEdit { target, content }),
        (text(), text(), text(), value()).prop_map(|(kind, provider, model, usage)| Body::Usage {
            kind,
            provider,
            model,
            usage
        }),
        (text(), map(value())).prop_map(|(name, mut map)| {
            map.insert("type".to_owned(), Value::from(format!("x_{name}")));
            Body::Verbatim(map)
        }),
        (text(), map(value()), any::<bool>()).prop_map(|(name, mut map, pretty)| {
            map.insert("type".to_owned(), Value::from(format!("x_{name}")));
            let text = match pretty {
                true => serde_json::to_string_pretty(&map),
                false => serde_json::to_string(&map),
            };
            Body::Raw(RawObject::parse(&text.unwrap()).unwrap())
        }),
    ]
}

/// Whether the entry says what the body says, field by field of what the reader makes of it.
fn says(entry: &RawEntry, body: &Body) -> bool {
    match body {
        Body::Message(message) => entry.message_json().unwrap().text() == message.get(),
        Body::Custom { custom_type, data } => {
            let view = entry.custom().unwrap();
            view.custom_type == *custom_type && view.data.map(Raw::to_value) == *data
        }
        Body::CustomMessage {
            custom_type,
            content,
            display,
            ..
        } => {
            let view = entry.custom_message().unwrap();
            view.custom_type == *custom_type
                && view.display == *display
                && view.content.unwrap().to_value() == *content
        }
        Body::Compaction {
            summary,
            first_kept,
            tokens_before,
            ..
        } => {
            let view = entry.compaction().unwrap();
            view.summary == *summary
                && view.first_kept.as_ref() == Some(first_kept.as_ref().unwrap_or(entry.id()))
                && view.tokens_before == Some(*tokens_before)
        }
        Body::BranchSummary { summary, .. } => entry.branch_summary().unwrap().summary == *summary,
        Body::Label { target, label } => {
            let view = entry.label().unwrap();
            view.target == *target
                && view.label.as_deref() == label.as_deref().filter(|label| !label.is_empty())
        }
        Body::SessionInfo { name } => entry
            .session_name()
            .unwrap()
            .is_none_or(|set| name.contains(set.split(' ').next().unwrap())),
        Body::ModelChange { provider, model_id } => {
            let model = entry.model_change().unwrap();
            model.provider == *provider && model.model_id == *model_id
        }
        Body::ThinkingLevelChange { thinking_level } => {
            entry.thinking_level().unwrap() == thinking_level.as_str()
        }
        Body::ContextEdit { target, .. } => entry.context_edit().unwrap().target == *target,
        Body::Usage { usage, .. } => entry.fields().get("usage").unwrap().to_value() == *usage,
        Body::Verbatim(map) => map.iter().all(|(key, value)| {
            matches!(key.as_str(), "id" | "parentId" | "timestamp" | "latchwork")
                || entry.fields().get(key).unwrap().to_value() == *value
        }),
        Body::Raw(object) => {
            let Value::Object(map) = serde_json::from_str(&object.text()).unwrap() else {
                return false;
            };
            says(entry, &Body::Verbatim(map))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_written_line_reads_back_as_what_was_meant(id in id(), parent in proptest::option::of(id()), mark in proptest::option::of(mark()), body in body()) {
        let mut bytes = line(&id, parent.as_ref(), "2026-01-01T00:00:00.000Z", mark.as_ref(), &body).unwrap();
        prop_assert_eq!(bytes.pop(), Some(b'\n'));
        prop_assert!(!bytes.contains(&b'\n'));
        let Ok(RawLine::Entry(entry)) = RawLine::parse(&bytes) else { panic!("no entry: {:?}", String::from_utf8(bytes)) };
        prop_assert_eq!(entry.raw(), bytes.as_slice());
        prop_assert_eq!(entry.id(), &id);
        prop_assert_eq!(entry.parent(), parent.as_ref());
        prop_assert_eq!(entry.timestamp_millis(), Some(1_767_225_600_000));
        if let Some(mark) = mark {
            let read = entry.mark().unwrap();
            // Where there is no key, a first placement is not worth a field.
            prop_assert_eq!(read, mark);
        }
        prop_assert!(says(&entry, &body), "{:?} became {}", body, entry.text());
    }
}
