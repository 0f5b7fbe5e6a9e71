//! OpenClaw's own write lock and ours hammer one session: real processes of both kinds, and a third file as oracle.
//!
//! | file | idea |
//! |---|---|
//! | `field` | the folder, the processes, and the one that kills them |
//! | `ours` | one process of ours; `tests/interop/hammer.mjs` is one of theirs |
//! | `oracle` | who was in when, and whether every line is there |
//!
//! By itself a run is short. `cargo xtask torture hammer --runs N` makes it 30 s, and N rounds of 30 s with deaths.

mod field;
mod oracle;
mod ours;
mod removals;

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use latchwork_testkit::peers::Peers;
use latchwork_testkit::program::Home;

use field::{Field, Plan};
use oracle::Report;
use ours::Manners;

/// One hammer at a time: the machine's cores are what they compete for.
static ALONE: Mutex<()> = Mutex::new(());

/// A round of a campaign.
const ROUND: Duration = Duration::from_secs(30);

/// How many rounds a campaign asks for; none outside one.
fn rounds() -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a campaign is steered by a variable"
    )]
    let rounds = std::env::var("LATCHWORK_TORTURE_RUNS").ok()?;
    Some(rounds.parse().expect("LATCHWORK_TORTURE_RUNS is a number"))
}

fn lasts(seconds: u64) -> Duration {
    rounds().map_or(Duration::from_secs(seconds), |_| ROUND)
}

fn plan(lasts: Duration) -> Plan {
    Plan {
        ours: 2,
        theirs: 2,
        hold: Duration::from_millis(1),
        hold_of_theirs: Duration::from_millis(1),
        away: Duration::ZERO,
        manners: Manners::Ours,
        apart: false,
        met_before: false,
        lasts,
    }
}

/// Hammers undisturbed; `None` means skipped, and said so.
fn hammered(test: &'static str, plan: Plan) -> Option<Report> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let peers = Peers::or_skip(|peers| Ok(peers.clone()))?;
    let field = Peers::or_skip(|_| Field::start(&peers, test, plan))?;
    Some(field.undisturbed())
}

#[test]
fn openclaw_and_ours_hammer_one_session_without_overlap_or_a_lost_line_and_both_go_on() {
    if ours::played() {
        return;
    }
    let name = "hammer::openclaw_and_ours_hammer_one_session_without_overlap_or_a_lost_line_and_both_go_on";
    let Some(report) = hammered(name, plan(lasts(8))) else {
        return;
    };
    assert!(report.is_clean(), "{report}\n{:#?}", report.violations);
    assert!(
        report.sections_of_ours > 0 && report.sections_of_theirs > 0,
        "{report}"
    );
    assert_eq!(report.errors_of_theirs, 0, "{report}");
}

#[test]
fn the_hammer_would_notice_a_process_of_ours_that_does_not_take_the_peers_file() {
    if ours::played() {
        return;
    }
    let name =
        "hammer::the_hammer_would_notice_a_process_of_ours_that_does_not_take_the_peers_file";
    let without = Plan {
        manners: Manners::NoPeerFile,
        ..plan(Duration::from_secs(3))
    };
    let Some(report) = hammered(name, without) else {
        return;
    };
    assert!(
        !report.is_clean() && report.double_holds != [0, 0],
        "{report}"
    );
    assert!(report.lost_lines > 0, "{report}");
    assert!(!report.violations.is_empty(), "{report}");
}

#[test]
fn openclaw_robs_a_lock_of_ours_that_names_our_own_pid_and_we_notice_it() {
    if ours::played() {
        return;
    }
    let name = "hammer::openclaw_robs_a_lock_of_ours_that_names_our_own_pid_and_we_notice_it";
    let exposed = Plan {
        manners: Manners::OwnPid,
        hold: Duration::from_millis(20),
        ..plan(Duration::from_secs(3))
    };
    let Some(report) = hammered(name, exposed) else {
        return;
    };
    assert!(report.reclaims > 0 && report.noticed > 0, "{report}");
    assert!(report.double_holds[0] > 0, "{report}");
    assert_eq!(report.violations, Vec::<String>::new(), "{report}");
}

