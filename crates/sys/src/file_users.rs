//! Which processes have a file open, and which of them share its lock; and the kernel's table of locks.
//!
//! Read from `/proc`: a link `/proc/PID/fd/N` leads to the very inode, and `/proc/PID/fdinfo/N` lists the `flock` that this
//! open file has. The table `/proc/locks` names the process that took a lock, though others may share it by inheritance.
//!
//! Limits: processes of other users are not seen without privilege, nor those outside of this pid namespace; what is read
//! may be out of date when it is used. Some filesystems (overlayfs, btrfs) show another device number in the table than
//! `stat` does; the descriptors are right there, too.

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::FileFacts;
use crate::real_disk::facts_of;

/// A process that has a file open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUser {
    /// Its process id.
    pub pid: u32,
    /// If one of its descriptors has the exclusive `flock` of the file: the process that took it, which may be another one that
    /// handed the open file down. 0 where that process has ended, or cannot be seen from here.
    pub lock_taken_by: Option<u32>,
}

/// An exclusive `flock` that is held, as the kernel's table shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldLock {
    /// Who took it. It may have ended since, and left the lock to whoever inherited the open file.
    pub pid: u32,
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// Inode number.
    pub ino: u64,
}

impl HeldLock {
    /// Whether it is the lock of this file.
    #[must_use]
    pub fn is_of(&self, file: &FileFacts) -> bool {
        let device = (rustix::fs::major(file.dev), rustix::fs::minor(file.dev));
        self.ino == file.ino && self.device == device
    }

    /// Reads one line of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 41822 fd:01:1311 0 EOF`. `None` for anything else, a lock
    /// that is only waited for among it (it has an arrow after its number).
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        Self::parse_words(line.split_whitespace().skip(1))
    }

    /// Reads one line of `/proc/locks` in which a lock is waited for: `1: -> FLOCK  ADVISORY  WRITE 41823 fd:01:1311 0 EOF`.
    /// The process is the one that waits.
    #[must_use]
    pub fn parse_waiting(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == "->").then(|| Self::parse_words(words))?
    }

    fn parse_words<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let kind = (words.next()?, words.next()?, words.next()?);
        if kind != ("FLOCK", "ADVISORY", "WRITE") {
            return None;
        }
        let pid = words.next()?.parse().ok()?;
        let mut place = words.next()?.split(':');
        let mut number = || u32::from_str_radix(place.next()?, 16).ok();
        let device = (number()?, number()?);
        let ino = place.next()?.parse().ok()?;
        place.next().is_none().then_some(Self { pid, device, ino })
    }
}

/// The exclusive `flock`s that are held now.
pub(crate) fn held_locks() -> Vec<HeldLock> {
    in_table(HeldLock::parse)
}

/// A table of the kernel's that is shorter than this is given out in one piece.
const ONE_PIECE: usize = 3_000;
/// How often a longer one is read.
const READINGS: usize = 4;

/// What stands in `/proc/locks`. The kernel gives out a long table in pieces, and what changes in between shifts the rest, so that
/// a lock may be missing that stands all along. Such a table is read several times, and what stood in any reading counts: one that was
/// given back a moment ago may be among it, as it may be with one reading.
pub(crate) fn in_table<T: Copy + Eq + Hash>(parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    all_readings(|| table().unwrap_or_default(), parse)
}

/// One reading, in pieces as large as the kernel gives them: it stops at the size that is asked for, so reading by few bytes would
/// make many pieces even of a short table.
fn table() -> std::io::Result<String> {
    let mut file = std::fs::File::open("/proc/locks")?;
    let (mut table, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(String::from_utf8_lossy(&table).into_owned()),
            length => table.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
}

fn all_readings<T: Copy + Eq + Hash>(
    mut read: impl FnMut() -> String,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    for _ in 0..READINGS {
        let table = read();
        let all = table.lines().filter_map(&parse);
        found.extend(all.filter(|one| known.insert(*one)));
        if table.len() < ONE_PIECE {
            break;
        }
    }
    found
}

/// The processes that have the file open.
pub(crate) fn users_of(file: &FileFacts) -> Vec<FileUser> {
    let pids = names(Path::new("/proc"));
    let mut users: Vec<FileUser> = pids.filter_map(|pid| user(pid, file)).collect();
    users.sort_by_key(|user| user.pid);
    users
}

/// One process, if it has the file open.
pub(crate) fn user(pid: u32, file: &FileFacts) -> Option<FileUser> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let mut user = None;
    for number in names::<u32>(&process.join("fd")) {
        let Ok(stat) = rustix::fs::stat(process.join(format!("fd/{number}"))) else {
            continue;
        };
        if !facts_of(&stat).same_inode(file) {
            continue;
        }
        let info = std::fs::read_to_string(process.join(format!("fdinfo/{number}")));
        let taken_by = info.ok().and_then(|info| taker(&info));
        let user = user.get_or_insert(FileUser {
            pid,
            lock_taken_by: None,
        });
        user.lock_taken_by = user.lock_taken_by.or(taken_by);
    }
    user
}

