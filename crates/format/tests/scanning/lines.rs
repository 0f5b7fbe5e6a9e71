//! The law of the scan: what it says of each line is what `Transcript::parse` says of the same bytes.

use std::fs;

use latchwork_format::{Facts, Limits, Line, Scanner, Seen, Tail, Transcript, What};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::mishaps::{befall, corpus, graph, mishap};
use crate::{pieces, sessions};

/// What a scan of these pieces must say: all that the transcript knows of each line.
fn scan_agrees(bytes: &[u8], pieces: &[&[u8]], limits: Limits) {
    let mut transcript = Transcript::with_limits(limits);
    transcript.push_tail(bytes, 0).unwrap();
    let (mut lines, mut damage) = (transcript.lines().iter(), transcript.damage().iter());
    let (mut entries, mut through) = (0, 0_usize);
    let mut agree = |seen: &Seen<'_>| {
        let start = usize::try_from(seen.offset).unwrap();
        let end = start + usize::try_from(seen.len).unwrap();
        let between = &bytes[through..start];
        assert!(
            between.iter().all(u8::is_ascii_whitespace),
            "every line is told of, and every object of one"
        );
        through = end;
        let line = &bytes[start..end];
        assert_eq!(seen.sum, crc32fast::hash(line));
        match &seen.what {
            What::Nothing => {}
            What::Entry(facts) => {
                let Line {
                    entry,
                    offset,
                    len,
                    number,
                } = lines.next().expect("no entry more");
                let place = (seen.offset, seen.len, seen.number);
                assert_eq!(place, (*offset, *len as u64, *number));
                assert_eq!(*facts, Facts::of(entry), "{}", entry.text());
                entries += 1;
            }
            What::Damaged { why, id, parent } => {
                let lost = damage.next().expect("no damage more");
                let place = (seen.offset, seen.len, seen.number);
                assert_eq!(place, (lost.offset, lost.len as u64, lost.line));
                assert_eq!((why, id, parent), (&lost.why, &lost.id, &lost.parent));
                assert_eq!(entries, lost.entries_before);
            }
        }
    };
    let mut scanner = Scanner::with_limits(limits);
    for piece in pieces {
        scanner.push(piece, &mut agree);
    }
    assert_eq!(scanner.finish(&mut agree), transcript.tail());
    assert_eq!(scanner.saved_through(), transcript.saved_through());
    assert_eq!(scanner.header(), transcript.header());
    assert_eq!(scanner.writable(), transcript.writable());
    assert!(
        lines.next().is_none() && damage.next().is_none(),
        "nothing is passed over"
    );
}

#[test]
fn every_line_of_the_corpus_is_scanned_as_it_is_read() {
    for (_, bytes) in sessions() {
        scan_agrees(&bytes, &[&bytes], Limits::default());
        let blocks: Vec<_> = bytes.chunks(1000).collect();
        scan_agrees(&bytes, &blocks, Limits::default());
    }
}

