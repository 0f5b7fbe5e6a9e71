//! Direct dependencies between our crates, held against the floor plan in `rooms`. Transitive ones follow from it.

use super::{Finding, Subject};
use crate::{
    error::Result,
    rooms::{self, Room},
    workspace::{Package, Workspace},
};

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let workspace = subject.workspace;
    Ok(workspace
        .packages
        .iter()
        .flat_map(|package| arrows_of(workspace, package))
        .collect())
}

fn arrows_of(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let Some(from) = rooms::find(&package.name) else {
        return vec![Finding::new(
            &package.name,
            "has no row in the floor plan (xtask/src/rooms.rs)",
        )];
    };
    let ours = package
        .dependencies
        .iter()
        .filter(|to| workspace.packages.iter().any(|p| p.name == to.name));
    let forbidden = ours.filter(|to| !allowed(from, &to.name, to.dev));
    let findings = forbidden.map(|to| {
        let section = if to.dev {
            "dev-dependencies"
        } else {
            "dependencies"
        };
        let message = format!(
            "the arrow {} -> {} in [{section}] is not in the floor plan",
            package.name, to.name
        );
        Finding::new(package.path("Cargo.toml"), message)
    });
    findings.collect()
}

fn allowed(from: &Room, to: &str, dev: bool) -> bool {
    // An end without a row is reported as such, once, by its own package.
    rooms::find(to).is_none_or(|to| {
        if dev {
            from.may_test_with(to)
        } else {
            from.may_depend_on(to)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn an_arrow_up_names_both_ends() {
        let workspace = workspace(&[
            ("latchwork-lock", &["latchwork-session"], &[]),
            ("latchwork-session", &[], &[]),
        ]);
        assert_eq!(
            findings(look, &workspace, &[]),
            [
                "crates/lock/Cargo.toml: the arrow latchwork-lock -> latchwork-session in [dependencies] is not in the \
                 floor plan"
            ]
        );
    }

    #[test]
    fn an_arrow_sideways_is_refused_in_tests_too() {
        let workspace = workspace(&[
            (
                "latchwork-transcript",
                &[],
                &["latchwork-testkit", "latchwork-runner"],
            ),
            ("latchwork-runner", &["latchwork-models"], &[]),
            ("latchwork-models", &[], &[]),
            ("latchwork-testkit", &["latchwork-runner"], &[]),
        ]);
        let mut found = findings(look, &workspace, &[]);
        found.sort_by_key(|finding| finding.contains("runner -> "));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("latchwork-transcript -> latchwork-runner in [dev-dependencies]"),
            "{found:?}"
        );
        assert!(
            found[1].contains("latchwork-runner -> latchwork-models in [dependencies]"),
            "{found:?}"
        );
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        let workspace = workspace(&[("latchwork-common", &[], &[])]);
        assert!(findings(look, &workspace, &[])[0].contains("has no row"));
    }

    #[test]
    fn arrows_of_the_plan_and_strangers_pass() {
        let workspace = workspace(&[
            (
                "latchwork-filelock",
                &["latchwork-lock", "serde"],
                &["latchwork-testkit"],
            ),
            ("latchwork-lock", &[], &[]),
            ("latchwork-testkit", &[], &[]),
        ]);
        assert_eq!(findings(look, &workspace, &[]), [""; 0]);
    }
}
