//! Carrying a plan out.
//!
//! Rows go first, and durably; then the files that they alone led to. A session whose row goes is in hand meanwhile (`hold`): who is at
//! work on it keeps it. Everything is looked at again just before it goes: a row that says anything else by now, a file that was
//! written or replaced since, a file that some row refers to by now, stays. A crash in between leaves files without a row, which a
//! later cleanup finds.

use std::collections::BTreeSet;

use latchwork_lock::Wait;
use latchwork_sys::{FileKind, IoDoing, PathError};

use crate::Row;
use crate::index::SessionIndex;
use crate::key::normalized;
use crate::maintenance::hold::Hold;
use crate::maintenance::options::MaintenanceMode;
use crate::maintenance::plan::{FileAction, FilePlan, Plan, RowAction, RowPlan, Why, plan};
use crate::maintenance::references::{InUse, Names};
use crate::maintenance::report::{Cleanup, CleanupError, CleanupReport, FileDone, RowDone};
use crate::maintenance::seen::Seen;
use crate::names::{ArchiveWhy, archive_name};
use crate::reading::Stamp;
use crate::store::SessionsJson;

/// How many rows are worked on with their sessions in hand at once.
const CHUNK: usize = 16;
/// How many names are tried for an archive.
const NAMES_MAX: u32 = 16;

impl SessionIndex {
    /// What a cleanup would do, and why. Nothing is locked or written.
    ///
    /// # Errors
    /// [`CleanupError`].
    ///
    /// # Blocking
    /// For a look at every file of the folder and at every process.
    pub fn plan_cleanup(&self, cleanup: &Cleanup) -> Result<Plan, CleanupError> {
        // Files before rows: what gets a row meanwhile is then seen with it.
        let seen = Seen::look(self.system(), self.path())?;
        let view = self.latches().view(self.folder())?;
        let rows = self.read()?;
        let rows = rows.ok_or_else(|| CleanupError::NoStore(self.path().to_path_buf()))?;
        let in_use = InUse {
            keys: cleanup
                .active_keys
                .iter()
                .map(|key| normalized(key))
                .collect(),
            live: view.sessions.into_iter().map(|seen| seen.session).collect(),
        };
        let now_ms = self.system().clock.wall_ms();
        let (options, asked) = (&cleanup.options, &cleanup.asked);
        Ok(plan(&rows, &seen, &in_use, options, asked, now_ms))
    }

    /// Cleans up. In [`MaintenanceMode::Warn`] only what was asked for by name goes: rows without a transcript.
    ///
    /// # Errors
    /// [`CleanupError`]; what was done until then is done.
    ///
    /// # Cancel safety
    /// May be dropped at any await: rows are gone or not, files are gone or not, and the next cleanup goes on.
    ///
    /// # Blocking
    /// For the looks of [`Self::plan_cleanup`], and for a few system calls for each session.
    pub async fn cleanup(
        &self,
        wait: Wait,
        cleanup: &Cleanup,
    ) -> Result<CleanupReport, CleanupError> {
        let plan = self.plan_cleanup(cleanup)?;
        self.system().steps.reach("cleanup:planned");
        let enforce = cleanup.options.mode == MaintenanceMode::Enforce;
        let goes = |row: &&RowPlan| match row.action {
            RowAction::Keep => false,
            RowAction::PruneMissing | RowAction::RetireDmScope => true,
            _ => enforce,
        };
        let rows: Vec<RowPlan> = plan.rows.iter().filter(goes).cloned().collect();
        // What was asked for by name goes with its files, whatever the mode.
        let retired = rows
            .iter()
            .filter(|row| row.action == RowAction::RetireDmScope);
        let retired: BTreeSet<&str> = retired
            .flat_map(|row| row.stems.iter().map(String::as_str))
            .collect();
        let is_due = |file: &&FilePlan| {
            file.action != FileAction::Keep
                && (enforce
                    || (file.why == Why::RowGone && retired.contains(file.file.stem.as_str())))
        };
        let mut work = Work {
            index: self,
            wait,
            files: plan.files.iter().filter(is_due).cloned().collect(),
            known: None,
            rows: Vec::new(),
            done: Vec::new(),
        };
        for chunk in rows.chunks(CHUNK) {
            work.remove_rows(chunk).await?;
        }
        work.remove_files().await?;
        let rows_after = self.read()?.map_or(0, |rows| rows.len());
        Ok(CleanupReport {
            rows: work.rows,
            files: work.done,
            plan,
            rows_after,
        })
    }
}

