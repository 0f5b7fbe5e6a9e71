//! Words that have no place in the tree: tests that do not run or that only have to panic, and code that is not there.
//!
//! Comments and string literals are not searched, but for the fences of doc tests, where `ignore` has the same effect.

use super::{Finding, Subject, rust_text::code_only};
use crate::error::Result;

/// What to look for, without the blanks of the source, and what to do instead.
const WORDS: &[(&str, &str)] = &[
    ("#[ignore", "a test runs, or it is not there"),
    ("ignore)]", "a test runs, or it is not there"),
    ("should_panic", "assert the error that is answered"),
    ("todo!", "write it, or leave the item out"),
    ("unimplemented!", "write it, or leave the item out"),
    ("dbg!", "take it out"),
];

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    Ok(subject
        .tree
        .ending(".rs")
        .flat_map(|(path, text)| in_file(path, text))
        .collect())
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let mut findings = Vec::new();
    for (number, (code, line)) in code.lines().zip(text.lines()).enumerate() {
        let dense = code.split_whitespace().collect::<String>();
        let words = WORDS.iter().filter(|(word, _)| has_word(&dense, word));
        findings.extend(
            words.map(|(word, instead)| {
                Finding::at(path, number + 1, format!("`{word}`: {instead}"))
            }),
        );
        if skips_doc_test(line) {
            findings.push(Finding::at(
                path,
                number + 1,
                "an ignored doc test: let it run, or say `text`",
            ));
        }
    }
    findings
}

/// Whether the word stands there and does not end a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !word.starts_with(char::is_alphabetic)
            || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn skips_doc_test(line: &str) -> bool {
    let line = line.trim_start();
    let fence = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
        .map(str::trim_start);
    let tags = fence.and_then(|doc| doc.strip_prefix("```"));
    tags.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == "ignore"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    fn found(text: &str) -> Vec<String> {
        findings(look, &workspace(&[]), &[("a.rs", text)])
    }

    #[test]
    fn each_forbidden_word_is_found_at_its_line() {
        for (code, word) in [
            ("#[ignore]", "#[ignore"),
            ("#[ignore = \"slow\"]", "#[ignore"),
            ("#[cfg_attr(windows, ignore)]", "ignore)]"),
            ("#[should_panic(expected = \"x\")]", "should_panic"),
            ("todo!()", "todo!"),
            ("std::unimplemented!()", "unimplemented!"),
            ("dbg!(x)", "dbg!"),
        ] {
            let found = found(&format!("//! Head.\n\n{code}\n"));
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert!(
                found[0].starts_with(&format!("a.rs:3: `{word}`")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn an_ignored_doc_test_is_found() {
        assert_eq!(found("//! Head.\n/// ```rust,ignore\n").len(), 1);
        assert_eq!(found("//! ```ignore\n").len(), 1);
        assert_eq!(found("/// ```no_run\n/// ```text\n").len(), 0);
    }

    #[test]
    fn prose_strings_and_longer_words_pass() {
        assert_eq!(
            found("// todo! later\nlet a = \"dbg!\"; my_dbg!(a); ignore(a);"),
            [""; 0]
        );
    }
}
