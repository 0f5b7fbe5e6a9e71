//! The same program of operations on the real disk and on the one in memory, held against each other step by step.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use latchwork_sys::{Disk, DiskFile, FileFacts, FileKind, OpenHow, RealDisk, SimDisk, SimProcess};
use proptest::prelude::*;

use crate::program::{FILES, MODES, Op, PATHS, PROCESSES, SHARED};

/// An answer as both disks can give it: an error by its number, or by its kind if it has none.
fn said<T>(answer: io::Result<T>) -> Result<T, String> {
    answer.map_err(|error| match error.raw_os_error() {
        Some(number) => format!("errno {number}"),
        None => format!("{:?}", error.kind()),
    })
}

/// What of the facts is the same on every disk.
fn plain(facts: &FileFacts) -> impl PartialEq + Debug + use<> {
    let of_file = (facts.kind == FileKind::Regular).then_some((facts.nlink, facts.size));
    (facts.kind, facts.mode, facts.uid, of_file)
}

/// The same program on two disks.
struct Both {
    root: PathBuf,
    sim: SimDisk,
    processes: Vec<SimProcess>,
    files: Vec<Option<Pair>>,
    shared: Vec<Option<(OwnedFd, OwnedFd)>>,
    watch: Option<(OwnedFd, OwnedFd)>,
    was_shared: bool,
}

type Opened = io::Result<Box<dyn DiskFile>>;

struct Pair {
    process: usize,
    real: Box<dyn DiskFile>,
    sim: Box<dyn DiskFile>,
}

macro_rules! same {
    ($op:expr, $real:expr, $sim:expr) => {{
        let (real, sim) = (said($real), said($sim));
        prop_assert_eq!(&real, &sim, "the real disk left, ours right, at {:?}", $op);
        real
    }};
}

impl Both {
    fn new(root: &Path) -> Self {
        let sim = SimDisk::new(1);
        Self {
            root: root.canonicalize().unwrap(),
            processes: (0..PROCESSES).map(|_| sim.process()).collect(),
            sim,
            files: (0..FILES).map(|_| None).collect(),
            shared: (0..SHARED).map(|_| None).collect(),
            watch: None,
            was_shared: false,
        }
    }

    fn paths(&self, path: usize) -> (PathBuf, PathBuf) {
        (
            self.root.join(PATHS[path]),
            Path::new("/").join(PATHS[path]),
        )
    }

