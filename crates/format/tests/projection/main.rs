//! From any branch to a valid request, always: every leaf of any tree renders to what the four providers take.
//!
//! The validators stand in the testkit, are written from the providers' rules and share nothing with the renderers. A
//! renderer that says too little would pass them too, so what was said is looked for in every body.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod trees;

use std::fs;
use std::path::Path;

use latchwork_format::request::wire::{self, Empty};
use latchwork_format::request::{
    Block, Change, Conversation, Exchange, Item, Part, Target, project,
};
use latchwork_format::{EntryId, Transcript, context};
use latchwork_testkit::validate;
use proptest::prelude::*;
use serde_json::{Value, json};

type Render = fn(&Conversation, &Target) -> Result<Value, Empty>;

/// Each provider with its renderer; Gemini in a version that wants seals and in one that does not.
fn providers() -> [(Target, Render); 5] {
    [
        (
            Target::new("openai", "gpt", "openai-completions"),
            wire::chat::render,
        ),
        (
            Target::new("openai", "gpt", "openai-responses"),
            wire::responses::render,
        ),
        (
            Target::new("anthropic", "claude", "anthropic-messages"),
            wire::anthropic::render,
        ),
        (
            Target::new("google", "gemini-2.5-pro", "google-generative-ai"),
            wire::gemini::render,
        ),
        (
            Target::new("google", "gemini-3-pro-preview", "google-generative-ai"),
            wire::gemini::render,
        ),
    ]
}

fn refusals(target: &Target, body: &Value) -> Vec<String> {
    match target.api.as_str() {
        "openai-completions" => validate::chat::refusals(body),
        "openai-responses" => validate::responses::refusals(body),
        "anthropic-messages" => {
            let mut body = body.clone();
            body["max_tokens"] = json!(1024);
            validate::anthropic::refusals(&body)
        }
        _ => validate::gemini::refusals(body, &target.model),
    }
}

/// What is wrong with the requests at that entry.
fn look(transcript: &Transcript, leaf: Option<&EntryId>) -> Result<(), String> {
    let context = context(transcript, leaf);
    for (target, render) in providers() {
        let (conversation, _) = project(&context, &target);
        let (provider, model) = (&target.provider, &target.model);
        let said = format!("{provider} {model} at {leaf:?}");
        match render(&conversation, &target) {
            Err(Empty) if conversation.exchanges.is_empty() => {}
            Err(empty) => return Err(format!("{said}: {empty}, but something was said")),
            Ok(body) => {
                let refused = refusals(&target, &body);
                if !refused.is_empty() {
                    return Err(format!("{said}: {refused:#?} in {body:#}"));
                }
                if let Some(lost) = unsaid(&conversation, &body) {
                    return Err(format!("{said}: {lost:?} is not said in {body:#}"));
                }
            }
        }
    }
    Ok(())
}

/// A conversation that was made for one provider and is sent to another is taken as well.
fn look_across(transcript: &Transcript) -> Result<(), String> {
    let context = context(transcript, None);
    for (made_for, _) in providers() {
        let (conversation, _) = project(&context, &made_for);
        for (target, render) in providers() {
            let Ok(body) = render(&conversation, &target) else {
                continue;
            };
            let refused = refusals(&target, &body);
            if !refused.is_empty() {
                return Err(format!(
                    "made for {made_for:?}, sent to {target:?}: {refused:#?} in {body:#}"
                ));
            }
        }
    }
    Ok(())
}

/// A text of the conversation that the body does not hold.
fn unsaid(conversation: &Conversation, body: &Value) -> Option<String> {
    let mut held = Vec::new();
    strings(body, &mut held);
    let mut texts: Vec<&str> = conversation.system.as_deref().into_iter().collect();
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => texts.extend(turn.parts.iter().map(part)),
            Exchange::Assistant(turn) => {
                for item in turn.items() {
                    match item {
                        Item::Block(Block::Text { text, .. }) => texts.push(text.as_str()),
                        Item::Block(Block::Thinking(_)) => {}
                        Item::Call(call) => texts.extend(call.result.content.iter().map(part)),
                    }
                }
            }
        }
    }
    let lost = texts
        .into_iter()
        .find(|text| !held.iter().any(|held| held.contains(text)));
    lost.map(str::to_owned)
}

