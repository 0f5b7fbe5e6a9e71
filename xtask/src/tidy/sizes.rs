//! Small rooms: a Rust file over 400 lines is worth a second look, over 500 it is two files.

use super::{Finding, Subject};
use crate::error::Result;

const WARN_LINES: usize = 400;
const MAX_LINES: usize = 500;

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let sized = subject
        .tree
        .ending(".rs")
        .map(|(path, text)| (path, text.lines().count()));
    let findings = sized
        .filter(|&(_, lines)| lines > WARN_LINES)
        .map(|(path, lines)| {
            if lines > MAX_LINES {
                Finding::new(
                    path,
                    format!("{lines} lines; at most {MAX_LINES}: split it by idea"),
                )
            } else {
                Finding::warning(
                    path,
                    format!("{lines} lines; more than {WARN_LINES} is rarely one idea"),
                )
            }
        });
    Ok(findings.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tree::Tree, workspace::tests::workspace};

    #[test]
    fn over_400_lines_warns_and_over_500_fails() {
        let [fits, long, huge] = [400, 500, 501].map(|lines| "x\n".repeat(lines));
        let tree = Tree::of(&[
            ("fits.rs", &fits),
            ("huge.rs", &huge),
            ("long.rs", &long),
            ("huge.md", &huge),
        ]);
        let found = look(&Subject {
            workspace: &workspace(&[]),
            tree: &tree,
        })
        .expect("looked");
        let found = found
            .iter()
            .map(|f| (f.place.as_str(), f.warning))
            .collect::<Vec<_>>();
        assert_eq!(found, [("huge.rs", false), ("long.rs", true)]);
    }
}
