//! `cargo xtask bench`: builds in release and runs what the crates declare in `[package.metadata.latchwork] benches`: names
//! of benches or examples of theirs. They print their own figures; nothing is compared here. What stands after `--` is for
//! them: `cargo xtask bench lock -- --quick`.

use crate::{
    error::{Error, Result},
    run, say,
    workspace::{Kind, Package, Workspace},
};

/// Which benchmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only benchmarks whose name contains this
    filter: Option<String>,
    /// Arguments of the benchmarks themselves
    #[arg(last = true, value_name = "ARGUMENT")]
    rest: Vec<String>,
}

/// The command.
///
/// # Errors
/// `Failed` for a declared name without a target or a filter without a match, `Tool` if a benchmark fails.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let declared = workspace
        .packages
        .iter()
        .flat_map(|p| p.benches.iter().map(move |name| (p, name.as_str())));
    let declared = declared.collect::<Vec<_>>();
    if declared.is_empty() {
        say::line("No crate declares a benchmark yet ([package.metadata.latchwork] benches).");
        return Ok(());
    }
    let wanted = args.filter.as_deref().unwrap_or_default();
    let chosen = declared
        .iter()
        .filter(|(_, name)| name.contains(wanted))
        .collect::<Vec<_>>();
    if chosen.is_empty() {
        let known = declared
            .iter()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::Failed(format!(
            "no benchmark `{wanted}`; there are: {known}"
        )));
    }
    for (package, name) in chosen {
        let mut cargo = run::cargo(&workspace.root, arguments(package, name, &args.rest)?);
        say::step(run::typed(&cargo));
        run::check(&mut cargo)?;
    }
    Ok(())
}

fn arguments(package: &Package, name: &str, rest: &[String]) -> Result<Vec<String>> {
    let kind = package
        .targets
        .iter()
        .find(|t| t.name == name && matches!(t.kind, Kind::Bench | Kind::Example));
    let mut words = match kind.map(|target| target.kind) {
        Some(Kind::Bench) => ["bench", "-p", &package.name, "--bench", name]
            .map(str::to_owned)
            .to_vec(),
        Some(_) => ["run", "--release", "-p", &package.name, "--example", name]
            .map(str::to_owned)
            .to_vec(),
        None => {
            let message = format!(
                "{} declares the benchmark `{name}`, but has no such bench or example",
                package.name
            );
            return Err(Error::Failed(message));
        }
    };
    if !rest.is_empty() {
        words.push("--".to_owned());
        words.extend_from_slice(rest);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Target, tests::workspace};

    #[test]
    fn a_bench_and_an_example_are_run_in_release_and_anything_else_is_refused() {
        let mut workspace = workspace(&[("latchwork-lock", &[], &[])]);
        let package = &mut workspace.packages[0];
        for (name, kind) in [("wait", Kind::Bench), ("queue", Kind::Example)] {
            package.targets.push(Target {
                name: name.to_owned(),
                kind,
                source: String::new(),
            });
        }
        assert_eq!(
            arguments(package, "wait", &[]).expect("a bench").join(" "),
            "bench -p latchwork-lock --bench wait"
        );
        let rest = ["--quick".to_owned()];
        assert_eq!(
            arguments(package, "wait", &rest)
                .expect("a bench")
                .join(" "),
            "bench -p latchwork-lock --bench wait -- --quick"
        );
        let example = arguments(package, "queue", &[])
            .expect("an example")
            .join(" ");
        assert_eq!(example, "run --release -p latchwork-lock --example queue");
        assert!(
            arguments(package, "lock", &[]).is_err(),
            "the library is no benchmark"
        );
    }
}
