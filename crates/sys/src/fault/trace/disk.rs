//! The disk that is watched: it does what the inner one does, and notes it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::ledger::Ledger;
use super::{Trace, TraceRules};
use crate::{Disk, DiskFile, FileFacts, FileKey, FileKind, FsKind, Inodes, Mount, OpenHow, Space};

/// A disk whose every call is held against the order rules of durability.
#[derive(Clone, Debug)]
pub struct TraceDisk {
    inner: Arc<dyn Disk>,
    trace: Trace,
}

impl TraceDisk {
    /// Watches `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>, rules: TraceRules) -> (Self, Trace) {
        let below = Arc::clone(&inner);
        Self::looking_through(inner, below, rules)
    }

    /// Watches `inner`, and does its own looking through `below`: a disk that shows the same files and whose calls nobody counts.
    #[must_use]
    pub fn looking_through(
        inner: Arc<dyn Disk>,
        below: Arc<dyn Disk>,
        rules: TraceRules,
    ) -> (Self, Trace) {
        let trace = Trace {
            ledger: Arc::new(Mutex::new(Ledger::new(rules))),
            listener: Arc::default(),
            below,
        };
        let disk = Self {
            inner,
            trace: trace.clone(),
        };
        (disk, trace)
    }

    /// Which regular file stands at a path, and whether that is its only name.
    fn file_at(&self, path: &Path) -> Option<(FileKey, bool)> {
        let facts = self.trace.below.facts(path).ok()?;
        (facts.kind == FileKind::Regular).then(|| (facts.key(), facts.nlink == 1))
    }

    fn naming(
        &self,
        from: &Path,
        to: &Path,
        call: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some((key, _)) = self.file_at(from) {
            self.trace
                .note(|ledger| ledger.before_naming(key, from, to));
        }
        let replaced = self.file_at(to);
        call()?;
        if let Some((key, true)) = replaced
            && self.file_at(to).is_none_or(|(now, _)| now != key)
        {
            self.trace.note(|ledger| ledger.removed(key));
        }
        Ok(())
    }

    fn watched(
        &self,
        inner: Box<dyn DiskFile>,
        path: &Path,
        was: Option<u64>,
    ) -> Box<dyn DiskFile> {
        let Ok(facts) = self
            .trace
            .below
            .facts_behind(path)
            .or_else(|_| inner.facts())
        else {
            return inner;
        };
        if facts.kind != FileKind::Regular {
            return inner;
        }
        self.trace
            .note(|ledger| ledger.opened(facts.key(), path, was));
        Box::new(TraceFile {
            inner,
            path: path.to_path_buf(),
            key: facts.key(),
            trace: self.trace.clone(),
            has_failed: AtomicBool::new(false),
        })
    }
}

impl Disk for TraceDisk {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        let was = self.trace.below.facts_behind(path).ok();
        let inner = self.inner.open(path, how)?;
        Ok(self.watched(inner, path, was.map(|facts| facts.size)))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.inner.facts(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.inner.create_dir(path, mode)?;
        self.trace.note(|ledger| ledger.named(path));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.naming(from, to, || self.inner.rename(from, to))?;
        self.trace.note(|ledger| ledger.renamed(from, to));
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.naming(from, to, || self.inner.rename_new(from, to))?;
        self.trace.note(|ledger| ledger.renamed(from, to));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.naming(from, to, || self.inner.link(from, to))?;
        self.trace.note(|ledger| ledger.named(to));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let file = self.file_at(path);
        self.inner.remove(path)?;
        self.trace.note(|ledger| {
            ledger.unnamed(path);
            if let Some((key, true)) = file {
                ledger.removed(key);
            }
        });
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.inner.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let begun = self.trace.note(Ledger::sync_begins);
        self.inner.sync_dir(path)?;
        self.trace.note(|ledger| ledger.dir_synced(path, begun));
        Ok(())
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.inner.space(path)
    }

    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        self.inner.filesystem(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.canonicalize(path)
    }

    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inner = self.inner.adopt(descriptor, path)?;
        let size = inner.facts().map_or(0, |facts| facts.size);
        Ok(self.watched(inner, path, Some(size)))
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        self.inner.facts_behind(path)
    }

    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        self.inner.changes(path)
    }

    fn inodes(&self, path: &Path) -> io::Result<Option<Inodes>> {
        self.inner.inodes(path)
    }

    fn mount(&self, path: &Path) -> io::Result<Option<Mount>> {
        self.inner.mount(path)
    }
}

#[derive(Debug)]
struct TraceFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    key: FileKey,
    trace: Trace,
    /// A sync on this descriptor has failed.
    has_failed: AtomicBool,
}

impl TraceFile {
    fn write(
        &self,
        put: impl FnOnce() -> io::Result<usize>,
        range: impl FnOnce(&io::Result<usize>) -> std::ops::Range<u64>,
    ) -> io::Result<usize> {
        let has_failed = self.has_failed.load(Ordering::SeqCst);
        self.trace
            .note(|ledger| ledger.before_write(&self.path, has_failed));
        let put = put();
        let range = range(&put);
        self.trace.note(|ledger| ledger.wrote(self.key, range));
        put
    }

    fn size(&self) -> u64 {
        self.inner.facts().map_or(0, |facts| facts.size)
    }

    fn sync(&self, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let begun = self.trace.note(Ledger::sync_begins);
        let done = call();
        if done.is_err() {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        self.trace
            .note(|ledger| ledger.synced(self.key, begun, done.is_ok()));
        if done.is_err() {
            self.pin();
        }
        done
    }

    /// A descriptor that is nobody's, so that no lock lives longer by it.
    fn pin(&self) {
        if let Ok(file) = self.trace.below.open(&self.path, &OpenHow::reading())
            && file.facts().is_ok_and(|facts| facts.key() == self.key)
        {
            self.trace.note(|ledger| ledger.pin(self.key, file));
        }
    }
}

impl DiskFile for TraceFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        // An append that fails may have put out a part: what the file grew by is what was written.
        let before = self.size();
        self.write(|| self.inner.append(bytes), |_| before..self.size())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let range = |put: &io::Result<usize>| {
            let length = put.as_ref().map_or(bytes.len(), |written| *written);
            offset..offset.saturating_add(length as u64)
        };
        self.write(|| self.inner.write_at(bytes, offset), range)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(|| self.inner.sync_all())
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.inner.facts()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.inner.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        self.inner.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.inner.unlock()
    }

    fn share(&self) -> io::Result<OwnedFd> {
        self.inner.share()
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        self.inner.has_writer()
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.inner.set_mode(mode)
    }

    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        self.inner.set_owner(uid, gid)
    }

    fn forget_cached(&self, from: u64) -> io::Result<()> {
        self.inner.forget_cached(from)?;
        self.trace.note(|ledger| ledger.forgotten(self.key, from));
        Ok(())
    }
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        self.trace.note(|ledger| ledger.closed(self.key));
    }
}
