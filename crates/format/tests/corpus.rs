//! The real sessions of `tests/corpus`: what pi computed for them is what we compute.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};

use latchwork_format::{
    EntryId, Tail, Transcript, Version, context, estimate_tokens, inspect, migrate,
};
use serde_json::Value;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus")
        .join(name)
}

/// Each session of a corpus with what pi says about it.
fn sessions(name: &str) -> Vec<(String, Vec<u8>, Value)> {
    let mut found = Vec::new();
    for file in fs::read_dir(corpus(name)).expect("the corpus lies beside the workspace's tests") {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            let expected = fs::read(path.with_extension("expected.json")).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((
                name,
                fs::read(&path).unwrap(),
                serde_json::from_slice(&expected).unwrap(),
            ));
        }
    }
    found
}

fn as_value(value: &impl serde::Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

#[test]
fn every_golden_session_is_what_pi_says_it_is() {
    let sessions = sessions("golden");
    assert_eq!(sessions.len(), 40);
    for (name, bytes, mut expected) in sessions {
        let transcript = Transcript::parse(&bytes);
        assert!(
            transcript.damage().is_empty() && transcript.tree_faults().is_empty(),
            "{name}"
        );
        assert_eq!(transcript.tail(), Tail::Clean, "{name}");
        expected.as_object_mut().unwrap().remove("package");
        assert_eq!(as_value(&inspect(&transcript, None)), expected, "{name}");
    }
}

#[test]
fn every_golden_context_of_an_old_version_is_what_pi_builds() {
    let sessions = sessions("legacy");
    assert_eq!(sessions.len(), 12);
    for (name, bytes, expected) in sessions {
        let transcript = Transcript::parse(&bytes);
        assert_ne!(
            transcript.header().unwrap().version,
            Version::Three,
            "{name}"
        );
        assert_eq!(
            as_value(&context(&transcript, None)),
            expected["context"],
            "{name}"
        );
    }
}

#[test]
fn a_migrated_session_has_the_same_entries_under_the_same_ids() {
    for (name, bytes, expected) in sessions("legacy") {
        let before = Transcript::parse(&bytes);
        let after = Transcript::parse(&migrate(&bytes).unwrap());
        assert_eq!(after.header().unwrap().version, Version::Three, "{name}");
        assert!(
            after.damage().is_empty() && after.tree_faults().is_empty(),
            "{name}"
        );
        let names = |transcript: &Transcript| -> Vec<(EntryId, Option<EntryId>)> {
            transcript
                .entries()
                .map(|entry| (entry.id().clone(), entry.parent().cloned()))
                .collect()
        };
        assert_eq!(names(&after), names(&before), "{name}");
        assert_eq!(
            as_value(&context(&after, None)),
            expected["context"],
            "{name}"
        );
        assert_eq!(
            as_value(&inspect(&after, None)),
            as_value(&inspect(&before, None)),
            "{name}"
        );
    }
}

#[test]
fn every_line_of_the_corpus_is_kept_to_the_byte() {
    for (name, bytes, _) in sessions("golden").into_iter().chain(sessions("legacy")) {
        let transcript = Transcript::parse(&bytes);
        for line in transcript.lines() {
            let start = usize::try_from(line.offset).unwrap();
            assert_eq!(
                line.entry.raw(),
                &bytes[start..start + line.len],
                "{name}, line {}",
                line.number
            );
        }
        assert_eq!(transcript.saved_through(), bytes.len() as u64, "{name}");
    }
}

#[test]
fn every_leaf_of_the_corpus_has_a_context_that_weighs_something() {
    for (name, bytes, _) in sessions("golden") {
        let transcript = Transcript::parse(&bytes);
        for entry in transcript.entries() {
            let context = context(&transcript, Some(entry.id()));
            let weight: u64 = context
                .messages
                .iter()
                .map(|message| estimate_tokens(&message.view().unwrap()))
                .sum();
            assert_eq!(weight, context.estimate_tokens(), "{name}");
            assert!(
                context
                    .sources()
                    .all(|source| source.is_some_and(|id| transcript.is_ancestor(id, entry.id()))),
                "{name}"
            );
        }
    }
}
