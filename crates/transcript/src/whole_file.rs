//! A whole new file in the transcript's place: a session's first, or an old version brought up to date.
//!
//! The file is staged beside the transcript, written, made durable and locked before it gets the name, so nobody ever sees a
//! part of it and its name is born locked.

use std::path::PathBuf;
use std::sync::Arc;

use latchwork_filelock::{StageError, Staged};
use latchwork_session::{AppendError, Birth};
use latchwork_sys::{DiskFile, IoDoing, PathError, System, create_whole, hex_id};

use crate::commit::Work;
use crate::layout::Place;
use crate::lines::{self, Written};
use crate::missing::Missing;
use crate::state::{Known, read_from};
use crate::tail::quarantine_folder;
use crate::write::append_whole;

/// Makes a whole file of what is there.
pub(crate) type Make<'m> = dyn FnMut(&[u8]) -> Result<Vec<u8>, StageError> + 'm;

impl Work {
    /// Writes an old version anew as version 3, whole, and keeps the original.
    pub(crate) fn migrate(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
    ) -> Result<Arc<dyn DiskFile>, StageError> {
        let (system, place) = (self.system(), &self.session.place);
        let (_, file) = self.swap(file, &mut |original| {
            let migrated = latchwork_format::migrate(original);
            let migrated = migrated
                .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error));
            Ok(migrated.doing("bring up to version 3", &place.transcript)?)
        })?;
        known.forget();
        known.catch_up(system, place, &*file)?;
        Ok(file)
    }

    /// Writes the whole file anew by `make` and puts it in the place of the old one, which is kept: where, and the new file. A peer
    /// that takes no lock may go on meanwhile: then it is made again of what is there by then.
    pub(crate) fn swap(
        &self,
        file: &dyn DiskFile,
        make: &mut Make<'_>,
    ) -> Result<(PathBuf, Arc<dyn DiskFile>), StageError> {
        let (system, place) = (self.system(), &self.session.place);
        let path = &place.transcript;
        let mut original = read_from(file, 0).doing("read", path)?;
        let (staged, kept) = loop {
            let bytes = make(&original)?;
            let staged = self.permit.stage()?;
            append_whole(&**staged.file(), &bytes).doing("write", path)?;
            staged.file().sync_all().doing("make durable", path)?;
            system.steps.reach("migrate:staged");
            if let Some(now) = self.grown(file, &original)? {
                original = now;
                continue;
            }
            // Keeping it takes a sync, so it is looked at once more behind that.
            let kept = keep(system, place, "original", &original)?;
            match self.grown(file, &original)? {
                None => break (staged, kept),
                Some(now) => original = now,
            }
        };
        self.permit.replace(staged)?;
        // What came in the last moment is in the old file alone.
        if let Some(now) = self.grown(file, &original)? {
            let late = now.get(original.len()..).unwrap_or_default();
            let copy = keep(system, place, "late", late)?;
            tracing::warn!(session = %self.session.id, ?copy, "another program wrote to the transcript while it was written anew; its words are kept beside it");
        }
        system
            .disk
            .sync_dir(&place.dir)
            .doing("make durable", &place.dir)?;
        let file = self.permit.transcript();
        let file = file.ok_or(std::io::ErrorKind::NotFound.into());
        Ok((kept, file.doing("find again", path)?))
    }

    /// The whole file, if it has grown.
    fn grown(&self, file: &dyn DiskFile, known: &[u8]) -> Result<Option<Vec<u8>>, StageError> {
        let path = &self.session.place.transcript;
        let size = file.facts().doing("look at", path)?.size;
        if size == known.len() as u64 {
            return Ok(None);
        }
        Ok(Some(read_from(file, 0).doing("read", path)?))
    }

    /// Puts the staged file in the place of an empty one.
    fn fill(&self, staged: Staged) -> Result<(), StageError> {
        let path = &self.session.place.transcript;
        let facts = self.system().disk.facts(path).doing("look at", path)?;
        if facts.size > 0 {
            return Err(StageError::Appeared { path: path.clone() });
        }
        self.permit.replace(staged)
    }

    /// Makes the transcript, whole and durable, born locked.
    pub(crate) fn create(
        &self,
        known: &mut Known,
        birth: &Birth,
        what: Missing,
        written: &[Written],
    ) -> Result<(), AppendError> {
        let (system, place) = (self.system(), &self.session.place);
        let now = latchwork_format::time::iso_from_millis(system.clock.wall_ms());
        let parent = birth.parent_session.as_deref();
        let mut bytes = latchwork_format::header_line(&self.session.id, &now, &birth.cwd, parent)
            .map_err(|error| AppendError::BadEntry {
            index: 0,
            why: lines::why(&error),
        })?;
        bytes.extend(written.iter().flat_map(|line| line.bytes.iter().copied()));
        let mut named = None;
        let mut put = || -> Result<(), StageError> {
            let staged = self.permit.stage()?;
            append_whole(&**staged.file(), &bytes).doing("write", &place.transcript)?;
            staged
                .file()
                .sync_all()
                .doing("make durable", &place.transcript)?;
            system.steps.reach("commit:before-write");
            named = Some(staged.file().clone());
            match what {
                Missing::File => self.permit.create(staged)?,
                Missing::Content => self.fill(staged)?,
            }
            system.steps.reach("commit:written");
            Ok(())
        };
        put().map_err(|error| match error {
            StageError::Io(error) if self.may_stand(named.as_deref()) => self.unknown(error),
            error => self.stage_failed(error),
        })?;
        let settled = || {
            let synced = system.disk.sync_dir(&place.dir);
            synced.doing("make durable", &place.dir)?;
            let file = self.permit.transcript();
            let file = file.ok_or(std::io::ErrorKind::NotFound.into());
            file.doing("find again", &place.transcript)
        };
        // It has its name: whether that lasts must not be asked twice.
        let file = settled().map_err(|error| self.unknown(error))?;
        known.forget();
        // What was written stands there, whether it can be read back now or not.
        known
            .catch_up(system, place, &*file)
            .map_err(|error| self.unknown(error))?;
        Ok(())
    }
}

impl Work {
    /// Whether a file may be the transcript though its naming failed: it is found there, or nobody can look.
    fn may_stand(&self, named: Option<&dyn DiskFile>) -> bool {
        let Some(named) = named else { return false };
        let there = self.system().disk.facts(&self.session.place.transcript);
        match (there, named.facts()) {
            (Ok(there), Ok(named)) => there.same_inode(&named),
            (Err(error), _) => error.kind() != std::io::ErrorKind::NotFound,
            (Ok(_), Err(_)) => true,
        }
    }
}

/// Keeps bytes beside the transcript.
fn keep(system: &System, place: &Place, what: &str, bytes: &[u8]) -> Result<PathBuf, PathError> {
    let folder = quarantine_folder(system, place)?;
    let path = folder.join(format!("{what}-{}.jsonl", hex_id(&*system.entropy, 4)));
    create_whole(&*system.disk, &*system.entropy, &path, bytes, 0o600)?;
    Ok(path)
}
