//! The operating system's disk.
//!
//! Invariants: one `append` is one `write(2)`; interrupted calls that changed nothing are repeated;
//! descriptors are close-on-exec.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::{
    Disk, DiskFile, FileFacts, FileKind, FsKind, Inodes, Mount, OpenHow, Space, filesystem, flock,
    inherit, mounts,
};

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>> {
        let file = open_raw(path, flags(how), how.mode)?;
        Ok(Box::new(RealFile {
            file,
            appends: how.append,
            in_place: OnceLock::new(),
        }))
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        Ok(facts_of(&rustix::fs::lstat(path)?))
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdir(path, Mode::from_raw_mode(mode))?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                std::fs::hard_link(from, to)?;
                Ok(rustix::fs::unlink(from)?)
            }
            done => Ok(done?),
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlink(path)?)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::rmdir(path)?)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let dir = open_raw(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            0,
        )?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match open_raw(path, how, 0)?.sync_all() {
            // A filesystem that has no such call: it keeps names in its own way, and there is nothing more to ask for.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                Ok(())
            }
            synced => synced,
        }
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        flock::space(path)
    }

    fn filesystem(&self, path: &Path) -> io::Result<FsKind> {
        filesystem::of(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn adopt(&self, descriptor: OwnedFd, _path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let appends = rustix::fs::fcntl_getfl(&descriptor)?.contains(OFlags::APPEND);
        Ok(Box::new(RealFile {
            file: File::from(descriptor),
            appends,
            in_place: OnceLock::new(),
        }))
    }

    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts> {
        Ok(facts_of(&rustix::fs::stat(path)?))
    }

    #[cfg(target_os = "linux")]
    fn changes(&self, path: &Path) -> io::Result<OwnedFd> {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let watch = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(&watch, path, WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE)?;
        Ok(watch)
    }

    #[cfg(not(target_os = "linux"))]
    fn changes(&self, _path: &Path) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn inodes(&self, path: &Path) -> io::Result<Option<Inodes>> {
        let stats = rustix::fs::statvfs(path)?;
        Ok((stats.f_files > 0).then_some(Inodes {
            available: stats.f_favail,
            total: stats.f_files,
        }))
    }

    fn mount(&self, path: &Path) -> io::Result<Option<Mount>> {
        mounts::of(path)
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    appends: bool,
    /// A second descriptor of the same inode for writing in place where `file` appends.
    in_place: OnceLock<File>,
}

impl RealFile {
    /// The descriptor through which bytes can be placed at an offset.
    fn placeable(&self) -> io::Result<&File> {
        if !self.appends {
            return Ok(&self.file);
        }
        if let Some(file) = self.in_place.get() {
            return Ok(file);
        }
        // The magic link opens the very inode of the descriptor, whatever its path means by now.
        let magic = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let second = open_raw(
            &magic,
            OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            0,
        )?;
        let (ours, theirs) = (rustix::fs::fstat(&self.file)?, rustix::fs::fstat(&second)?);
        if ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino {
            return Err(io::Error::other(
                "the descriptor could not be opened again for writing in place",
            ));
        }
        Ok(self.in_place.get_or_init(|| second))
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        retry(|| self.file.read_at(buf, offset))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        if !self.appends {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the file was not opened for append",
            ));
        }
        retry(|| (&self.file).write(bytes))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let file = self.placeable()?;
        retry(|| file.write_at(bytes, offset))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn facts(&self) -> io::Result<FileFacts> {
        Ok(facts_of(&rustix::fs::fstat(&self.file)?))
    }

    fn try_lock(&self) -> io::Result<bool> {
        flock::try_lock(&self.file)
    }

    fn lock(&self) -> io::Result<()> {
        flock::lock(&self.file)
    }

    fn unlock(&self) -> io::Result<()> {
        flock::unlock(&self.file)
    }

    fn share(&self) -> io::Result<OwnedFd> {
        inherit::duplicate(&self.file)
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        crate::lease::has_writer(&self.file)
    }

    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    fn forget_cached(&self, _from: u64) -> io::Result<()> {
        // All of it: the kernel drops no piece that begins before the place, and its pieces can be of megabytes.
        let advice = rustix::fs::Advice::DontNeed;
        Ok(rustix::fs::fadvise(&self.file, 0, None, advice)?)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))?)
    }

    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        let owner = Some(rustix::fs::Uid::from_raw(uid));
        let group = Some(rustix::fs::Gid::from_raw(gid));
        Ok(rustix::fs::fchown(&self.file, owner, group)?)
    }
}

/// Repeats a call that a signal interrupted before it did anything.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn flags(how: &OpenHow) -> OFlags {
    let access = match (how.read, how.write || how.append) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    let mut flags = access | OFlags::CLOEXEC | OFlags::NOCTTY;
    flags.set(OFlags::APPEND, how.append);
    flags.set(OFlags::CREATE, how.create || how.create_new);
    flags.set(OFlags::EXCL, how.create_new);
    flags.set(OFlags::NOFOLLOW, how.nofollow);
    flags.set(OFlags::NONBLOCK, how.nonblock);
    flags
}

fn open_raw(path: &Path, flags: OFlags, mode: u32) -> io::Result<File> {
    let fd =
        rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::from_raw_mode(mode)))?;
    Ok(File::from(fd))
}

#[expect(
    clippy::unnecessary_cast,
    reason = "the widths of these fields differ between platforms"
)]
pub(crate) fn facts_of(stat: &rustix::fs::Stat) -> FileFacts {
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    let seconds = stat.st_mtime as i64;
    FileFacts {
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        nlink: stat.st_nlink as u64,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: (stat.st_mode as u32) & 0o7777,
        uid: stat.st_uid as u32,
        gid: stat.st_gid as u32,
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        modified_ms: seconds
            .saturating_mul(1000)
            .saturating_add(i64::from(nanos / 1_000_000)),
        modified_nanos: nanos,
    }
}

