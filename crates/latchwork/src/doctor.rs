//! The doctor: looks at everything on which sessions rest, says what is wrong and why it matters, and repairs what can be
//! repaired without losing a byte or getting in anybody's way.
//!
//! Invariants: without a repair nothing is changed, not even a time of modification; a repair changes no session that somebody
//! is at work on, removes nothing but what is empty or proved to hold nothing, and finds nothing to do the second time.
//! Deliberately absent: who holds what at this moment (`latchwork unlock`), and anything that needs a model.
//!
//! | file | idea |
//! |---|---|
//! | `catalogue` | every sort of finding, with its reason and its repair |
//! | `finding` | a finding, what became of it, the report; their JSON |
//! | `targets` | which folders are looked at |
//! | `survey` | a folder by its names |
//! | `exam` | folder by folder, session by session |
//! | `locks`, `files`, `sessions`, `temporaries` | one kind of look each |
//! | `machine`, `peers` | the filesystem and the clock; which programs have been here |
//! | `open`, `cure` | a finding with its remedy; applying it under the session's guard |

mod catalogue;
mod cure;
mod exam;
mod files;
mod finding;
mod locks;
mod machine;
mod open;
mod peers;
mod sessions;
mod survey;
mod targets;
mod temporaries;

use std::fmt;
use std::sync::Arc;

use latchwork_filelock::{Latches, PeerLock};
use latchwork_lock::LockScope;
use latchwork_sys::System;
use latchwork_transcript::{Depth, Options};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

pub use catalogue::{SORTS, Severity, Sort};
pub use finding::{Finding, Outcome, Report, SCHEMA};
pub use targets::Target;

use exam::Exam;

/// An examination that is about to begin.
#[derive(Debug)]
#[must_use = "nothing is examined before `examine`"]
pub struct Doctor {
    system: System,
    options: Options,
    findings: Vec<Finding>,
    fix: bool,
    depth: Depth,
    progress: Progress,
    cancel: CancellationToken,
}

/// Who is told how far it is: how many are done, of how many.
#[derive(Clone)]
struct Progress(Arc<dyn Fn(usize, usize) + Send + Sync>);

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl Doctor {
    /// A doctor on this machine, for stores with these options. Nothing is repaired and no transcript is read whole, unless
    /// that is asked for.
    pub fn new(system: System, options: &Options) -> Self {
        let mut findings = Vec::new();
        let mut options = options.clone();
        if let Err(error) = options.locks.validate() {
            findings.push(Finding::new(&catalogue::SETTINGS_FAULT, error.to_string()));
            options.locks = latchwork_filelock::Options::default();
        }
        // Whatever turns do: who repairs makes sure that no peer is at work.
        options.locks.peer_lock = PeerLock::Always;
        Self {
            system,
            options,
            findings,
            fix: false,
            depth: Depth::Ends,
            progress: Progress(Arc::new(|_, _| {})),
            cancel: CancellationToken::new(),
        }
    }

    /// Settings that cannot be used, in words.
    pub fn settings_fault(mut self, what: impl Into<String>) -> Self {
        self.findings
            .push(Finding::new(&catalogue::SETTINGS_FAULT, what));
        self
    }

    /// Something odd about the settings, in words.
    pub fn settings_warning(mut self, what: impl Into<String>) -> Self {
        self.findings
            .push(Finding::new(&catalogue::SETTINGS_WARNING, what));
        self
    }

    /// Repairs what can be repaired.
    pub const fn fix(mut self, fix: bool) -> Self {
        self.fix = fix;
        self
    }

    /// Reads transcripts whole.
    pub const fn deep(mut self, deep: bool) -> Self {
        self.depth = if deep { Depth::Whole } else { Depth::Ends };
        self
    }

    /// Tells how far it is: how many sessions of a folder are done, of how many. Called on the thread that works; it is to
    /// return at once.
    pub fn progress(mut self, told: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        self.progress = Progress(Arc::new(told));
        self
    }

    /// Ends early when this is cancelled: after the session that is being looked at or repaired.
    pub fn until(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Examines the targets, and repairs if that was asked for.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await: a step of a repair that has begun ends whole, the next one is not begun.
    pub async fn examine(self, targets: &[Target], scope: &mut LockScope) -> Report {
        let exam = Exam {
            latches: Latches::new(self.system.clone(), self.options.locks.clone()),
            stale_ms: self.options.locks.stale_ms,
            allow_network_fs: self.options.locks.allow_network_fs,
            own_user: self.system.processes.own_user(),
            system: self.system,
            depth: self.depth,
            seen: peers::Seen::default(),
            cancel: self.cancel,
            progress: self.progress,
        };
        let mut report = Report {
            findings: self.findings,
            ..Report::default()
        };
        let targets = targets.to_vec();
        let looked = tokio::task::spawn_blocking(move || {
            let opens = exam.all(&targets, &mut report);
            (exam, report, opens)
        });
        let (exam, mut report, mut opens) = match looked.await.map_err(JoinError::try_into_panic) {
            Ok(looked) => looked,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is being shut down.
            Err(Err(_)) => {
                return Report {
                    interrupted: true,
                    ..Report::default()
                };
            }
        };
        if self.fix {
            cure::cure(&exam, &self.options, scope, &mut opens).await;
            report.interrupted |= exam.cancel.is_cancelled();
        }
        report
            .findings
            .extend(opens.into_iter().map(|open| open.finding));
        report
    }
}
