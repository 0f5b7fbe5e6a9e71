//! The running machine: its disk, its open files and their locks, and who is told of changes.
//!
//! An open file (the kernel's "open file description") belongs to the handles that processes have of it and to the descriptors
//! that were shared out; with the last of them it is closed and its lock is free. A shared descriptor is the writing end of a pipe of which the machine
//! keeps the reading end: so it can be passed about as any descriptor, and the machine sees when the last one is closed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

use super::handle::How;
use super::inode::{Node, Write};
use super::log::{Change, Entry};
use super::state::State;

/// How often one who waits for a lock looks whether a descriptor that was shared out is closed.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Machine {
    live: Mutex<Live>,
    /// A lock may have become free.
    freed: Condvar,
    pub(super) seed: u64,
    /// The user and the group that every file belongs to.
    pub(super) owner: (u32, u32),
}

/// Which open file.
pub(super) type OpenId = u64;

#[derive(Debug)]
pub(super) struct Live {
    pub(super) state: State,
    pub(super) log: Option<(State, Arc<Vec<Entry>>)>,
    /// Changes since the beginning, recorded or not.
    pub(super) position: u64,
    open: BTreeMap<OpenId, Open>,
    next_open: OpenId,
    locks: BTreeMap<Node, OpenId>,
    next_process: u32,
    dead: BTreeSet<u32>,
    shared: Vec<Shared>,
    watchers: Vec<(Node, PipeWriter)>,
    /// Syncs that will fail.
    pub(super) sick: BTreeMap<Node, i32>,
    errors: BTreeMap<Node, WriteError>,
}

#[derive(Debug)]
struct Open {
    node: Node,
    how: How,
    /// One for each handle: the process that has it.
    owners: Vec<u32>,
    /// How many write errors of the inode it has been told.
    told: u64,
}

#[derive(Debug)]
struct Shared {
    /// The pipe's own identity, by which a descriptor of it is known again.
    key: (u64, u64),
    closed: PipeReader,
    open: OpenId,
}

/// Failed syncs of an inode: each open file is told once; one that is opened later only if nobody was.
#[derive(Clone, Copy, Debug, Default)]
struct WriteError {
    count: u64,
    errno: i32,
    is_told: bool,
}

impl Machine {
    pub(super) fn new(seed: u64, state: State) -> Self {
        Self {
            live: Mutex::new(Live {
                state,
                log: None,
                position: 0,
                open: BTreeMap::new(),
                next_open: 0,
                locks: BTreeMap::new(),
                next_process: 0,
                dead: BTreeSet::new(),
                shared: Vec::new(),
                watchers: Vec::new(),
                sick: BTreeMap::new(),
                errors: BTreeMap::new(),
            }),
            freed: Condvar::new(),
            seed,
            owner: (
                rustix::process::geteuid().as_raw(),
                rustix::process::getegid().as_raw(),
            ),
        }
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of this process, which must live.
    pub(super) fn call(&self, process: u32) -> io::Result<MutexGuard<'_, Live>> {
        let live = self.live();
        live.alive(process)?;
        Ok(live)
    }

    pub(super) fn start_process(&self) -> u32 {
        let mut live = self.live();
        live.next_process += 1;
        live.next_process
    }

    /// All that the process had open is closed, and no later call of it does anything.
    pub(super) fn kill(&self, process: u32) {
        let mut live = self.live();
        live.dead.insert(process);
        let all: Vec<OpenId> = live.open.keys().copied().collect();
        for id in all {
            if let Some(open) = live.open.get_mut(&id) {
                open.owners.retain(|owner| *owner != process);
            }
            live.close_unowned(id);
        }
        drop(live);
        self.freed.notify_all();
    }

    pub(super) fn close(&self, process: u32, id: OpenId) {
        let mut live = self.live();
        if let Some(open) = live.open.get_mut(&id)
            && let Some(handle) = open.owners.iter().position(|owner| *owner == process)
        {
            open.owners.swap_remove(handle);
            live.close_unowned(id);
        }
        drop(live);
        self.freed.notify_all();
    }

