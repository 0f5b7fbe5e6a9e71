//! What the program takes from the machine around it, once: the environment, the working directory, settings files.
//!
//! This is the one place that reads the environment. Everything else gets values. Deliberately absent: deciding anything
//! by what is found.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork::config::Resolved;
use latchwork::filelock::{Inherited, LOCK_VARIABLE, NotInherited};
use latchwork::sys::System;
use latchwork::{Flag, Latchwork, Settings, Sources};

use crate::failure::Failure;
use crate::output::Errors;
use crate::secrets::Places;
use crate::settings::{files, log, report};

/// A settings file larger than this is none, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The variable by which tests hold or kill the program at named steps; known only where that is built in.
#[cfg(feature = "fault-points")]
const STEPS: &str = "LATCHWORK_STEPS";

/// The machine around the program, as it was at the start.
#[derive(Debug)]
pub(crate) struct World {
    /// The environment. Variables that are not Unicode are left out: none of ours is.
    pub(crate) environment: BTreeMap<String, String>,
    /// The working directory.
    pub(crate) cwd: PathBuf,
    /// Disk, clock, processes, randomness and steps.
    pub(crate) system: System,
    /// The locks that the program was started under.
    pub(crate) inherited: Inherited,
    /// What was said to be handed down and is not there.
    pub(crate) not_inherited: Vec<NotInherited>,
}

impl World {
    /// Looks around.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub(crate) fn look() -> Result<Self, Failure> {
        let unicode = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut environment: BTreeMap<String, String> = unicode.collect();
        let system = system(&mut environment)?;
        // Before anything else is opened: what is handed down is known by its number.
        let handed = environment.remove(LOCK_VARIABLE);
        let handed = handed.filter(|value| !value.is_empty());
        let (inherited, not_inherited) =
            handed.map_or_else(Default::default, |value| Inherited::take(&value, &system));
        let cwd = std::env::current_dir().map_err(|error| {
            Failure::new("the working directory cannot be found")
                .because(&error)
                .hint("change to a directory that exists")
        })?;
        Ok(Self {
            environment,
            cwd,
            system,
            inherited,
            not_inherited,
        })
    }

    /// Whether the variable is set to something.
    pub(crate) fn has(&self, variable: &str) -> bool {
        self.environment
            .get(variable)
            .is_some_and(|value| !value.is_empty())
    }

    /// Everything that settings come from, with what was typed on top.
    ///
    /// # Errors
    /// A file that cannot be read, or that others may write.
    pub(crate) fn sources(&self, flags: Vec<Flag>) -> Result<Sources, Failure> {
        files::sources(&self.environment, &self.cwd, flags)
    }

    /// The settings, with what was typed on top.
    pub(crate) fn settings(
        &self,
        flags: Vec<Flag>,
        errors: &Errors,
    ) -> Result<Resolved<Settings>, Failure> {
        self.resolve(self.sources(flags)?, errors)
    }

    /// The settings that these sources make. What is odd about them is told.
    pub(crate) fn resolve(
        &self,
        sources: Sources,
        errors: &Errors,
    ) -> Result<Resolved<Settings>, Failure> {
        let resolved = self.resolve_quietly(sources, errors)?;
        for warning in &resolved.warnings {
            errors.warn(&warning.to_string());
        }
        Ok(resolved)
    }

    /// The same, with nothing said about warnings.
    pub(crate) fn resolve_quietly(
        &self,
        sources: Sources,
        errors: &Errors,
    ) -> Result<Resolved<Settings>, Failure> {
        let files = sources.files();
        let resolved = sources.resolve().and_then(log::understood);
        resolved.map_err(|error| report::failure(&error, &files, errors.styled))
    }

    /// The runtime with these settings.
    pub(crate) fn latchwork(&self, settings: Settings) -> Result<Latchwork, Failure> {
        if let Some(home) = &settings.home {
            files::home_is_ours(home)?;
        }
        let secrets = Arc::new(Places::new(self.environment.clone()));
        let inherited = self.inherited.clone();
        let system = self.system.clone();
        Ok(Latchwork::with_inherited(
            settings, system, secrets, inherited,
        )?)
    }
}

#[cfg(feature = "fault-points")]
fn system(environment: &mut BTreeMap<String, String>) -> Result<System, Failure> {
    let mut system = System::real();
    if let Some(directive) = environment
        .remove(STEPS)
        .filter(|directive| !directive.is_empty())
    {
        system.steps = latchwork::sys::steps_from_directive(&directive)
            .map_err(|error| Failure::new(format!("{STEPS} cannot be obeyed")).because(&error))?;
    }
    Ok(system)
}

#[cfg(not(feature = "fault-points"))]
#[expect(clippy::unnecessary_wraps, reason = "with fault points it can fail")]
fn system(_environment: &mut BTreeMap<String, String>) -> Result<System, Failure> {
    Ok(System::real())
}

/// The text of a regular file. A named pipe in a foreign directory must not make us wait for its other end.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let facts = std::fs::metadata(path)?;
    if !facts.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it has more than 1 MiB",
        ));
    }
    Ok(text)
}
