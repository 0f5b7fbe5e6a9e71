//! `latchwork doctor`: what is wrong with the sessions, the settings and the machine below, and repairing what can be.
//!
//! It looks though the settings are wrong: that is a finding, too. How far it is stands on standard error, if that is a terminal
//! and it takes a while. Deliberately absent: looking for anything; the library's doctor does.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use latchwork::doctor::{Doctor as Examination, Finding, Outcome, Report, Severity, Target};
use latchwork::home::default_home;
use latchwork::lock::LockScope;
use latchwork::{Settings, misnamed_model};

use crate::args::Doctor;
use crate::begun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output, paint, stdout_is_styled};
use crate::signals::Interrupts;
use crate::world::World;

/// After this long it is said how far it is, and again after each such time.
const A_WHILE: Duration = Duration::from_secs(1);

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(typed: &Doctor, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let resolved = world
        .sources(Vec::new())
        .and_then(|sources| world.resolve_quietly(sources, &errors));
    let settings = match &resolved {
        Ok(resolved) => resolved.value.clone(),
        Err(_) => Settings {
            home: default_home(&world.environment),
            ..Settings::default()
        },
    };
    begun::begin_log(&settings, errors)?;
    let mut examination = Examination::new(world.system.clone(), &settings.store);
    match resolved {
        Ok(resolved) => {
            if let Some(fault) = misnamed_model(&resolved) {
                examination = examination.settings_fault(fault.to_string());
            }
            for warning in &resolved.warnings {
                examination = examination.settings_warning(warning.to_string());
            }
            // What can only be told by building the parts.
            if let Err(failure) = world.latchwork(resolved.value) {
                examination = examination.settings_fault(failure.in_words());
            }
        }
        Err(failure) => examination = examination.settings_fault(failure.in_words()),
    }
    let targets = targets(typed, world, &settings)?;
    let interrupts = Interrupts::listen()?;
    let progress = Progress::of(errors);
    let examination = examination
        .fix(typed.fix)
        .deep(typed.deep)
        .until(interrupts.token.clone())
        .progress(move |done, of| progress.tell(done, of));
    let mut scope = LockScope::open();
    let report = examination.examine(&targets, &mut scope).await;
    let mut output = Output::standard();
    if typed.json {
        for finding in &report.findings {
            output.json(&finding.as_json())?;
        }
        output.json(&report.summary())?;
    } else {
        in_words(&mut output, &report, typed, stdout_is_styled(world));
    }
    output.finish()?;
    Ok(match interrupts.exit() {
        Some(interrupted) if report.interrupted => interrupted,
        _ if report.remains() => Exit::Findings,
        _ => Exit::Ok,
    })
}

fn targets(typed: &Doctor, world: &World, settings: &Settings) -> Result<Vec<Target>, Failure> {
    let home = settings.home.as_deref();
    if typed.paths.is_empty() {
        let home = home.ok_or_else(|| {
            Failure::settings("there is no home for sessions to be examined")
                .hint("set LATCHWORK_HOME to a folder of yours, or name a folder or a transcript")
        })?;
        return Ok(vec![Target::home(home)]);
    }
    let mut targets: Vec<Target> = Vec::new();
    for path in &typed.paths {
        for target in Target::named(&*world.system.disk, path, home) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    Ok(targets)
}

/// Findings for a person: what is wrong first, with why and what to do; notes in a line each.
fn in_words(output: &mut Output, report: &Report, typed: &Doctor, styled: bool) {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.sort.severity));
    for finding in findings {
        one(output, finding, typed.fix, styled);
    }
    let of = |severity| report.count(severity);
    let (errors, warnings, notes) = (
        of(Severity::Error),
        of(Severity::Warning),
        of(Severity::Note),
    );
    output.line(format!(
        "{} sessions in {} folders: {errors} errors, {warnings} warnings, {notes} notes; {} fixed{}",
        report.sessions,
        report.folders.len(),
        report.fixed(),
        if report.interrupted { "; interrupted, there may be more" } else { "" }
    ));
    let can_be_fixed = |finding: &&Finding| finding.remains() && finding.sort.fix.is_some();
    let fixable = report.findings.iter().filter(can_be_fixed).count();
    if !typed.fix && fixable > 0 {
        output.line(format!("`latchwork doctor --fix` puts {fixable} of them in order, if nobody is at work on the session"));
    }
}

fn one(output: &mut Output, finding: &Finding, fixing: bool, styled: bool) {
    let style = match finding.sort.severity {
        Severity::Error => "31",
        Severity::Warning => "33",
        Severity::Note => "2",
    };
    let label = paint(
        styled,
        style,
        &format!("{} {}", finding.sort.severity.name(), finding.sort.id),
    );
    let place = finding
        .path
        .as_deref()
        .map_or_else(String::new, |path| format!(" {}", shown(path)));
    output.styled_line(&format!("{label}{place}"));
    output.line(format!("  {}", one_line(&finding.what)));
    if finding.sort.severity > Severity::Note {
        output.line(format!("  why: {}", finding.sort.why));
    }
    match (&finding.outcome, finding.sort.fix) {
        (Outcome::Fixed(how), _) => output.line(format!("  fixed: {}", one_line(how))),
        (Outcome::Skipped(why), _) => output.line(format!("  left alone: {}", one_line(why))),
        (Outcome::Failed(why), _) => output.line(format!("  not fixed: {}", one_line(why))),
        (Outcome::Told, Some(fix)) if !fixing => output.line(format!("  --fix: {fix}")),
        (Outcome::Told, _) => {}
    }
}

/// A path as one harmless word.
fn shown(path: &Path) -> String {
    latchwork::format::Escaped(&format!("{path:?}")).to_string()
}

/// Foreign text may hold line breaks that would look like lines of ours.
fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

/// Says how far it is.
struct Progress {
    errors: Option<Errors>,
    last: Mutex<Instant>,
}

impl Progress {
    fn of(errors: Errors) -> Self {
        Self {
            errors: std::io::stderr().is_terminal().then_some(errors),
            last: Mutex::new(Instant::now()),
        }
    }

    fn tell(&self, done: usize, of: usize) {
        let Some(errors) = self.errors else {
            return;
        };
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() >= A_WHILE {
            *last = Instant::now();
            errors.dim(&format!("{done} of {of} sessions"));
        }
    }
}