    fn name(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let sim = &self.processes[0];
        let at = |path: &usize| self.paths(*path);
        match op {
            Op::CreateDir(path, mode) => {
                let (real, ours) = at(path);
                let _ = same!(
                    op,
                    RealDisk.create_dir(&real, MODES[*mode]),
                    sim.create_dir(&ours, MODES[*mode])
                );
            }
            Op::Rename(from, to) => {
                let ((real, ours), (real_to, ours_to)) = (at(from), at(to));
                let _ = same!(
                    op,
                    RealDisk.rename(&real, &real_to),
                    sim.rename(&ours, &ours_to)
                );
            }
            Op::RenameNew(from, to) => {
                let ((real, ours), (real_to, ours_to)) = (at(from), at(to));
                let _ = same!(
                    op,
                    RealDisk.rename_new(&real, &real_to),
                    sim.rename_new(&ours, &ours_to)
                );
            }
            Op::Link(from, to) => {
                let ((real, ours), (real_to, ours_to)) = (at(from), at(to));
                let _ = same!(
                    op,
                    RealDisk.link(&real, &real_to),
                    sim.link(&ours, &ours_to)
                );
            }
            Op::Remove(path) => {
                let (real, ours) = at(path);
                let _ = same!(op, RealDisk.remove(&real), sim.remove(&ours));
            }
            Op::List(path) => {
                let (real, ours) = at(path);
                let sorted = |mut names: Vec<_>| {
                    names.sort();
                    names
                };
                let _ = same!(
                    op,
                    RealDisk.list(&real).map(sorted),
                    sim.list(&ours).map(sorted)
                );
            }
            Op::SyncDir(path) => {
                let (real, ours) = at(path);
                let _ = same!(op, RealDisk.sync_dir(&real), sim.sync_dir(&ours));
            }
            Op::Facts(path) => {
                let (real, ours) = at(path);
                let _ = same!(
                    op,
                    RealDisk.facts(&real).map(|f| plain(&f)),
                    sim.facts(&ours).map(|f| plain(&f))
                );
            }
            Op::FactsBehind(path) => {
                let (real, ours) = at(path);
                let _ = same!(
                    op,
                    RealDisk.facts_behind(&real).map(|f| plain(&f)),
                    sim.facts_behind(&ours).map(|f| plain(&f))
                );
            }
            Op::Asked(path) => {
                let (real, ours) = at(path);
                let _ = same!(
                    op,
                    RealDisk.space(&real).map(drop),
                    sim.space(&ours).map(drop)
                );
                let _ = same!(
                    op,
                    RealDisk.filesystem(&real).map(drop),
                    sim.filesystem(&ours).map(drop)
                );
            }
            Op::Canonicalize(path) => {
                let (real, ours) = at(path);
                let relative = |full: PathBuf| full.strip_prefix(&self.root).unwrap().to_path_buf();
                let within = |full: PathBuf| full.strip_prefix("/").unwrap().to_path_buf();
                let _ = same!(
                    op,
                    RealDisk.canonicalize(&real).map(relative),
                    sim.canonicalize(&ours).map(within)
                );
            }
            Op::Watch(path) => {
                let (real, ours) = at(path);
                if RealDisk
                    .facts(&real)
                    .is_ok_and(|facts| facts.kind == FileKind::Regular)
                {
                    self.watch = Some((
                        RealDisk.changes(&real).unwrap(),
                        sim.changes(&ours).unwrap(),
                    ));
                }
            }
            Op::Told => {
                // A second descriptor, shared, is a file of its own to the kernel's watch, not to ours.
                if let Some((real, ours)) = self.watch.as_ref().filter(|_| !self.was_shared) {
                    prop_assert_eq!(is_told(real), is_told(ours));
                }
            }
            _ => self.file(op)?,
        }
        Ok(())
    }

    fn file(&mut self, op: &Op) -> Result<(), TestCaseError> {
        match op {
            Op::Open(slot, process, path, how) => {
                let (real, ours) = self.paths(*path);
                let opened = (
                    RealDisk.open(&real, how),
                    self.processes[*process].open(&ours, how),
                );
                self.put(op, *slot, *process, opened)?;
            }
            Op::Close(slot) => self.files[*slot] = None,
            Op::Share(slot, to) => {
                if let Some(file) = &self.files[*slot] {
                    self.was_shared = true;
                    self.shared[*to] =
                        Some((file.real.share().unwrap(), file.sim.share().unwrap()));
                }
            }
            Op::Adopt(from, slot, process) => {
                if let Some((real, ours)) = self.shared[*from].take() {
                    let at = Path::new("/anywhere");
                    let adopted = (
                        RealDisk.adopt(real, at),
                        self.processes[*process].adopt(ours, at),
                    );
                    self.put(op, *slot, *process, adopted)?;
                }
            }
            Op::DropShared(slot) => self.shared[*slot] = None,
            Op::Kill(process) => {
                self.processes[*process].kill();
                for file in &mut self.files {
                    if file.as_ref().is_some_and(|file| file.process == *process) {
                        *file = None;
                    }
                }
                self.processes[*process] = self.sim.process();
            }
            _ => self.open_file(op)?,
        }
        Ok(())
    }

    fn put(
        &mut self,
        op: &Op,
        slot: usize,
        process: usize,
        opened: (Opened, Opened),
    ) -> Result<(), TestCaseError> {
        let (real, sim) = (said(opened.0), said(opened.1));
        prop_assert_eq!(real.as_ref().err(), sim.as_ref().err(), "{:?}", op);
        if let (Ok(real), Ok(sim)) = (real, sim) {
            self.files[slot] = Some(Pair { process, real, sim });
        }
        Ok(())
    }

