//! Where an export goes: a writer that ends when nobody waits for it any more, and a file that is there whole or not at all.
//!
//! Invariant: a file is 0600 from its first byte on; what is not put in place is removed.
//! Limit: a process that is killed midway leaves a `.tmp` file beside the path; it is never read and safe to remove.

use std::io;
use std::path::{Path, PathBuf};

use latchwork_sys::{DiskFile, IoDoing as _, OpenHow, PathError, System, temporary_beside};
use tokio_util::sync::CancellationToken;

/// Writes go out in pieces of so many bytes.
const BUFFER: usize = 256 << 10;

/// A writer that refuses once it was told to stop.
pub(super) struct Stoppable<'a> {
    to: io::BufWriter<Box<dyn io::Write + Send + 'a>>,
    stop: CancellationToken,
}

impl<'a> Stoppable<'a> {
    pub(super) fn new(to: Box<dyn io::Write + Send + 'a>, stop: CancellationToken) -> Self {
        Self {
            to: io::BufWriter::with_capacity(BUFFER, to),
            stop,
        }
    }
}

impl io::Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("the export was stopped"));
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A file that is being made under a temporary name.
pub(super) struct NewFile<'a> {
    system: &'a System,
    path: &'a Path,
    temporary: PathBuf,
    file: Box<dyn DiskFile>,
}

impl<'a> NewFile<'a> {
    pub(super) fn create(system: &'a System, path: &'a Path) -> Result<Self, PathError> {
        let temporary = temporary_beside(&*system.entropy, path);
        let how = OpenHow::appending().only_new();
        let file = system.disk.open(&temporary, &how);
        Ok(Self {
            file: file.doing("create a temporary file for", path)?,
            system,
            path,
            temporary,
        })
    }

    pub(super) fn writer(&self) -> impl io::Write + Send + '_ {
        Appends(&*self.file)
    }

    /// Makes it durable and gives it its name.
    pub(super) fn put_in_place(self, replace: bool) -> Result<(), PathError> {
        let (disk, path) = (&self.system.disk, self.path);
        self.file.sync_all().doing("write", path)?;
        if replace {
            disk.rename(&self.temporary, path)
        } else {
            disk.rename_new(&self.temporary, path)
        }
        .doing("put a new file in place at", path)?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        disk.sync_dir(folder)
            .doing("make durable the names in", folder)
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        // After it was put in place there is nothing by that name.
        let _gone = self.system.disk.remove(&self.temporary);
    }
}

struct Appends<'a>(&'a dyn DiskFile);

impl io::Write for Appends<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
