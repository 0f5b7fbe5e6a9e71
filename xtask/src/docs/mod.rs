//! `cargo xtask docs`: writes the generated parts of the documents, then builds the API docs with warnings as errors.
//! With `--check` nothing is written, and a generated part that is out of date fails.

pub(crate) mod crate_table;

use std::fs;

use crate::{
    error::{Error, Result},
    run, say,
    workspace::Workspace,
};

/// What to do with the documents.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a generated part is out of date
    #[arg(long)]
    pub(crate) check: bool,
}

/// The command.
///
/// # Errors
/// `File` if a page cannot be read or written, `Failed` on drift, `Tool` if rustdoc warns.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    say::step(format_args!(
        "docs: the table of crates in {}",
        crate_table::PAGE
    ));
    let path = workspace.root.join(crate_table::PAGE);
    let page = fs::read_to_string(&path).map_err(|source| Error::File {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    let updated = crate_table::updated(&page, workspace)?;
    match (page == updated, args.check) {
        (true, _) => say::line("up to date"),
        (false, false) => {
            fs::write(&path, updated).map_err(|source| Error::File {
                doing: "write",
                path,
                source,
            })?;
            say::line("written");
        }
        (false, true) => {
            let drift = format!(
                "{} is out of date; run `cargo xtask docs`",
                crate_table::PAGE
            );
            return Err(Error::Failed(drift));
        }
    }
    say::step("docs: API docs of the workspace, warnings are errors");
    let mut cargo = run::cargo(&workspace.root, ["doc", "--workspace", "--no-deps"]);
    run::check(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}
