//! An open file of a process of a machine in memory.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::content::END_MAX;
use super::inode::{Body, Node, Write};
use super::log::Change;
use super::machine::{Live, Machine, OpenId};
use super::state::State;
use crate::{DiskFile, FileFacts};

/// For what a file is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) reads: bool,
    pub(super) writes: bool,
    pub(super) appends: bool,
}

#[derive(Debug)]
pub(super) struct SimFile {
    machine: Arc<Machine>,
    process: u32,
    id: OpenId,
    node: Node,
    how: How,
}

impl SimFile {
    pub(super) fn new(
        machine: &Arc<Machine>,
        process: u32,
        id: OpenId,
        node: Node,
        how: How,
    ) -> Self {
        Self {
            machine: Arc::clone(machine),
            process,
            id,
            node,
            how,
        }
    }

    fn ino(&self, state: &State) -> u64 {
        state.inode(self.node).map_or(0, |inode| inode.ino)
    }

    fn write(&self, bytes: &[u8], at: impl FnOnce(&Live) -> io::Result<u64>) -> io::Result<usize> {
        let mut live = self.machine.call(self.process)?;
        let at = at(&live)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        if at + bytes.len() as u64 > END_MAX {
            return Err(Errno::FBIG.into());
        }
        let write = Write {
            at,
            bytes: bytes.into(),
        };
        let modified = live.state.tick();
        let inode = live.state.inode_mut(self.node)?;
        inode.modified = modified;
        if let Body::File(file) = &mut inode.body {
            file.write(write.clone());
        }
        let change = |state: &State| Change::Write {
            ino: self.ino(state),
            at,
            bytes: bytes.len(),
        };
        live.changed(change, Some((self.node, write)));
        live.tell(self.node);
        Ok(bytes.len())
    }

    fn sync(&self) -> io::Result<()> {
        let mut live = self.machine.call(self.process)?;
        let done = live.sync(self.id);
        if done.is_ok() {
            let inode = live.state.inode_mut(self.node)?;
            inode.durable_mode = inode.mode;
        }
        let change = |state: &State| Change::Sync {
            ino: self.ino(state),
            is_done: done.is_ok(),
        };
        live.changed(change, None);
        done
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let live = self.machine.call(self.process)?;
        if !self.how.reads {
            return Err(Errno::BADF.into());
        }
        let file = live.state.inode(self.node)?.file().ok_or(Errno::ISDIR)?;
        Ok(file.cache.read(buf, offset))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        if !self.how.appends {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the file was not opened for append",
            ));
        }
        self.write(bytes, |live| {
            let file = live.state.inode(self.node)?.file();
            file.map(|file| file.cache.len())
                .ok_or_else(|| Errno::ISDIR.into())
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(bytes, |_| match self.how.writes {
            true => Ok(offset),
            false => Err(Errno::BADF.into()),
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn facts(&self) -> io::Result<FileFacts> {
        let live = self.machine.call(self.process)?;
        live.state.facts(self.node, self.machine.owner)
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.machine.call(self.process)?.try_lock(self.id)
    }

    fn lock(&self) -> io::Result<()> {
        self.machine.lock(self.process, self.id)
    }

    fn unlock(&self) -> io::Result<()> {
        self.machine.unlock(self.process, self.id)
    }

    fn share(&self) -> io::Result<OwnedFd> {
        self.machine.call(self.process)?.share(self.id)
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        let mut live = self.machine.call(self.process)?;
        match live.state.inode(self.node)?.file() {
            Some(_) => Ok(Some(live.has_writer(self.node))),
            None => Ok(None),
        }
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        let mut live = self.machine.call(self.process)?;
        live.state.inode_mut(self.node)?.mode = mode & 0o7777;
        let change = |state: &State| Change::Mode {
            ino: self.ino(state),
        };
        live.changed(change, None);
        Ok(())
    }

    fn forget_cached(&self, from: u64) -> io::Result<()> {
        let mut live = self.machine.call(self.process)?;
        if let Ok(file) = live.state.file_mut(self.node) {
            file.forget_cached(from);
        }
        let change = |state: &State| Change::Forget {
            ino: self.ino(state),
            from,
        };
        live.changed(change, None);
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.machine.close(self.process, self.id);
    }
}
