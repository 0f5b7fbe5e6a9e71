//! The machine below: the filesystem, its locks, what it promises of durability, its room; and the clock.
//!
//! Locks are tried on the folder itself, which nobody of ours locks: nothing is made, and nobody is held up. Limits: a drive that
//! lies about flushes, and whether two machines exclude one another, cannot be seen from here, and that is said.

use std::path::{Path, PathBuf};

use latchwork_sys::{FsKind, Mount, OpenHow, System, read_at_most};

use super::catalogue::{
    CLOCK_WRONG, FS_INODES, FS_KIND, FS_LOCKS, FS_LOCKS_UNKNOWN, FS_READ_ONLY, FS_SPACE, FS_SYNC,
    FS_SYNC_UNKNOWN, FS_UNTRUSTED,
};
use super::exam::Exam;
use super::finding::Finding;
use super::open::Open;

/// Less room than this is told of, in bytes and in files.
const ROOM_MIN: (u64, u64) = (64 << 20, 1_000);
/// Earlier than this it is not, in milliseconds since 1970 (2025-01-01).
const EARLIEST_MS: i64 = 1_735_689_600_000;
/// So far ahead of the clock a file may seem to be written, in milliseconds.
const AHEAD_MS: i64 = 5 * 60 * 1_000;
/// How much of the list of what is loaded into this process is read, in bytes.
const MAPS_BYTES_MAX: usize = 4 << 20;

/// Looks at the filesystem that holds a folder, once for each.
pub(super) fn filesystem(exam: &Exam, dir: &Path, known: &mut Vec<u64>, opens: &mut Vec<Open>) {
    let Some(dir) = nearest(&exam.system, dir) else {
        return;
    };
    match exam.system.disk.facts_behind(&dir) {
        Ok(facts) if known.contains(&facts.dev) => return,
        Ok(facts) => known.push(facts.dev),
        Err(_) => return,
    }
    let mount = exam.system.disk.mount(&dir).ok().flatten();
    let mut tell = |finding: Finding| opens.push(Open::told(finding.at(&dir)));
    kind(exam, &dir, mount.as_ref()).map(&mut tell);
    locks(&exam.system, &dir).map(&mut tell);
    durability(&exam.system, &dir, mount.as_ref()).map(&mut tell);
    for finding in room(&exam.system, &dir) {
        tell(finding);
    }
    if mount.is_some_and(|mount| mount.has("ro")) {
        tell(Finding::new(
            &FS_READ_ONLY,
            "the filesystem is mounted read-only",
        ));
    }
}

/// The folder, or what it will be made in.
fn nearest(system: &System, dir: &Path) -> Option<PathBuf> {
    let mut above = dir.ancestors().map(|dir| {
        if dir == Path::new("") {
            Path::new(".")
        } else {
            dir
        }
    });
    let there = above.find(|dir| system.disk.facts_behind(dir).is_ok())?;
    Some(there.to_path_buf())
}

fn kind(exam: &Exam, dir: &Path, mount: Option<&Mount>) -> Option<Finding> {
    let kind = exam.system.disk.filesystem(dir).ok()?;
    let name = mount.map_or_else(String::new, |mount| format!(" ({})", mount.kind));
    let allowed = exam.allow_network_fs;
    Some(if kind.has_trusted_locks() || allowed {
        let trust = if kind.has_trusted_locks() {
            ""
        } else {
            ", whose locks the settings trust"
        };
        Finding::new(
            &FS_KIND,
            format!("the filesystem is {}{name}{trust}", kind.name()),
        )
    } else {
        Finding::new(
            &FS_UNTRUSTED,
            format!(
                "the filesystem is {}{name}, whose locks are not trusted",
                kind.name()
            ),
        )
    })
}

