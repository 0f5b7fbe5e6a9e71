//! Every crate is furnished alike: a README, a CHANGELOG, and the lints, licence and edition of the workspace.
//!
//! Manifests are read as lines; a table in another spelling than cargo's usual one is reported as missing.

use super::{Finding, Subject};
use crate::{error::Result, tree::Tree, workspace::Package};

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    Ok(subject
        .workspace
        .packages
        .iter()
        .flat_map(|package| missing(subject.tree, package))
        .collect())
}

fn missing(tree: &Tree, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifest = package.path("Cargo.toml");
    let text = tree.text(&manifest).unwrap_or_default();
    for (section, key) in [
        ("lints", "workspace"),
        ("package", "license.workspace"),
        ("package", "edition.workspace"),
    ] {
        if !is_true(text, section, key) {
            findings.push(Finding::new(
                &manifest,
                format!("[{section}] without `{key} = true`"),
            ));
        }
    }
    // The workspace's own tools are described in docs/, not in a README of theirs.
    if package.dir.starts_with("crates/") {
        let papers = ["README.md", "CHANGELOG.md"].map(|paper| package.path(paper));
        let absent = papers
            .into_iter()
            .filter(|paper| tree.text(paper).is_none_or(|text| text.trim().is_empty()));
        findings.extend(absent.map(|paper| Finding::new(paper, "is missing or empty")));
    }
    findings
}

fn is_true(manifest: &str, section: &str, key: &str) -> bool {
    let mut here = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            here = name.strip_suffix(']') == Some(section);
        } else if here
            && line
                .split_once('=')
                .is_some_and(|(k, v)| k.trim() == key && v.trim() == "true")
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    const MANIFEST: &str = "[package]\nlicense.workspace = true\nedition.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn a_crate_without_papers_and_with_its_own_lints_is_found() {
        let own = MANIFEST
            .replace("[lints]", "[lints.rust]")
            .replace("license.workspace = true", "license = \"MIT\"");
        let files = [
            ("crates/a/Cargo.toml", own.as_str()),
            ("crates/a/README.md", " \n"),
        ];
        let found = findings(look, &workspace(&[("latchwork-a", &[], &[])]), &files);
        assert_eq!(
            found,
            [
                "crates/a/Cargo.toml: [lints] without `workspace = true`",
                "crates/a/Cargo.toml: [package] without `license.workspace = true`",
                "crates/a/README.md: is missing or empty",
                "crates/a/CHANGELOG.md: is missing or empty",
            ]
        );
    }

    #[test]
    fn a_furnished_crate_passes() {
        let files = [
            ("crates/a/Cargo.toml", MANIFEST),
            ("crates/a/README.md", "# a"),
            ("crates/a/CHANGELOG.md", "# Changelog"),
        ];
        assert_eq!(
            findings(look, &workspace(&[("latchwork-a", &[], &[])]), &files),
            [""; 0]
        );
    }
}
