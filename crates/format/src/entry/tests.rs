//! What an entry reads from its line, and that the quick reader of lines says what the other one says.

use proptest::prelude::*;

use super::*;

fn entry(line: &[u8]) -> RawEntry {
    match RawLine::parse(line) {
        Ok(RawLine::Entry(entry)) => entry,
        other => panic!("no entry: {other:?}"),
    }
}

#[test]
fn an_odd_line_keeps_its_bytes_and_its_place() {
    let lines: [&[u8]; 6] = [
        b"{\"type\":\"message\",\"id\":\"a\",\"parentId\":null,\"message\":{\"role\":\"user\",\"content\":\"\\ud800 \\u0000\"}}",
        b"\xef\xbb\xbf{\"type\":\"label\",\"id\":\"a\",\"parentId\":\"\"}\r",
        b"{\"type\":\"brand_new\",\"id\":\"a\",\"x\":1e999,\"y\":123456789012345678901234567890}",
        b"{\"type\":\"custom\",\"id\":\"z\",\"id\":\"a\",\"data\":{\"k\":1,\"k\":2}}",
        b"  {\"id\":\"a\",\"data\":\"\xff\xfe\"}  ",
        b"{\"type\":\"message\",\"id\":\"a\",\"message\":null}",
    ];
    for line in lines {
        let entry = entry(line);
        assert_eq!(entry.raw(), line);
        assert_eq!(entry.id().as_str(), "a");
        assert_eq!(entry.parent(), None);
    }
}

#[test]
fn a_fault_says_what_is_wrong() {
    let deep = format!(
        "{{\"id\":\"a\",\"x\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(
        RawLine::parse(deep.as_bytes()).unwrap_err(),
        LineFault::TooDeep { max: 512 }
    );
    assert_eq!(RawLine::parse(b"[1]").unwrap_err(), LineFault::NotAnObject);
    assert_eq!(
        RawLine::parse(b"{\"type\":\"label\"}").unwrap_err(),
        LineFault::NoId
    );
    assert_eq!(
        RawLine::parse(b"{\"type\":\"session\"}").unwrap_err(),
        LineFault::HeaderWithoutId
    );
    assert!(matches!(
        RawLine::parse(b"{\"type\":").unwrap_err(),
        LineFault::NotJson { column: 8, .. }
    ));
    assert!(matches!(
        RawLine::parse(b"{\"a\":\"\x00\"}").unwrap_err(),
        LineFault::NotJson { .. }
    ));
    let short = Limits {
        line_bytes: 4,
        ..Limits::default()
    };
    assert_eq!(
        RawLine::parse_within(b"{    }", short).unwrap_err(),
        LineFault::TooLong { bytes: 6, max: 4 }
    );
}

#[test]
fn our_key_and_openclaws_are_both_found() {
    let ours = entry(br#"{"type":"message","id":"a","latchwork":{"key":"k1","placement":2},"message":{"role":"user","content":"x","idempotencyKey":"k2"}}"#);
    assert_eq!(ours.key().unwrap(), "k1");
    assert_eq!(ours.mark().unwrap().placement, 2);
    let theirs = entry(br#"{"type":"message","id":"a","message":{"role":"user","content":"latchwork","idempotencyKey":"k2"}}"#);
    assert_eq!(theirs.key().unwrap(), "k2");
    assert_eq!(theirs.mark(), None);
}

/// What the reader of any line makes of it, quick or not.
fn agree(line: &[u8], limits: Limits) -> bool {
    let Some(quick) = RawEntry::quick(line, limits) else {
        return false;
    };
    let slow = Draft::read(line, limits).unwrap();
    assert!(slow.header.is_none(), "{}", quick.text());
    let slow = slow.into_entry().unwrap();
    assert_eq!(quick, slow);
    assert_eq!(quick.kind(), slow.kind());
    assert_eq!((quick.text(), quick.raw()), (slow.text(), slow.raw()));
    assert_eq!(quick.timestamp(), slow.timestamp());
    let message = |entry: &RawEntry| entry.message_json().map(|json| json.text().to_owned());
    assert_eq!(message(&quick), message(&slow));
    let role = |entry: &RawEntry| entry.message().map(|message| message.role().clone());
    assert_eq!(role(&quick), role(&slow));
    true
}

/// The lines of all sessions of the corpora.
fn corpus() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut lines = Vec::new();
    for corpus in ["golden", "legacy"] {
        for file in std::fs::read_dir(folder.join(corpus)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "jsonl") {
                let bytes = std::fs::read(path).unwrap();
                lines.extend(bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
            }
        }
    }
    lines
}

#[test]
fn the_quick_reader_of_a_line_says_of_every_corpus_line_what_the_other_says() {
    let lines = corpus();
    let quick = lines
        .iter()
        .filter(|line| agree(line, Limits::default()))
        .count();
    assert!(quick * 10 > lines.len() * 8, "{quick} of {}", lines.len());
    let odd: [&[u8]; 6] = [
        br#"{"type":"message","id":"a","parentId":null,"message":{"role":"user","content":"x"},"message":7}"#,
        br#"{"type":"message","id":"a","message":7,"message":{"role":"user"},"timestamp":5}"#,
        br#"{"type":"message","id":"a","message":{"role":"user"},"type":"label"}"#,
        br#"{"type":"label","id":"a","message":{"role":"user"},"id":"b"} "#,
        br#"{"type":"message","id":"\u0061\ud800","timestamp":"\n","message": {"role":"assistant"} }"#,
        b"{\"type\":\"message\",\"id\":\"a\",\"message\":{\"role\":\"user\"}}\r",
    ];
    assert!(odd.iter().all(|line| agree(line, Limits::default())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
    #[test]
    fn the_quick_reader_of_a_mangled_line_says_what_the_other_says_or_nothing(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in ".{0,3}|[\"\\\\{}\\[\\]:,0-9eutfn]{1,3}", cut in 0..4_usize,
    ) {
        let lines = corpus_once();
        let mut line = which.get(lines).clone();
        let at = at.index(line.len() + 1);
        let end = (at + cut).min(line.len());
        line.splice(at..end, with.into_bytes());
        agree(&line, Limits::default());
    }
}

fn corpus_once() -> &'static [Vec<u8>] {
    static LINES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    LINES.get_or_init(corpus)
}
