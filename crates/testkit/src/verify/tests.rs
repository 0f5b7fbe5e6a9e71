//! The verifier finds each fault, and finds none where there is none.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Report;

fn header() -> Value {
    json!({"type": "session", "version": 3, "id": "s", "timestamp": "t", "cwd": "/"})
}

fn message(id: &str, parent: impl Into<Value>, message: &Value) -> Value {
    let parent: Value = parent.into();
    json!({"type": "message", "id": id, "parentId": parent, "message": message})
}

fn user(id: &str, parent: impl Into<Value>, text: &str) -> Value {
    message(id, parent, &json!({"role": "user", "content": text}))
}

fn calls(id: &str, parent: &str, calls: &[&str]) -> Value {
    let blocks: Vec<Value> = calls
        .iter()
        .map(|call| json!({"type": "toolCall", "id": call, "name": "ls", "arguments": {}}))
        .collect();
    message(id, parent, &json!({"role": "assistant", "content": blocks}))
}

fn result(id: &str, parent: &str, call: &str) -> Value {
    let content = json!([{"type": "text", "text": "done"}]);
    let result = json!({"role": "toolResult", "toolCallId": call, "content": content});
    message(id, parent, &result)
}

fn file(lines: &[Value]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

fn only_problem(bytes: &[u8]) -> String {
    let problems = Report::of(bytes).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn a_sound_file_with_branches_and_blanked_lines_has_no_problem() {
    let mut bytes = file(&[
        header(),
        user("a", Value::Null, "one"),
        user("b", "a", "two"),
    ]);
    bytes.extend(b"       \n\n");
    bytes.extend(file(&[user("c", "a", "three")]));
    let report = Report::of(&bytes);
    report.assert_settled();
    assert_eq!(report.active_path(), ["a", "c"]);
    assert_eq!(report.texts_on_path("user"), ["one", "three"]);
    assert_eq!(
        (
            report.count_user_text("two"),
            report.count_user_text_anywhere("two")
        ),
        (0, 1)
    );
}

#[test]
fn texts_are_counted_whole_and_whichever_way_they_are_written() {
    let blocks = json!({"role": "user", "content": [{"type": "text", "text": "on"}, {"type": "text", "text": "e"}]});
    let mut keyed = user("c", "b", "one more");
    keyed["message"]["idempotencyKey"] = "k".into();
    let bytes = file(&[
        header(),
        user("a", Value::Null, "one"),
        message("b", "a", &blocks),
        keyed,
    ]);
    let report = Report::of(&bytes);
    assert_eq!(report.count_user_text("one"), 2);
    assert_eq!((report.count_key("k"), report.count_key("other")), (1, 0));
}

#[test]
fn each_fault_of_the_structure_is_found() {
    let first = user("a", Value::Null, "x");
    let mut parentless = user("b", "a", "x");
    parentless.as_object_mut().unwrap().remove("parentId");
    for (lines, found) in [
        (vec![first.clone()], "no header"),
        (
            vec![json!({"type": "session", "version": 2, "id": "s"})],
            "no version 3 header",
        ),
        (
            vec![header(), first.clone(), header()],
            "line 3 is a second header",
        ),
        (
            vec![header(), first.clone(), first.clone()],
            "line 3 has the id a",
        ),
        (
            vec![header(), user("b", "zzz", "x")],
            "\"zzz\", which is no earlier entry",
        ),
        (
            vec![header(), user("b", "b", "x")],
            "\"b\", which is no earlier entry",
        ),
        (
            vec![header(), first.clone(), parentless],
            "which is no earlier entry",
        ),
        (
            vec![header(), json!({"type": "custom", "parentId": null})],
            "has no id",
        ),
        (
            vec![header(), json!({"id": "a", "parentId": null})],
            "has no type",
        ),
    ] {
        let problems = Report::of(&file(&lines)).problems.join("; ");
        assert!(problems.contains(found), "{found:?} in {problems:?}");
    }
}

#[test]
fn a_torn_line_is_found_and_so_is_a_missing_newline() {
    let mut bytes = file(&[header(), user("a", Value::Null, "x")]);
    bytes.pop();
    assert_eq!(only_problem(&bytes), "the last line has no newline");
    bytes.extend(b"\n{\"type\":\"mess\n");
    assert!(only_problem(&bytes).starts_with("line 3 does not parse"));
    let tab = [file(&[header()]), b"\t\n".to_vec()].concat();
    assert!(only_problem(&tab).starts_with("line 2 does not parse"));
}

#[test]
fn calls_pair_with_results_exactly_once_and_in_time() {
    let start = [header(), user("a", Value::Null, "x")];
    let unpaired = |rest: &[Value]| Report::of(&file(&[&start[..], rest].concat())).unpaired();
    let both = calls("b", "a", &["1", "2"]);
    let answered = [both.clone(), result("c", "b", "2"), result("d", "c", "1")];
    assert!(unpaired(&answered).is_empty());
    let again = [
        &answered[..],
        &[calls("e", "d", &["1"]), result("f", "e", "1")],
    ]
    .concat();
    assert!(
        unpaired(&again).is_empty(),
        "an id may come again in a later message"
    );

    assert_eq!(unpaired(&[both.clone(), result("c", "b", "2")]).len(), 1);
    assert_eq!(unpaired(&[both.clone(), result("c", "b", "3")]).len(), 3);
    assert_eq!(unpaired(&[result("b", "a", "1")]).len(), 1);
    let late = [
        calls("b", "a", &["1"]),
        user("c", "b", "x"),
        result("d", "c", "1"),
    ];
    assert_eq!(unpaired(&late).len(), 2);
    assert_eq!(
        unpaired(&[calls("b", "a", &["1", "1"]), result("c", "b", "1")]).len(),
        1
    );
    let off_the_path = [both, user("c", "a", "y")];
    assert!(
        unpaired(&off_the_path).is_empty(),
        "another branch may be unfinished"
    );
}

#[test]
fn the_golden_sessions_of_the_real_packages_are_sound() {
    let golden = crate::workspace::root().join("tests/corpus/golden");
    let mut read = 0;
    for file in
        std::fs::read_dir(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()))
    {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            let report = Report::read(&path);
            assert!(
                report.problems.is_empty(),
                "{}: {:?}",
                path.display(),
                report.problems
            );
            read += 1;
        }
    }
    assert!(
        read >= 40,
        "only {read} golden sessions in {}",
        golden.display()
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let report = Report::of(&bytes);
        prop_assert!(report.active_path().len() <= report.entries.len());
        report.unpaired();
    }

    #[test]
    fn a_path_ends_whatever_the_parents_are(parents in proptest::collection::vec(0_usize..12, 1..12)) {
        let lines: Vec<Value> = parents
            .iter()
            .enumerate()
            .map(|(id, parent)| user(&id.to_string(), parent.to_string(), "x"))
            .collect();
        let report = Report::of(&file(&lines));
        prop_assert!(report.active_path().len() <= lines.len());
    }
}
