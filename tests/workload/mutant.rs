//! Ways to be wrong, made of a disk below the product or of a writer above it: what the campaigns must catch.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_sys::{Disk, DiskFile, FileFacts, FsKind, Inodes, Mount, OpenHow, Space};

use super::fate::Fate;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A writer acknowledges what it has not yet written.
    AckBeforeWrite,
    /// A writer acknowledges as durable what it has written, without waiting for a sync.
    AckBeforeSync,
    /// No file is ever synced.
    NoSync,
    /// No directory is ever synced.
    NoDirSync,
    /// A sync that failed is tried once more, and believed.
    SyncAgain,
    /// What is torn at the end is left as it is.
    NoTailRepair,
}

impl Mutant {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("ack-before-write", Self::AckBeforeWrite),
        ("ack-before-sync", Self::AckBeforeSync),
        ("no-sync", Self::NoSync),
        ("no-dir-sync", Self::NoDirSync),
        ("sync-again", Self::SyncAgain),
        ("no-tail-repair", Self::NoTailRepair),
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(own, _)| *own == name);
        found.map(|(_, mutant)| mutant)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, mutant)| *mutant == self);
        found.map_or("", |(name, _)| name)
    }

    /// A disk that is wrong in this way.
    #[must_use]
    pub fn below(self, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
        match self {
            Self::AckBeforeWrite | Self::AckBeforeSync => disk,
            _ => Arc::new(Wrong {
                way: Way::Mutant(self),
                disk,
            }),
        }
    }
}

impl Fate {
    /// A disk of a process that dies as this fate says.
    #[must_use]
    pub fn below(self, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
        Arc::new(Wrong {
            way: Way::Dies(Arc::new(self)),
            disk,
        })
    }
}

#[derive(Clone, Debug)]
enum Way {
    Mutant(Mutant),
    Dies(Arc<Fate>),
}

#[derive(Debug)]
struct Wrong {
    way: Way,
    disk: Arc<dyn Disk>,
}

impl Wrong {
    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        if matches!(self.way, Way::Dies(_)) && !path.to_string_lossy().contains(".jsonl") {
            // Locks and notes are written often, and are nothing that could be torn to anybody's harm.
            return file;
        }
        Box::new(WrongFile {
            way: self.way.clone(),
            file,
        })
    }
}

impl Disk for Wrong {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.open(path, how)?))
    }
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.disk.facts(path)
    }
    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.disk.create_dir(path, mode)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename_new(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.disk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match self.way {
            Way::Mutant(Mutant::NoDirSync) => Ok(()),
            _ => self.disk.sync_dir(path),
        }
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.disk.space(path)
    }
    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        self.disk.filesystem(path)
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }
    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.disk.adopt(descriptor, path)?))
    }
    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        self.disk.facts_behind(path)
    }
    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        self.disk.changes(path)
    }
    fn inodes(&self, path: &Path) -> io::Result<Option<Inodes>> {
        self.disk.inodes(path)
    }
    fn mount(&self, path: &Path) -> io::Result<Option<Mount>> {
        self.disk.mount(path)
    }
}

#[derive(Debug)]
struct WrongFile {
    way: Way,
    file: Box<dyn DiskFile>,
}

impl WrongFile {
    fn sync(&self, sync: impl Fn(&dyn DiskFile) -> io::Result<()>) -> io::Result<()> {
        match self.way {
            Way::Mutant(Mutant::NoSync) => Ok(()),
            Way::Mutant(Mutant::SyncAgain) => sync(&*self.file).or_else(|_| sync(&*self.file)),
            _ => sync(&*self.file),
        }
    }

    fn write(&self, bytes: &[u8], write: impl Fn(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
        match &self.way {
            Way::Dies(fate) => fate.write(bytes, write),
            Way::Mutant(_) => write(bytes),
        }
    }

    fn repairs(&self, bytes: &[u8]) -> bool {
        matches!(self.way, Way::Mutant(Mutant::NoTailRepair))
            && (bytes == b"\n" || bytes.iter().all(|byte| *byte == b' '))
    }
}

impl DiskFile for WrongFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.repairs(bytes) {
            return Ok(bytes.len());
        }
        self.write(bytes, |bytes| self.file.append(bytes))
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.repairs(bytes) {
            return Ok(bytes.len());
        }
        self.write(bytes, |bytes| self.file.write_at(bytes, offset))
    }
    fn sync_all(&self) -> io::Result<()> {
        self.sync(|file| file.sync_all())
    }
    fn facts(&self) -> io::Result<FileFacts> {
        self.file.facts()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }
    fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
    fn share(&self) -> io::Result<OwnedFd> {
        self.file.share()
    }
    fn has_writer(&self) -> io::Result<Option<bool>> {
        self.file.has_writer()
    }
    fn forget_cached(&self, from: u64) -> io::Result<()> {
        self.file.forget_cached(from)
    }
    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.file.set_mode(mode)
    }
}
