//! Where a site really is: its folder with symlinks resolved, and the key that all names of it share.

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

/// A site with its folder resolved. Cheap to make; one for each request.
#[derive(Clone, Debug)]
pub(crate) struct Place {
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
        let dir = disk
            .canonicalize(site.dir())
            .doing("find the folder", site.dir())?;
        let dir_facts = disk.facts(&dir).doing("look at the folder", &dir)?;
        if dir_facts.kind != FileKind::Directory {
            return Err(LatchError::Refused {
                path: dir,
                why: Refusal::NotAFolder,
            });
        }
        let session = site.session().to_owned();
        let sidecars = dir.join(SIDECARS);
        Ok(Self {
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
}