/// Whether a lock that is held keeps a second descriptor out, and where the kind of filesystem asks for it, a child process.
fn locks(system: &System, dir: &Path) -> Option<Finding> {
    let unknown = |error: &std::io::Error| {
        Some(Finding::new(
            &FS_LOCKS_UNKNOWN,
            format!("whether locks lock here could not be tried: {error}"),
        ))
    };
    let open = || system.disk.open(dir, &OpenHow::reading().following());
    let tried = open().and_then(|first| Ok((first.try_lock()?, open()?, first)));
    let (second, _first) = match tried {
        Ok((true, second, first)) => (second, first),
        // Somebody else tries at this moment, and keeps us out: so they lock.
        Ok((false, ..)) => return None,
        Err(error) => return unknown(&error),
    };
    match second.try_lock() {
        Ok(true) => {
            let what = "a lock that is held is granted a second time";
            return Some(Finding::new(&FS_LOCKS, what));
        }
        Ok(false) => {}
        Err(error) => return unknown(&error),
    }
    let is_trusted = system
        .disk
        .filesystem(dir)
        .is_ok_and(FsKind::has_trusted_locks);
    if is_trusted {
        return None;
    }
    match system.processes.child_gets_lock(dir) {
        Ok(true) => Some(Finding::new(
            &FS_LOCKS,
            "a lock that is held here is granted to another process",
        )),
        Ok(false) => None,
        Err(error) => unknown(&error),
    }
}

fn durability(system: &System, dir: &Path, mount: Option<&Mount>) -> Option<Finding> {
    if let Err(error) = system.disk.sync_dir(dir) {
        return Some(Finding::new(
            &FS_SYNC,
            format!("fsync of the folder is refused: {error}"),
        ));
    }
    let set = |option: &&str| mount.is_some_and(|mount| mount.has(option));
    // Each of them says that flushes are not passed on.
    if let Some(option) = ["volatile", "nobarrier", "barrier=0", "nointegrity"]
        .iter()
        .find(|option| set(option))
    {
        return Some(Finding::new(
            &FS_SYNC,
            format!("it is mounted with {option}: fsync does not reach the drive"),
        ));
    }
    if ignores_syncs(system) {
        return Some(Finding::new(
            &FS_SYNC,
            "libeatmydata is loaded into this process: fsync does nothing",
        ));
    }
    Some(match system.disk.filesystem(dir) {
        Ok(FsKind::Tmpfs) => Finding::new(
            &FS_SYNC,
            "it is kept in memory: nothing survives the machine's stop",
        ),
        Ok(kind @ (FsKind::Local | FsKind::Overlay)) => {
            let what = format!(
                "fsync works on {}, and no mount option turns it off",
                kind.name()
            );
            Finding::new(&FS_SYNC_UNKNOWN, what)
        }
        Ok(kind) => Finding::new(
            &FS_SYNC_UNKNOWN,
            format!(
                "whether {} passes fsync on is its server's matter",
                kind.name()
            ),
        ),
        Err(_) => return None,
    })
}

fn ignores_syncs(system: &System) -> bool {
    let maps = system
        .disk
        .open(Path::new("/proc/self/maps"), &OpenHow::reading());
    let maps = maps
        .and_then(|file| read_at_most(&*file, MAPS_BYTES_MAX))
        .unwrap_or_default();
    let name = b"libeatmydata";
    maps.windows(name.len()).any(|window| window == name)
}

fn room(system: &System, dir: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(space) = system.disk.space(dir)
        && space.available < ROOM_MIN.0
    {
        let what = format!("{} bytes of {} are free", space.available, space.total);
        findings.push(Finding::new(&FS_SPACE, what).fact("available", space.available));
    }
    if let Ok(Some(inodes)) = system.disk.inodes(dir)
        && inodes.available < ROOM_MIN.1
    {
        let what = format!("{} more files fit, of {}", inodes.available, inodes.total);
        findings.push(Finding::new(&FS_INODES, what).fact("available", inodes.available));
    }
    findings
}

/// Looks at the clock, in the light of what was written.
pub(super) fn clock(exam: &Exam, opens: &mut Vec<Open>) {
    let now = exam.system.clock.wall_ms();
    let iso = latchwork_format::time::iso_from_millis;
    let newest = exam.seen.newest_ms();
    let what = if now < EARLIEST_MS {
        format!("it is {} by the clock, which cannot be", iso(now))
    } else if newest.saturating_sub(now) > AHEAD_MS {
        format!(
            "a transcript was written at {}, and it is {} by the clock",
            iso(newest),
            iso(now)
        )
    } else {
        return;
    };
    opens.push(Open::told(Finding::new(&CLOCK_WRONG, what)));
}
