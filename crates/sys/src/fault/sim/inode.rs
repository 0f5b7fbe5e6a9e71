//! One inode: what a running system sees of it, and what the device has of it.
//!
//! A write changes the cache and waits. A sync copies the pages that wait to the device, whole, as the kernel does. A sync that fails
//! forgets that they waited (Linux marks them clean): the cache goes on showing bytes that the device does not have, and a later sync
//! says that all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::sync::Arc;

use super::content::{Content, PAGE, pieces};

/// Which inode, in one machine; never shown outside.
pub(super) type Node = u32;

/// The names in a directory.
pub(super) type Names = BTreeMap<Arc<OsStr>, Node>;

#[derive(Clone, Debug)]
pub(super) struct Inode {
    /// The number that is shown; it is given out again when the file is gone.
    pub(super) ino: u64,
    pub(super) nlink: u64,
    pub(super) mode: u32,
    pub(super) durable_mode: u32,
    pub(super) modified: u64,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    File(FileBody),
    Dir(DirBody),
}

#[derive(Clone, Debug, Default)]
pub(super) struct FileBody {
    pub(super) cache: Content,
    pub(super) durable: Content,
    /// Writes since the last sync, in order.
    pub(super) waiting: Vec<Write>,
}

/// Bytes that wait for a sync.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) at: u64,
    pub(super) bytes: Arc<[u8]>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct DirBody {
    pub(super) now: Arc<Names>,
    pub(super) durable: Arc<Names>,
}

impl Write {
    pub(super) fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    fn pages(&self) -> impl Iterator<Item = usize> {
        pieces(self.at, self.bytes.len(), PAGE).map(|(page, ..)| page)
    }
}

impl FileBody {
    pub(super) fn write(&mut self, write: Write) {
        if write.bytes.is_empty() {
            return;
        }
        self.cache.write(&write.bytes, write.at);
        self.waiting.push(write);
    }

    pub(super) fn sync(&mut self) {
        for write in &self.waiting {
            for page in write.pages() {
                self.durable.take_page(&self.cache, page);
            }
        }
        if !self.waiting.is_empty() {
            self.durable.reach(self.cache.len());
        }
        self.waiting.clear();
    }

    /// Nothing waits any more, and nothing of it has gone to the device.
    pub(super) fn fail_sync(&mut self) {
        self.waiting.clear();
    }

    /// What does not wait is from here on what the device has.
    pub(super) fn forget_cached(&mut self, from: u64) {
        let waiting: BTreeSet<usize> = self.waiting.iter().flat_map(Write::pages).collect();
        let first = usize::try_from(from / PAGE).unwrap_or(usize::MAX);
        for page in first..self.cache.pages() {
            if !waiting.contains(&page) {
                self.cache.take_page(&self.durable, page);
            }
        }
    }
}

impl Inode {
    pub(super) fn file(&self) -> Option<&FileBody> {
        match &self.body {
            Body::File(file) => Some(file),
            Body::Dir(_) => None,
        }
    }

    pub(super) fn dir(&self) -> Option<&DirBody> {
        match &self.body {
            Body::Dir(dir) => Some(dir),
            Body::File(_) => None,
        }
    }
}
