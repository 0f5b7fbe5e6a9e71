//! Each byte is counted once, and what is called shown is what the model is shown.

use latchwork_format::Context;
use proptest::prelude::*;

use super::*;

fn measured(bytes: &[u8], largest: usize) -> (Space, Vec<Largest>) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("s.jsonl");
    std::fs::write(&place, bytes).unwrap();
    let transcript = Transcript {
        system: System::real(),
        session: SessionId::new("s").unwrap(),
        place,
        head: latchwork_format::Transcript::parse(bytes).leaf().cloned(),
    };
    let mut top = Top::of(largest);
    let space = transcript.measure(&CancellationToken::new(), &mut top, &mut |_| ());
    (space.unwrap(), top.sorted())
}

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

/// A line of some kind, hanging below one of those before it.
fn line(number: usize, parent: usize, what: u8, size: usize) -> String {
    let parent = match parent.min(number) {
        0 => "null".to_owned(),
        parent => format!("\"e{}\"", parent - 1),
    };
    let text = "x".repeat(size);
    let rest = match what {
        0 => format!(r#""type":"message","message":{{"role":"user","content":"{text}"}}"#),
        1 => format!(
            r#""type":"message","message":{{"role":"assistant","content":[{{"type":"thinking","thinking":"{text}"}},{{"type":"text","text":"y"}}]}}"#
        ),
        2 => format!(
            r#""type":"message","message":{{"role":"toolResult","toolCallId":"c","content":[{{"type":"image","data":"{text}","mimeType":"image/png"}}]}}"#
        ),
        3 => format!(
            r#""type":"compaction","summary":"{text}","firstKeptEntryId":"e{}","tokensBefore":1"#,
            number / 2
        ),
        4 => format!(
            r#""type":"context_edit","targetId":"e{}","replacement":null"#,
            number / 2
        ),
        5 => return format!("{{\"damaged {text}"),
        6 => String::from(r#""type":"label","targetId":"e0","label":"l""#),
        _ => format!(r#""type":"branch_summary","fromId":"root","summary":"{text}""#),
    };
    format!(
        r#"{{"id":"e{number}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z",{rest}}}"#
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Every byte is counted once, and what is called shown is what the context is made of as it stands.
    #[test]
    fn what_is_told_adds_up_and_shown_is_what_the_model_is_shown(
        shapes in prop::collection::vec((0_usize..12, 0_u8..8, 0_usize..300), 0..14),
        torn in any::<bool>(),
    ) {
        let mut text = format!("{HEADER}\n");
        for (number, (parent, what, size)) in shapes.iter().enumerate() {
            // Mostly chains: the parent is the line before, or one further up.
            let parent = if *parent < 8 { number } else { number / 2 };
            text.push_str(&line(number, parent, *what, *size));
            text.push('\n');
        }
        if torn {
            text.push_str("{\"type\":\"mess");
        }
        let (space, largest) = measured(text.as_bytes(), usize::MAX);
        let sum = space.total().bytes() + space.frame_bytes + space.damaged.bytes + space.fragment_bytes;
        prop_assert_eq!(sum, text.len() as u64);
        prop_assert_eq!(space.bytes, text.len() as u64);
        prop_assert_eq!(largest.len() as u64, space.entries);
        prop_assert!(largest.is_sorted_by(|a, b| a.bytes >= b.bytes));

        let parsed = latchwork_format::Transcript::parse(text.as_bytes());
        let context: Context = latchwork_format::context(&parsed, parsed.leaf());
        for one in &largest {
            let in_it = context.sources().flatten().any(|id| *id == one.id);
            prop_assert_eq!(one.shown == Shown::InContext, in_it, "{:?}\n{}", one, text);
        }
    }
}

#[test]
fn images_and_reasoning_are_counted_apart_from_the_message_that_they_are_in() {
    let text = format!(
        "{HEADER}\n{}\n{}\n",
        line(0, 0, 1, 1000),
        line(1, 1, 2, 5000)
    );
    let (space, largest) = measured(text.as_bytes(), 1);
    let of = |kind| space.kinds.get(&kind).copied().unwrap_or_default();
    assert!(of(SpaceKind::Reasoning).in_context > 1000 && of(SpaceKind::Image).in_context > 5000);
    assert!(
        of(SpaceKind::Assistant).bytes() < 300 && of(SpaceKind::ToolResult).bytes() < 300,
        "{space:?}"
    );
    assert_eq!((largest.len(), largest[0].id.as_str()), (1, "e1"));
    assert_eq!(largest[0].image_bytes, of(SpaceKind::Image).bytes());
}

#[test]
fn a_look_that_is_stopped_ends() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("s.jsonl");
    std::fs::write(&place, format!("{HEADER}\n{}\n", line(0, 0, 0, 10))).unwrap();
    let transcript = Transcript {
        system: System::real(),
        session: SessionId::new("s").unwrap(),
        place,
        head: None,
    };
    let stop = CancellationToken::new();
    stop.cancel();
    let done = transcript.measure(&stop, &mut Top::of(1), &mut |_| ());
    assert!(matches!(done, Err(SpaceFailed::Stopped)));
}
