//! `cargo xtask torture CAMPAIGN`: runs one campaign of `tests/torture` with a seed and a number of runs, or one of the two that
//! leave nothing to chance: `model` (`checks`) and `loom` (`crates/lock`). `transcript --write` keeps its numbers in
//! `docs/reliability.md`, `house --write` in `docs/reliability-house.md`. The campaigns live there, but for `hammer`, which needs
//! real peers and is one of `tests/interop`; this file hands over, and refuses to call it a success when no test bore the
//! campaign's name.

mod figures;
mod house;

use std::process::Command;

use crate::{
    error::{Error, Result},
    run, say,
    test::{WHOLE_PROGRAM, one_run},
    workspace::Workspace,
};

/// Which campaign, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign: tests whose name contains this word, such as `kill`
    campaign: String,
    /// The seed that decides every choice of the campaign (default: the campaign's own)
    #[arg(long)]
    seed: Option<u64>,
    /// How many runs, or schedules (default: the campaign's own)
    #[arg(long, visible_alias = "schedules")]
    runs: Option<u64>,
    /// `transcript` only: how many kills of real writers
    #[arg(long)]
    kills: Option<u64>,
    /// `transcript` only: how many states after a loss of power
    #[arg(long)]
    states: Option<u64>,
    /// `transcript` only: how many cuts of the power on each filesystem, as root
    #[arg(long)]
    cuts: Option<u64>,
    /// `transcript` only: cut this filesystem alone
    #[arg(long, value_parser = ["ext4", "xfs"])]
    filesystem: Option<String>,
    /// `house` only: every call of each operation, not a few of them
    #[arg(long)]
    every: bool,
    /// `house` only: the operations alone that have this in their name
    #[arg(long)]
    only: Option<String>,
    /// `house` only: how many sessions of 1 MB the big home has; 10000 need 15 GB of disk, which are given back
    #[arg(long)]
    big: Option<u64>,
    /// `transcript` and `house`: write the numbers to docs/reliability.md or docs/reliability-house.md
    #[arg(long)]
    write: bool,
    /// `model` only: how many processes, from 2 to 4 (default: 4, which takes four minutes and 2.1 GB)
    #[arg(long)]
    processes: Option<u64>,
    /// Build with optimisation (not for `model` and `loom`): longer to build, several times faster to run
    #[arg(long)]
    release: bool,
}

/// The campaign of every state of the models.
const MODEL: &str = "model";
/// The campaign of keeping house.
const HOUSE: &str = "house";
/// The campaign of every interleaving of the queue.
const LOOM: &str = "loom";

/// The command.
///
/// # Errors
/// What stops cargo from being run, and `Failed` if a run failed or there is no such campaign.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let Args {
        campaign,
        seed,
        runs,
        ..
    } = args;
    let choice =
        |value: &Option<u64>| value.map_or_else(|| "its own".to_owned(), |value| value.to_string());
    match campaign.as_str() {
        MODEL | LOOM => say::line(format_args!(
            "Torture `{campaign}`: everything, whatever the seed."
        )),
        _ => say::line(format_args!(
            "Torture `{campaign}`: seed {}, runs {}.",
            choice(seed),
            choice(runs)
        )),
    }
    let figures = figures::Figures::begin(workspace, args.write, campaign)?;
    let mut cargo = command(workspace, args);
    if let Some(figures) = &figures {
        cargo.env("LATCHWORK_TORTURE_FIGURES", figures.path());
    }
    let counts = one_run(&mut cargo)?;
    if let Some(figures) = figures
        && counts.failed == 0
    {
        figures.write(workspace)?;
    }
    match (counts.passed, counts.failed) {
        (0, 0) => Err(Error::Failed(format!(
            "no campaign `{campaign}`: no test of tests/{} bears that name",
            home_of(campaign)
        ))),
        (_, 0) => Ok(()),
        (_, failed) => Err(Error::Failed(format!(
            "{failed} failed; the seed above repeats it"
        ))),
    }
}

/// The test program that a campaign is part of.
fn home_of(campaign: &str) -> &'static str {
    if campaign == "hammer" {
        "interop"
    } else {
        "torture"
    }
}

fn command(workspace: &Workspace, args: &Args) -> Command {
    match args.campaign.as_str() {
        MODEL => return model(workspace, args.processes.unwrap_or(4)),
        LOOM => return loom(workspace),
        _ => {}
    }
    let profile = if args.release { "release" } else { "dev" };
    let words = [
        "test",
        "-p",
        WHOLE_PROGRAM,
        "--profile",
        profile,
        "--test",
        home_of(&args.campaign),
        &args.campaign,
        "--",
        "--nocapture",
    ];
    let mut cargo = run::cargo(&workspace.root, words);
    for (name, value) in [
        ("LATCHWORK_TORTURE_SEED", args.seed),
        ("LATCHWORK_TORTURE_RUNS", args.runs),
        ("LATCHWORK_TORTURE_KILLS", args.kills),
        ("LATCHWORK_TORTURE_STATES", args.states),
        ("LATCHWORK_TORTURE_CUTS", args.cuts),
        ("LATCHWORK_TORTURE_BIG", args.big),
        ("LATCHWORK_TORTURE_EVERY", args.every.then_some(1)),
    ] {
        if let Some(value) = value {
            cargo.env(name, value.to_string());
        }
    }
    if let Some(filesystem) = &args.filesystem {
        cargo.env("LATCHWORK_TORTURE_FILESYSTEM", filesystem);
    }
    if let Some(only) = &args.only {
        cargo.env("LATCHWORK_TORTURE_ONLY", only);
    }
    cargo
}

