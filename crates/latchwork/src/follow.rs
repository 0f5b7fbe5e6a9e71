//! The settings files of a running process, looked at again and again, and what comes of a change.
//!
//! They are read and compared whole, each time: that is exact on every filesystem, also where changes are not told of (network, mounts
//! in containers, links that are switched), and costs some ten thousandths of a second of each second. Invariants: what is read is
//! taken only if it stood there twice, an interval apart, and nobody has it open for writing, so far as the kernel tells; what
//! cannot be read or used leaves the last good settings in force, and is told once. Limit: a writer that pauses for
//! longer than the interval, with the file closed and in a state that can be used, is believed.

use std::sync::Arc;
use std::time::Duration;

use latchwork_config::{ConfigError, Resolved, SourceFile, Warning};
use latchwork_sys::{Disk, OpenHow};

use crate::live::{Change, changes};
use crate::settings::{Settings, Sources};
use crate::{Latchwork, SetupError};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

/// What reads the files anew; flags and environment are those of the start. `E` says why they cannot be read.
pub type ReadSources<E> = Arc<dyn Fn() -> Result<Sources, E> + Send + Sync>;

/// What else is held against settings before they are taken over: what only the program knows.
pub type Judge =
    Arc<dyn Fn(Resolved<Settings>) -> Result<Resolved<Settings>, ConfigError> + Send + Sync>;

/// Follows the settings files of a runtime.
pub struct Follow<E> {
    latchwork: Latchwork,
    read: ReadSources<E>,
    judge: Option<Judge>,
    every: Duration,
    /// What was told last, in force or waiting for a restart.
    told: Resolved<Settings>,
    /// What stood there when it was told.
    stood: Stood,
    /// What stood there at the last look.
    last: Option<Stood>,
}

/// What came of a change.
#[derive(Debug)]
#[non_exhaustive]
pub enum News<E> {
    /// Other settings stand there, and were taken over as far as that is safe. No change at all: what could not be
    /// used before is as it was again.
    Changed {
        /// What differs, by name.
        changes: Vec<Change>,
        /// Oddities that stop nobody.
        warnings: Vec<Warning>,
    },
    /// The files cannot be read. The last good settings stay in force.
    Unread(E),
    /// What they say cannot be understood. The last good settings stay in force.
    Wrong {
        /// Everything that is wrong.
        error: ConfigError,
        /// The files, for showing where.
        files: Vec<SourceFile>,
    },
    /// What they say cannot work. The last good settings stay in force.
    Unfit(SetupError),
}

/// What a look found.
#[derive(Clone, PartialEq)]
enum Stood {
    Sources(Box<Sources>),
    Trouble(String),
}

impl<E: std::fmt::Display + Send + 'static> Follow<E> {
    /// Follows what `read` reads; `sources` is what the runtime began with. Nothing happens but in [`next`](Self::next).
    ///
    /// # Errors
    /// What is wrong with the sources.
    pub fn new(
        latchwork: Latchwork,
        sources: Sources,
        read: ReadSources<E>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            latchwork,
            read,
            judge: None,
            every: EVERY,
            told: sources.clone().resolve()?,
            stood: Stood::Sources(Box::new(sources)),
            last: None,
        })
    }

    /// Looks this often, instead of twice a second.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Takes nothing over that `judge` refuses.
    #[must_use]
    pub fn judged_by(self, judge: Judge) -> Self {
        let judge = Some(judge);
        Self { judge, ..self }
    }

    /// Waits for a change and takes it over. One that was not to be read or used is told once, until something else stands there.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was not told is told by the next call.
    pub async fn next(&mut self) -> News<E> {
        loop {
            tokio::time::sleep(self.every).await;
            let Some((found, error)) = self.look().await else {
                continue;
            };
            let stands = self.last.as_ref() == Some(&found);
            self.last = Some(found.clone());
            if !stands || found == self.stood {
                continue;
            }
            self.stood = found.clone();
            return match (found, error) {
                (_, Some(error)) => News::Unread(error),
                (Stood::Sources(sources), None) => self.take(*sources),
                (Stood::Trouble(_), None) => continue,
            };
        }
    }

    /// What stands there; `None` while somebody writes it.
    async fn look(&self) -> Option<(Stood, Option<E>)> {
        let read = self.read.clone();
        let disk = self.latchwork.parts().system.disk.clone();
        // A file may lie on a disk that does not answer.
        let looked = tokio::task::spawn_blocking(move || match read() {
            Ok(sources) => {
                let written = sources.files().iter().any(|file| is_written(&*disk, file));
                (!written).then(|| (Stood::Sources(Box::new(sources)), None))
            }
            Err(error) => Some((Stood::Trouble(error.to_string()), Some(error))),
        });
        looked.await.ok().flatten()
    }

    fn take(&mut self, sources: Sources) -> News<E> {
        let files = sources.files();
        let judged = sources.resolve().and_then(|now| match &self.judge {
            Some(judge) => judge(now),
            None => Ok(now),
        });
        let now = match judged {
            Ok(now) => now,
            Err(error) => return News::Wrong { error, files },
        };
        if let Err(error) = self.latchwork.adopt(&now.value) {
            return News::Unfit(error);
        }
        let changes = changes(&self.told, &now);
        let warnings = now.warnings.clone();
        self.told = now;
        News::Changed { changes, warnings }
    }
}

/// Whether the kernel says that somebody has the file open for writing.
fn is_written(disk: &dyn Disk, file: &SourceFile) -> bool {
    let how = OpenHow {
        nofollow: false,
        ..OpenHow::reading()
    };
    let asked = disk
        .open(&file.path, &how)
        .and_then(|file| file.has_writer());
    matches!(asked, Ok(Some(true)))
}
