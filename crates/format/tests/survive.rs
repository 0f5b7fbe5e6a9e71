//! Whatever is done with an entry, what is not asked to change stays to the byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use latchwork_format::{
    Body, EntryId, Mark, RawEntry, RawLine, RawObject, Transcript, fork, line, migrate,
};
use proptest::prelude::*;

/// Values that a document model, or a strict reader, would change or refuse.
const ODD: [&str; 16] = [
    "1e999",
    "-0",
    "-0.0",
    "1.50",
    "1E+2",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
    r#""\ud800 \udc00\ud83d \u0041\/ \u0000""#,
    r#""{\"type\":\"x\"},""#,
    r#"{"k":1,"k":2,"\u006b":3}"#,
    r#"{"z":1,"a":{"y":2,"b":[]}}"#,
    "[ 1 ,\t2 , { \"a\" : null } ]",
    "{\t}",
    "\"\u{2028}\u{7f}é🙂\"",
    "[\r{}\r]",
    "[[[[[[]]]]]]",
];

fn entry_of(line: &[u8]) -> RawEntry {
    match RawLine::parse(line) {
        Ok(RawLine::Entry(entry)) => entry,
        other => panic!("no entry: {other:?}"),
    }
}

fn in_frame(entry: &RawEntry, mark: Option<&Mark>) -> Vec<u8> {
    let body = Body::Raw(RawObject::of(entry));
    let mut bytes = line(&"new".into(), Some(&"up".into()), "now", mark, &body).unwrap();
    assert_eq!(bytes.pop(), Some(b'\n'));
    bytes
}

const FRAME: &[u8] = br#","id":"new","parentId":"up","timestamp":"now""#;