    fn open_file(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let slot = match op {
            Op::Read(f, ..) | Op::Append(f, _) | Op::WriteAt(f, ..) | Op::SyncAll(f) => f,
            Op::FileFacts(f) | Op::TryLock(f) | Op::Lock(f) | Op::Unlock(f) | Op::HasWriter(f) => f,
            Op::SetMode(f, _) | Op::Forget(f, _) => f,
            other => panic!("{other:?} is not of a file"),
        };
        let Some(Pair { real, sim, .. }) = &self.files[*slot] else {
            return Ok(());
        };
        match op {
            Op::Read(_, length, at) => {
                let read = |file: &dyn DiskFile| {
                    let mut room = vec![0xEE; *length];
                    let read = file.read_at(&mut room, *at)?;
                    Ok((read, room))
                };
                let _ = same!(op, read(&**real), read(&**sim));
            }
            Op::Append(_, bytes) => {
                let _ = same!(op, real.append(bytes), sim.append(bytes));
            }
            Op::WriteAt(_, bytes, at) => {
                let _ = same!(op, real.write_at(bytes, *at), sim.write_at(bytes, *at));
            }
            Op::SyncAll(_) => {
                let _ = same!(op, real.sync_all(), sim.sync_all());
            }
            Op::FileFacts(_) => {
                let _ = same!(
                    op,
                    real.facts().map(|f| plain(&f)),
                    sim.facts().map(|f| plain(&f))
                );
            }
            Op::TryLock(_) => {
                let _ = same!(op, real.try_lock(), sim.try_lock());
            }
            Op::Lock(_) => {
                // Only where nobody would wait.
                let is_free = same!(op, real.try_lock(), sim.try_lock()) == Ok(true);
                if is_free {
                    let _ = same!(op, real.lock(), sim.lock());
                }
            }
            Op::Unlock(_) => {
                let _ = same!(op, real.unlock(), sim.unlock());
            }
            Op::HasWriter(_) => {
                let _ = same!(op, real.has_writer(), sim.has_writer());
            }
            Op::SetMode(_, mode) => {
                let _ = same!(op, real.set_mode(MODES[*mode]), sim.set_mode(MODES[*mode]));
            }
            Op::Forget(_, from) => {
                let _ = same!(op, real.forget_cached(*from), sim.forget_cached(*from));
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_told(watch: &OwnedFd) -> bool {
    let mut is_told = false;
    let mut room = [0; 512];
    while let Ok(read) = rustix::io::read(watch, &mut room) {
        if read == 0 {
            break;
        }
        is_told = true;
    }
    is_told
}

/// Every name below a directory, with what stands there.
fn tree(disk: &dyn Disk, at: &Path, root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for name in disk.list(at).unwrap() {
        let path = at.join(name);
        let facts = disk.facts(&path).unwrap();
        let below = path.strip_prefix(root).unwrap().to_path_buf();
        if facts.kind == FileKind::Directory {
            all.extend(tree(disk, &path, root));
            all.insert(below, format!("{:?}", plain(&facts)));
            continue;
        }
        let file = disk.open(&path, &OpenHow::reading()).unwrap();
        let bytes = latchwork_sys::read_at_most(&*file, 1 << 20).unwrap();
        all.insert(below, format!("{:?} {bytes:?}", plain(&facts)));
    }
    all
}

/// Which names are of one file.
fn links(
    disk: &dyn Disk,
    root: &Path,
    names: &BTreeMap<PathBuf, String>,
) -> Vec<(PathBuf, PathBuf)> {
    let key = |name: &PathBuf| disk.facts(&root.join(name)).unwrap().key();
    let mut same = Vec::new();
    for one in names.keys() {
        same.extend(
            names
                .keys()
                .filter(|two| key(one) == key(two))
                .map(|two| (one.clone(), two.clone())),
        );
    }
    same
}

/// Runs a program on both, and compares what is left.
pub(crate) fn run(program: &[Op]) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let mut both = Both::new(dir.path());
    for op in program {
        both.name(op)?;
    }
    let process = both.sim.process();
    let (root, ours) = (both.root.clone(), Path::new("/"));
    let real = tree(&RealDisk, &root, &root);
    prop_assert_eq!(&real, &tree(&process, ours, ours));
    prop_assert_eq!(links(&RealDisk, &root, &real), links(&process, ours, &real));
    Ok(())
}
