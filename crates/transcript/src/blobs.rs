//! Large pieces of messages, kept out of line: one file for each, named by the BLAKE3 hash of its bytes.
//!
//! `<folder>/<two digits>/<64 digits>`, folders 0700, files 0600. Invariants: a blob is there whole and durable, or not at all; what is read
//! is held against its name; blobs are added and removed by one process at a time (`<folder>/lock`, which the kernel frees), read by anybody without a lock.
//! Deliberately absent: who refers to a blob, and when one may go. Limit: a blob is in memory whole.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use latchwork_sys::{
    DiskFile, FileKind, IoDoing as _, OpenHow, PathError, System, make_private_dir, read_at_most,
    write_whole,
};

/// The name of the lock among the shards.
const LOCK: &str = "lock";
/// How many of the digits name a shard.
const SHARD_DIGITS: usize = 2;

/// The hash of a blob's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// The name of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a blob is named by 64 hexadecimal digits in small letters")]
pub struct BadBlobId;

impl FromStr for BlobId {
    type Err = BadBlobId;

    fn from_str(text: &str) -> Result<Self, BadBlobId> {
        let small = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match blake3::Hash::from_hex(text) {
            Ok(hash) if small => Ok(Self(*hash.as_bytes())),
            _ => Err(BadBlobId),
        }
    }
}

/// Why a blob cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobLost {
    /// There is none.
    #[error("it is missing")]
    Missing,
    /// What is there is something else.
    #[error("what is there does not match its hash")]
    Wrong,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] PathError),
}

/// A blob as it lies there.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BlobSeen {
    /// Its name.
    pub id: BlobId,
    /// Its size.
    pub bytes: u64,
    /// When it was written, in Unix milliseconds.
    pub modified_ms: i64,
}

/// A folder of blobs, whether it is there or not. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlobStore {
    system: System,
    folder: PathBuf,
}

impl BlobStore {
    /// The blobs of this folder.
    #[must_use]
    pub fn at(system: System, folder: impl Into<PathBuf>) -> Self {
        Self {
            system,
            folder: folder.into(),
        }
    }

    /// Where they lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, id: BlobId) -> PathBuf {
        let name = id.to_string();
        let shard = name.get(..SHARD_DIGITS).unwrap_or_default();
        self.folder.join(shard).join(&name)
    }

    /// The bytes of a blob of this size.
    ///
    /// # Errors
    /// [`BlobLost`]: there are no bytes of that name to be had.
    ///
    /// # Blocking
    /// For reading them.
    pub fn read(&self, id: BlobId, bytes: u64) -> Result<Vec<u8>, BlobLost> {
        let path = self.path(id);
        let read = || -> io::Result<Vec<u8>> {
            let file = self.system.disk.open(&path, &OpenHow::reading())?;
            let size = file.facts()?.size;
            // What has another size is not read, however large it is.
            let limit = usize::try_from(bytes).unwrap_or(usize::MAX);
            match size == bytes {
                true => read_at_most(&*file, limit),
                false => Ok(Vec::new()),
            }
        };
        match read() {
            Ok(found) if found.len() as u64 == bytes && BlobId::of(&found) == id => Ok(found),
            Ok(_) => Err(BlobLost::Wrong),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobLost::Missing),
            Err(error) => Err(error)
                .doing("read", &path)
                .map_err(BlobLost::Unreadable),
        }
    }

    /// Every blob that is there, in the order of the names; of a folder that is not there, none.
    ///
    /// # Errors
    /// [`PathError`] when it cannot be looked at.
    ///
    /// # Blocking
    /// For a look at each.
    pub fn all(&self) -> Result<Vec<BlobSeen>, PathError> {
        let mut found = Vec::new();
        for shard in self.names(&self.folder)? {
            let folder = self.folder.join(&shard);
            let is_shard = shard.len() == SHARD_DIGITS
                && self
                    .system
                    .disk
                    .facts(&folder)
                    .doing("look at", &folder)?
                    .kind
                    == FileKind::Directory;
            if !is_shard {
                continue;
            }
            for name in self.names(&folder)? {
                let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                let path = folder.join(&name);
                let facts = self.system.disk.facts(&path).doing("look at", &path)?;
                found.push(BlobSeen {
                    id,
                    bytes: facts.size,
                    modified_ms: facts.modified_ms,
                });
            }
        }
        found.sort_by_key(|seen| seen.id);
        Ok(found)
    }

    fn names(&self, folder: &Path) -> Result<Vec<std::ffi::OsString>, PathError> {
        match self.system.disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.doing("list", folder),
        }
    }

    /// Waits until nobody else adds or removes blobs.
    ///
    /// # Errors
    /// [`PathError`]
    ///
    /// # Blocking
    /// Until whoever is at it has ended.
    pub fn hold(&self) -> Result<BlobHold, PathError> {
        let (file, path) = self.lock_file()?;
        file.lock().doing("lock", &path)?;
        Ok(self.held(file))
    }

    /// The same without waiting; `None` if somebody else is at it.
    ///
    /// # Errors
    /// [`PathError`]
    pub fn try_hold(&self) -> Result<Option<BlobHold>, PathError> {
        let (file, path) = self.lock_file()?;
        let free = file.try_lock().doing("lock", &path)?;
        Ok(free.then(|| self.held(file)))
    }

    fn held(&self, file: Box<dyn DiskFile>) -> BlobHold {
        BlobHold {
            store: self.clone(),
            _lock: file,
        }
    }

    fn lock_file(&self) -> Result<(Box<dyn DiskFile>, PathBuf), PathError> {
        let path = self.folder.join(LOCK);
        if let Some(above) = self.folder.parent() {
            make_private_dir(&*self.system.disk, above)?;
        }
        make_private_dir(&*self.system.disk, &self.folder)?;
        let how = OpenHow::updating().or_create().mode(0o600);
        let file = self.system.disk.open(&path, &how).doing("open", &path)?;
        Ok((file, path))
    }
}