/// Lines that a hasty reader takes for something else.
const ODD: &[&str] = &[
    r#"{"type":"message","id":"a","parentId":"e1","message":{"role":"user","content":"x"},"id":"e2"}"#,
    r#"{"type":"message","id":"a","\u0069d":"e2","parentId":"e1","message":{"role":"user"}}"#,
    r#"{"type":"message","id":"a\u00e9\ud800","parentId":"","message":{"role":"assistant","role":"user"}}"#,
    r#"{"type":"message","id":"a","message":{"role":"user","\u0072ole":"assistant"}}"#,
    r#"{"type":"message","id":"a","message":{"role":"user"},"message":7}"#,
    r#"{"type":"message","id":"a","message":{"role":"user","idempotencyKey":"k"},"latchwork":{"key":"o","placement":3}}"#,
    r#"{"type":"message","id":"a","message":{"role":"user","idempotencyKey":"k"},"latchwork":{"key":7,"placement":-1,"aside":null}}"#,
    r#"{"type":"message","id":"a","latchwork":[],"message":{"role":"x","n":[1e999,-0.5E+3,0,true,false,null,{},[],[{}]]}}"#,
    r#"{"type":"label","id":"a","n":01}"#,
    r#"{"type":"label","id":"a","n":.5}"#,
    r#"{"type":"label","id":"a","n":1.}"#,
    r#"{"type":"label","id":"a","n":-}"#,
    r#"{"type":"label","id":"a","n":[1,]}"#,
    r#"{"type":"label","id":"a","n":{"x":1,}}"#,
    r#"{"type":"label","id":"a",}"#,
    r#"{"type":"label","id":"a"}}"#,
    r#"{"type":"label","id":"a"}{"type":"label","id":"b"}"#,
    r#"{"type":"label","id":"a","n":[1}]}"#,
    r#"{"type":"label","id":"a","n":"\x"}"#,
    r#"{"type":"label","id":"a","n":"\u12g4"}"#,
    r#"{"type":"label","id":"a","n":tru}"#,
    r#"{"type":"label","id":"a" , "n" : [ 1 , { } , { "x" : [ ] } ] } "#,
    "{\"type\":\"label\",\"id\":\"a\"}\r",
    "{\"type\":\"label\",\t\"id\":\"a\"}",
    "{\"type\":\"label\",\"id\":\"a\",\"n\":\"\u{1}\"}",
    "{\"type\":\"label\",\"id\":\"a\",\"n\":\"\u{7f}\"}",
    "\u{feff}{\"type\":\"label\",\"id\":\"a\"}",
    r#"{"type":"session","id":"t"}"#,
    r#"{"type":"label","id":7,"parentId":7}"#,
    r#"{"type":7,"id":"a","parentId":["b"]}"#,
    r#"{"type":"compaction","id":"a","firstKeptEntryId":"e1"}"#,
    r#"{"type":"compaction","id":"a","firstKeptEntryId":null}"#,
    r#"{"type":"thinking_level_change","id":"a","thinkingLevel":"high"}"#,
    r#"{"type":"thinking_level_change","id":"a","thinkingLevel":7}"#,
    r#"{"type":"custom","id":"a","customType":"latchwork.head","data":{"kind":"kept"}}"#,
    r#"{"type":"custom_message","id":"a","customType":"latchwork.head"}"#,
    r#"{"type":"message","id":"a","message":{"role":"hookMessage","idempotencyKey":"h"}}"#,
    r#"{"":{"id":"b"},"id":"a","data":{"id":"c","latchwork":{"key":"n"}}}"#,
    "\u{a0}\u{2003}\u{feff}",
    "null",
    "[]",
];