    pub(super) fn lock(&self, process: u32, id: OpenId) -> io::Result<()> {
        let mut live = self.live();
        loop {
            live.alive(process)?;
            if live.try_lock(id)? {
                return Ok(());
            }
            live = match live.shared.is_empty() {
                true => self
                    .freed
                    .wait(live)
                    .unwrap_or_else(PoisonError::into_inner),
                false => {
                    let waited = self.freed.wait_timeout(live, LOOK);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    pub(super) fn unlock(&self, process: u32, id: OpenId) -> io::Result<()> {
        let mut live = self.call(process)?;
        let node = live.node(id)?;
        if live.locks.get(&node) == Some(&id) {
            live.locks.remove(&node);
        }
        drop(live);
        self.freed.notify_all();
        Ok(())
    }
}

impl Live {
    fn alive(&self, process: u32) -> io::Result<()> {
        match self.dead.contains(&process) {
            true => Err(Errno::SRCH.into()),
            false => Ok(()),
        }
    }

    /// A change was made: it counts, and is recorded if that is wanted.
    pub(super) fn changed(
        &mut self,
        change: impl FnOnce(&State) -> Change,
        write: Option<(Node, Write)>,
    ) {
        self.position += 1;
        if let Some((_, entries)) = &mut self.log {
            Arc::make_mut(entries).push(Entry {
                change: change(&self.state),
                write,
                after: self.state.clone(),
            });
        }
    }

    pub(super) fn opened(&mut self, process: u32, node: Node, how: How) -> OpenId {
        self.next_open += 1;
        let error = self.errors.get(&node).copied().unwrap_or_default();
        let open = Open {
            node,
            how,
            owners: vec![process],
            told: match error.is_told {
                true => error.count,
                false => error.count.saturating_sub(1),
            },
        };
        self.open.insert(self.next_open, open);
        self.next_open
    }

    pub(super) fn node(&self, id: OpenId) -> io::Result<Node> {
        let open = self.open.get(&id).ok_or(Errno::BADF)?;
        Ok(open.node)
    }

    pub(super) fn try_lock(&mut self, id: OpenId) -> io::Result<bool> {
        let node = self.node(id)?;
        match self.locks.get(&node) {
            Some(holder) if *holder != id => {
                self.see_closed();
                if self.locks.contains_key(&node) {
                    return Ok(false);
                }
            }
            _ => {}
        }
        self.locks.insert(node, id);
        Ok(true)
    }

    pub(super) fn has_writer(&mut self, node: Node) -> bool {
        self.see_closed();
        let mut open = self.open.values();
        open.any(|open| open.node == node && open.how.writes)
    }

    fn is_open(&self, node: Node) -> bool {
        self.open.values().any(|open| open.node == node)
    }

    /// Closes what nobody has any more.
    fn close_unowned(&mut self, id: OpenId) {
        let is_unowned = self
            .open
            .get(&id)
            .is_some_and(|open| open.owners.is_empty());
        if !is_unowned || self.shared.iter().any(|shared| shared.open == id) {
            return;
        }
        if let Some(open) = self.open.remove(&id) {
            if self.locks.get(&open.node) == Some(&id) {
                self.locks.remove(&open.node);
            }
            if open.how.writes {
                self.tell(open.node);
            }
            self.drop_nameless(open.node);
        }
    }

    /// An inode without a name is gone when nobody has it open.
    pub(super) fn drop_nameless(&mut self, node: Node) {
        if self.state.is_nameless(node) && !self.is_open(node) {
            self.state.give_back_number(node);
            self.errors.remove(&node);
            self.sick.remove(&node);
            self.tell(node);
            self.watchers.retain(|(watched, _)| *watched != node);
        }
    }

    pub(super) fn tidy(&mut self) {
        let open: Vec<Node> = self.open.values().map(|open| open.node).collect();
        self.state.tidy(open.into_iter());
    }

    /// Whether this sync fails, and with what; a failure of before is told, too.
    pub(super) fn sync(&mut self, id: OpenId) -> io::Result<()> {
        let node = self.node(id)?;
        let failed = self.sick.remove(&node);
        if let Ok(file) = self.state.file_mut(node) {
            match failed {
                Some(_) => file.fail_sync(),
                None => file.sync(),
            }
        }
        if let Some(errno) = failed {
            let error = self.errors.entry(node).or_default();
            (error.count, error.errno, error.is_told) = (error.count + 1, errno, false);
        }
        let (Some(error), Some(open)) = (self.errors.get_mut(&node), self.open.get_mut(&id)) else {
            return Ok(());
        };
        if open.told == error.count {
            return Ok(());
        }
        open.told = error.count;
        error.is_told = true;
        Err(io::Error::from_raw_os_error(error.errno))
    }

    pub(super) fn share(&mut self, id: OpenId) -> io::Result<OwnedFd> {
        let (closed, ours) = io::pipe()?;
        rustix::io::ioctl_fionbio(&closed, true)?;
        self.shared.push(Shared {
            key: pipe_key(closed.as_fd())?,
            closed,
            open: id,
        });
        Ok(ours.into())
    }

    pub(super) fn adopt(
        &mut self,
        process: u32,
        descriptor: &OwnedFd,
    ) -> io::Result<(OpenId, How)> {
        let key = pipe_key(descriptor.as_fd())?;
        let known = self.shared.iter().find(|shared| shared.key == key);
        let id = known.ok_or(Errno::BADF)?.open;
        let open = self.open.get_mut(&id).ok_or(Errno::BADF)?;
        open.owners.push(process);
        Ok((id, open.how))
    }

    /// Looks which descriptors that were shared out are closed.
    fn see_closed(&mut self) {
        let is_closed = |shared: &mut Shared| {
            let mut room = [0; 1];
            matches!(io::Read::read(&mut shared.closed, &mut room), Ok(0))
        };
        let closed: Vec<Shared> = self.shared.extract_if(.., is_closed).collect();
        for shared in closed {
            self.close_unowned(shared.open);
        }
    }

    pub(super) fn watch(&mut self, node: Node) -> io::Result<OwnedFd> {
        let (theirs, ours) = io::pipe()?;
        rustix::io::ioctl_fionbio(&theirs, true)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.watchers.push((node, ours));
        Ok(theirs.into())
    }

    /// Tells those who watch; a full pipe is told enough, and a closed one is forgotten.
    pub(super) fn tell(&mut self, node: Node) {
        self.watchers.retain_mut(|(watched, pipe)| {
            *watched != node
                || match pipe.write(&[0]) {
                    Ok(_) => true,
                    Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                }
        });
    }
}

fn pipe_key(pipe: std::os::fd::BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let facts = crate::real_disk::facts_of(&rustix::fs::fstat(pipe)?);
    Ok((facts.dev, facts.ino))
}