fn part(part: &Part) -> &str {
    match part {
        Part::Text(text) => text.as_str(),
        Part::Image { data, .. } => data,
    }
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

fn file(lines: &[String], lost: &[bool]) -> Vec<u8> {
    let header = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;
    let kept = lines
        .iter()
        .zip(lost.iter().chain(std::iter::repeat(&false)));
    let kept = kept
        .filter(|(_, lost)| !**lost)
        .map(|(line, _)| line.as_str());
    let text: Vec<&str> = std::iter::once(header).chain(kept).collect();
    (text.join("\n") + "\n").into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_tree_with_any_lines_lost_renders_to_requests_that_every_provider_takes(
        lines in trees::lines(),
        lost in prop::collection::vec(prop::bool::weighted(0.25), 0..18),
    ) {
        let transcript = Transcript::parse(&file(&lines, &lost));
        for entry in transcript.entries() {
            prop_assert_eq!(look(&transcript, Some(entry.id())), Ok(()));
        }
        prop_assert_eq!(look_across(&transcript), Ok(()));
    }
}

#[test]
fn every_leaf_of_the_corpus_renders_to_requests_that_every_provider_takes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let (mut files, mut asked) = (0, 0);
    for name in ["golden", "legacy"] {
        for found in fs::read_dir(root.join(name)).unwrap() {
            let path = found.unwrap().path();
            if path
                .extension()
                .is_none_or(|extension| extension != "jsonl")
            {
                continue;
            }
            let transcript = Transcript::parse(&fs::read(&path).unwrap());
            files += 1;
            let tree = transcript.tree();
            for (place, entry) in transcript.entries().enumerate() {
                // Every leaf, and one entry in seven.
                let is_leaf = tree.children(place).is_empty();
                if !is_leaf && place % 7 > 0 {
                    continue;
                }
                if let Err(fault) = look(&transcript, Some(entry.id())) {
                    panic!("{}: {fault}", path.display());
                }
                asked += 1;
            }
        }
    }
    assert_eq!(files, 52);
    assert!(asked > 500, "only {asked} entries were asked at");
}

#[test]
fn copies_of_what_was_delivered_elsewhere_receipts_and_what_is_kept_raw_reach_no_provider() {
    let said = |role: &str, provider: &str, model: &str, text: &str| {
        json!({ "type": "message", "message": { "role": role, "provider": provider, "model": model,
            "content": [{ "type": "text", "text": text }], "stopReason": "stop" } })
    };
    let custom = |kind: &str, text: &str| json!({ "type": "custom", "customType": kind, "data": { "source": text } });
    let entries = [
        said("user", "", "", "asked here"),
        said("assistant", "openai", "gpt", "answered here"),
        said(
            "assistant",
            "openclaw",
            "delivery-mirror",
            "HIDDEN delivered",
        ),
        said(
            "assistant",
            "openclaw",
            "gateway-injected",
            "HIDDEN injected",
        ),
        custom("latchwork.import", "HIDDEN receipt"),
        custom("latchwork.import.raw", "HIDDEN raw"),
        // What an ACP runtime or a mirrored Codex said is part of the conversation.
        said("user", "", "", "asked of codex"),
        said("assistant", "openclaw", "acp-runtime", "answered by acp"),
        said("assistant", "codex", "codex", "answered by codex"),
    ];
    let mut parent = Value::Null;
    let lines: Vec<String> = entries
        .into_iter()
        .enumerate()
        .map(|(place, mut entry)| {
            entry["id"] = json!(format!("e{place}"));
            entry["timestamp"] = json!("2026-01-01T00:00:00.000Z");
            entry["parentId"] = std::mem::replace(&mut parent, entry["id"].clone());
            entry.to_string()
        })
        .collect();
    let transcript = Transcript::parse(&file(&lines, &[]));
    for entry in transcript.entries() {
        assert_eq!(look(&transcript, Some(entry.id())), Ok(()));
    }
    for (target, render) in providers() {
        let (conversation, report) = project(&context(&transcript, None), &target);
        assert_eq!(report.count(&Change::Mirror), 2, "{target:?}");
        let body = render(&conversation, &target).unwrap().to_string();
        for shown in [
            "asked here",
            "answered here",
            "asked of codex",
            "answered by acp",
            "answered by codex",
        ] {
            assert!(body.contains(shown), "{shown} for {target:?}: {body}");
        }
        assert!(!body.contains("HIDDEN"), "{target:?}: {body}");
    }
}
