//! The tables of faults (`docs/lock-faults.md`, `docs/transcript-faults.md`) have every fault, and every test that they name is there.

use std::path::PathBuf;

use crate::source::{root, rust_below};

/// How many faults each has.
const FAULTS: usize = 30;
/// This one is proved by figures.
const BY_FIGURES: &str = "L26";

/// A table, the letter of its faults, and where the tests are that it names.
struct Table {
    page: &'static str,
    letter: char,
    folders: &'static [&'static str],
}

const LOCK: Table = Table {
    page: "docs/lock-faults.md",
    letter: 'L',
    folders: &["crates/filelock", "tests/tests"],
};
const TRANSCRIPT: Table = Table {
    page: "docs/transcript-faults.md",
    letter: 'T',
    folders: &[
        "crates/format",
        "crates/runner",
        "crates/testkit",
        "crates/transcript",
        "tests/tests",
    ],
};

/// What is wrong with the table.
fn problems(letter: char, table: &str, sources: &[(PathBuf, String)]) -> Vec<String> {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with(&format!("| {letter}")))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut found = Vec::new();
    let ids: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let expected: Vec<String> = (1..=FAULTS)
        .map(|number| format!("{letter}{number:02}"))
        .collect();
    if ids != expected {
        found.push(format!("the faults are {ids:?}"));
    }
    for row in rows {
        let [id, _fault, must, proof, control] = row[..] else {
            found.push(format!("{row:?} has not five cells"));
            continue;
        };
        if must.is_empty() || control.is_empty() {
            found.push(format!(
                "{id} does not say what must happen, or has no red control"
            ));
        }
        if names_in(proof).next().is_none() && id != BY_FIGURES {
            found.push(format!("{id} names no test"));
        }
        let lost = names_in(proof)
            .chain(names_in(control))
            .filter(|name| !is_there(name, sources));
        found.extend(lost.map(|name| format!("{id} names {name}, and there is no such test")));
    }
    found
}

/// What stands between backticks and has a module before it.
fn names_in(cell: &str) -> impl Iterator<Item = &str> {
    let code = cell.split('`').skip(1).step_by(2);
    code.filter(|name| name.contains("::"))
}

/// Whether a file or a folder of that name holds a test of that name.
fn is_there(name: &str, sources: &[(PathBuf, String)]) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else {
        return false;
    };
    sources
        .iter()
        .filter(|(path, _)| path.file_stem().is_some_and(|stem| stem == module))
        .any(|(_, text)| {
            text.split_once(&format!("fn {test}("))
                .is_some_and(|(before, _)| is_a_test(before))
        })
}

/// Whether the function after this text bears a test's attribute.
fn is_a_test(before: &str) -> bool {
    let lines = before
        .lines()
        .rev()
        .skip(usize::from(!before.ends_with('\n')));
    let attributes = lines.take_while(|line| !line.is_empty() && *line != "}");
    attributes
        .into_iter()
        .map(str::trim_start)
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

impl Table {
    fn text(&self) -> String {
        std::fs::read_to_string(root().join(self.page)).unwrap()
    }

    fn sources(&self) -> Vec<(PathBuf, String)> {
        rust_below(self.folders)
    }

    fn problems(&self) -> Vec<String> {
        problems(self.letter, &self.text(), &self.sources())
    }
}

#[test]
fn every_fault_of_the_lock_has_a_test_that_is_there_and_a_red_control() {
    assert_eq!(LOCK.problems(), Vec::<String>::new());
}

#[test]
fn every_fault_of_the_transcript_has_a_test_that_is_there_and_a_red_control() {
    assert_eq!(TRANSCRIPT.problems(), Vec::<String>::new());
}

#[test]
fn a_table_that_names_a_lost_test_or_leaves_a_fault_out_is_noticed() {
    let (table, sources) = (LOCK.text(), LOCK.sources());
    let renamed = table.replace(
        "paths::the_longest_session_id",
        "paths::the_shortest_session_id",
    );
    let moved = table.replace("`dropped::giving_back", "`stage::giving_back");
    let row = table
        .lines()
        .find(|line| line.starts_with("| L07"))
        .unwrap();
    let without = table.replace(row, "");
    for spoilt in [renamed, moved, without] {
        assert_eq!(problems('L', &spoilt, &sources).len(), 1, "{spoilt}");
    }
    let helper = "//! Head.\nfn helper() {}\n\n#[test]\nfn a_test() {}\n";
    let source = [(PathBuf::from("x/hold.rs"), helper.to_owned())];
    assert!(is_there("hold::a_test", &source) && !is_there("hold::helper", &source));
}
