//! The kernel's word on many files at once: who has their locks, who waits for them, who has them open.
//!
//! The table of locks names who took a lock and who waits in the kernel; the descriptors of the processes show who shares a
//! lock by inheritance, who watches a file (and so looks now and then), and locks that the table does not show, since their
//! taker has ended.

use std::collections::{HashMap, HashSet};

use latchwork_sys::{FileFacts, FileKey, FileUse, FileUser, HeldLock, System};

/// What was seen at one look.
pub(crate) struct Kernel {
    held: HashMap<u64, Vec<HeldLock>>,
    waited: HashMap<u64, Vec<HeldLock>>,
    uses: HashMap<FileKey, Vec<FileUse>>,
}

impl Kernel {
    pub(crate) fn look(system: &System, files: &HashSet<FileKey>) -> Self {
        // Who waits is looked at first: a waiter that has its lock by the second look is its holder then, not nobody.
        let waited = by_inode(system.processes.waited_locks());
        let held = by_inode(system.processes.held_locks());
        let mut uses: HashMap<FileKey, Vec<FileUse>> = HashMap::new();
        if !files.is_empty() {
            for one in system.processes.uses_of(files) {
                uses.entry(one.file).or_default().push(one);
            }
        }
        Self { held, waited, uses }
    }

    /// Who took the lock of a file, by the table.
    pub(crate) fn named(&self, file: &FileFacts) -> Vec<u32> {
        self.rows(file).map(|lock| lock.pid).collect()
    }

    /// Which processes have the lock of a file, by their descriptors.
    pub(crate) fn lockers(&self, file: &FileFacts) -> Vec<FileUser> {
        let with_lock = self
            .uses(file)
            .iter()
            .filter(|one| one.lock_taken_by.is_some());
        let user = |one: &FileUse| FileUser {
            pid: one.pid,
            lock_taken_by: one.lock_taken_by,
        };
        with_lock.map(user).collect()
    }

    /// All of them.
    pub(crate) fn holders(&self, file: &FileFacts) -> Vec<u32> {
        let mut all = self.named(file);
        all.extend(self.lockers(file).into_iter().map(|user| user.pid));
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn is_locked(&self, file: &FileFacts) -> bool {
        self.rows(file).next().is_some() || !self.lockers(file).is_empty()
    }

    /// Who waits for the lock in the kernel.
    pub(crate) fn waiting(&self, file: &FileFacts) -> Vec<u32> {
        // Some filesystems have another device number in the table; the row of the holder tells which.
        let takers: Vec<u32> = self
            .lockers(file)
            .iter()
            .filter_map(|user| user.lock_taken_by)
            .collect();
        let mut devices: Vec<(u32, u32)> = of_inode(&self.held, file)
            .filter(|lock| takers.contains(&lock.pid))
            .map(|lock| lock.device)
            .collect();
        devices.extend(self.rows(file).map(|lock| lock.device));
        let rows = of_inode(&self.waited, file);
        let rows = rows.filter(|lock| lock.is_of(file) || devices.contains(&lock.device));
        let mut waiting: Vec<u32> = rows.map(|lock| lock.pid).collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }

    /// Who is told of changes of a file.
    pub(crate) fn watching(&self, file: &FileFacts) -> Vec<u32> {
        let watching = self.uses(file).iter().filter(|one| one.watches);
        watching.map(|one| one.pid).collect()
    }

    pub(crate) fn has_open(&self, pid: u32, file: &FileFacts) -> bool {
        self.uses(file).iter().any(|one| one.pid == pid && one.open)
    }

    fn rows(&self, file: &FileFacts) -> impl Iterator<Item = &HeldLock> {
        of_inode(&self.held, file).filter(move |lock| lock.is_of(file))
    }

    fn uses(&self, file: &FileFacts) -> &[FileUse] {
        self.uses.get(&file.key()).map_or(&[], Vec::as_slice)
    }
}

fn of_inode<'k>(
    table: &'k HashMap<u64, Vec<HeldLock>>,
    file: &FileFacts,
) -> impl Iterator<Item = &'k HeldLock> {
    table.get(&file.ino).into_iter().flatten()
}

fn by_inode(locks: Vec<HeldLock>) -> HashMap<u64, Vec<HeldLock>> {
    let mut table: HashMap<u64, Vec<HeldLock>> = HashMap::new();
    for lock in locks {
        table.entry(lock.ino).or_default().push(lock);
    }
    table
}
