//! The runtime that a command works with, its log, and what becomes of both when a settings file changes meanwhile.
//!
//! Whatever changes is told on standard error, taken over or not. Deliberately absent: what may be taken over, which the library
//! knows, and which setting means what.

use std::net::SocketAddr;
use std::sync::Arc;

use latchwork::{Flag, Follow, Latchwork, News, Settings, Sources};
use tokio::task::JoinHandle;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::failure::Failure;
use crate::output::Errors;
use crate::settings::{files, log, report};
use crate::world::World;

/// What a command works with.
pub(crate) struct Begun {
    /// The runtime.
    pub(crate) latchwork: Latchwork,
    sources: Sources,
    log: Log,
}

impl Begun {
    /// The runtime as it is set, with what was typed on top.
    pub(crate) fn begin(world: &World, flags: Vec<Flag>, errors: Errors) -> Result<Self, Failure> {
        let sources = world.sources(flags)?;
        let settings = world.resolve(sources.clone(), &errors)?.value;
        Ok(Self {
            log: Log::begin(&settings, errors)?,
            latchwork: world.latchwork(settings)?,
            sources,
        })
    }

    /// For a command that lasts: follows the settings files for as long as the answer lives, and shows figures where that is set.
    pub(crate) fn follow(&self, errors: Errors) -> Result<Following, Failure> {
        if let Some(at) = self.latchwork.settings().metrics_address {
            show_metrics(at, errors);
        }
        let start = self.sources.clone();
        let read = move || files::sources(&start.environment, &start.cwd, start.flags.clone());
        let follow = Follow::new(self.latchwork.clone(), self.sources.clone(), Arc::new(read));
        let mut follow = follow
            .map_err(|error| report::failure(&error, &self.sources.files(), errors.styled))?
            .judged_by(Arc::new(log::understood));
        let (latchwork, log) = (self.latchwork.clone(), self.log.clone());
        Ok(Following(tokio::spawn(async move {
            loop {
                let news = follow.next().await;
                let is_other = matches!(news, News::Changed { .. });
                tell(news, errors);
                if is_other && let Err(failure) = log.set(&latchwork.settings()) {
                    errors.block(failure);
                }
            }
        })))
    }
}

/// Settings files are followed until this is dropped.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn tell(news: News<Failure>, errors: Errors) {
    const KEPT: &str = "the settings of before stay in force";
    match news {
        News::Changed { changes, warnings } => {
            if changes.is_empty() {
                errors.dim("the settings are as they were");
            }
            for change in changes {
                errors.dim(&format!("settings: {change}"));
            }
            for warning in warnings {
                errors.warn(&warning.to_string());
            }
        }
        News::Unread(failure) => errors.block(failure.hint(KEPT)),
        News::Wrong { error, files } => {
            errors.block(report::failure(&error, &files, errors.styled).hint(KEPT));
        }
        News::Unfit(error) => errors.block(Failure::from(error).hint(KEPT)),
        _ => errors.warn(KEPT),
    }
}

/// That figures cannot be shown stops nobody: another command may show its own at the same address.
#[cfg(feature = "prometheus")]
fn show_metrics(at: SocketAddr, errors: Errors) {
    if let Err(error) = latchwork::metrics::serve(at) {
        errors.warn(&Failure::of(&error).in_words());
    }
}

#[cfg(not(feature = "prometheus"))]
fn show_metrics(_at: SocketAddr, errors: Errors) {
    errors.warn(
        "metrics_address is set, and this program was built without the feature `prometheus`",
    );
}

/// Logs by these settings, from here on.
pub(crate) fn begin_log(settings: &Settings, errors: Errors) -> Result<(), Failure> {
    Log::begin(settings, errors).map(drop)
}

/// What is logged on standard error, and only where that is asked for.
#[derive(Clone)]
struct Log(reload::Handle<EnvFilter, Registry>);

impl Log {
    fn begin(settings: &Settings, errors: Errors) -> Result<Self, Failure> {
        let (filter, handle) = reload::Layer::new(filter(settings)?);
        let lines = fmt::layer()
            .with_ansi(errors.styled)
            // The end of each wait, hold and sync, with what it took.
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(std::io::stderr);
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Ok(Self(handle))
    }

    /// Logs by these settings from now on.
    fn set(&self, settings: &Settings) -> Result<(), Failure> {
        let filter = filter(settings)?;
        self.0
            .reload(filter)
            .map_err(|error| Failure::new("the log cannot be changed").because(&error))
    }
}

/// Nothing, where nothing is set.
fn filter(settings: &Settings) -> Result<EnvFilter, Failure> {
    let filter = log::filter(settings)
        .map_err(|why| Failure::settings(format!("the setting log cannot be used: {why}")))?;
    Ok(filter.unwrap_or_else(|| EnvFilter::new("off")))
}
