//! `cargo xtask torture CAMPAIGN`: runs one campaign of `tests/torture` with a seed and a number of runs. The campaigns
//! live there, but for `hammer`, which needs real peers and is one of `tests/interop`; this file hands over, and refuses to
//! call it a success when no test bore the campaign's name.

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
}

/// The command.
///
/// # Errors
/// What stops cargo from being run, and `Failed` if a run failed or there is no such campaign.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let Args {
        campaign,
        seed,
        runs,
    } = args;
    let choice =
        |value: &Option<u64>| value.map_or_else(|| "its own".to_owned(), |value| value.to_string());
    say::line(format_args!(
        "Torture `{campaign}`: seed {}, runs {}.",
        choice(seed),
        choice(runs)
    ));
    let counts = one_run(&mut command(workspace, args))?;
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
    let words = [
        "test",
        "-p",
        WHOLE_PROGRAM,
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
    ] {
        if let Some(value) = value {
            cargo.env(name, value.to_string());
        }
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    #[test]
    fn seed_and_runs_reach_the_campaign_and_what_is_not_said_is_left_to_it() {
        let args = Args {
            campaign: "kill".to_owned(),
            seed: Some(7),
            runs: None,
        };
        let command = command(&workspace(&[]), &args);
        assert_eq!(
            run::typed(&command),
            "cargo test -p latchwork-tests --test torture kill -- --nocapture"
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
    fn the_campaign_with_real_peers_is_looked_for_where_peers_are() {
        let args = Args {
            campaign: "hammer".to_owned(),
            seed: None,
            runs: Some(4),
        };
        let command = command(&workspace(&[]), &args);
        assert_eq!(
            run::typed(&command),
            "cargo test -p latchwork-tests --test interop hammer -- --nocapture"
        );
    }
}
