//! Promises for every input: no panic, no endless walk, pieces read like the whole, projections always valid.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod mishaps;

use std::collections::HashSet;

use latchwork_format::request::{Change, Conversation, Exchange, Outcome, Part, Target, project};
use latchwork_format::{
    Context, ContextMessage, EntryId, Raw, Tail, Transcript, context, inspect, migrate,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::value::RawValue;

use mishaps::{befall, corpus, graph, mishap};

/// Asks everything that can be asked, and checks what must hold of any file.
fn ask_everything(bytes: &[u8]) {
    let transcript = Transcript::parse(bytes);
    let _ = transcript.writable();
    let _ = migrate(bytes);
    let tree = transcript.tree();
    let mut reached = 0;
    let mut next = tree.roots().to_vec();
    while let Some(position) = next.pop() {
        reached += 1;
        next.extend(tree.children(position));
    }
    assert_eq!(
        reached,
        transcript.entry_count(),
        "the tree holds every entry once"
    );
    for entry in transcript.entries() {
        let branch = transcript.branch(entry.id()).unwrap();
        let distinct: HashSet<_> = branch.iter().map(|entry| entry.id()).collect();
        assert_eq!(
            distinct.len(),
            branch.len(),
            "a branch meets no entry twice"
        );
        let _ = (entry.mark(), entry.key(), entry.timestamp_millis());
    }
    let _ = transcript.tree_faults();
    for damage in transcript.damage() {
        assert!(damage.offset + damage.len as u64 <= bytes.len() as u64);
        assert!(!damage.why.to_string().is_empty());
    }
    let text = serde_json::to_string(&inspect(&transcript, None)).unwrap();
    assert!(Raw::parse(&text).is_ok());
    check_projection(&context(&transcript, None));
}

fn check_projection(context: &Context) {
    let target = Target::new("openai", "gpt-x", "openai-responses");
    let (conversation, report) = project(context, &target);
    let mut ids = HashSet::new();
    let mut results = HashSet::new();
    for exchange in &conversation.exchanges {
        let Exchange::Assistant(turn) = exchange else {
            continue;
        };
        assert!(turn.calls().next().is_some() || turn.blocks().next().is_some());
        for call in turn.calls() {
            assert!(
                ids.insert(call.id.as_str().to_owned()),
                "call ids are unique"
            );
            assert!(
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(
                    call.arguments.as_str()
                )
                .is_ok()
            );
            match call.result.outcome {
                Outcome::Known => results.extend(call.result.source.clone()),
                Outcome::Unknown => assert!(call.result.is_error && call.result.source.is_none()),
            }
        }
    }
    let unknown = calls(&conversation)
        .filter(|outcome| *outcome == Outcome::Unknown)
        .count();
    assert_eq!(
        unknown,
        report.count(&Change::OutcomeUnknown),
        "what was invented is reported"
    );
    let dropped = report.count(&Change::OrphanResult) + report.count(&Change::DuplicateResult);
    let given = context
        .messages
        .iter()
        .filter(|message| message.role().as_str() == "toolResult")
        .count();
    let known = calls(&conversation)
        .filter(|outcome| *outcome == Outcome::Known)
        .count();
    assert_eq!(
        known + dropped,
        given,
        "every result is with its call or reported"
    );
}

fn calls(conversation: &Conversation) -> impl Iterator<Item = Outcome> {
    conversation
        .exchanges
        .iter()
        .flat_map(|exchange| match exchange {
            Exchange::Assistant(turn) => turn.calls().map(|call| call.result.outcome).collect(),
            Exchange::User(_) => Vec::new(),
        })
}

/// Any message, likely ones more often.
fn message() -> impl Strategy<Value = String> {
    let id = || prop_oneof![Just("c1"), Just("c2"), Just("c2_2"), Just(""), Just("c3")];
    let text = || prop_oneof![Just("hello"), Just("  "), Just(""), Just("\\ud800")];
    let arguments = prop_oneof![
        Just("{}"),
        Just("{\"x\":1e999}"),
        Just("{\"x\":\"\\udc00\"}"),
        Just("7"),
        Just("null")
    ];
    let call = (id(), prop_oneof![Just("ls"), Just(" ")], arguments).prop_map(|(id, name, arguments)| {
        format!("{{\"type\":\"toolCall\",\"id\":\"{id}\",\"name\":\"{name}\",\"arguments\":{arguments}}}")
    });
    let thinking = (text(), prop_oneof![Just(""), Just("sig")]).prop_map(|(text, signature)| {
        format!("{{\"type\":\"thinking\",\"thinking\":\"{text}\",\"thinkingSignature\":\"{signature}\"}}")
    });
    let block = prop_oneof![
        text().prop_map(|text| format!("{{\"type\":\"text\",\"text\":\"{text}\"}}")),
        call,
        thinking,
        Just("{\"type\":\"image\",\"data\":\"AA==\",\"mimeType\":\"image/png\"}".to_owned()),
        Just("{\"type\":\"later\"}".to_owned()),
        Just("null".to_owned()),
    ];
    let blocks =
        proptest::collection::vec(block, 0..5).prop_map(|blocks| format!("[{}]", blocks.join(",")));
    let content = prop_oneof![4 => blocks, 1 => text().prop_map(|text| format!("\"{text}\"")), 1 => Just("null".to_owned())];
    let stop = prop_oneof![
        Just("stop"),
        Just("toolUse"),
        Just("aborted"),
        Just("error")
    ];
    let role = prop_oneof![
        Just("user"),
        Just("assistant"),
        Just("assistant"),
        Just("toolResult"),
        Just("toolResult"),
        Just("custom"),
        Just("system"),
        Just("stranger")
    ];
    (role, content, id(), stop, prop_oneof![Just("gpt-x"), Just("other")]).prop_map(|(role, content, id, stop, model)| {
        format!(
            "{{\"role\":\"{role}\",\"content\":{content},\"toolCallId\":\"{id}\",\"stopReason\":\"{stop}\",\
             \"provider\":\"openai\",\"api\":\"openai-responses\",\"model\":\"{model}\"}}"
        )
    })
}

fn soup(messages: &[String]) -> Context {
    let messages = messages.iter().enumerate().map(|(place, text)| {
        let raw = RawValue::from_string(text.clone()).unwrap();
        ContextMessage::new(Some(EntryId::from(format!("m{place}"))), &raw)
    });
    Context {
        messages: messages.collect(),
        ..Context::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ask_everything(&bytes);
    }

    #[test]
    fn no_mishap_to_a_real_session_makes_reading_panic(which in any::<Index>(), mishaps in proptest::collection::vec(mishap(), 1..6)) {
        let mut bytes = which.get(&corpus()).clone();
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        ask_everything(&bytes);
    }

    #[test]
    fn whatever_the_parents_say_every_walk_ends(graph in graph()) {
        ask_everything(graph.as_bytes());
    }

    #[test]
    fn a_file_read_in_pieces_reads_like_the_whole(which in any::<Index>(), graph in graph(), cuts in proptest::collection::vec(any::<Index>(), 0..6), real in any::<bool>(), mishaps in proptest::collection::vec(mishap(), 0..3)) {
        let mut bytes = if real { which.get(&corpus()).clone() } else { graph.into_bytes() };
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut pieces = Transcript::default();
        for end in ends {
            let from = pieces.saved_through();
            pieces.push_tail(&bytes[usize::try_from(from).unwrap()..end], from).unwrap();
        }
        let whole = Transcript::parse(&bytes);
        prop_assert_eq!(pieces.lines(), whole.lines());
        prop_assert_eq!(pieces.damage(), whole.damage());
        prop_assert_eq!(pieces.tail(), whole.tail());
        prop_assert_eq!(pieces.saved_through(), whole.saved_through());
        prop_assert_eq!(pieces.header(), whole.header());
        prop_assert_eq!(pieces.writable(), whole.writable());
        prop_assert_eq!(pieces.tree_faults(), whole.tree_faults());
        prop_assert_eq!(inspect(&pieces, None), inspect(&whole, None));
    }

    #[test]
    fn any_soup_of_messages_becomes_a_valid_conversation(messages in proptest::collection::vec(message(), 0..16)) {
        check_projection(&soup(&messages));
    }

    #[test]
    fn what_a_user_said_is_never_left_out(before in proptest::collection::vec(message(), 0..8), after in proptest::collection::vec(message(), 0..8)) {
        let said = "{\"role\":\"user\",\"content\":\"the one thing\"}".to_owned();
        let messages = [before, vec![said], after].concat();
        let (conversation, _) = project(&soup(&messages), &Target::new("p", "m", "a"));
        let heard = conversation.exchanges.iter().any(|exchange| match exchange {
            Exchange::User(turn) => turn.parts.iter().any(|part| matches!(part, Part::Text(text) if text.as_str() == "the one thing")),
            Exchange::Assistant(_) => false,
        });
        prop_assert!(heard);
    }
}

#[test]
fn a_torn_tail_is_no_damage_and_a_whole_one_is_read() {
    let header = b"{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n".as_slice();
    let torn = Transcript::parse(&[header, b"{\"type\":\"la"].concat());
    assert_eq!(
        torn.tail(),
        Tail::Fragment {
            offset: header.len() as u64,
            len: 11
        }
    );
    assert!(torn.damage().is_empty());
    let whole = Transcript::parse(&[header, b"{\"type\":\"label\",\"id\":\"a\"}"].concat());
    assert_eq!(
        whole.tail(),
        Tail::Unterminated {
            offset: header.len() as u64,
            len: 25
        }
    );
    assert_eq!(whole.leaf().unwrap().as_str(), "a");
    assert_eq!(
        whole.saved_through(),
        header.len() as u64,
        "what lacks its newline is read again"
    );
}
