//! A machine in memory whose every call is a point where the scheduler may go on with another process.
//!
//! It has files, names, inodes, `flock` on open files, and processes that can die at any call: then their locks are free
//! and whatever they still do has no effect, as after SIGKILL. Invariant: its own state is never locked while the
//! scheduler chooses. Deliberately absent: durability (nothing here loses power), permissions, symlinks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shuttle::sync::atomic::{AtomicUsize, Ordering};

/// What this machine does wrong, on purpose: a campaign that does not notice is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A lock keeps out the same process only, as on some shared filesystems.
    LocksAreLocal,
    /// The lock of a transcript is granted to everybody: there is no second wall.
    NoSecondWall,
    /// A rename that must not replace does.
    RenameReplaces,
    /// Nothing: ours check their claim before they take the latch, not under it.
    ClaimCheckedEarly,
    /// Nothing: ours do not look at the peers' lock file.
    PeersIgnored,
}

/// One machine; shared by its processes.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) fault: Fault,
    state: Mutex<State>,
    /// Touching it is where the scheduler may choose another, without calling the one who touches it idle.
    choice: AtomicUsize,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) inodes: HashMap<u64, Inode>,
    pub(crate) names: BTreeMap<PathBuf, u64>,
    /// Which open file has the lock of an inode.
    pub(crate) flocks: HashMap<u64, OpenId>,
    next: u64,
    ticks: i64,
    dead: HashSet<u32>,
    /// After how many calls a process dies.
    fates: HashMap<u32, u32>,
    /// Who is between the check before a write and its end.
    writing: Option<u32>,
    /// Two have written together. That is told once: while one task unwinds from it, another must not begin to.
    is_broken: bool,
    /// The highest epoch that somebody has taken over with.
    taken_over: u64,
    /// Lines that were acknowledged.
    pub(crate) acknowledged: Vec<String>,
}

/// An open file of a process.
pub(crate) type OpenId = (u32, u64);

#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) is_dir: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) names: u64,
    pub(crate) modified: i64,
    pub(crate) mode: u32,
}

impl Machine {
    pub(crate) fn new(fault: Fault) -> Self {
        let machine = Self {
            fault,
            state: Mutex::default(),
            choice: AtomicUsize::new(0),
        };
        machine.state().make(Path::new("/s"), true, 0o700);
        machine
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call of a process: first the scheduler's choice, then, perhaps, its end.
    pub(crate) fn call(&self, process: u32) -> io::Result<MutexGuard<'_, State>> {
        self.choice.fetch_add(1, Ordering::SeqCst);
        let mut state = self.state();
        state.ticks += 1;
        if let Some(left) = state.fates.get_mut(&process) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                state.kill(process);
            }
        }
        if state.dead.contains(&process) {
            return Err(io::Error::other("the process was killed"));
        }
        Ok(state)
    }

    pub(crate) fn is_dead(&self, process: u32) -> bool {
        self.state().dead.contains(&process)
    }

    /// The process ends at this call of its, counted from now.
    pub(crate) fn will_die(&self, process: u32, at: u32) {
        self.state().fates.insert(process, at);
    }

    /// The process begins to write: nobody else may be at it.
    pub(crate) fn begins_to_write(&self, process: u32) {
        let mut state = self.state();
        if state.is_broken || state.dead.contains(&process) {
            return;
        }
        if let Some(other) = state.writing {
            state.is_broken = true;
            drop(state);
            panic!("{process} writes while {other} does");
        }
        state.writing = Some(process);
    }

    /// The process has written this line.
    pub(crate) fn has_written(&self, process: u32, line: &str) {
        let mut state = self.state();
        if state.is_broken || state.dead.contains(&process) {
            return;
        }
        assert_eq!(state.writing, Some(process));
        state.writing = None;
        state.acknowledged.push(line.to_owned());
    }

    /// The process has taken the turn over.
    pub(crate) fn took_over(&self, process: u32, epoch: u64) {
        let mut state = self.state();
        if !state.dead.contains(&process) {
            state.taken_over = state.taken_over.max(epoch);
        }
    }

    /// The highest epoch that somebody has taken over with.
    pub(crate) fn taken_over(&self) -> u64 {
        self.state().taken_over
    }

    /// The process gives up writing.
    pub(crate) fn gives_up_writing(&self, process: u32) {
        let mut state = self.state();
        if state.writing == Some(process) {
            state.writing = None;
        }
    }
}

impl State {
    /// Milliseconds since 1970 on this machine's clock: far from zero, one for each call.
    pub(crate) fn now(&self) -> i64 {
        1_800_000_000_000 + self.ticks
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn make(&mut self, path: &Path, is_dir: bool, mode: u32) -> u64 {
        let number = self.number();
        let inode = Inode {
            is_dir,
            bytes: Vec::new(),
            names: 1,
            modified: self.now(),
            mode,
        };
        self.inodes.insert(number, inode);
        self.names.insert(path.to_path_buf(), number);
        number
    }

    /// A folder goes with all that is in it.
    pub(crate) fn remove_folder(&mut self, path: &Path) {
        let below: Vec<PathBuf> = self
            .names
            .keys()
            .filter(|name| name.starts_with(path))
            .cloned()
            .collect();
        for name in below {
            let _ = self.unlink(&name);
        }
    }

    pub(crate) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let number = self.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.names -= 1;
        }
        Ok(())
    }

    pub(crate) fn text(&self, path: &Path) -> String {
        let inode = self
            .names
            .get(path)
            .and_then(|number| self.inodes.get(number));
        String::from_utf8_lossy(&inode.map(|inode| inode.bytes.clone()).unwrap_or_default())
            .into_owned()
    }

    fn kill(&mut self, process: u32) {
        self.dead.insert(process);
        self.flocks.retain(|_, (owner, _)| *owner != process);
        if self.writing == Some(process) {
            self.writing = None;
        }
    }
}
