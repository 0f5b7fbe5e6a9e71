//! A disk that fails to order: the n-th matching operation, once or from then on.
//!
//! Limits: a fault hides an operation or shortens a write; it does not damage bytes already written
//! and does not lose unsynced ones. Those need a model of the device, not of the calls.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Disk, DiskFile, FileFacts, FsKind, Inodes, Mount, OpenHow, Space};

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// [`Disk::open`].
    Open,
    /// [`Disk::facts`], [`Disk::facts_behind`] and [`DiskFile::facts`].
    Facts,
    /// [`Disk::create_dir`].
    CreateDir,
    /// [`Disk::rename`] and [`Disk::rename_new`], matched by the new name.
    Rename,
    /// [`Disk::link`], matched by the new name.
    Link,
    /// [`Disk::remove`].
    Remove,
    /// [`Disk::list`].
    List,
    /// [`Disk::sync_dir`].
    SyncDir,
    /// [`Disk::space`].
    Space,
    /// [`Disk::filesystem`].
    Filesystem,
    /// [`Disk::canonicalize`].
    Canonicalize,
    /// [`Disk::changes`].
    Watch,
    /// [`DiskFile::read_at`].
    Read,
    /// [`DiskFile::append`].
    Append,
    /// [`DiskFile::write_at`].
    WriteAt,
    /// [`DiskFile::sync_data`] and [`DiskFile::sync_all`].
    Sync,
    /// [`DiskFile::try_lock`] and [`DiskFile::lock`].
    Lock,
    /// [`DiskFile::unlock`].
    Unlock,
}

/// What happens instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultOutcome {
    /// The operation is not done and answers with this `errno`.
    Errno(i32),
    /// An append or write puts out only this many bytes and says so; other operations are done whole.
    Short(usize),
    /// A write puts out this many bytes and then answers with this `errno`.
    Torn {
        /// Bytes that go out.
        bytes: usize,
        /// The answer.
        errno: i32,
    },
    /// A lock is said to be granted, and is not taken; other operations are done as they are.
    PretendLocked,
    /// A lock that was tried for is said to be somebody else's; other operations are done as they are.
    PretendBusy,
    /// [`Disk::filesystem`] answers with this kind; other operations are done as they are.
    Filesystem(FsKind),
}

/// One rule. Rules are asked in the order in which they were added; the first that fires decides.
#[derive(Clone, Debug)]
pub struct Fault {
    on: Operation,
    suffix: Option<String>,
    nth: u64,
    sticky: bool,
    outcome: FaultOutcome,
}

impl Fault {
    /// The first operation of this kind, on any path, once.
    #[must_use]
    pub fn on(on: Operation, outcome: FaultOutcome) -> Self {
        Self {
            on,
            suffix: None,
            nth: 1,
            sticky: false,
            outcome,
        }
    }

    /// Only on paths that end with this text.
    #[must_use]
    pub fn at(self, suffix: &str) -> Self {
        Self {
            suffix: Some(suffix.to_owned()),
            ..self
        }
    }

    /// Not the first match but the n-th, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// That match and all later ones.
    #[must_use]
    pub fn sticky(self) -> Self {
        Self {
            sticky: true,
            ..self
        }
    }

    fn matches(&self, operation: Operation, path: &Path) -> bool {
        let suffix = self.suffix.as_deref();
        self.on == operation && suffix.is_none_or(|suffix| path.to_string_lossy().ends_with(suffix))
    }
}

/// Rules with how often each has matched, and a watcher that is asked before them.
#[derive(Default)]
struct Rules(Mutex<Vec<(Fault, u64)>>, Mutex<Option<Watcher>>);

type Watcher = Arc<dyn Fn(Operation, &Path) -> Option<FaultOutcome> + Send + Sync>;

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rules")
            .field(&self.0)
            .finish_non_exhaustive()
    }
}

impl Rules {
    fn decide(&self, operation: Operation, path: &Path) -> Option<FaultOutcome> {
        let watcher = self
            .1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(outcome) = watcher.and_then(|watcher| watcher(operation, path)) {
            return Some(outcome);
        }
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut decided = None;
        for (fault, seen) in rules
            .iter_mut()
            .filter(|(fault, _)| fault.matches(operation, path))
        {
            *seen += 1;
            let fires = *seen == fault.nth || (fault.sticky && *seen > fault.nth);
            if fires && decided.is_none() {
                decided = Some(fault.outcome.clone());
            }
        }
        decided
    }

