//! A disk that fails to order: the n-th matching operation, once or from then on.
//!
//! Limits: a fault hides an operation, shortens or delays it, or lies about it; it does not damage bytes already written and does
//! not lose unsynced ones: [`SimDisk`](crate::SimDisk) does.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::FaultFile;
use super::rules::{Fault, FaultOutcome, Fired, Operation, Rules, plainly};
use crate::{Disk, DiskFile, FileFacts, FsKind, Inodes, Mount, OpenHow, Space};

/// A disk that fails as its rules say, and else does what the inner disk does.
#[derive(Clone, Debug)]
pub struct FaultDisk {
    inner: Arc<dyn Disk>,
    rules: Arc<Rules>,
}

impl FaultDisk {
    /// No rules yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self {
            inner,
            rules: Arc::default(),
        }
    }

    /// Adds a rule; files that are already open obey it too.
    pub fn add(&self, fault: Fault) {
        self.rules.add(fault);
    }

    /// Asks `watcher` before each operation: it may block, do something else meanwhile, or decide what happens. Rules are
    /// asked after it, where it decides nothing.
    pub fn watch(
        &self,
        watcher: impl Fn(Operation, &Path) -> Option<FaultOutcome> + Send + Sync + 'static,
    ) {
        self.rules.watch(Arc::new(watcher));
    }

    /// Drops all rules and the watcher: the disk is well again.
    pub fn heal(&self) {
        self.rules.clear();
    }

    /// The faults that happened so far, in order; a healed disk remembers them.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        self.rules.fired()
    }

    fn file(&self, inner: Box<dyn DiskFile>, path: &Path) -> Box<dyn DiskFile> {
        Box::new(FaultFile::new(inner, path, Arc::clone(&self.rules)))
    }
}

