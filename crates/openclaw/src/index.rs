//! The session store of an OpenClaw home: where it is, read and changed by any number of processes.
//!
//! Whoever changes it holds its lock: our latch (`flock`), and the lock file beside it (`sessions.json.lock`), which other programs
//! may honour. OpenClaw itself takes none; what it writes meanwhile is noticed and merged: the change is made again on the newest
//! rows. Deliberately absent: a copy that is believed for a time. Reading looks at the file each time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use latchwork_filelock::{Latches, Site};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::System;

use crate::patch::{Activity, Patch};
use crate::reading::Known;
use crate::store::{Patched, SessionsJson};
use crate::writing::{Done, Round, Target};
use crate::{Entry, IndexError};

/// The usual name of a store.
pub const STORE_NAME: &str = "sessions.json";
/// How often a change is tried that others keep changing the store under.
const TRIES_MAX: u32 = 200;
/// How long to wait before looking whether a program without a lock has undone a change.
const SETTLE: Duration = Duration::from_millis(100);
/// How often that is looked at.
const SETTLES_MAX: u32 = 50;

/// What can be set about a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The largest store that is read, in bytes.
    pub max_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
        }
    }
}

/// A session store. Cloning is cheap and shares what was read last.
#[derive(Clone, Debug)]
pub struct SessionIndex {
    latches: Latches,
    site: Site,
    path: PathBuf,
    options: StoreOptions,
    known: Arc<Mutex<Known>>,
}

/// A change that was made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Updated<T> {
    /// What the change answered.
    pub answer: T,
    /// Whether the file was written; it is not when nothing changed.
    pub written: bool,
    /// How many earlier changes of ours, undone by a program that takes no lock, were made again.
    pub restored: u32,
    /// The rows as they are now.
    pub rows: SessionsJson,
}

impl SessionIndex {
    /// The store at this path. Nothing is opened yet.
    ///
    /// # Errors
    /// [`IndexError::BadPath`].
    pub fn new(
        latches: Latches,
        path: impl Into<PathBuf>,
        options: StoreOptions,
    ) -> Result<Self, IndexError> {
        let path = path.into();
        let name = path.file_name().and_then(|name| name.to_str());
        let site = name.map(|name| Site::new(crate::folder_of(&path), name, name));
        // A path without a name of its own is refused in the words of the site.
        let site = site.unwrap_or_else(|| Site::new(".", "", ""));
        match site {
            Ok(site) => Ok(Self {
                latches,
                site,
                path,
                options,
                known: Arc::default(),
            }),
            Err(why) => Err(IndexError::BadPath { path, why }),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that it lies in, with the transcripts.
    #[must_use]
    pub fn folder(&self) -> &Path {
        crate::folder_of(&self.path)
    }

    pub(crate) fn latches(&self) -> &Latches {
        &self.latches
    }

    pub(crate) fn system(&self) -> &System {
        self.latches.system()
    }

    /// The rows as they stand in the file now; `None` if there is no store.
    ///
    /// # Errors
    /// [`IndexError`], also for a file that is empty or cannot be understood.
    ///
    /// # Blocking
    /// For reading the file, if it changed since it was last read. No lock is taken.
    pub fn read(&self) -> Result<Option<SessionsJson>, IndexError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.read(self.system(), &self.path, self.options.max_bytes)
    }

    /// Changes rows. The change is made on the newest rows, and made again on newer ones when another program wrote meanwhile: it
    /// must depend on the rows alone. Rows that it leaves alone are those of the newest file.
    ///
    /// Where a program that takes no lock wrote lately, it is looked for a moment whether it undoes the change.
    ///
    /// # Errors
    /// [`IndexError`]; nothing was written, but for [`IndexError::NotDurable`].
    ///
    /// # Cancel safety
    /// May be dropped at any await; the change is then made whole or not at all.
    ///
    /// # Blocking
    /// For reading and writing the file and two syncs. Needs a tokio runtime with its timer and its I/O enabled.
    pub async fn update<T>(
        &self,
        wait: Wait,
        mut change: impl FnMut(&mut SessionsJson) -> T + Send,
    ) -> Result<Updated<T>, IndexError> {
        let done = self.locked(wait, &mut change).await?;
        let mut updated = Updated {
            answer: done.answer,
            written: done.written,
            restored: done.restored,
            rows: done.rows,
        };
        if done.written && done.peer_is_about {
            updated.restored += self.settle(wait).await?;
        }
        Ok(updated)
    }

    /// Changes fields of a row; whether there is one.
    ///
    /// # Errors
    /// As for [`Self::update`], with the same cancel safety and blocking.
    pub async fn update_entry(
        &self,
        wait: Wait,
        key: &str,
        patch: &Patch,
        activity: Activity,
    ) -> Result<Updated<Patched>, IndexError> {
        let now_ms = self.system().clock.wall_ms();
        self.update(wait, |rows| rows.patch(key, patch, activity, now_ms))
            .await
    }

    /// Makes those of our changes of the last 30 s again that a program without a lock has undone; how many.
    ///
    /// # Errors
    /// As for [`Self::update`], with the same cancel safety and blocking.
    pub async fn restore_undone(&self, wait: Wait) -> Result<u32, IndexError> {
        let done = self.locked(wait, &mut |_: &mut SessionsJson| ()).await?;
        Ok(done.restored)
    }

    /// Looks until nothing of ours was undone for a while.
    async fn settle(&self, wait: Wait) -> Result<u32, IndexError> {
        let mut restored = 0;
        for _ in 0..SETTLES_MAX {
            self.system().clock.sleep(SETTLE).await;
            if self.is_ours()? {
                break;
            }
            match self.restore_undone(wait).await? {
                0 => break,
                again => restored += again,
            }
        }
        Ok(restored)
    }

    /// Whether the file is the one that we wrote last.
    fn is_ours(&self) -> Result<bool, IndexError> {
        let system = self.system();
        let recent = crate::recent::Recent::read(system, &self.path);
        let facts = system.disk.facts(&self.path);
        let facts =
            facts.map_err(|error| crate::writing::unreached(&self.path, "look at", error))?;
        Ok(recent.wrote(crate::reading::Stamp::of(&facts)))
    }

    async fn locked<T>(
        &self,
        wait: Wait,
        change: &mut (dyn FnMut(&mut SessionsJson) -> T + Send),
    ) -> Result<Done<T>, IndexError> {
        let target = Target {
            system: self.system(),
            path: &self.path,
            limit: self.options.max_bytes,
        };
        for tried in 0..TRIES_MAX {
            let latched = self
                .latches
                .latch(&self.site, Phase::named("index"), wait)
                .await?;
            let permit = latched.begin()?;
            let round = target.round(&permit, &mut |rows| change(rows));
            drop(permit);
            latched.release().await;
            if let Round::Done(done) = round? {
                return Ok(done);
            }
            // Another program is at it: its next write is to end first.
            let pause = Duration::from_millis(u64::from(tried.min(20)));
            self.system().clock.sleep(pause).await;
        }
        Err(IndexError::Contended {
            path: self.path.clone(),
            tries: TRIES_MAX,
        })
    }

    /// What a row says, by its key.
    ///
    /// # Errors
    /// As for [`Self::read`], with the same blocking.
    pub fn entry(&self, key: &str) -> Result<Option<Entry>, IndexError> {
        let rows = self.read()?;
        Ok(rows.and_then(|rows| rows.get(key).and_then(crate::Row::entry)))
    }
}
