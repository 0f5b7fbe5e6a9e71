//! Many files at once: which processes have one of them open, share its lock, or watch it for changes; and who waits for a lock.
//!
//! `file_users` looks at every descriptor of every process for one file. Here one such pass serves any number of files. A
//! waiter that looks now and then has no place in the kernel's table of locks; but it watches the file (`inotify`), and the
//! description of that descriptor names the inode.
//!
//! Nothing is locked, opened or written: descriptors are looked at through `/proc`. Limits: those of `file_users`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::file_users::{HeldLock, in_table, names, taker};
use crate::real_disk::facts_of;

/// Device and inode number of a file.
pub type FileKey = (u64, u64);

/// What one process has to do with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUse {
    /// The file.
    pub file: FileKey,
    /// The process.
    pub pid: u32,
    /// It has the file open.
    pub open: bool,
    /// If one of its descriptors has the exclusive `flock` of the file: the process that took it; see
    /// [`FileUser`](crate::FileUser).
    pub lock_taken_by: Option<u32>,
    /// It is told of changes of the file.
    pub watches: bool,
}

/// The exclusive `flock`s that are waited for now, by whom.
pub(crate) fn waited_locks() -> Vec<HeldLock> {
    in_table(HeldLock::parse_waiting)
}

/// What the processes of this machine do with these files.
pub(crate) fn uses_of(files: &HashSet<FileKey>) -> Vec<FileUse> {
    let mut found: HashMap<(u32, FileKey), FileUse> = HashMap::new();
    for pid in names::<u32>(Path::new("/proc")) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        for number in names::<u32>(&process.join("fd")) {
            let (link, info) = (
                process.join(format!("fd/{number}")),
                process.join(format!("fdinfo/{number}")),
            );
            look(&link, &info, files, |file, use_of| {
                let one = found.entry((pid, file)).or_insert(FileUse {
                    file,
                    pid,
                    open: false,
                    lock_taken_by: None,
                    watches: false,
                });
                match use_of {
                    Sight::Open(taken_by) => {
                        one.open = true;
                        one.lock_taken_by = one.lock_taken_by.or(taken_by);
                    }
                    Sight::Watched => one.watches = true,
                }
            });
        }
    }
    let mut found: Vec<FileUse> = found.into_values().collect();
    found.sort_by_key(|one| (one.pid, one.file));
    found
}

enum Sight {
    Open(Option<u32>),
    Watched,
}

/// One descriptor.
fn look(link: &Path, info: &Path, files: &HashSet<FileKey>, mut found: impl FnMut(FileKey, Sight)) {
    let Ok(stat) = rustix::fs::stat(link) else {
        return;
    };
    let facts = facts_of(&stat);
    let file = (facts.dev, facts.ino);
    if files.contains(&file) {
        let text = std::fs::read_to_string(info).unwrap_or_default();
        found(file, Sight::Open(taker(&text)));
        return;
    }
    // What is no file, directory, socket or pipe may be the kernel's teller of changes.
    let is_teller = stat.st_mode & 0o170_000 == 0
        && std::fs::read_link(link).is_ok_and(|to| to == Path::new("anon_inode:inotify"));
    if is_teller {
        let text = std::fs::read_to_string(info).unwrap_or_default();
        let watched = text.lines().filter_map(watched);
        let watched = watched.filter(|file| files.contains(file));
        watched.for_each(|file| found(file, Sight::Watched));
    }
}

/// `inotify wd:1 ino:1a2b sdev:fe00000 mask:...` watches the inode 0x1a2b of the device whose major number stands above the
/// lowest twenty bits.
fn watched(line: &str) -> Option<FileKey> {
    let mut words = line.strip_prefix("inotify ")?.split_whitespace();
    let mut hex = |name: &str| {
        let word = words.find_map(|word| word.strip_prefix(name))?;
        u64::from_str_radix(word, 16).ok()
    };
    let (ino, device) = (hex("ino:")?, hex("sdev:")?);
    let (major, minor) = (
        u32::try_from(device >> 20).ok()?,
        u32::try_from(device & 0xf_ffff).ok()?,
    );
    Some((rustix::fs::makedev(major, minor), ino))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Disk, OpenHow, RealDisk};

    #[test]
    fn one_pass_tells_who_has_which_file_open_locked_or_watched() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let path = dir.path().join(name);
            let how = OpenHow::updating().or_create();
            (RealDisk.open(&path, &how).unwrap(), path)
        };
        let key = |path: &Path| {
            let facts = RealDisk.facts(path).unwrap();
            (facts.dev, facts.ino)
        };
        let (locked, at) = open("locked");
        assert!(locked.try_lock().unwrap());
        let (_unlocked, beside) = open("open");
        let (closed, watched) = open("watched");
        drop(closed);
        let _teller = RealDisk.changes(&watched).unwrap();
        let (closed, unused) = open("unused");
        drop(closed);
        let files = [&at, &beside, &watched, &unused].map(|path| key(path));
        let uses = uses_of(&files.into_iter().collect());
        let own = std::process::id();
        let of = |file| {
            let mut uses = uses.iter().filter(|one| one.file == file && one.pid == own);
            let found = uses.next()?;
            Some((found.open, found.lock_taken_by, found.watches))
        };
        assert_eq!(of(files[0]), Some((true, Some(own), false)));
        assert_eq!(of(files[1]), Some((true, None, false)));
        assert_eq!(of(files[2]), Some((false, None, true)));
        assert_eq!(of(files[3]), None);
    }

    #[test]
    fn who_waits_for_a_lock_in_the_kernel_is_told_and_who_has_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let how = OpenHow::updating().or_create();
        let holder = RealDisk.open(&path, &how).unwrap();
        assert!(holder.try_lock().unwrap());
        let facts = holder.facts().unwrap();
        let waits = || waited_locks().iter().any(|lock| lock.is_of(&facts));
        assert!(!waits());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| RealDisk.open(&path, &how).unwrap().lock().unwrap());
            while !waits() {
                std::thread::yield_now();
            }
            holder.unlock().unwrap();
            waiter.join().unwrap();
        });
        assert!(!waits());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "(inotify |1: -> )?[ -~]{0,80}") {
            let _ = (watched(&text), HeldLock::parse_waiting(&text));
        }
    }
}