#[test]
fn of_holders_killed_on_both_sides_every_double_hold_was_let_in_by_openclaw_and_noticed_by_us() {
    if ours::played() {
        return;
    }
    let name = "hammer::of_holders_killed_on_both_sides_every_double_hold_was_let_in_by_openclaw_and_noticed_by_us";
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(peers) = Peers::or_skip(|peers| Ok(peers.clone())) else {
        return;
    };
    // Where many of ours wait, a dead holder's file is ours again at once; where one does, OpenClaw meets it, and its
    // reclaims race with one another and with us.
    for round in 0..rounds().unwrap_or(2) {
        let (ours, theirs) = if round % 2 == 0 { (1, 4) } else { (3, 2) };
        let plan = Plan {
            ours,
            theirs,
            hold: Duration::from_millis(2),
            hold_of_theirs: Duration::from_millis(2),
            ..plan(lasts(7))
        };
        let round = Peers::or_skip(|_| {
            Field::start(&peers, name, plan)?.killing(Duration::from_millis(60))
        });
        let Some(report) = round else { return };
        assert_eq!(report.violations, Vec::<String>::new(), "{report}");
        assert!(report.killed[0] > 0 && report.killed[1] > 0, "{report}");
        assert!(
            report.sections_of_ours > 0 && report.sections_of_theirs > 0,
            "{report}"
        );
    }
}

/// One OpenClaw beside four of ours that stay in for long and come back at once.
fn beside_greedy_ones(test: &'static str, manners: Manners) -> Option<Report> {
    let greedy = Plan {
        ours: 4,
        theirs: 1,
        hold: Duration::from_millis(100),
        away: Duration::from_millis(100),
        manners,
        met_before: true,
        ..plan(lasts(6))
    };
    hammered(test, greedy)
}

#[test]
fn openclaw_is_let_in_beside_four_greedy_processes_of_ours() {
    if ours::played() {
        return;
    }
    let name = "hammer::openclaw_is_let_in_beside_four_greedy_processes_of_ours";
    let polite = beside_greedy_ones(name, Manners::Ours);
    let forgetful = beside_greedy_ones(name, Manners::Forgetful);
    let (Some(polite), Some(forgetful)) = (polite, forgetful) else {
        return;
    };
    assert!(polite.is_clean(), "{polite}");
    // What chance lets in, in the moments between two holds, against what we let in.
    let (let_in, by_chance) = (polite.let_in, forgetful.let_in);
    assert!(
        let_in >= by_chance + 5,
        "{let_in} let in, {by_chance} by chance"
    );
}

/// Whether this machine lets us make a pid namespace; if not, it says so.
fn may_live_apart() -> bool {
    let [unshare, args @ ..] = field::APART else {
        return false;
    };
    let mut probe = std::process::Command::new(unshare);
    probe.args(args).arg("true").stderr(Stdio::null());
    let may = probe.status().is_ok_and(|status| status.success());
    if !may {
        let words = "SKIPPED(interop): no pid namespace can be made here";
        let _a_closed_stderr = writeln!(std::io::stderr(), "{words}");
    }
    may
}

#[test]
fn openclaw_in_another_container_robs_ours_and_is_noticed_and_ours_never_robs_it() {
    if ours::played() || !may_live_apart() {
        return;
    }
    let name =
        "hammer::openclaw_in_another_container_robs_ours_and_is_noticed_and_ours_never_robs_it";
    let containers = Plan {
        theirs: 1,
        hold: Duration::from_millis(10),
        apart: true,
        ..plan(Duration::from_secs(4))
    };
    let Some(report) = hammered(name, containers) else {
        return;
    };
    assert!(report.reclaims > 0 && report.noticed > 0, "{report}");
    assert_eq!(report.double_holds[1], 0, "{report}");
    assert_eq!(report.violations, Vec::<String>::new(), "{report}");
    assert!(report.sections_of_ours > report.noticed, "{report}");
}

#[test]
fn what_hammers_is_the_function_of_openclaws_public_entry() {
    let home = Home::new();
    let Some(asked) = Peers::or_skip(|peers| peers.openclaw_script(&home, &[], "write-lock.mjs"))
    else {
        return;
    };
    let said = asked.run().expect_success();
    assert_eq!(said.stdout.trim(), "the same", "{said}");
}
