//! Where a site really is, and the key that all names of its folder share.
//!
//! Paths are those that were given: the kernel resolves them anew with each call, so that a symlink that was turned
//! elsewhere is followed; whoever holds something compares inodes before each write.

use std::path::PathBuf;

use latchwork_sys::{Disk, FileFacts, FileKind, IoDoing};

use crate::{LatchError, Refusal, SIDECARS, Site};

/// One session whatever path it was reached by: device and inode of the folder, and the id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    dev: u64,
    ino: u64,
    session: String,
}

/// A site whose folder was found.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) key: Key,
    pub(crate) session: String,
    pub(crate) dir: PathBuf,
    pub(crate) dir_facts: FileFacts,
    pub(crate) sidecars: PathBuf,
    pub(crate) latch: PathBuf,
    pub(crate) transcript: PathBuf,
    pub(crate) peer_lock: PathBuf,
}

impl Place {
    pub(crate) fn find(disk: &dyn Disk, site: &Site) -> Result<Self, LatchError> {
        let dir_facts = look_at_folder(disk, site)?;
        let dir = site.dir().to_path_buf();
        let session = site.session().to_owned();
        let sidecars = dir.join(SIDECARS);
        Ok(Self {
            site: site.clone(),
            key: Key {
                dev: dir_facts.dev,
                ino: dir_facts.ino,
                session: session.clone(),
            },
            latch: sidecars.join(format!("{session}.latch")),
            transcript: dir.join(site.file_name()),
            peer_lock: dir.join(format!("{}.lock", site.file_name())),
            session,
            dir,
            dir_facts,
            sidecars,
        })
    }

    /// The files on which a lock stands: the latch, then the turns of those who joined it, one below the other.
    pub(crate) fn rung(&self, depth: usize) -> PathBuf {
        match depth {
            0 => self.latch.clone(),
            1 => self.sidecars.join(format!("{}.joined", self.session)),
            _ => self
                .sidecars
                .join(format!("{}.joined.{depth}", self.session)),
        }
    }

    /// Whether the folder is still the one that was found.
    pub(crate) fn still_stands(&self, disk: &dyn Disk) -> Result<bool, LatchError> {
        Ok(look_at_folder(disk, &self.site)?.same_inode(&self.dir_facts))
    }
}

fn look_at_folder(disk: &dyn Disk, site: &Site) -> Result<FileFacts, LatchError> {
    let facts = disk
        .facts_behind(site.dir())
        .doing("find the folder", site.dir())?;
    if facts.kind == FileKind::Directory {
        return Ok(facts);
    }
    Err(LatchError::Refused {
        path: site.dir().to_path_buf(),
        why: Refusal::NotAFolder,
    })
}
