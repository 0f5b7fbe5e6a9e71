//! The rules of the tree, one test each.

use super::*;

const HEADER: &str = r#"{"type":"session","version":3,"id":"s"}"#;

fn entry(id: &str, parent: &str) -> String {
    format!(r#"{{"type":"label","id":"{id}","parentId":"{parent}"}}"#)
}

fn read(lines: &[String]) -> Transcript {
    let lines: Vec<_> = std::iter::once(HEADER)
        .chain(lines.iter().map(String::as_str))
        .collect();
    Transcript::parse(format!("{}\n", lines.join("\n")).as_bytes())
}

fn branch(transcript: &Transcript, leaf: &str) -> Vec<String> {
    let branch = transcript.branch(&leaf.into()).unwrap();
    branch
        .into_iter()
        .map(|entry| entry.id().to_string())
        .collect()
}

fn torn(id: &str, parent: &str) -> String {
    entry(id, parent).trim_end_matches('}').to_owned()
}

#[test]
fn a_child_of_a_lost_line_hangs_below_that_lines_parent() {
    // b and c are lost; c's own parent is b, b's is a. x is on another branch.
    let lines = [
        entry("a", ""),
        entry("x", "a"),
        torn("b", "a"),
        torn("c", "b"),
        entry("d", "c"),
    ];
    let transcript = read(&lines);
    assert_eq!(branch(&transcript, "d"), ["a", "d"]);
    let bridged = TreeFault::Bridged {
        child: "d".into(),
        missing: "c".into(),
        to: Some("a".into()),
    };
    assert_eq!(transcript.tree_faults(), [bridged]);
    assert_eq!(
        transcript.parent_of(&"d".into()).unwrap().id().as_str(),
        "a"
    );
}

#[test]
fn where_the_lost_lines_parent_is_lost_too_file_order_decides() {
    let lines = [
        entry("a", ""),
        "rubbish".into(),
        entry("x", "a"),
        entry("c", "lost"),
    ];
    assert_eq!(
        branch(&read(&lines), "c"),
        ["a", "c"],
        "what stood before the rubbish"
    );
    let lines = [entry("a", ""), entry("x", "a"), entry("c", "deleted")];
    assert_eq!(
        branch(&read(&lines), "c"),
        ["a", "x", "c"],
        "what stood before the entry"
    );
    assert_eq!(branch(&read(&[entry("c", "deleted")]), "c"), ["c"]);
}

#[test]
fn a_parent_further_down_the_file_is_a_parent() {
    let transcript = read(&[entry("b", "a"), entry("a", "")]);
    assert_eq!(branch(&transcript, "b"), ["a", "b"]);
    assert!(transcript.tree_faults().is_empty());
    assert!(transcript.is_ancestor(&"a".into(), &"b".into()));
    assert!(!transcript.is_ancestor(&"b".into(), &"a".into()));
}

#[test]
fn a_circle_is_cut_and_reported() {
    let transcript = read(&[
        entry("a", "c"),
        entry("b", "a"),
        entry("c", "b"),
        entry("d", "d"),
    ]);
    assert_eq!(branch(&transcript, "c"), ["a", "b", "c"]);
    assert_eq!(branch(&transcript, "d"), ["d"]);
    let circles = transcript.tree_faults();
    assert!(
        circles
            .iter()
            .all(|fault| matches!(fault, TreeFault::Circle { .. })),
        "{circles:?}"
    );
    assert_eq!(circles.len(), 2);
    assert_eq!(transcript.tree().roots().len(), 2);
}

#[test]
fn of_two_lines_with_one_id_the_later_counts() {
    let transcript = read(&[
        entry("a", ""),
        entry("b", "a"),
        entry("b", ""),
        entry("c", "b"),
    ]);
    assert_eq!(branch(&transcript, "c"), ["b", "c"]);
    assert_eq!(
        transcript.tree_faults(),
        [TreeFault::Hidden {
            id: "b".into(),
            line: 3
        }]
    );
    assert_eq!(transcript.entry_count(), 4);
}

#[test]
fn roots_and_children_come_in_file_order() {
    let transcript = read(&[
        entry("a", ""),
        entry("c", "a"),
        entry("b", "a"),
        entry("r", ""),
    ]);
    let ids = |entries: Vec<&RawEntry>| {
        entries
            .into_iter()
            .map(|entry| entry.id().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(transcript.children(None)), ["a", "r"]);
    assert_eq!(ids(transcript.children(Some(&"a".into()))), ["c", "b"]);
    assert!(transcript.children(Some(&"nobody".into())).is_empty());
}
