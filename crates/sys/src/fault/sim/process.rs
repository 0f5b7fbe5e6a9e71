//! One process of a machine in memory: the disk as it calls it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::choice::{Choice as _, Dice};
use super::handle::{How, SimFile};
use super::inode::{Body, DirBody, FileBody, Inode, Node};
use super::log::Change;
use super::machine::{Live, Machine};
use super::state::{Move, Place, State, full};
use crate::{Disk, DiskFile, FileFacts, FsKind, OpenHow, Space};

/// What the disk can hold, as it is said; there is no end to it.
const ROOM: u64 = 1 << 40;

/// A process on a [`SimDisk`](super::SimDisk). Its clones are the same process.
#[derive(Clone, Debug)]
pub struct SimProcess {
    machine: Arc<Machine>,
    id: u32,
}

impl SimProcess {
    pub(super) fn start(machine: &Arc<Machine>) -> Self {
        Self {
            machine: Arc::clone(machine),
            id: machine.start_process(),
        }
    }

    /// Ends the process, as SIGKILL does: its files are closed, its locks free, and no later call of it or of its files has any effect
    /// (they answer `ESRCH`). What it wrote stays.
    pub fn kill(&self) {
        self.machine.kill(self.id);
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> io::Result<T>) -> io::Result<T> {
        look(&self.machine.call(self.id)?.state)
    }

    fn rename_as(
        &self,
        what: &'static str,
        from: &Path,
        to: &Path,
        may_replace: bool,
    ) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        let (old, new) = (live.state.place(from)?, live.state.place(to)?);
        let node = old.node.ok_or(Errno::NOENT)?;
        if new.node.is_some() && !may_replace {
            return Err(Errno::EXIST.into());
        }
        if new.node == Some(node) {
            return Ok(());
        }
        let fits = may_stand_there(&live.state, node, from, &new, to);
        // To the real disk EINVAL means that it must try another way, a second name: which a directory cannot have.
        fits.map_err(|error| match error {
            Errno::INVAL if !may_replace => Errno::PERM,
            other => other,
        })?;
        let change = Move(vec![
            (old.dir, old.name, None),
            (new.dir, new.name, Some(node)),
        ]);
        rename(&mut live, change, what, &[from, to])
    }
}

/// Whether what moves may take the place of what stands there.
fn may_stand_there(
    state: &State,
    node: Node,
    from: &Path,
    new: &Place,
    to: &Path,
) -> Result<(), Errno> {
    let dir = |node| state.inode(node).ok().and_then(Inode::dir);
    let moves_dir = dir(node).is_some();
    // Paths without links: a directory is above another if its path is.
    let (from, to) = (full(from), full(to));
    if moves_dir && to.starts_with(&from) {
        return Err(Errno::INVAL);
    }
    let Some(there) = new.node else {
        return Ok(());
    };
    match (moves_dir, dir(there)) {
        (true, None) => Err(Errno::NOTDIR),
        (_, Some(_)) if from.starts_with(to) => Err(Errno::NOTEMPTY),
        (false, Some(_)) => Err(Errno::ISDIR),
        (true, Some(dir)) if !dir.now.is_empty() => Err(Errno::NOTEMPTY),
        _ => Ok(()),
    }
}

fn rename(live: &mut Live, change: Move, what: &'static str, paths: &[&Path]) -> io::Result<()> {
    let lost = live.state.rename(change)?;
    let paths = || paths.iter().map(|path| path.to_path_buf()).collect();
    live.changed(|_| Change::Name(what, paths()), None);
    for node in lost {
        live.drop_nameless(node);
    }
    Ok(())
}

