//! The compiler's own helpers: rustfmt and clippy over the whole workspace. What they say goes through live; the finding
//! only says that they said it.

use std::process::Command;

use super::{Finding, Subject};
use crate::{
    error::{Error, Result},
    run,
    workspace::Workspace,
};

pub(super) fn format(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    verdict(&mut rustfmt(subject.workspace), "run `cargo fmt --all`")
}

pub(super) fn clippy(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    verdict(&mut strict_clippy(subject.workspace), "its words are above")
}

fn rustfmt(workspace: &Workspace) -> Command {
    run::cargo(&workspace.root, ["fmt", "--all", "--", "--check"])
}

/// With the features that tests ask for, so that a conformance suite is looked at too.
fn strict_clippy(workspace: &Workspace) -> Command {
    let mut clippy = run::cargo(&workspace.root, ["clippy", "--workspace", "--all-targets"]);
    for package in &workspace.packages {
        for feature in &package.test_features {
            clippy
                .arg("--features")
                .arg(format!("{}/{feature}", package.name));
        }
    }
    clippy.args(["--", "-D", "warnings"]);
    clippy
}

fn verdict(command: &mut Command, advice: &str) -> Result<Vec<Finding>> {
    match run::check(command) {
        Ok(()) => Ok(Vec::new()),
        Err(Error::Tool { command, status }) => Ok(vec![Finding::new(
            command,
            format!("failed ({status}); {advice}"),
        )]),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Stdio};

    use super::*;
    use crate::workspace::tests::workspace;

    const MANIFEST: &str = "[package]\nname = \"sample\"\nedition = \"2024\"\n[[bin]]\nname = \"sample\"\npath = \"a.rs\"\n";

    /// How many findings there are on a package with that program.
    fn found(main: &str, tool: fn(&Workspace) -> Command) -> usize {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("Cargo.toml"), MANIFEST).expect("written");
        fs::write(dir.path().join("a.rs"), main).expect("written");
        let sample = Workspace {
            root: dir.path().to_owned(),
            packages: Vec::new(),
        };
        let mut tool = tool(&sample);
        // Its own target directory, though ours may be set in the environment; and quiet, for it fails on purpose.
        tool.env("CARGO_TARGET_DIR", dir.path().join("target"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        verdict(&mut tool, "mend it")
            .expect("the tool is there")
            .len()
    }

    #[test]
    fn what_rustfmt_would_change_is_found() {
        assert_eq!(found("fn main() {}\n", rustfmt), 0);
        assert_eq!(found("fn  main(){}\n", rustfmt), 1);
    }

    #[test]
    fn what_clippy_would_warn_about_is_found() {
        assert_eq!(found("fn main() {}\n", strict_clippy), 0);
        assert_eq!(found("fn main() { let unused = 1; }\n", strict_clippy), 1);
    }

    #[test]
    fn clippy_looks_at_the_features_that_tests_ask_for() {
        let mut workspace = workspace(&[("latchwork-session", &[], &[])]);
        workspace.packages[0].test_features = vec!["conformance".to_owned()];
        let typed = run::typed(&strict_clippy(&workspace));
        assert!(
            typed.contains("--features latchwork-session/conformance -- -D warnings"),
            "{typed}"
        );
    }
}