#[test]
fn an_entry_in_a_new_frame_is_the_entry_to_the_byte() {
    for odd in ODD {
        let rest =
            format!(r#", "odd" :{odd} ,"message":{{"role":"user", "content":{odd}}},"odd":{odd}"#);
        let old = format!(
            r#"{{"type":"message","id":"a","parentId":null,"timestamp":"T","latchwork":{{}}{rest}}}"#
        );
        let new = [b"{\"type\":\"message\"", FRAME, rest.as_bytes(), b"}"].concat();
        let written = in_frame(&entry_of(old.as_bytes()), None);
        assert_eq!(
            String::from_utf8(written).unwrap(),
            String::from_utf8(new).unwrap()
        );
    }
}

#[test]
fn an_odd_frame_becomes_ours_and_the_rest_stays() {
    let cases: [(&[u8], &[u8], &[u8]); 5] = [
        (b"\xef\xbb\xbf { \"x\":\"\xff\xfe\" ,\"id\":\"z\",\"type\":\"\\u0061\", \"id\":\"a\"}\r", b"\"type\":\"\\u0061\"", b", \"x\":\"\xff\xfe\" "),
        (b"{\"id\":\"a\",\"x\":1}", b"\"x\":1", b""),
        (b"{\"id\":\"a\",\"type\":7}", b"\"type\":7", b""),
        (b"{\"\\u0069d\":\"q\",\"id\":\"a\",\"type\":\"t\"}", b"\"type\":\"t\"", b""),
        (b"{\"type\":\"message\",\"id\":\"a\",\"message\":null}", b"\"type\":\"message\"", b",\"message\":null"),
    ];
    for (old, kind, rest) in cases {
        let written = in_frame(&entry_of(old), None);
        let (first, frame) = match kind.starts_with(b"\"type") {
            true => (kind, FRAME),
            false => (b"".as_slice(), &FRAME[1..]),
        };
        let rest = if kind.starts_with(b"\"type") {
            rest.to_vec()
        } else {
            [b",", kind].concat()
        };
        let new = [b"{", first, frame, &rest, b"}"].concat();
        assert_eq!(written, new, "{}", String::from_utf8_lossy(&written));
    }
}

#[test]
fn a_header_does_not_become_an_entry() {
    let header = RawObject::parse(r#"{"type":"session","id":"s"}"#).unwrap();
    assert!(line(&"a".into(), None, "T", None, &Body::Raw(header)).is_err());
    for none in ["", "7", "[]", "{", "{} {}"] {
        assert!(RawObject::parse(none).is_err(), "{none}");
    }
}

#[test]
fn a_field_is_changed_where_it_stands() {
    let text = r#"{ "a":1e999 , "m" : {"x":"\ud800"}, "a" :2}"#;
    let object = RawObject::parse(text).unwrap();
    assert_eq!(object.without("m").text(), r#"{ "a":1e999 , "a" :2}"#);
    assert_eq!(
        object.with_str("a", "\"").text(),
        r#"{ "a":1e999 , "m" : {"x":"\ud800"}, "a" :"\""}"#
    );
    let inner = object.object("m").unwrap().with_str("k", "v");
    assert_eq!(
        object.with_object("m", &inner).text(),
        r#"{ "a":1e999 , "m" : {"x":"\ud800","k":"v"}, "a" :2}"#
    );
    assert_eq!(
        (object.object("a"), object.str("a"), object.has("b")),
        (None, None, false)
    );
}

/// A session of an old version, and what it must be in version 3.
fn old_and_new(odd: &str) -> [(Vec<u8>, Vec<u8>); 2] {
    let one = format!(
        "{{\"type\":\"session\",\"id\":\"s\", \"odd\":{odd}}}\n\
         {{ \"type\":\"message\" ,\"odd\" : {odd},\"message\": {{\"role\":\"hookMessage\",\"content\":{odd}, \"x\":1,\"x\":{odd}}} , \"odd\":2}}\r\n\
         {{\"odd\":{odd},\"type\":\"compaction\",\"firstKeptEntryIndex\":1 ,\"tokensBefore\":1E1}}\n\
         {{\"firstKeptEntryIndex\":9,\"type\":\"compaction\",\"odd\":{odd}}}\n"
    );
    let three = format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"s\", \"odd\":{odd}}}\n\
         {{ \"type\":\"message\" ,\"id\":\"00000001\",\"parentId\":null,\"odd\" : {odd},\"message\": {{\"role\":\"custom\",\"content\":{odd}, \"x\":1,\"x\":{odd}}} , \"odd\":2}}\r\n\
         {{\"odd\":{odd},\"type\":\"compaction\",\"id\":\"00000002\",\"parentId\":\"00000001\",\"firstKeptEntryId\":\"00000001\",\"tokensBefore\":1E1}}\n\
         {{\"type\":\"compaction\",\"id\":\"00000003\",\"parentId\":\"00000002\",\"odd\":{odd}}}\n"
    );
    let two = format!(
        "{{\"type\":\"session\",\"odd\":{odd},\"version\" : 2 ,\"id\":\"s\"}}\n\
         {{\"odd\":{odd}, \"id\":\"a\",\"message\":{{\"content\":{odd} , \"role\" : \"hookMessage\"}},\"type\":\"message\"}}\n\
         {{\"type\":\"new\",\"id\":\"b\",\"odd\":{odd},\"odd\":1}} {{\"type\":\"new\",\"id\":\"c\",\"odd\":{odd}}}\n"
    );
    let of_two = two
        .replace(" : 2 ", " : 3 ")
        .replace("hookMessage", "custom")
        .replace("} {\"type\":\"new\"", "}\n{\"type\":\"new\"");
    [(one, three), (two, of_two)].map(|(old, new)| (old.into_bytes(), new.into_bytes()))
}

#[test]
fn a_migration_changes_what_the_version_asks_for_and_no_other_byte() {
    for odd in ODD {
        for (old, new) in old_and_new(odd) {
            let migrated = migrate(&old).unwrap();
            assert_eq!(
                String::from_utf8(migrated).unwrap(),
                String::from_utf8(new).unwrap()
            );
        }
    }
}

#[test]
fn what_is_no_utf8_survives_a_migration() {
    let odd = b"\"\xff\xc3\"";
    let placed = |text: Vec<u8>| {
        let mark = b"\"ODD\"";
        let mut out = text;
        while let Some(at) = out.windows(mark.len()).position(|part| part == mark) {
            out.splice(at..at + mark.len(), odd.iter().copied());
        }
        out
    };
    // Of the header alone its text is taken: it is read, not carried.
    for (old, new) in old_and_new("\"ODD\"") {
        assert_eq!(migrate(&placed(old)).unwrap(), placed(new));
    }
}

#[test]
fn a_fork_that_chains_an_entry_anew_changes_its_parent_alone() {
    for odd in ODD {
        let entry = |id: &str, parent: &str, role: &str| {
            format!(
                "{{ \"odd\":{odd},\"type\":\"message\", \"id\":\"{id}\",\"parentId\" : {parent} ,\"odd\":1,\"message\":{{\"role\":\"{role}\", \"content\":{odd}}}}}"
            )
        };
        let label = r#"{"type":"label","id":"l","parentId":"a","timestamp":"T","targetId":"x"}"#;
        let (a, b) = (entry("a", "null", "user"), entry("b", "\"l\"", "assistant"));
        let file =
            format!("{{\"type\":\"session\",\"version\":3,\"id\":\"s\"}}\n{a}\n{label}\n{b}\n");
        let forked = fork(&Transcript::parse(file.as_bytes()), &"b".into(), None).unwrap();
        let expected = format!("{a}\n{}\n", entry("b", "\"a\"", "assistant"));
        assert_eq!(String::from_utf8(forked).unwrap(), expected);
    }
}

/// JSON of any look: each value with any space around its tokens.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(ODD.to_vec()).prop_map(str::to_owned),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec((space(), inner.clone()), 0..4).prop_map(|items| {
                let items: Vec<String> = items
                    .into_iter()
                    .map(|(space, item)| format!("{space}{item}{space}"))
                    .collect();
                format!("[{}]", items.join(","))
            }),
            prop::collection::vec(field(inner), 0..4)
                .prop_map(|fields| format!("{{{}}}", fields.join(","))),
        ]
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", " ", "\t", "  ", "\r"])
}