impl Disk for SimProcess {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        let mut live = self.machine.call(self.id)?;
        let writes = how.write || how.append;
        let is_made = how.create || how.create_new;
        let found = match is_made && path.file_name().is_some() {
            true => live.state.place(path)?.node,
            false => Some(live.state.find(path)?),
        };
        let node = match found {
            Some(_) if how.create_new => return Err(Errno::EXIST.into()),
            Some(node) => {
                let is_dir = live.state.inode(node)?.dir().is_some();
                if is_dir && (writes || is_made) {
                    return Err(Errno::ISDIR.into());
                }
                node
            }
            None => {
                let place = live.state.place(path)?;
                let node = live.state.make(how.mode, Body::File(FileBody::default()));
                let change = Move(vec![(place.dir, place.name, Some(node))]);
                rename(&mut live, change, "create", &[path])?;
                node
            }
        };
        let how = How {
            reads: how.read || !writes,
            writes,
            appends: how.append,
        };
        let id = live.opened(self.id, node, how);
        drop(live);
        Ok(Box::new(SimFile::new(
            &self.machine,
            self.id,
            id,
            node,
            how,
        )))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.read(|state| state.facts(state.find(path)?, self.machine.owner))
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        if path.file_name().is_none() {
            return Err(Errno::EXIST.into());
        }
        let place = live.state.place(path)?;
        if place.node.is_some() {
            return Err(Errno::EXIST.into());
        }
        let node = live.state.make(mode, Body::Dir(DirBody::default()));
        let change = Move(vec![(place.dir, place.name, Some(node))]);
        rename(&mut live, change, "make the directory", &[path])
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_as("rename", from, to, true)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_as("rename to a new name", from, to, false)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        let node = live.state.find(from)?;
        let place = live.state.place(to)?;
        if place.node.is_some() {
            return Err(Errno::EXIST.into());
        }
        if live.state.inode(node)?.dir().is_some() {
            return Err(Errno::PERM.into());
        }
        let change = Move(vec![(place.dir, place.name, Some(node))]);
        rename(&mut live, change, "link", &[from, to])
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        let place = live.state.place(path)?;
        let node = place.node.ok_or(Errno::NOENT)?;
        if live.state.inode(node)?.dir().is_some() {
            return Err(Errno::ISDIR.into());
        }
        let change = Move(vec![(place.dir, place.name, None)]);
        rename(&mut live, change, "remove", &[path])
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        let place = live.state.place(path)?;
        let node = place.node.ok_or(Errno::NOENT)?;
        if live.state.inode(node)?.dir().is_none() {
            return Err(Errno::NOTDIR.into());
        }
        if live.state.names(node)?.iter().next().is_some() {
            return Err(Errno::NOTEMPTY.into());
        }
        let change = Move(vec![(place.dir, place.name, None)]);
        rename(&mut live, change, "remove", &[path])
    }

    /// The order is another one for each seed and each state, but the same for the same.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let live = self.machine.call(self.id)?;
        let names = live.state.names(live.state.find(path)?)?;
        let mut names: Vec<OsString> = names.keys().map(|name| name.to_os_string()).collect();
        let mut dice = Dice::new(self.machine.seed ^ live.position);
        for last in (1..names.len()).rev() {
            let other = dice.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize;
            names.swap(last, other);
        }
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut live = self.machine.call(self.id)?;
        let dir = live.state.find(path)?;
        live.state.sync_dir(dir)?;
        live.changed(|_| Change::SyncDir(path.to_path_buf()), None);
        live.tidy();
        Ok(())
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.read(|state| state.find(path))?;
        Ok(Space {
            available: ROOM,
            free: ROOM,
            total: ROOM,
        })
    }

    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        self.read(|state| state.find(path))?;
        Ok(FsKind::Local)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.read(|state| {
            state.find(path)?;
            Ok(full(path))
        })
    }

    fn adopt(&self, descriptor: OwnedFd, _path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut live = self.machine.call(self.id)?;
        let (id, how) = live.adopt(self.id, &descriptor)?;
        let node = live.node(id)?;
        drop(live);
        Ok(Box::new(SimFile::new(
            &self.machine,
            self.id,
            id,
            node,
            how,
        )))
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        self.facts(path)
    }

    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut live = self.machine.call(self.id)?;
        let node = live.state.find(path)?;
        live.watch(node)
    }
}
