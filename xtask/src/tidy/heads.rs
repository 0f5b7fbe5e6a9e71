//! Every Rust file says in its first line what it is for.

use super::{Finding, Subject};
use crate::error::Result;

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let headless = subject
        .tree
        .ending(".rs")
        .filter(|(_, text)| !text.starts_with("//! "));
    Ok(headless
        .map(|(path, _)| Finding::at(path, 1, "opens without a `//!` comment on what it is for"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn a_file_without_a_head_comment_is_found() {
        let files = [
            ("a.rs", "//! A room.\n"),
            ("b.rs", "use std::fs;\n//! Late.\n"),
            ("c.rs", "//!\n"),
            ("d.md", ""),
        ];
        let found = findings(look, &workspace(&[]), &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("b.rs:1: ") && found[1].starts_with("c.rs:1: "),
            "{found:?}"
        );
    }
}
