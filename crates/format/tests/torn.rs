//! A line that was torn never becomes an entry that nobody wrote, and an entry that was glued to one is found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use std::fs;
use std::path::Path;

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

#[test]
fn no_line_of_the_corpus_holds_an_entry_wherever_it_is_torn() {
    for line in corpus() {
        for cut in 1..line.len() {
            let torn = &line[..cut];
            let found = pieces(torn);
            assert!(
                found.whole.is_empty() && !found.doubtful,
                "{}",
                String::from_utf8_lossy(torn)
            );
        }
    }
}