/// `lock: 1: FLOCK  ADVISORY  WRITE 8260 fe:00:1001 0 EOF` stands in the description of an open file that has the lock: 8260
/// took it.
pub(crate) fn taker(info: &str) -> Option<u32> {
    let locks = info.lines().filter_map(|line| line.strip_prefix("lock:"));
    locks.into_iter().find_map(|lock| {
        let mut words = lock.split_whitespace().skip(1);
        let kind = (words.next()?, words.next()?, words.next()?);
        (kind == ("FLOCK", "ADVISORY", "WRITE")).then(|| words.next()?.parse().ok())?
    })
}

/// The names in a directory that are numbers.
pub(crate) fn names<T: std::str::FromStr>(dir: &Path) -> impl Iterator<Item = T> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::{Disk, OpenHow, RealDisk};

    #[test]
    fn a_lock_that_one_reading_of_a_long_table_misses_is_found_by_the_next_and_a_short_one_is_read_once()
     {
        let line = |pid: u32| format!("1: FLOCK  ADVISORY  WRITE {pid} fd:01:{pid} 0 EOF\n");
        let long: String = (1..100).map(line).collect();
        let missing = long.replace(&line(50), "");
        let mut readings = [missing.clone(), long, missing.clone(), missing].into_iter();
        let found = all_readings(|| readings.next().unwrap(), HeldLock::parse);
        assert_eq!(found.len(), 99);
        let mut once = [line(1)].into_iter();
        assert_eq!(
            all_readings(|| once.next().unwrap(), HeldLock::parse).len(),
            1
        );
    }

    #[test]
    fn only_an_exclusive_flock_that_is_held_is_read_from_the_table() {
        let held = HeldLock {
            pid: 41_822,
            device: (0xfd, 1),
            ino: 1_311,
        };
        let line = "1: FLOCK  ADVISORY  WRITE 41822 fd:01:1311 0 EOF";
        assert_eq!(HeldLock::parse(line), Some(held));
        let waits = "1: -> FLOCK  ADVISORY  WRITE 41823 fd:01:1311 0 EOF";
        let waiting = HeldLock {
            pid: 41_823,
            ..held
        };
        assert_eq!(HeldLock::parse_waiting(waits), Some(waiting));
        assert_eq!(HeldLock::parse_waiting(line), None);
        for other in [
            "1: -> FLOCK  ADVISORY  WRITE 41823 fd:01:1311 0 EOF",
            "2: POSIX  ADVISORY  WRITE 7 fd:01:12 0 EOF",
            "2: FLOCK  ADVISORY  READ 7 fd:01:12 0 EOF",
            "",
        ] {
            assert_eq!(HeldLock::parse(other), None, "{other}");
        }
    }

    #[test]
    fn who_has_a_file_open_is_told_from_who_shares_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = RealDisk
            .open(&path, &OpenHow::appending().or_create())
            .unwrap();
        let facts = file.facts().unwrap();
        let own = std::process::id();
        let ours = |lock_taken_by| FileUser {
            pid: own,
            lock_taken_by,
        };
        assert_eq!(user(own, &facts), Some(ours(None)));
        assert!(file.try_lock().unwrap());
        assert_eq!(user(own, &facts), Some(ours(Some(own))));
        let locks = held_locks();
        assert!(
            locks
                .iter()
                .any(|lock| lock.pid == own && lock.is_of(&facts))
        );

        let mut heir = Command::new("cat");
        heir.stdin(Stdio::piped()).stdout(Stdio::null());
        crate::hand_down(&mut heir, vec![file.share().unwrap()]);
        let mut heir = heir.spawn().unwrap();
        let mut reader = Command::new("cat");
        reader.stdout(Stdio::null());
        let opened = std::fs::File::open(&path).unwrap();
        crate::hand_down(&mut reader, vec![opened.into()]);
        let mut reader = reader.stdin(Stdio::piped()).spawn().unwrap();
        let users = users_of(&facts);
        let of = |pid| users.iter().find(|user| user.pid == pid).cloned();
        assert_eq!(of(heir.id()).unwrap().lock_taken_by, Some(own));
        assert_eq!(of(reader.id()).unwrap().lock_taken_by, None);
        for child in [&mut heir, &mut reader] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(user(heir.id(), &facts), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "[ -~]{0,80}") {
            let _ = (HeldLock::parse(&text), taker(&text));
        }
    }
}
