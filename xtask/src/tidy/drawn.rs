//! The drawing of the house shows every crate: `docs/architecture.md` names each by package (`latchwork-lock`),
//! by directory (`crates/lock`) or, in backticks, by its short name.

use super::{Finding, Subject};
use crate::error::Result;

const DRAWING: &str = "docs/architecture.md";

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let Some(drawing) = subject.tree.text(DRAWING) else {
        return Ok(vec![Finding::new(DRAWING, "is missing")]);
    };
    let crates = subject
        .workspace
        .packages
        .iter()
        .filter(|package| package.dir.starts_with("crates/"));
    let absent = crates.filter(|package| {
        let short = package
            .name
            .strip_prefix("latchwork-")
            .unwrap_or(&package.name);
        let names = [package.name.as_str(), package.dir.as_str()];
        let named = names.iter().any(|name| stands_alone(drawing, name))
            || drawing.contains(&format!("`{short}`"));
        !named
    });
    Ok(absent
        .map(|package| Finding::new(DRAWING, format!("does not mention {}", package.name)))
        .collect())
}

/// Whether the name stands there and is not the beginning of a longer one.
fn stands_alone(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let after = text[at + name.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn a_crate_that_is_not_drawn_is_found() {
        let workspace = workspace(&[
            ("latchwork", &[], &[]),
            ("latchwork-lock", &[], &[]),
            ("latchwork-sys", &[], &[]),
            ("latchwork-tools", &[], &[]),
        ]);
        let drawing = "latchwork-lock, crates/sys and `tools`";
        let found = findings(look, &workspace, &[(DRAWING, drawing)]);
        assert_eq!(found, ["docs/architecture.md: does not mention latchwork"]);
        assert_eq!(
            findings(look, &workspace, &[]),
            ["docs/architecture.md: is missing"]
        );
    }
}
