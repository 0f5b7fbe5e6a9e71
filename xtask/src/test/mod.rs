//! `cargo xtask test`: tidy and the documents, then every crate on its own, then the whole program, then the queue under loom.
//!
//! A crate is tested with `cargo test -p NAME`, so that it is built with the features it asks for itself; a build of the
//! whole workspace would lend it those of its neighbours. Everything is one profile, and no crate's failure stops the
//! next. The last line of the output is `N passed, M failed`, the sum of the table above it.

mod counts;
mod summary;

use std::{process::Command, time::Instant};

use crate::{
    docs,
    error::{Error, Result},
    rooms, run, say, tidy, torture,
    workspace::{Package, Workspace},
};
use counts::{Counter, Counts};
use summary::Row;

/// The package of whole-program tests, which runs last.
pub(crate) const WHOLE_PROGRAM: &str = "latchwork-tests";

/// What to test.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Test only this crate, without tidy (`lock` and `latchwork-lock` are the same)
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,
    /// Leave out the house rules
    #[arg(long)]
    no_tidy: bool,
}

/// The command.
///
/// # Errors
/// `NoPackage`, what stops cargo from being run, and `Failed` if anything failed.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let packages = match &args.package {
        Some(name) => vec![workspace.package(name)?],
        None => in_order(workspace),
    };
    let with_tidy = args.package.is_none() && !args.no_tidy;
    announce(&packages, with_tidy);
    let mut rows = Vec::new();
    if with_tidy {
        let start = Instant::now();
        let tally = tidy::all(workspace)?;
        let counts = Counts {
            passed: tally.passed,
            failed: tally.failed,
            ignored: 0,
        };
        rows.push(Row {
            name: "tidy (checks)".to_owned(),
            counts,
            took: start.elapsed(),
        });
        rows.push(documents(workspace));
    }
    for package in packages {
        let start = Instant::now();
        let counts = test(workspace, package)?;
        rows.push(Row {
            name: package.name.clone(),
            counts,
            took: start.elapsed(),
        });
    }
    if args.package.is_none() {
        let start = Instant::now();
        let counts = one_run(&mut torture::loom(workspace))?;
        rows.push(Row {
            name: "latchwork-lock (loom)".to_owned(),
            counts,
            took: start.elapsed(),
        });
    }
    let failed = rows.iter().map(|row| row.counts.failed).sum::<u64>();
    say::line(summary::render(&rows));
    if failed == 0 {
        Ok(())
    } else {
        Err(Error::Failed(format!(
            "{failed} failed; look for `FAILED` and `error` above"
        )))
    }
}

/// What is generated is up to date, and no link of the API docs is broken.
fn documents(workspace: &Workspace) -> Row {
    let start = Instant::now();
    let held = docs::run(workspace, &docs::Args { check: true });
    if let Err(error) = &held {
        say::line(format_args!("docs FAILED: {error}"));
    }
    let counts = Counts {
        passed: u64::from(held.is_ok()),
        failed: u64::from(held.is_err()),
        ignored: 0,
    };
    Row {
        name: "docs (checks)".to_owned(),
        counts,
        took: start.elapsed(),
    }
}

/// Lowest layer first, so that the first failure is the nearest to its cause; the whole program last.
fn in_order(workspace: &Workspace) -> Vec<&Package> {
    let mut packages = workspace.packages.iter().collect::<Vec<_>>();
    packages.sort_by_key(|package| {
        let layer = rooms::find(&package.name)
            .and_then(|room| room.layer)
            .unwrap_or(u8::MAX);
        (package.name == WHOLE_PROGRAM, layer, &package.name)
    });
    packages
}

fn announce(packages: &[&Package], with_tidy: bool) {
    if with_tidy {
        say::line("First the house rules (`cargo xtask tidy`; leave them out with `--no-tidy`).");
    }
    let names = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    say::line(format_args!(
        "Tests of {}, each on its own: {names}.",
        plural(packages.len())
    ));
}

fn plural(packages: usize) -> String {
    if packages == 1 {
        "one package".to_owned()
    } else {
        format!("{packages} packages")
    }
}

fn test(workspace: &Workspace, package: &Package) -> Result<Counts> {
    let mut counts = one_run(&mut cargo_test(workspace, package, "--all-targets"))?;
    if package.has_library() {
        counts += one_run(&mut cargo_test(workspace, package, "--doc"))?;
    }
    Ok(counts)
}

fn cargo_test(workspace: &Workspace, package: &Package, what: &str) -> Command {
    let mut cargo = run::cargo(
        &workspace.root,
        ["test", "--no-fail-fast", "-p", &package.name, what],
    );
    if !package.test_features.is_empty() {
        cargo.arg("--features").arg(package.test_features.join(","));
    }
    cargo
}

/// One `cargo test`, counted while it is passed through.
///
/// # Errors
/// What stops cargo from being run or followed; a failed test is a count.
pub(crate) fn one_run(command: &mut Command) -> Result<Counts> {
    say::step(run::typed(command));
    let mut counter = Counter::default();
    let success = run::follow(command, |bytes| counter.feed(bytes))?;
    Ok(counter.finish(success))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    #[test]
    fn lower_layers_are_tested_first_and_the_whole_program_last() {
        let names = [
            "latchwork-tests",
            "xtask",
            "latchwork-cli",
            "latchwork-session",
            "latchwork-lock",
        ];
        let workspace = workspace(&names.map(|name| (name, &[][..], &[][..])));
        let ordered = in_order(&workspace)
            .iter()
            .map(|package| package.name.as_str())
            .collect::<Vec<_>>();
        assert_eq!(
            ordered,
            [
                "latchwork-lock",
                "latchwork-session",
                "latchwork-cli",
                "xtask",
                "latchwork-tests"
            ]
        );
    }

    #[test]
    fn a_crate_is_tested_alone_and_with_the_features_it_names() {
        let mut workspace = workspace(&[("latchwork-session", &[], &[])]);
        workspace.packages[0].test_features = vec!["conformance".to_owned(), "extra".to_owned()];
        let typed = run::typed(&cargo_test(&workspace, &workspace.packages[0], "--doc"));
        assert_eq!(
            typed,
            "cargo test --no-fail-fast -p latchwork-session --doc --features conformance,extra"
        );
    }
}