struct Work<'a> {
    index: &'a SessionIndex,
    wait: Wait,
    /// Those that are still to be worked on.
    files: Vec<FilePlan>,
    /// What rows refer to, as of a state of the store.
    known: Option<(Stamp, Names)>,
    rows: Vec<RowDone>,
    done: Vec<FileDone>,
}

impl Work<'_> {
    async fn remove_rows(&mut self, rows: &[RowPlan]) -> Result<(), CleanupError> {
        let (mut held, mut in_hand) = (Vec::new(), BTreeSet::new());
        let mut free = Vec::new();
        for row in rows {
            let mut taken = Vec::new();
            let mut is_free = true;
            for stem in row.stems.iter().filter(|stem| !in_hand.contains(*stem)) {
                match Hold::take(self.index.latches(), self.index.folder(), stem).await? {
                    Some(hold) => taken.push(hold),
                    None => is_free = false,
                }
            }
            if is_free {
                in_hand.extend(taken.iter().map(|hold| hold.stem.clone()));
                held.append(&mut taken);
                free.push(row);
            } else {
                self.stayed(row, "somebody is at work on it");
            }
            for hold in taken {
                hold.give_back(self.index.latches(), self.index.folder())
                    .await;
            }
        }
        self.index.system().steps.reach("cleanup:held");
        let done = self.take_out(&free, &in_hand).await;
        for hold in held {
            hold.give_back(self.index.latches(), self.index.folder())
                .await;
        }
        done
    }

    /// Rows whose sessions are in hand, and then the files of those.
    async fn take_out(
        &mut self,
        rows: &[&RowPlan],
        in_hand: &BTreeSet<String>,
    ) -> Result<(), CleanupError> {
        if rows.is_empty() {
            return Ok(());
        }
        let change = |store: &mut SessionsJson| {
            let gone = rows
                .iter()
                .map(|row| is_same(store, row) && store.remove(&row.key));
            gone.collect::<Vec<bool>>()
        };
        let updated = self.index.update(self.wait, change).await?;
        self.index.system().steps.reach("cleanup:rows-gone");
        for (row, is_gone) in rows.iter().zip(&updated.answer) {
            if *is_gone {
                self.rows.push(RowDone {
                    key: row.key.clone(),
                    action: row.action,
                    stayed: None,
                });
            } else {
                self.stayed(row, "it was changed since");
            }
        }
        let of_these = |file: &FilePlan| in_hand.contains(&file.file.stem);
        let (now, later) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(of_these);
        self.files = later;
        self.finish(now)
    }

    /// Files that no row is about to go with.
    async fn remove_files(&mut self) -> Result<(), CleanupError> {
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| a.file.stem.cmp(&b.file.stem));
        for of_stem in files.chunk_by(|a, b| a.file.stem == b.file.stem) {
            let Some(first) = of_stem.first() else {
                continue;
            };
            let stem = first.file.stem.as_str();
            let transcript = self.index.folder().join(format!("{stem}.jsonl"));
            // Without a transcript there is nobody to keep out.
            let stands = self.index.system().disk.facts(&transcript).is_ok();
            let hold = if stands {
                Hold::take(self.index.latches(), self.index.folder(), stem).await?
            } else {
                None
            };
            if stands && hold.is_none() {
                for file in of_stem {
                    self.kept(file, "somebody is at work on its session");
                }
                continue;
            }
            let done = self.finish(of_stem.to_vec());
            if let Some(hold) = hold {
                hold.give_back(self.index.latches(), self.index.folder())
                    .await;
            }
            done?;
        }
        Ok(())
    }

    /// Puts away or removes files whose session nobody else is at work on.
    fn finish(&mut self, files: Vec<FilePlan>) -> Result<(), CleanupError> {
        let mut changed = false;
        for file in files {
            if self.is_referred_to(&file)? {
                self.kept(&file, "a row refers to it by now");
                continue;
            }
            match self.one(&file) {
                Ok(Some(action)) => {
                    changed = true;
                    self.done.push(FileDone {
                        name: file.file.name,
                        action,
                        bytes: file.file.bytes,
                        stayed: None,
                        failed: None,
                    });
                }
                Ok(None) => self.kept(&file, "it was written or replaced since"),
                Err(error) => self.done.push(FileDone {
                    name: file.file.name,
                    action: FileAction::Keep,
                    bytes: file.file.bytes,
                    stayed: Some("the system refused"),
                    failed: Some(error),
                }),
            }
        }
        if changed {
            let folder = self.index.folder();
            let synced = self.index.system().disk.sync_dir(folder);
            synced.doing("make durable the names in", folder)?;
        }
        Ok(())
    }

    fn is_referred_to(&mut self, file: &FilePlan) -> Result<bool, CleanupError> {
        let path = self.index.path();
        let facts = self
            .index
            .system()
            .disk
            .facts(path)
            .doing("look at", path)?;
        let stamp = Stamp::of(&facts);
        if self.known.as_ref().is_none_or(|(known, _)| *known != stamp) {
            let rows = self.index.read()?;
            let rows = rows.ok_or_else(|| CleanupError::NoStore(path.to_path_buf()))?;
            let mut names = Names::default();
            for entry in rows.rows().filter_map(Row::entry) {
                names.add(&entry, self.index.folder());
            }
            self.known = Some((stamp, names));
        }
        Ok(self
            .known
            .as_ref()
            .is_some_and(|(_, names)| names.holds(&file.file)))
    }

    /// `None` when it is not the file that was seen.
    fn one(&self, plan: &FilePlan) -> Result<Option<FileAction>, PathError> {
        let (disk, folder) = (&self.index.system().disk, self.index.folder());
        let path = folder.join(&plan.file.name);
        let facts = match disk.facts(&path) {
            Ok(facts) => facts,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing("look at", &path),
        };
        let is_same = facts.kind == FileKind::Regular
            && facts.ino == plan.file.inode
            && facts.size == plan.file.bytes
            && facts.modified_ms == plan.file.modified_ms;
        if !is_same {
            return Ok(None);
        }
        if plan.action == FileAction::Delete {
            disk.remove(&path).doing("remove", &path)?;
            return Ok(Some(FileAction::Delete));
        }
        let now_ms = self.index.system().clock.wall_ms();
        for number in 0..NAMES_MAX {
            let to = archive_name(&plan.file.name, ArchiveWhy::Deleted, now_ms, number);
            match disk.rename_new(&path, &folder.join(&to)) {
                Ok(()) => return Ok(Some(FileAction::Archive { to })),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).doing("put away", &path),
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into()).doing("put away", &path)
    }

    fn stayed(&mut self, row: &RowPlan, why: &'static str) {
        self.rows.push(RowDone {
            key: row.key.clone(),
            action: row.action,
            stayed: Some(why),
        });
    }

    fn kept(&mut self, file: &FilePlan, why: &'static str) {
        self.done.push(FileDone {
            name: file.file.name.clone(),
            action: FileAction::Keep,
            bytes: file.file.bytes,
            stayed: Some(why),
            failed: None,
        });
    }
}

/// Whether the rows of a key say what they said when the plan was made.
fn is_same(store: &SessionsJson, row: &RowPlan) -> bool {
    let of_key = store.rows().filter(|now| now.normalized_key() == row.key);
    of_key
        .map(Row::text)
        .eq(row.texts.iter().map(String::as_str))
}
