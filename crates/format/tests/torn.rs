//! A line that was torn never becomes an entry that nobody wrote, and an entry that was glued to one is found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use std::fs;
use std::path::Path;

use latchwork_format::Transcript;
use latchwork_format::transcript::pieces;

/// Every line of every session of the corpus, each once.
fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut lines = Vec::new();
    for folder in ["golden", "legacy"] {
        for file in
            fs::read_dir(root.join(folder)).expect("the corpus lies beside the workspace's tests")
        {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "jsonl")
            {
                let bytes = fs::read(path).unwrap();
                lines.extend(bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
            }
        }
    }
    lines.sort();
    lines.dedup();
    assert!(lines.len() > 1_000, "{}", lines.len());
    lines
}

/// A small session before the line that is torn.
const BEFORE: &[u8] =
    b"{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n{\"type\":\"x\",\"id\":\"before\"}\n";
/// An entry that another writer glues to it.
const GLUED: &[u8] =
    br#"{"type":"label","id":"glued","parentId":"before","timestamp":"T","targetId":"x"}"#;

/// The ids that are read once the last line was mended as a writer does it: fragments blanked, unless it is doubtful.
fn mended(line: &[u8]) -> (Vec<String>, bool) {
    let mut line = line.to_vec();
    let found = pieces(&line);
    for fragment in found.fragments.iter().filter(|_| !found.doubtful) {
        line[fragment.clone()].fill(b' ');
    }
    let transcript = Transcript::parse(&[BEFORE, &line, b"\n"].concat());
    let ids = transcript
        .entries()
        .map(|entry| entry.id().to_string())
        .collect();
    (ids, found.doubtful)
}

#[test]
fn no_line_of_the_corpus_holds_an_entry_wherever_it_is_torn() {
    for line in corpus() {
        for cut in 0..line.len() {
            let torn = &line[..cut];
            let found = pieces(torn);
            assert!(found.whole.is_empty(), "{}", String::from_utf8_lossy(torn));
            assert!(!found.doubtful, "{}", String::from_utf8_lossy(torn));
        }
        assert!(line.is_empty() || pieces(&line).fragments.is_empty());
    }
}

#[test]
fn what_is_mended_of_a_torn_line_is_what_another_writer_glued_to_it_and_nothing_else() {
    let (mut all, mut left) = (0, 0);
    for line in corpus().iter().step_by(23) {
        for cut in 0..line.len() {
            assert_eq!(mended(&line[..cut]), (vec!["before".to_owned()], false));
            let (ids, doubtful) = mended(&[&line[..cut], GLUED].concat());
            let expected = ["before", "glued"];
            assert_eq!(
                ids,
                &expected[..2 - usize::from(doubtful)],
                "{}",
                String::from_utf8_lossy(&line[..cut])
            );
            all += 1;
            left += usize::from(doubtful);
        }
    }
    assert!(
        left * 10 < all,
        "{left} of {all} are left as nobody can tell"
    );
}
