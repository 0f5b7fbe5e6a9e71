//! That a folder is found after a power loss: the names of folders, made durable.
//!
//! A file that is synced is lost all the same if the name of the folder that it lies in never reached the disk. Whoever makes a
//! folder makes its name durable at once; but it may have been made by somebody who died before that, so each process does it once
//! for each folder before its first acknowledgement. Limit: two folders up; what lies higher is older than any session.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use latchwork_sys::{Disk, IoDoing, PathError};

/// How many folders up.
const UP: usize = 2;

/// The folders whose names this process has made durable.
#[derive(Debug, Default)]
pub(crate) struct Names {
    durable: Mutex<HashSet<PathBuf>>,
}

impl Names {
    /// Makes the names durable that lead to `folder`, once.
    ///
    /// # Blocking
    /// On the disk.
    pub(crate) fn lead_to(&self, disk: &dyn Disk, folder: &Path) -> Result<(), PathError> {
        if self.lock().contains(folder) {
            return Ok(());
        }
        let above = folder.ancestors().skip(1).take(UP);
        for dir in above.map(named) {
            match disk.sync_dir(dir) {
                // Who may not look into a folder cannot have made a name in it.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                synced => synced.doing("make the names durable in", dir)?,
            }
        }
        self.lock().insert(folder.to_owned());
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder of a relative name is the working directory.
pub(crate) fn named(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    }
}