    fn refuse(&self, operation: Operation, path: &Path) -> io::Result<()> {
        match self.decide(operation, path) {
            Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            _ => Ok(()),
        }
    }
}

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
        self.rules
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((fault, 0));
    }

    /// Asks `watcher` before each operation: it may block, do something else meanwhile, or decide what happens. Rules are
    /// asked after it, where it decides nothing.
    pub fn watch(
        &self,
        watcher: impl Fn(Operation, &Path) -> Option<FaultOutcome> + Send + Sync + 'static,
    ) {
        *self.rules.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(watcher));
    }

    /// Drops all rules and the watcher: the disk is well again.
    pub fn heal(&self) {
        self.rules
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        *self.rules.1.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Disk for FaultDisk {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        self.rules.refuse(Operation::Open, path)?;
        let inner = self.inner.open(path, how)?;
        Ok(Box::new(FaultFile {
            inner,
            path: path.to_path_buf(),
            rules: Arc::clone(&self.rules),
        }))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.rules.refuse(Operation::Facts, path)?;
        self.inner.facts(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.rules.refuse(Operation::CreateDir, path)?;
        self.inner.create_dir(path, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rules.refuse(Operation::Rename, to)?;
        self.inner.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rules.refuse(Operation::Rename, to)?;
        self.inner.rename_new(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rules.refuse(Operation::Link, to)?;
        self.inner.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.rules.refuse(Operation::Remove, path)?;
        self.inner.remove(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.rules.refuse(Operation::List, path)?;
        self.inner.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.rules.refuse(Operation::SyncDir, path)?;
        self.inner.sync_dir(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.rules.refuse(Operation::Space, path)?;
        self.inner.space(path)
    }

    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        match self.rules.decide(Operation::Filesystem, path) {
            Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(FaultOutcome::Filesystem(kind)) => Ok(kind),
            _ => self.inner.filesystem(path),
        }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.rules.refuse(Operation::Canonicalize, path)?;
        self.inner.canonicalize(path)
    }

    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.rules.refuse(Operation::Open, path)?;
        Ok(Box::new(FaultFile {
            inner: self.inner.adopt(descriptor, path)?,
            path: path.to_path_buf(),
            rules: Arc::clone(&self.rules),
        }))
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        self.rules.refuse(Operation::Facts, path)?;
        self.inner.facts_behind(path)
    }

    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        self.rules.refuse(Operation::Watch, path)?;
        self.inner.changes(path)
    }

    fn inodes(&self, path: &Path) -> io::Result<Option<Inodes>> {
        self.rules.refuse(Operation::Space, path)?;
        self.inner.inodes(path)
    }

    fn mount(&self, path: &Path) -> io::Result<Option<Mount>> {
        self.rules.refuse(Operation::Filesystem, path)?;
        self.inner.mount(path)
    }
}

#[derive(Debug)]
struct FaultFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    rules: Arc<Rules>,
}

impl FaultFile {
    fn write(
        &self,
        on: Operation,
        bytes: &[u8],
        put: impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match self.rules.decide(on, &self.path) {
            Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(FaultOutcome::Short(length)) => put(&bytes[..length.min(bytes.len())]),
            Some(FaultOutcome::Torn {
                bytes: length,
                errno,
            }) => {
                put(&bytes[..length.min(bytes.len())])?;
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => put(bytes),
        }
    }
}

impl DiskFile for FaultFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.rules.refuse(Operation::Read, &self.path)?;
        self.inner.read_at(buf, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(Operation::Append, bytes, |bytes| self.inner.append(bytes))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Operation::WriteAt, bytes, |bytes| {
            self.inner.write_at(bytes, offset)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.rules.refuse(Operation::Sync, &self.path)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.rules.refuse(Operation::Sync, &self.path)?;
        self.inner.sync_all()
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.rules.refuse(Operation::Facts, &self.path)?;
        self.inner.facts()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.rules.decide(Operation::Lock, &self.path) {
            Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(FaultOutcome::PretendLocked) => Ok(true),
            Some(FaultOutcome::PretendBusy) => Ok(false),
            _ => self.inner.try_lock(),
        }
    }

    fn lock(&self) -> io::Result<()> {
        match self.rules.decide(Operation::Lock, &self.path) {
            Some(FaultOutcome::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(FaultOutcome::PretendLocked) => Ok(()),
            _ => self.inner.lock(),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        self.rules.refuse(Operation::Unlock, &self.path)?;
        self.inner.unlock()
    }

    fn share(&self) -> io::Result<OwnedFd> {
        self.inner.share()
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        self.rules.refuse(Operation::Lock, &self.path)?;
        self.inner.has_writer()
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.inner.set_mode(mode)
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
        assert!(file.sync_data().is_err() && file.sync_all().is_err());
        disk.heal();
        file.sync_data().unwrap();
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
}
