//! Lines of whole entries and fragments, taken apart.

use super::{Pieces, pieces, side_by_side};
use proptest::prelude::*;

const A: &str = r#"{"type":"message","id":"a","parentId":null,"timestamp":"T","message":{"role":"user","content":[{"type":"text","text":"x { \" }","id":"no"}]}}"#;
const B: &str =
    r#"{"type":"label","id":"b","parentId":"a","timestamp":"T","targetId":"a","label":"[{\""}"#;

/// A line taken apart: each whole object and each fragment in its order, and whether it is doubtful.
fn apart(line: &str) -> (Vec<&str>, Vec<&str>, bool) {
    let Pieces {
        whole,
        fragments,
        doubtful,
    } = pieces(line.as_bytes());
    let text =
        |parts: Vec<std::ops::Range<usize>>| parts.into_iter().map(|part| &line[part]).collect();
    (text(whole), text(fragments), doubtful)
}

#[test]
fn whole_entries_and_fragments_are_told_apart_in_whatever_order_they_stand() {
    let torn = &A[..90];
    assert_eq!(apart(&format!("{A}{B}")), (vec![A, B], vec![], false));
    assert_eq!(apart(&format!("{torn}{B}")), (vec![B], vec![torn], false));
    assert_eq!(apart(&format!("{B}{torn}")), (vec![B], vec![torn], false));
    assert_eq!(
        apart(&format!("{torn}{B}{torn}{torn}{A} {B}")),
        (vec![B, A, B], vec![torn, &format!("{torn}{torn}")], false)
    );
    assert_eq!(apart(torn), (vec![], vec![torn], false));
    assert_eq!(apart(A), (vec![A], vec![], false));
}

#[test]
fn an_object_that_a_line_was_torn_behind_is_a_part_of_it() {
    let call = r#"{"type":"message","id":"m","parentId":null,"timestamp":"T","message":{"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"ls","arguments":{}}"#;
    assert_eq!(apart(call), (vec![], vec![call], false));
    let framed = call.replace("\"name\"", "\"parentId\":null,\"name\"");
    assert_eq!(
        apart(&framed),
        (vec![], vec![framed.as_str()], false),
        "no time, no entry"
    );
}

#[test]
fn an_entry_where_the_torn_line_may_go_on_is_neither_believed_nor_called_a_fragment() {
    for around in [
        r#"{"type":"custom","id":"c","parentId":null,"timestamp":"T","data":"#,
        r#"{"type":"custom","id":"c","parentId":null,"timestamp":"T","data":[1, "#,
        r#"{"type":"custom","id":"c","parentId":null,"timestamp":"T","data":{"entry":["#,
        "\0\0\0\"data\": ",
    ] {
        let line = format!("{around}{B}");
        assert_eq!(
            apart(&line),
            (vec![], vec![line.as_str()], true),
            "{around}"
        );
    }
}

#[test]
fn where_no_value_can_begin_an_entry_is_an_entry() {
    for torn in [
        "{",
        "{\"type\":",
        "{\"type\":\"mess",
        "{\"type\":\"message\",\"id\":\"x\",\"parentId\":",
        "{\"type\":\"message\",\"id\":\"x\",",
        "{\"a\":\"ends in [",
        "{\"a\":\"ends in an escape \\",
        "{\"a\":[tru",
        "{\"a\":[12",
        "{\"a\":[{}",
        "{\"a\":{\"type\":\"x\"}",
        "{\"type\":\"m\0\0\0",
        "\0\0\0\0",
        "rubbish",
        "\u{fffd}",
    ] {
        let line = format!("{torn}{B}");
        assert_eq!(apart(&line), (vec![B], vec![torn], false), "{torn}");
    }
}

#[test]
fn a_whole_object_that_is_no_entry_is_no_fragment_either() {
    let deep = format!(
        "{{\"id\":\"x\",\"d\":{}{}}}",
        "[".repeat(600),
        "]".repeat(600)
    );
    for whole in [
        "{\"a\":1}",
        "{}",
        &deep,
        "\u{feff}{\"type\":\"session\",\"id\":\"s\"}",
    ] {
        assert_eq!(apart(whole), (vec![whole], vec![], false));
        assert_eq!(
            apart(&format!("{whole}x{B}")),
            (vec![whole, B], vec!["x"], false)
        );
    }
}

#[test]
fn a_bracket_that_rubbish_brought_makes_no_entry_of_what_was_torn() {
    let torn = br#"{"type":"message","id":"a""#;
    for rubbish in [&b"}\xc3\x28\xff"[..], b"}3\xb3\x01{"] {
        let line = [torn, rubbish].concat();
        let found = pieces(&line);
        assert_eq!((found.whole, found.doubtful), (vec![], true));
    }
    // A hole, or the beginning of another write that was torn within a letter.
    for rest in [&b"\0\0\0"[..], b"{\"type\":\"message\",\"t\":\"\xc3"] {
        let line = [A.as_bytes(), rest].concat();
        let found = pieces(&line);
        assert_eq!(found.whole.first(), Some(&(0..A.len())));
        assert!(!found.doubtful);
    }
}

#[test]
fn a_fragment_with_more_objects_than_are_tried_is_doubtful() {
    let tried = r#"{"type":"x","parentId":"#.repeat(300);
    assert!(pieces(format!("{tried}{B}").as_bytes()).doubtful);
}

proptest! {
    /// Whatever was cut off wherever, whatever stands whole behind it: no entry appears and none is lost.
    #[test]
    fn only_what_stood_whole_is_whole(
        parts in prop::collection::vec((any::<bool>(), any::<bool>(), 1..A.len()), 1..6),
    ) {
        let (mut line, mut stood) = (String::new(), Vec::new());
        for (whole, first, cut) in parts {
            let entry = if first { A } else { B };
            if whole {
                stood.push(entry);
            }
            let end = if whole { entry.len() } else { cut.min(entry.len() - 1) };
            line.push_str(&entry[..end]);
        }
        let (whole, fragments, doubtful) = apart(&line);
        prop_assert!(doubtful || whole == stood, "{} {:?}", line, whole);
        prop_assert!(stood.starts_with(&whole));
        let length: usize = whole.iter().chain(&fragments).map(|part| part.len()).sum();
        prop_assert_eq!(length, line.len(), "every byte is in one piece");
        let all = side_by_side(line.as_bytes()).map(|all| all.len());
        prop_assert_eq!(all, (fragments.is_empty() && whole.len() > 1).then_some(whole.len()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ \"".to_vec())], 0..60)) {
        let found = pieces(&[bytes.as_slice(), B.as_bytes()].concat());
        let mut ends: Vec<_> = found.whole.iter().chain(&found.fragments).cloned().collect();
        ends.sort_by_key(|part| part.start);
        prop_assert!(ends.is_sorted_by(|a, b| a.end <= b.start), "{:?}", ends);
    }
}