/// The right to add and remove blobs. Whoever adds some keeps it until the lines that refer to them are written, so that none is
/// collected in between.
#[derive(Debug)]
pub struct BlobHold {
    store: BlobStore,
    _lock: Box<dyn DiskFile>,
}

impl BlobHold {
    /// Keeps these bytes, durable when it returns. What is there already and is whole is left as it is.
    ///
    /// # Errors
    /// [`PathError`]; no blob of that name is there then, or it is whole.
    ///
    /// # Blocking
    /// For three syncs.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobId, PathError> {
        let (store, id) = (&self.store, BlobId::of(bytes));
        let (disk, path) = (&*store.system.disk, store.path(id));
        let shard = path.parent().unwrap_or(&store.folder);
        if store.read(id, bytes.len() as u64).is_ok() {
            // Whoever gave it its name may have been killed before the name was durable.
            disk.sync_dir(shard).doing("make durable", shard)?;
        } else {
            make_private_dir(disk, shard)?;
            store.system.steps.reach("blob:before-write");
            write_whole(disk, &*store.system.entropy, &path, bytes, 0o600)?;
            store.system.steps.reach("blob:written");
        }
        // The shard's own name: another one may have made it, and been killed.
        let folder = &store.folder;
        disk.sync_dir(folder).doing("make durable", folder)?;
        Ok(id)
    }

    /// Removes a blob; one that is not there is gone.
    ///
    /// # Errors
    /// [`PathError`]
    pub fn remove(&self, id: BlobId) -> Result<(), PathError> {
        let path = self.store.path(id);
        match self.store.system.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.doing("remove", &path)?,
        }
        self.store.system.steps.reach("blob:removed");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::at(System::real(), dir.path().join("home/blobs"));
        std::fs::create_dir(dir.path().join("home")).unwrap();
        (dir, store)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_put_is_read_back_once_however_often_it_is_put(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..500), 0..6)) {
            let (_dir, store) = store();
            let hold = store.hold().unwrap();
            let mut ids: Vec<_> = all.iter().chain(&all).map(|bytes| hold.put(bytes).unwrap()).collect();
            for (id, bytes) in ids.iter().zip(&all) {
                prop_assert_eq!(&store.read(*id, bytes.len() as u64).unwrap(), bytes);
                prop_assert_eq!(id.to_string().parse::<BlobId>(), Ok(*id));
            }
            ids.sort();
            ids.dedup();
            prop_assert_eq!(store.all().unwrap().iter().map(|seen| seen.id).collect::<Vec<_>>(), ids);
        }
        #[test]
        fn no_text_makes_the_reader_of_names_panic(text in "\\PC{0,70}|[0-9a-fA-F]{60,68}") {
            let _ = text.parse::<BlobId>();
        }
    }

    #[test]
    fn a_blob_that_is_lost_cut_or_changed_is_told_as_that_and_put_again_it_is_whole() {
        let (_dir, store) = store();
        let hold = store.hold().unwrap();
        let id = hold.put(b"twelve bytes").unwrap();
        let path = store.path(id);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        for wrong in [&b"twelve bytez"[..], b"", b"twelve bytes and more"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(store.read(id, 12), Err(BlobLost::Wrong)));
        }
        hold.put(b"twelve bytes").unwrap();
        assert!(store.read(id, 12).is_ok());
        assert!(matches!(store.read(id, 13), Err(BlobLost::Wrong)));
        hold.remove(id).unwrap();
        hold.remove(id).unwrap();
        assert!(matches!(store.read(id, 12), Err(BlobLost::Missing)));
    }

    #[test]
    fn one_at_a_time_adds_or_removes() {
        let (_dir, store) = store();
        let hold = store.hold().unwrap();
        assert!(store.try_hold().unwrap().is_none());
        drop(hold);
        assert!(store.try_hold().unwrap().is_some());
    }
}