fn model(workspace: &Workspace, processes: u64) -> Command {
    let words = "test -p latchwork-checks --test models campaign -- --nocapture";
    let mut cargo = run::cargo(&workspace.root, words.split(' '));
    cargo.env("LATCHWORK_TORTURE_PROCESSES", processes.to_string());
    cargo
}

/// Every crate is built anew for it, so it has a target directory of its own.
pub(crate) fn loom(workspace: &Workspace) -> Command {
    let words = "test -p latchwork-lock --lib interleavings";
    let mut cargo = run::cargo(&workspace.root, words.split(' '));
    cargo
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace.root.join("target/loom"));
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    fn args(campaign: &str) -> Args {
        Args {
            campaign: campaign.to_owned(),
            seed: None,
            runs: None,
            kills: None,
            states: None,
            cuts: None,
            filesystem: None,
            every: false,
            only: None,
            big: None,
            write: false,
            processes: None,
            release: false,
        }
    }

    fn set(command: &Command, variable: &str) -> Option<String> {
        let mut set = command.get_envs();
        let (_, value) = set.find(|(name, _)| *name == variable)?;
        Some(value?.to_str()?.to_owned())
    }

    #[test]
    fn models_are_explored_with_four_processes_unless_another_number_is_said() {
        let workspace = workspace(&[]);
        let few = Args {
            processes: Some(3),
            ..args("model")
        };
        for (args, processes) in [(args("model"), "4"), (few, "3")] {
            let command = command(&workspace, &args);
            let typed = "cargo test -p latchwork-checks --test models campaign -- --nocapture";
            assert_eq!(run::typed(&command), typed);
            let said = set(&command, "LATCHWORK_TORTURE_PROCESSES");
            assert_eq!(said.as_deref(), Some(processes));
        }
    }

    #[test]
    fn loom_has_a_configuration_and_a_target_directory_of_its_own() {
        let command = command(&workspace(&[]), &args("loom"));
        assert_eq!(
            run::typed(&command),
            "cargo test -p latchwork-lock --lib interleavings"
        );
        assert_eq!(set(&command, "RUSTFLAGS").as_deref(), Some("--cfg loom"));
        let target = set(&command, "CARGO_TARGET_DIR").unwrap_or_default();
        assert!(target.ends_with("target/loom"), "{target}");
    }

    #[test]
    fn seed_and_runs_reach_the_campaign_and_what_is_not_said_is_left_to_it() {
        let args = Args {
            seed: Some(7),
            ..args("kill")
        };
        let command = command(&workspace(&[]), &args);
        assert_eq!(
            run::typed(&command),
            "cargo test -p latchwork-tests --profile dev --test torture kill -- --nocapture"
        );
        let set = command
            .get_envs()
            .map(|(name, value)| (name.to_str(), value.and_then(|v| v.to_str())));
        assert_eq!(
            set.collect::<Vec<_>>(),
            [(Some("LATCHWORK_TORTURE_SEED"), Some("7"))]
        );
    }

    #[test]
    fn kills_states_and_cuts_reach_the_campaign_of_the_transcript() {
        let args = Args {
            kills: Some(9),
            states: Some(8),
            cuts: Some(7),
            filesystem: Some("xfs".to_owned()),
            ..args("transcript")
        };
        let command = command(&workspace(&[]), &args);
        assert_eq!(
            set(&command, "LATCHWORK_TORTURE_KILLS").as_deref(),
            Some("9")
        );
        assert_eq!(
            set(&command, "LATCHWORK_TORTURE_STATES").as_deref(),
            Some("8")
        );
        assert_eq!(
            set(&command, "LATCHWORK_TORTURE_CUTS").as_deref(),
            Some("7")
        );
        let filesystem = set(&command, "LATCHWORK_TORTURE_FILESYSTEM");
        assert_eq!(filesystem.as_deref(), Some("xfs"));
        assert_eq!(set(&command, "LATCHWORK_TORTURE_RUNS"), None);
    }

    #[test]
    fn what_is_asked_of_the_house_reaches_its_campaign() {
        let args = Args {
            every: true,
            only: Some("vacuum".to_owned()),
            big: Some(200),
            ..args("house")
        };
        let command = command(&workspace(&[]), &args);
        for (variable, value) in [("EVERY", "1"), ("ONLY", "vacuum"), ("BIG", "200")] {
            let set = set(&command, &format!("LATCHWORK_TORTURE_{variable}"));
            assert_eq!(set.as_deref(), Some(value), "{variable}");
        }
    }

    #[test]
    fn the_campaign_with_real_peers_is_looked_for_where_peers_are_and_may_be_built_for_speed() {
        let args = Args {
            runs: Some(4),
            release: true,
            ..args("hammer")
        };
        let command = command(&workspace(&[]), &args);
        assert_eq!(
            run::typed(&command),
            "cargo test -p latchwork-tests --profile release --test interop hammer -- --nocapture"
        );
    }
}