impl Disk for FaultDisk {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        let opened = || Ok(self.file(self.inner.open(path, how)?, path));
        self.rules.around(Operation::Open, path, opened)
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let call = || self.inner.facts(path);
        self.rules.around(Operation::Facts, path, call)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let call = || self.inner.create_dir(path, mode);
        self.rules.around(Operation::CreateDir, path, call)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let call = || self.inner.rename(from, to);
        self.rules.around(Operation::Rename, to, call)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let call = || self.inner.rename_new(from, to);
        self.rules.around(Operation::Rename, to, call)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let call = || self.inner.link(from, to);
        self.rules.around(Operation::Link, to, call)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let call = || self.inner.remove(path);
        self.rules.around(Operation::Remove, path, call)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let call = || self.inner.remove_dir(path);
        self.rules.around(Operation::Remove, path, call)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let call = || self.inner.list(path);
        self.rules.around(Operation::List, path, call)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let call = || self.inner.sync_dir(path);
        self.rules.around_sync(Operation::SyncDir, path, call)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let call = || self.inner.space(path);
        self.rules.around(Operation::Space, path, call)
    }

    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        match self.rules.decide(Operation::Filesystem, path) {
            Some(FaultOutcome::Filesystem(kind)) => Ok(kind),
            decided => plainly(decided.as_ref(), || self.inner.filesystem(path)),
        }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let call = || self.inner.canonicalize(path);
        self.rules.around(Operation::Canonicalize, path, call)
    }

    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let adopted = || Ok(self.file(self.inner.adopt(descriptor, path)?, path));
        self.rules.around(Operation::Open, path, adopted)
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        let call = || self.inner.facts_behind(path);
        self.rules.around(Operation::Facts, path, call)
    }

    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        let call = || self.inner.changes(path);
        self.rules.around(Operation::Watch, path, call)
    }

    fn inodes(&self, path: &Path) -> io::Result<Option<Inodes>> {
        let call = || self.inner.inodes(path);
        self.rules.around(Operation::Space, path, call)
    }

    fn mount(&self, path: &Path) -> io::Result<Option<Mount>> {
        let call = || self.inner.mount(path);
        self.rules.around(Operation::Filesystem, path, call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealDisk;

    const EIO: i32 = 5;

    #[test]
    fn the_nth_matching_operation_fails_once_and_the_others_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultDisk::new(Arc::new(RealDisk));
        disk.add(
            Fault::on(Operation::Append, FaultOutcome::Errno(EIO))
                .at("f")
                .nth(2),
        );
        let file = disk
            .open(&dir.path().join("f"), &OpenHow::appending().or_create())
            .unwrap();
        let other = disk
            .open(&dir.path().join("g"), &OpenHow::appending().or_create())
            .unwrap();
        other.append(b"other").unwrap();
        file.append(b"a").unwrap();
        assert_eq!(file.append(b"b").unwrap_err().raw_os_error(), Some(EIO));
        file.append(b"c").unwrap();
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"ac");
    }

    #[test]
    fn a_sticky_fault_stays_until_the_disk_is_healed() {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultDisk::new(Arc::new(RealDisk));
        let file = disk
            .open(&dir.path().join("f"), &OpenHow::appending().or_create())
            .unwrap();
        disk.add(Fault::on(Operation::Sync, FaultOutcome::Errno(EIO)).sticky());
        assert!(file.sync_all().is_err());
        disk.heal();
        file.sync_all().unwrap();
    }

    #[test]
    fn short_and_torn_writes_put_out_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultDisk::new(Arc::new(RealDisk));
        let file = disk
            .open(&dir.path().join("f"), &OpenHow::appending().or_create())
            .unwrap();
        disk.add(Fault::on(Operation::Append, FaultOutcome::Short(3)));
        disk.add(
            Fault::on(
                Operation::Append,
                FaultOutcome::Torn {
                    bytes: 1,
                    errno: EIO,
                },
            )
            .nth(2),
        );
        assert_eq!(file.append(b"hello").unwrap(), 3);
        assert!(file.append(b"world").is_err());
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"helw");
    }
    #[test]
    fn an_interrupted_write_is_a_short_one_and_anything_else_is_repeated_unseen() {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultDisk::new(Arc::new(RealDisk));
        disk.add(Fault::any(FaultOutcome::Interrupted).sticky());
        let file = disk
            .open(&dir.path().join("f"), &OpenHow::appending().or_create())
            .unwrap();
        assert_eq!(file.append(b"hello").unwrap(), 2);
        assert_eq!(file.append(b"x").unwrap(), 1);
        file.sync_all().unwrap();
        assert!(file.try_lock().unwrap());
        assert_eq!(crate::read_at_most(&*file, 9).unwrap(), b"hex");
    }

    #[test]
    fn what_is_done_and_said_to_have_failed_is_done_and_what_fired_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("f"), dir.path().join("g"));
        let disk = FaultDisk::new(Arc::new(RealDisk));
        let file = disk.open(&path, &OpenHow::appending().or_create()).unwrap();
        disk.add(Fault::any(FaultOutcome::DoneButFailed(EIO)).sticky());
        assert_eq!(file.append(b"x").unwrap_err().raw_os_error(), Some(EIO));
        assert!(disk.rename(&path, &other).is_err() && file.try_lock().is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"x");
        let second = RealDisk.open(&other, &OpenHow::reading()).unwrap();
        assert!(!second.try_lock().unwrap());
        disk.heal();
        file.append(b"y").unwrap();
        let fired: Vec<_> = disk.fired().into_iter().map(|one| one.operation).collect();
        let expected = [Operation::Append, Operation::Rename, Operation::Lock];
        assert_eq!(fired, expected);
    }

    #[test]
    fn a_short_read_brings_something_and_a_delayed_one_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), b"hello").unwrap();
        let disk = FaultDisk::new(Arc::new(RealDisk));
        let file = disk
            .open(&dir.path().join("f"), &OpenHow::reading())
            .unwrap();
        disk.add(Fault::on(Operation::Read, FaultOutcome::Short(0)));
        let time = std::time::Duration::from_millis(20);
        disk.add(Fault::on(Operation::Read, FaultOutcome::Delay(time)).nth(2));
        let mut room = [0; 9];
        assert_eq!(file.read_at(&mut room, 0).unwrap(), 1);
        let clock = crate::RealClock;
        let began = crate::Clock::monotonic(&clock);
        assert_eq!(file.read_at(&mut room, 0).unwrap(), 5);
        assert!(crate::Clock::monotonic(&clock) - began >= time);
    }
}