#[test]
fn odd_lines_are_scanned_as_they_are_read() {
    let deep = |levels: usize| {
        format!(
            r#"{{"id":"a","x":{}{}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    let wide = |keys: usize| {
        let many: Vec<_> = (0..keys).map(|key| format!(r#""k{key}":1"#)).collect();
        format!(
            r#"{{"id":"a","type":"message","message":{{"role":"user",{}}}}}"#,
            many.join(",")
        )
    };
    let made = [
        deep(60),
        deep(63),
        deep(64),
        deep(511),
        deep(512),
        wide(4094),
        wide(4095),
        wide(4096),
    ];
    for version in ["1", "2", "3", "4"] {
        let header = format!(r#"{{"type":"session","version":{version},"id":"s"}}"#);
        for line in ODD.iter().copied().chain(made.iter().map(String::as_str)) {
            for file in [
                format!("{header}\n{line}\n{line}\n"),
                format!("{line}\n{header}\n{line}"),
            ] {
                scan_agrees(file.as_bytes(), &[file.as_bytes()], Limits::default());
                let shallow = Limits {
                    depth: 2,
                    line_bytes: 80,
                };
                let bytes: Vec<_> = file.as_bytes().chunks(1 + line.len() / 40).collect();
                scan_agrees(file.as_bytes(), &bytes, shallow);
            }
        }
        let mut latin = format!("{header}\n").into_bytes();
        latin.extend(b"{\"type\":\"label\",\"id\":\"a\xff\",\"x\":\"\xff\"}\n{\"type\":\"label\",\"id\":\"b\",\"x\":\"\xff\"}\n");
        scan_agrees(&latin, &[&latin], Limits::default());
    }
}

/// A line of this many bytes, in blocks, with something in front of the filling.
fn long_line(
    scanner: &mut Scanner,
    front: &[u8],
    filling: u8,
    bytes: u64,
) -> Vec<(u64, Option<String>)> {
    let block = vec![filling; 1 << 20];
    let mut found = Vec::new();
    let mut keep = |seen: &Seen<'_>| {
        let id = match &seen.what {
            What::Damaged { id, .. } => id.as_ref().map(ToString::to_string),
            What::Entry(facts) => Some(facts.id.to_string()),
            What::Nothing => None,
        };
        found.push((seen.len, id));
    };
    scanner.push(front, &mut keep);
    for _ in 0..bytes >> 20 {
        scanner.push(&block, &mut keep);
    }
    scanner.push(b"\n{\"type\":\"label\",\"id\":\"next\"}\n", &mut keep);
    found
}

#[test]
fn a_line_of_a_gibibyte_is_passed_with_its_names_and_without_being_held() {
    let limits = Limits {
        line_bytes: 1 << 16,
        ..Limits::default()
    };
    let mut scanner = Scanner::with_limits(limits);
    let front =
        br#"{"type":"message","id":"big","parentId":"up","message":{"role":"user","content":""#;
    let found = long_line(&mut scanner, front, b'x', 1 << 30);
    let len = (1 << 30) + front.len() as u64;
    assert_eq!(
        found,
        [(len, Some("big".to_owned())), (28, Some("next".to_owned()))]
    );
    assert!(
        peak_bytes() < 256 << 20,
        "the process has used {} bytes",
        peak_bytes()
    );
}

/// The most memory that this process has had.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let number: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    number << 10
}

#[test]
fn a_long_line_of_space_is_nothing_however_it_is_cut() {
    let limits = Limits {
        line_bytes: 8,
        ..Limits::default()
    };
    let spaces = [
        "             ",
        "   \u{a0}\u{2003}\u{b}\u{feff}\u{a0}",
        "  \u{b} \u{a0}       ",
        "\u{a0}\u{85}             ",
        "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}x",
    ];
    for space in spaces {
        let file = format!("{{\"type\":\"x\"}}\n{space}\n{{\"id\":\"a\"}}\n");
        for size in 1..8 {
            let pieces: Vec<_> = file.as_bytes().chunks(size).collect();
            scan_agrees(file.as_bytes(), &pieces, limits);
        }
        for end in [&[0xc2][..], &[0xa0], &[0xe2, 0x80], &[0xc2, 0xa0]] {
            let torn = [file.as_bytes(), space.as_bytes(), end, b"\n"].concat();
            scan_agrees(&torn, &torn.chunks(3).collect::<Vec<_>>(), limits);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_mangled_session_is_scanned_as_it_is_read(which in any::<Index>(), mishaps in proptest::collection::vec(mishap(), 0..6), cuts in proptest::collection::vec(any::<Index>(), 0..6), line_bytes in prop_oneof![Just(64_usize << 20), 1_usize..2000]) {
        let mut bytes = which.get(&corpus()).clone();
        for mishap in &mishaps {
            befall(&mut bytes, mishap);
        }
        let limits = Limits { line_bytes, ..Limits::default() };
        scan_agrees(&bytes, &pieces(&bytes, &cuts), limits);
    }

    #[test]
    fn a_random_graph_is_scanned_as_it_is_read(graph in graph(), cuts in proptest::collection::vec(any::<Index>(), 0..6), line_bytes in prop_oneof![Just(64_usize << 20), 1_usize..200]) {
        let bytes = graph.as_bytes();
        scan_agrees(bytes, &pieces(bytes, &cuts), Limits { line_bytes, ..Limits::default() });
    }

    /// Names far into a long line, and far apart.
    #[test]
    fn the_names_of_a_line_beyond_the_limits_are_found_however_it_is_cut(before in 0_usize..1500, id in 0_usize..260, parent in 0_usize..260, after in 0_usize..1500, again in any::<bool>(), cuts in proptest::collection::vec(any::<Index>(), 0..6)) {
        let frame = format!("\"id\":\"{}\",\"parentId\":\"{}\"", "i".repeat(id), "p".repeat(parent));
        let twice = if again { frame.as_str() } else { "" };
        let file = format!("{{\"x\":\"{}\",{frame},\"{}\"{twice}\n", "x".repeat(before), "y".repeat(after));
        scan_agrees(file.as_bytes(), &pieces(file.as_bytes(), &cuts), Limits { line_bytes: 3, ..Limits::default() });
    }

    #[test]
    fn one_wrong_byte_in_a_line_is_never_passed_over(which in any::<Index>(), line in any::<Index>(), at in any::<Index>(), byte in prop_oneof![Just(b'"'), Just(b'\\'), Just(b'}'), Just(b'{'), Just(b'['), Just(b']'), Just(b','), Just(b':'), Just(b'0'), Just(0), Just(b'\t'), any::<u8>()]) {
        let bytes = which.get(&corpus()).clone();
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let line = line.index(lines.len());
        let at = at.index(lines[line].len());
        lines[line][at] = byte;
        let bytes = lines.concat();
        scan_agrees(&bytes, &[&bytes], Limits::default());
    }
}

#[test]
fn a_tail_is_told_of_only_if_it_is_whole() {
    let mut told = 0;
    let mut scanner = Scanner::default();
    scanner.push(
        b"{\"type\":\"label\",\"id\":\"a\"}\n{\"type\":\"la",
        &mut |_| told += 1,
    );
    assert_eq!(
        scanner.finish(&mut |_| told += 1),
        Tail::Fragment {
            offset: 26,
            len: 11
        }
    );
    assert_eq!(told, 1);
}
