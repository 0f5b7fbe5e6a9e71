//! `cargo xtask docs`: writes the generated parts of the documents, then builds the API docs with warnings as errors.
//! With `--check` nothing is written, and a generated part that is out of date fails.

pub(crate) mod crate_table;
mod outputs;
mod settings;

use std::{fs, path::Path};

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
    let page = read(&path)?;
    let updated = crate_table::updated(&page, workspace)?;
    keep(&path, &page, &updated, args.check, "")?;
    settings::run(workspace, args.check)?;
    outputs::run(workspace, args.check)?;
    say::step("docs: API docs of the workspace, warnings are errors");
    let mut cargo = run::cargo(&workspace.root, ["doc", "--workspace", "--no-deps"]);
    run::check(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Writes what is new, or fails with what drifted where nothing may be written.
///
/// # Errors
/// `Failed` on drift, `File` if the file cannot be written.
fn keep(path: &Path, old: &str, new: &str, check: bool, drifted: &str) -> Result<()> {
    match (old == new, check) {
        (true, _) => say::line("up to date"),
        (false, false) => {
            fs::write(path, new).map_err(|source| Error::File {
                doing: "write",
                path: path.to_owned(),
                source,
            })?;
            say::line("written");
        }
        (false, true) => {
            let drift = format!(
                "{} is out of date; run `cargo xtask docs`{drifted}",
                path.display()
            );
            return Err(Error::Failed(drift));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::File {
        doing: "read",
        path: path.to_owned(),
        source,
    })
}
