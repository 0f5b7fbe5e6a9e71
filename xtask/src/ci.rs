//! `cargo xtask ci`: everything that must hold before a merge. Stops at the first part that does not.

use crate::{error::Result, run, say, test, workspace::Workspace};

/// The command.
///
/// # Errors
/// That of the part which failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    test::run(workspace, &test::Args::default())?;
    packages(workspace)
}

/// Every published crate can be packaged. `--no-verify`: each was just built and tested on its own.
fn packages(workspace: &Workspace) -> Result<()> {
    let mut cargo = run::cargo(&workspace.root, ["package", "--workspace", "--no-verify"]);
    for package in workspace
        .packages
        .iter()
        .filter(|package| !package.published)
    {
        cargo.args(["--exclude", &package.name]);
    }
    say::step(run::typed(&cargo));
    run::check(&mut cargo)
}
