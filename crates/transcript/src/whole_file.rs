//! A whole new file in the transcript's place: a session's first, or an old version brought up to date.
//!
//! The file is staged beside the transcript, written, made durable and locked before it gets the name, so nobody ever sees a
//! part of it and its name is born locked.

use std::sync::Arc;

use latchwork_filelock::StageError;
use latchwork_session::{AppendError, Birth};
use latchwork_sys::{DiskFile, IoDoing, create_whole, hex_id, make_private_dir};

use crate::commit::{Work, append_whole};
use crate::lines::{self, Written};
use crate::state::{Known, read_from};

impl Work {
    /// Writes an old version anew as version 3, whole, and keeps the original.
    pub(crate) fn migrate(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
    ) -> Result<Arc<dyn DiskFile>, StageError> {
        let (system, place) = (self.system(), &self.session.place);
        let original = read_from(file, 0).doing("read", &place.transcript)?;
        let migrated = latchwork_format::migrate(&original)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
            .doing("bring up to version 3", &place.transcript)?;
        let dir = place.sidecar("quarantine");
        make_private_dir(&*system.disk, &dir)?;
        let copy = dir.join(format!("original-{}.jsonl", hex_id(&*system.entropy, 4)));
        create_whole(&*system.disk, &*system.entropy, &copy, &original, 0o600)?;
        let staged = self.permit.stage()?;
        append_whole(&**staged.file(), &migrated).doing("write", &place.transcript)?;
        staged
            .file()
            .sync_all()
            .doing("make durable", &place.transcript)?;
        self.permit.replace(staged)?;
        system
            .disk
            .sync_dir(&place.dir)
            .doing("make durable", &place.dir)?;
        known.forget();
        let file = self
            .permit
            .transcript()
            .ok_or(std::io::ErrorKind::NotFound.into());
        let file = file.doing("find again", &place.transcript)?;
        known.catch_up(system, place, &*file)?;
        Ok(file)
    }

    /// Makes the transcript, whole and durable, born locked.
    pub(crate) fn create(
        &self,
        known: &mut Known,
        birth: &Birth,
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
        let put = || -> Result<Arc<dyn DiskFile>, StageError> {
            let staged = self.permit.stage()?;
            append_whole(&**staged.file(), &bytes).doing("write", &place.transcript)?;
            staged
                .file()
                .sync_all()
                .doing("make durable", &place.transcript)?;
            system.steps.reach("commit:before-write");
            self.permit.create(staged)?;
            system.steps.reach("commit:written");
            system
                .disk
                .sync_dir(&place.dir)
                .doing("make durable", &place.dir)?;
            let file = self
                .permit
                .transcript()
                .ok_or(std::io::ErrorKind::NotFound.into());
            Ok(file.doing("find again", &place.transcript)?)
        };
        let file = put().map_err(|error| self.stage_failed(error))?;
        known.forget();
        known
            .catch_up(system, place, &*file)
            .map_err(|error| self.failed(error))?;
        Ok(())
    }
}