fn field(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "\\u0061", "\\ud800", "{", "data", "details"]);
    (space(), name, space(), value).prop_map(|(space, name, other, value)| {
        format!("{space}\"{name}\"{other}:{space}{value}{other}")
    })
}

proptest! {
    /// Moved as often as you like: the frame is ours, the rest is what its author wrote.
    #[test]
    fn an_entry_survives_every_new_frame(fields in prop::collection::vec(field(json()), 0..5), mark in any::<bool>()) {
        let rest: String = fields.iter().map(|field| format!(",{field}")).collect();
        let first = entry_of(format!("{{\"type\":\"custom\",\"id\":\"a\",\"parentId\":null,\"timestamp\":\"T\"{rest}}}").as_bytes());
        let mark = mark.then(|| Mark::keyed("k"));
        let once = in_frame(&first, mark.as_ref());
        prop_assert!(once.ends_with(format!("{rest}}}").as_bytes()), "{:?}", String::from_utf8_lossy(&once));
        let moved = entry_of(&once);
        prop_assert_eq!((moved.id(), moved.parent().map(EntryId::as_str)), (&"new".into(), Some("up")));
        prop_assert_eq!(moved.mark(), mark.clone());
        prop_assert_eq!(in_frame(&moved, mark.as_ref()), once, "a second time nothing is left to change");
    }

    #[test]
    fn an_entry_of_version_1_keeps_its_fields_to_the_byte(fields in prop::collection::vec(field(json()), 0..5)) {
        let rest: String = fields.iter().map(|field| format!(",{field}")).collect();
        let old = format!("{{\"type\":\"session\",\"id\":\"s\"}}\n{{\"type\":\"x\"{rest}}}\n");
        let new = String::from_utf8(migrate(old.as_bytes()).unwrap()).unwrap();
        prop_assert_eq!(new.lines().count() > 1 && new.split('\n').nth(1) == Some(&format!("{{\"type\":\"x\",\"id\":\"00000001\",\"parentId\":null{rest}}}")), true, "{}", new);
    }
}