fn kind_of(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::BlockDevice | FileType::CharacterDevice => FileKind::Device,
        FileType::Unknown => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn open(path: &Path, how: OpenHow) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.open(path, &how)
    }

    #[test]
    fn bytes_are_appended_at_the_end_and_overwritten_in_place_through_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = open(&path, OpenHow::appending().only_new()).unwrap();
        assert_eq!(file.append(b"hello\n").unwrap(), 6);
        std::fs::write(dir.path().join("other"), b"").unwrap();
        std::fs::rename(&path, dir.path().join("moved")).unwrap();
        std::fs::rename(dir.path().join("other"), &path).unwrap();
        // The path now means another file: the descriptor's own inode must be written.
        assert_eq!(file.write_at(b"J", 0).unwrap(), 1);
        assert_eq!(file.append(b"!\n").unwrap(), 2);
        assert_eq!(
            std::fs::read(dir.path().join("moved")).unwrap(),
            b"Jello\n!\n"
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_file_not_opened_for_append_refuses_to_append() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(&dir.path().join("f"), OpenHow::updating().only_new()).unwrap();
        assert_eq!(
            file.append(b"x").unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_symlink_is_refused_and_a_fifo_does_not_hang() {
        let dir = tempfile::tempdir().unwrap();
        let (link, fifo) = (dir.path().join("link"), dir.path().join("fifo"));
        std::fs::write(dir.path().join("real"), b"x").unwrap();
        symlink(dir.path().join("real"), &link).unwrap();
        assert!(open(&link, OpenHow::reading()).is_err());
        assert!(open(&link, OpenHow::reading().following()).is_ok());
        assert_eq!(RealDisk.facts(&link).unwrap().kind, FileKind::Symlink);
        let made = std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap();
        assert!(made.success());
        let opened = open(&fifo, OpenHow::reading()).unwrap();
        assert_eq!(opened.facts().unwrap().kind, FileKind::Fifo);
    }

    #[test]
    fn a_rename_that_must_not_replace_keeps_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::write(&from, b"new").unwrap();
        std::fs::write(&to, b"old").unwrap();
        let error = RealDisk.rename_new(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&to).unwrap(), b"old");
        std::fs::remove_file(&to).unwrap();
        RealDisk.rename_new(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"new");
        assert!(!from.exists());
    }

    #[test]
    fn two_descriptors_of_one_process_exclude_each_other_until_one_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let one = open(&path, OpenHow::appending().or_create()).unwrap();
        let two = open(&path, OpenHow::appending()).unwrap();
        assert!(one.try_lock().unwrap());
        assert!(!two.try_lock().unwrap());
        // Closing an unrelated descriptor of the same file must not drop the lock.
        drop(open(&path, OpenHow::reading()).unwrap());
        assert!(!two.try_lock().unwrap());
        one.unlock().unwrap();
        assert!(two.try_lock().unwrap());
        drop(two);
        one.lock().unwrap();
    }

    #[test]
    fn a_child_process_does_not_inherit_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let held = open(&path, OpenHow::appending().or_create()).unwrap();
        assert!(held.try_lock().unwrap());
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        drop(held);
        // Waiting, not trying: another test's process may be between its fork and its exec.
        open(&path, OpenHow::appending()).unwrap().lock().unwrap();
        let outlived = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(outlived, "the lock was free only after the child had ended");
    }

    #[test]
    fn a_change_of_a_watched_file_is_told_and_reading_never_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = open(&path, OpenHow::updating().only_new()).unwrap();
        let watch = RealDisk.changes(&path).unwrap();
        let mut room = [0; 512];
        assert_eq!(rustix::io::read(&watch, &mut room), Err(Errno::AGAIN));
        file.write_at(b"x", 0).unwrap();
        assert!(rustix::io::read(&watch, &mut room).unwrap() > 0);
        drop(file);
        assert!(rustix::io::read(&watch, &mut room).unwrap() > 0);
    }

    #[test]
    fn facts_behind_a_link_are_those_of_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        symlink(dir.path(), dir.path().join("link")).unwrap();
        let behind = RealDisk.facts_behind(&dir.path().join("link")).unwrap();
        assert_eq!(behind.kind, FileKind::Directory);
        assert!(behind.same_inode(&RealDisk.facts(dir.path()).unwrap()));
    }

    #[test]
    fn facts_and_names_tell_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = open(&path, OpenHow::updating().only_new()).unwrap();
        file.write_at(b"12345", 0).unwrap();
        RealDisk.link(&path, &dir.path().join("g")).unwrap();
        RealDisk.create_dir(&dir.path().join("d"), 0o700).unwrap();
        let facts = RealDisk.facts(&path).unwrap();
        assert_eq!(
            (facts.kind, facts.nlink, facts.size, facts.mode),
            (FileKind::Regular, 2, 5, 0o600)
        );
        assert!(facts.same_inode(&file.facts().unwrap()));
        assert!(
            (0..60_000).contains(&(crate::Clock::wall_ms(&crate::RealClock) - facts.modified_ms))
        );
        let mut names = RealDisk.list(dir.path()).unwrap();
        names.sort();
        assert_eq!(names, ["d", "f", "g"]);
        let space = RealDisk.space(dir.path()).unwrap();
        assert!(space.available <= space.free && space.free <= space.total && space.total > 0);
        assert!(RealDisk.filesystem(dir.path()).unwrap().has_trusted_locks());
    }
}
