//! Entries as they are told: nothing that was left out, no secret, and each kind with its voice.

use std::borrow::Cow;

use latchwork_format::{RawEntry, RawLine};

use super::{Part, Teller, Voice};
use crate::options::{Images, Options};

fn entry(fields: &str) -> RawEntry {
    let line =
        format!(r#"{{"id":"a","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z",{fields}}}"#);
    match RawLine::parse(line.as_bytes()).unwrap() {
        RawLine::Entry(entry) => entry,
        RawLine::Header(_) => panic!("an entry"),
    }
}

/// Every restriction but one is lifted; gives all that is told, as text.
fn told(options: &Options<'_>, fields: &str) -> String {
    format!("{:?}", Teller { options }.tell(&entry(fields)))
}

const ALL: Options<'_> = Options {
    which: &crate::Which::Active,
    thinking: true,
    tools: true,
    images: Images::Inline,
    title: None,
    redact: None,
};

const EVERYTHING: [&str; 6] = [
    r#""type":"message","message":{"role":"assistant","content":[{"type":"thinking","thinking":"THOUGHT"},{"type":"toolCall","id":"c","name":"ls","arguments":{"path":"ARGUED"}},{"type":"new","data":"UNKNOWN"}]}"#,
    r#""type":"message","message":{"role":"toolResult","toolCallId":"c","toolName":"ls","content":[{"type":"text","text":"ANSWERED"},{"type":"image","data":"SU1BR0U=","mimeType":"image/png"}]}"#,
    r#""type":"message","message":{"role":"bashExecution","command":"COMMANDED","output":"PRINTED"}"#,
    r#""type":"message","message":{"role":"user","content":[{"type":"image","data":"UElDVFVSRQ","mimeType":"image/png"}]}"#,
    r#""type":"custom","customType":"x","data":{"state":"KEPT"}"#,
    r#""type":"unheard","of":"STRANGE""#,
];

#[test]
fn what_is_left_out_is_nowhere_in_what_is_told() {
    let all: Vec<String> = EVERYTHING.iter().map(|fields| told(&ALL, fields)).collect();
    let all = all.join("\n");
    let words = |without: &Options<'_>| {
        let told: Vec<String> = EVERYTHING
            .iter()
            .map(|fields| told(without, fields))
            .collect();
        let told = told.join("\n");
        let all_words = [
            "THOUGHT",
            "ARGUED",
            "UNKNOWN",
            "ANSWERED",
            "SU1BR0U",
            "COMMANDED",
            "PRINTED",
            "UElDVFVSRQ",
            "KEPT",
            "STRANGE",
        ];
        assert!(all_words.iter().all(|word| all.contains(word)), "{all}");
        all_words
            .into_iter()
            .filter(|word| told.contains(word))
            .collect::<Vec<_>>()
    };
    let thinking = Options {
        thinking: false,
        ..ALL
    };
    assert_eq!(
        words(&thinking),
        [
            "ARGUED",
            "ANSWERED",
            "SU1BR0U",
            "COMMANDED",
            "PRINTED",
            "UElDVFVSRQ"
        ]
    );
    let tools = Options {
        tools: false,
        ..ALL
    };
    assert_eq!(words(&tools), ["THOUGHT", "UElDVFVSRQ"]);
    let images = Options {
        images: Images::Named,
        ..ALL
    };
    assert_eq!(
        words(&images),
        [
            "THOUGHT",
            "ARGUED",
            "ANSWERED",
            "COMMANDED",
            "PRINTED",
            "KEPT"
        ]
    );
}

#[test]
fn a_secret_is_taken_out_wherever_it_is_said_however_it_is_written() {
    fn redact(text: &str) -> Cow<'_, str> {
        Cow::Owned(text.replace("s3cr3t", "[...]"))
    }
    let options = Options {
        redact: Some(&redact),
        ..ALL
    };
    for fields in [
        r#""type":"message","message":{"role":"user","content":"a s3cr3t"}"#,
        r#""type":"message","message":{"role":"assistant","errorMessage":"s3cr3t","model":"s3cr3t","content":[{"type":"thinking","thinking":"s3cr3t"},{"type":"toolCall","id":"s3cr3t","name":"s3cr3t","arguments":{"s3cr3t":["s3cr\u0033t"]}}]}"#,
        r#""type":"message","message":{"role":"toolResult","toolCallId":"s3cr3t","toolName":"s3cr3t","content":"s3\u0063r3t"}"#,
        r#""type":"message","message":{"role":"bashExecution","command":"s3cr3t","output":"s3cr3t"}"#,
        r#""type":"message","message":{"role":"s3cr3t","content":[{"type":"s3cr3t","x":"s3cr\u0033t"}]}"#,
        r#""type":"compaction","summary":"s3cr3t"}"#.trim_end_matches('}'),
        r#""type":"custom","customType":"s3cr3t","data":"s3cr3t""#,
        r#""type":"label","targetId":"a","label":"s3cr3t""#,
        r#""type":"s3cr3t""#,
    ] {
        let said = told(&options, fields);
        assert!(
            said.contains("[...]") && !said.contains("s3cr3t") && !said.contains("s3cr\\u0033t"),
            "{said}"
        );
    }
}

#[test]
fn only_pictures_are_inlined_and_only_data_that_is_data() {
    let image = |mime: &str, data: &str| {
        let fields = format!(
            r#""type":"message","message":{{"role":"user","content":[{{"type":"image","data":"{data}","mimeType":"{mime}"}}]}}"#
        );
        let entry = entry(&fields);
        let told = Teller { options: &ALL }.tell(&entry);
        matches!(&told.parts[..], [Part::Image { data: Some(_), .. }])
    };
    assert!(image("image/png", "SU1BR0U="));
    assert!(!image("image/svg+xml", "SU1BR0U=") && !image("text/html", "SU1B"));
    assert!(!image("image/png", "x)](javascript:1)") && !image("image/png;x=<", "SU1B"));
}

#[test]
fn every_kind_has_its_voice() {
    let voice = |fields: &str| Teller { options: &ALL }.tell(&entry(fields)).voice;
    assert_eq!(
        voice(r#""type":"compaction","summary":"""#),
        Voice::Compaction
    );
    assert_eq!(
        voice(r#""type":"branch_summary","summary":"""#),
        Voice::Branch
    );
    assert_eq!(
        voice(r#""type":"custom","customType":"latchwork.gap""#),
        Voice::Gap
    );
    assert_eq!(
        voice(r#""type":"custom_message","customType":"x","content":"y""#),
        Voice::Extension
    );
    assert_eq!(voice(r#""type":"model_change""#), Voice::Note);
}
