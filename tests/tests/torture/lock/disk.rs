//! The machine's files as one process sees them: the product's own seams, over [`Machine`].

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchwork_sys::{
    Clock, Companion, Disk, DiskFile, Entropy, FileFacts, FileKind, FsKind, Liveness, NoSteps,
    OpenHow, ProcessIdentity, Processes, Sleep, Space, System,
};

use super::machine::{Fault, Inode, Machine, OpenId};

/// One process's view of the machine.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) machine: Arc<Machine>,
    pub(crate) process: u32,
}

impl View {
    pub(crate) fn system(&self) -> System {
        System {
            disk: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
            processes: Arc::new(self.clone()),
            entropy: Arc::new(Names {
                process: self.process,
                next: AtomicU64::new(0),
            }),
            steps: Arc::new(NoSteps),
        }
    }
}

fn not_found<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

fn facts_of(number: u64, inode: &Inode) -> FileFacts {
    FileFacts {
        dev: 1,
        ino: number,
        nlink: inode.names,
        size: inode.bytes.len() as u64,
        mode: inode.mode,
        uid: 0,
        gid: 0,
        kind: if inode.is_dir {
            FileKind::Directory
        } else {
            FileKind::Regular
        },
        modified_ms: inode.modified,
        modified_nanos: 0,
    }
}

impl Disk for View {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.machine.call(self.process)?;
        let number = match state.names.get(path) {
            Some(_) if how.create_new => return Err(io::ErrorKind::AlreadyExists.into()),
            Some(number) => *number,
            None if how.create || how.create_new => {
                let folder = path.parent().unwrap_or(path);
                if !state.names.contains_key(folder) {
                    return not_found();
                }
                state.make(path, false, how.mode)
            }
            None => return not_found(),
        };
        let id = (self.process, state.number());
        Ok(Box::new(OpenFile {
            view: self.clone(),
            number,
            id,
            is_latch: path.extension().is_some_and(|ending| ending == "latch"),
        }))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let state = self.machine.call(self.process)?;
        match state.names.get(path) {
            Some(number) => Ok(facts_of(*number, &state.inodes[number])),
            None => not_found(),
        }
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut state = self.machine.call(self.process)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.make(path, true, mode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.machine.call(self.process)?;
        let number = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        if state.names.contains_key(to) {
            state.unlink(to)?;
        }
        state.names.insert(to.to_path_buf(), number);
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.machine.fault == Fault::RenameReplaces {
            return self.rename(from, to);
        }
        let mut state = self.machine.call(self.process)?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), number);
        Ok(())
    }

    fn link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.machine.call(self.process)?.unlink(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let state = self.machine.call(self.process)?;
        let within = state
            .names
            .keys()
            .filter(|name| name.parent() == Some(path));
        Ok(within
            .filter_map(|name| Some(name.file_name()?.to_os_string()))
            .collect())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        self.machine.call(self.process).map(drop)
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn filesystem(&self, _path: &Path) -> io::Result<FsKind> {
        Ok(FsKind::Local)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }

    fn adopt(&self, _descriptor: OwnedFd, _path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        self.facts(path)
    }

    fn changes(&self, _path: &Path) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(Debug)]
struct OpenFile {
    view: View,
    number: u64,
    id: OpenId,
    is_latch: bool,
}

impl OpenFile {
    fn with<T>(&self, use_it: impl FnOnce(&mut Inode, i64) -> T) -> io::Result<T> {
        let mut state = self.view.machine.call(self.view.process)?;
        let now = state.now();
        match state.inodes.get_mut(&self.number) {
            Some(inode) => Ok(use_it(inode, now)),
            None => not_found(),
        }
    }
}

impl DiskFile for OpenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|inode, _| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = inode.bytes.get(from..).unwrap_or_default();
            let read = rest.len().min(buf.len());
            buf[..read].copy_from_slice(&rest[..read]);
            read
        })
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|inode, now| {
            inode.bytes.extend_from_slice(bytes);
            inode.modified = now;
            bytes.len()
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|inode, now| {
            let from = usize::try_from(offset).unwrap_or(0);
            let end = from + bytes.len();
            if inode.bytes.len() < end {
                inode.bytes.resize(end, 0);
            }
            inode.bytes[from..end].copy_from_slice(bytes);
            inode.modified = now;
            bytes.len()
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.with(|_, _| ())
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.with(|inode, _| facts_of(self.number, inode))
    }

    fn try_lock(&self) -> io::Result<bool> {
        let machine = &self.view.machine;
        let mut state = machine.call(self.view.process)?;
        let holder = state.flocks.get(&self.number).copied();
        let is_in_the_way = match machine.fault {
            Fault::LocksAreLocal => holder.is_some_and(|holder| holder.0 == self.id.0),
            Fault::NoSecondWall => holder.is_some() && self.is_latch,
            _ => holder.is_some(),
        };
        if is_in_the_way && holder != Some(self.id) {
            return Ok(false);
        }
        state.flocks.insert(self.number, self.id);
        Ok(true)
    }

    fn lock(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.view.machine.call(self.view.process)?;
        if state.flocks.get(&self.number) == Some(&self.id) {
            state.flocks.remove(&self.number);
        }
        Ok(())
    }

    fn share(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // No choice for the scheduler here: files are dropped under locks of the product's.
        let mut state = self.view.machine.state();
        if state.flocks.get(&self.number) == Some(&self.id) {
            state.flocks.remove(&self.number);
        }
    }
}

impl Clock for View {
    fn wall_ms(&self) -> i64 {
        self.machine.state().now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.machine.state().now().unsigned_abs())
    }

    fn boottime(&self) -> Duration {
        self.monotonic()
    }

    fn sleep(&self, _time: Duration) -> Sleep {
        Box::pin(shuttle::future::yield_now())
    }
}

/// A process of the machine stands for itself before peers: what its stand-in does is another test's.
#[derive(Debug)]
struct Itself(View);

impl Companion for Itself {
    fn pid(&self) -> u32 {
        self.0.process
    }

    fn is_running(&self) -> bool {
        true
    }

    fn lifeline(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Processes for View {
    fn own(&self) -> ProcessIdentity {
        ProcessIdentity {
            pid: self.process,
            starttime: Some(u64::from(self.process)),
            boot_id: Some("boot".to_owned()),
            pid_namespace: Some(1),
            host: "machine".to_owned(),
        }
    }

    fn look(&self, pid: u32) -> Liveness {
        if self.machine.is_dead(pid) {
            return Liveness::Dead;
        }
        Liveness::Alive {
            state: 'S',
            starttime: Some(u64::from(pid)),
            command: Vec::new(),
        }
    }

    fn companion(&self, _name: &str) -> io::Result<Box<dyn Companion>> {
        Ok(Box::new(Itself(self.clone())))
    }

    fn child_gets_lock(&self, _path: &Path) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Random bytes that are the same in each run of one schedule, and never the same twice.
#[derive(Debug)]
struct Names {
    process: u32,
    next: AtomicU64,
}

impl Entropy for Names {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        let number = self.next.fetch_add(1, Ordering::Relaxed) << 16 | u64::from(self.process);
        for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *to = from;
        }
    }
}
