//! `cargo xtask tidy`: the house rules as checks. Each check is a file of its own that looks at the tree and answers
//! with findings; each has a unit test that shows it failing. This file only lists them and prints what they found.
//!
//! Checks read what git lists, never what is ignored. They change nothing.

mod arrows;
mod crate_files;
mod drawn;
mod forbidden;
mod heads;
mod links;
mod machine_paths;
mod markdown;
mod reached;
mod rust_text;
mod sizes;
mod table;
mod tools;

use crate::{
    error::{Error, Result},
    say,
    tree::Tree,
    workspace::Workspace,
};

/// What to check.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Run only these checks
    #[arg(value_name = "CHECK")]
    only: Vec<String>,
    /// Name the checks and stop
    #[arg(long)]
    list: bool,
}

/// What the checks look at.
struct Subject<'a> {
    workspace: &'a Workspace,
    tree: &'a Tree,
}

/// Something that a check does not like.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// A file, `file:line`, or a package.
    place: String,
    message: String,
    /// A warning is printed and does not fail the check.
    warning: bool,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            warning: false,
        }
    }

    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), message)
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::new(place, message)
        }
    }
}

struct Check {
    name: &'static str,
    promise: &'static str,
    look: fn(&Subject<'_>) -> Result<Vec<Finding>>,
}

/// Quick ones first.
const CHECKS: &[Check] = &[
    Check {
        name: "arrows",
        promise: "crates depend downwards only",
        look: arrows::look,
    },
    Check {
        name: "heads",
        promise: "every .rs file opens with `//!`",
        look: heads::look,
    },
    Check {
        name: "sizes",
        promise: "no .rs file over 500 lines",
        look: sizes::look,
    },
    Check {
        name: "forbidden",
        promise: "nothing ignored, left to do or left in",
        look: forbidden::look,
    },
    Check {
        name: "reached",
        promise: "every .rs file is compiled",
        look: reached::look,
    },
    Check {
        name: "crate-files",
        promise: "every crate is furnished alike",
        look: crate_files::look,
    },
    Check {
        name: "links",
        promise: "relative links in Markdown lead somewhere",
        look: links::look,
    },
    Check {
        name: "machine-paths",
        promise: "no path of somebody's machine",
        look: machine_paths::look,
    },
    Check {
        name: "drawn",
        promise: "docs/architecture.md knows every crate",
        look: drawn::look,
    },
    Check {
        name: "table",
        promise: "README.md's table of crates is current",
        look: table::look,
    },
    Check {
        name: "format",
        promise: "rustfmt has nothing to say",
        look: tools::format,
    },
    Check {
        name: "clippy",
        promise: "clippy has nothing to say",
        look: tools::clippy,
    },
];

/// How many checks passed and failed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// The command.
///
/// # Errors
/// `Failed` if a check found something; what stops a check from looking at all is its own error.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.list {
        CHECKS
            .iter()
            .for_each(|check| say::line(format_args!("{:<14} {}", check.name, check.promise)));
        return Ok(());
    }
    let tally = check(workspace, &chosen(&args.only)?)?;
    say::line(format_args!(
        "\ntidy: {} checks passed, {} failed",
        tally.passed, tally.failed
    ));
    if tally.failed == 0 {
        Ok(())
    } else {
        Err(Error::Failed("the house is not tidy".to_owned()))
    }
}

/// Runs every check and prints what they find.
///
/// # Errors
/// What stops a check from looking at all.
pub(crate) fn all(workspace: &Workspace) -> Result<Tally> {
    check(workspace, &chosen(&[])?)
}

fn check(workspace: &Workspace, checks: &[&Check]) -> Result<Tally> {
    say::step(format_args!(
        "tidy: {} checks of the house rules",
        checks.len()
    ));
    let tree = Tree::load(&workspace.root)?;
    let subject = Subject {
        workspace,
        tree: &tree,
    };
    let mut tally = Tally::default();
    for check in checks {
        let findings = (check.look)(&subject)?;
        let failed = findings.iter().any(|finding| !finding.warning);
        let verdict = if failed { "FAILED" } else { "ok" };
        say::line(format_args!(
            "{:<14} {} ... {verdict}",
            check.name, check.promise
        ));
        for Finding {
            place,
            message,
            warning,
        } in &findings
        {
            say::line(format_args!(
                "  {}: {place}: {message}",
                if *warning { "warning" } else { "error" }
            ));
        }
        *if failed {
            &mut tally.failed
        } else {
            &mut tally.passed
        } += 1;
    }
    Ok(tally)
}

fn chosen(only: &[String]) -> Result<Vec<&'static Check>> {
    if let Some(unknown) = only
        .iter()
        .find(|name| CHECKS.iter().all(|check| check.name != **name))
    {
        let known = CHECKS
            .iter()
            .map(|check| check.name)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::Failed(format!(
            "no check `{unknown}`; there are: {known}"
        )));
    }
    Ok(CHECKS
        .iter()
        .filter(|check| only.is_empty() || only.iter().any(|name| name == check.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings of one check on a tree of literals.
    pub(super) fn findings(
        look: fn(&Subject<'_>) -> Result<Vec<Finding>>,
        workspace: &Workspace,
        files: &[(&str, &str)],
    ) -> Vec<String> {
        let tree = Tree::of(files);
        let found = look(&Subject {
            workspace,
            tree: &tree,
        })
        .expect("the check can look");
        found
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.message))
            .collect()
    }

    #[test]
    fn an_unknown_check_is_answered_with_the_known_ones() {
        let Err(error) = chosen(&["arows".to_owned()]) else {
            panic!("accepted")
        };
        assert!(
            error
                .to_string()
                .starts_with("no check `arows`; there are: arrows, heads"),
            "{error}"
        );
    }

    #[test]
    fn without_a_choice_every_check_runs() {
        assert_eq!(chosen(&[]).expect("all").len(), CHECKS.len());
    }
}
