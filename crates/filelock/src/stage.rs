//! Making and replacing the transcript so that its name is born locked.
//!
//! The new file is made under a temporary name and locked there; only then it gets its name, by a
//! rename that fails if the name is taken (a new transcript) or by one that replaces (a rewrite). So at
//! no moment does an unlocked file of ours stand at the transcript's path.
//! Deliberately not here: durability. Neither bytes nor name are durable when this returns.

use std::path::PathBuf;
use std::sync::Arc;

use latchwork_sys::{DiskFile, FileFacts, IoDoing, OpenHow, PathError, System, temporary_beside};

use crate::locked::Locked;
use crate::{StageError, WritePermit};

/// A file that is to become the transcript. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    system: System,
    /// `None` once it is in place.
    locked: Option<Locked>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl Staged {
    /// The file, opened for reading and appending.
    #[must_use]
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Gives it the owner, the group and the permissions of the file that it is to replace.
    ///
    /// # Errors
    ///
    /// The bare error: only the superuser gives a file away, and only to a group of one's own else. It is of no use then.
    pub fn own_like(&self, model: &FileFacts) -> std::io::Result<()> {
        let facts = self.file.facts()?;
        if (facts.uid, facts.gid) != (model.uid, model.gid) {
            self.file.set_owner(model.uid, model.gid)?;
        }
        // The umask may have taken something off, and a change of the owner more.
        let kept = model.mode & 0o777;
        if self.file.facts()?.mode != kept {
            self.file.set_mode(kept)?;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.locked.is_some()
            && let Err(error) = self.system.disk.remove(&self.path)
        {
            tracing::warn!(path = ?self.path, %error, "a temporary file could not be removed");
        }
    }
}

impl WritePermit {
    /// Makes an empty, locked file beside the transcript, with the transcript's permissions if there
    /// is one and else for the owner alone (0600).
    ///
    /// # Errors
    ///
    /// [`PathError`]; nothing is left behind.
    pub fn stage(&self) -> Result<Staged, PathError> {
        let (system, transcript) = (&self.core.shared.system, &self.core.place.transcript);
        let mode = self
            .transcript()
            .and_then(|file| file.facts().ok())
            .map_or(0o600, |facts| facts.mode);
        let path = temporary_beside(&*system.entropy, transcript);
        let how = OpenHow::appending().only_new().mode(mode);
        let file: Arc<dyn DiskFile> = system
            .disk
            .open(&path, &how)
            .doing("create a temporary file for", transcript)?
            .into();
        let locked = Locked::new(Arc::clone(&file), &path);
        let staged = Staged {
            system: system.clone(),
            locked: Some(locked),
            path,
            file,
        };
        if !staged.file.try_lock().doing("lock", &staged.path)? {
            let source = std::io::ErrorKind::WouldBlock.into();
            return Err(PathError {
                doing: "lock a file that was just made:",
                path: staged.path.clone(),
                source,
            });
        }
        Ok(staged)
    }

    /// Makes the staged file the transcript, where there is none yet. From then on it is the file that
    /// [`transcript`](Self::transcript) answers.
    ///
    /// # Errors
    ///
    /// [`StageError`]; no transcript was made.
    pub fn create(&self, staged: Staged) -> Result<(), StageError> {
        self.put_in_place(staged, |system, from, to| system.disk.rename_new(from, to))
    }

    /// Makes the staged file the transcript in place of the one there is.
    ///
    /// # Errors
    ///
    /// [`StageError`]; the old transcript stands as it was.
    pub fn replace(&self, staged: Staged) -> Result<(), StageError> {
        self.put_in_place(staged, |system, from, to| system.disk.rename(from, to))
    }

    fn put_in_place(
        &self,
        mut staged: Staged,
        rename: impl FnOnce(&System, &std::path::Path, &std::path::Path) -> std::io::Result<()>,
    ) -> Result<(), StageError> {
        let (system, path) = (&self.core.shared.system, &self.core.place.transcript);
        self.check()?;
        system.steps.reach("latch:staged");
        match rename(system, &staged.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(StageError::Appeared { path: path.clone() });
            }
            Err(error) => return Err(error).doing("put the new transcript in place at", path)?,
        }
        if let (Some(mut locked), Some(parts)) =
            (staged.locked.take(), self.core.state().parts.as_mut())
        {
            locked.moved_to(path);
            parts.transcript = Some(locked);
        }
        system.steps.reach("latch:in-place");
        Ok(())
    }
}
