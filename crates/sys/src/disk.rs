//! Files and directories as object-safe traits, and the plain values they speak in.
//!
//! Deliberately not here: truncation and `set_len`. Nothing in this project ever makes a file shorter,
//! since a peer's line may already follow the bytes one meant to cut off; so no call can express it.
//! Also not here: asynchrony. Every call is a system call or a few, and callers choose the thread.
//!
//! Invariant: descriptors are close-on-exec, always; `inherit` has the one exception.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use crate::Mount;

/// A filesystem, seen through the few operations that this project needs.
///
/// # Blocking
///
/// Every method may block on the device.
///
/// # Errors
///
/// Every method answers with the bare [`io::Error`]; callers add what they were doing to which path
/// ([`PathError`](crate::PathError)).
pub trait Disk: Send + Sync + Debug {
    /// Opens a file as `how` says.
    fn open(&self, path: &Path, how: &OpenHow) -> io::Result<Box<dyn DiskFile>>;
    /// What stands at this path; a symlink is not followed.
    fn facts(&self, path: &Path) -> io::Result<FileFacts>;
    /// Makes one directory with these permission bits (less the umask).
    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// Renames, replacing what stands at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames, failing if anything stands at `to` ([`io::ErrorKind::AlreadyExists`]). Where the
    /// filesystem cannot do that in one step, the file has both names for a moment.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives the file a second name; fails if `to` exists.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name that is not a directory.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// The names in a directory, without `.` and `..`, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// Makes the names in this directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Room on the filesystem that holds this path.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// What kind of filesystem holds this path.
    fn filesystem(&self, path: &Path) -> io::Result<FsKind>;
    /// The absolute path with every symlink resolved.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
    /// A file of a descriptor that a parent process handed down; `path` is where it is said to lie.
    fn adopt(&self, descriptor: OwnedFd, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// What a path leads to in the end, symlinks followed.
    fn facts_behind(&self, path: &Path) -> io::Result<FileFacts>;
    /// A descriptor that becomes readable when the file at this path is written, or closed by a writer. What is read
    /// from it has no meaning but that; it never blocks. For waiting without polling often; never for a decision.
    fn changes(&self, path: &Path) -> io::Result<OwnedFd>;
    /// How many more files the filesystem that holds this path can keep; `None` where it sets no number.
    fn inodes(&self, _path: &Path) -> io::Result<Option<Inodes>> {
        Ok(None)
    }
    /// How the filesystem that holds this path is mounted; `None` where the system does not tell.
    fn mount(&self, _path: &Path) -> io::Result<Option<Mount>> {
        Ok(None)
    }
}

/// An open file.
///
/// # Blocking
///
/// Every method may block on the device; [`lock`](Self::lock) blocks until its holder lets go.
///
/// # Errors
///
/// As for [`Disk`]: the bare [`io::Error`].
pub trait DiskFile: Send + Sync + Debug {
    /// Reads at an offset; fewer bytes than asked for may come back, 0 means the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Appends with exactly one `write(2)` and says how many bytes went out: a short write is
    /// reported, not hidden. Needs [`OpenHow::append`].
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Overwrites at an offset, also where the file was opened for append (there a plain `pwrite`
    /// would append). A short write is reported.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes bytes and metadata durable (`fsync`). There is no `fdatasync` here: on ext4 (seen on Linux 6.18) one returns before the
    /// file's new size is in the journal when a reader's access time is being updated meanwhile, and a cut then takes the bytes.
    fn sync_all(&self) -> io::Result<()>;
    /// What this descriptor points to, whatever its path means by now.
    fn facts(&self) -> io::Result<FileFacts>;
    /// Takes the exclusive `flock` if it is free; `false` if another descriptor has it.
    fn try_lock(&self) -> io::Result<bool>;
    /// Waits for the exclusive `flock`, in the kernel.
    fn lock(&self) -> io::Result<()>;
    /// Gives the `flock` back. Closing the last descriptor does so too.
    fn unlock(&self) -> io::Result<()>;
    /// A second descriptor of the same open file, close-on-exec: whoever has it shares the `flock`.
    fn share(&self) -> io::Result<OwnedFd>;
    /// Whether any process on this machine, in whatever namespace, has this file open for writing. Only for a file that was opened
    /// for [reading](OpenHow::reading). `None`: the system does not say (another user's file, a filesystem that cannot).
    fn has_writer(&self) -> io::Result<Option<bool>> {
        Ok(None)
    }
    /// Drops what the system keeps in memory of this file from `from` on (at least), as far as it is not waiting to be written: what is read next comes
    /// from the device. After a failed sync the memory may hold bytes that the device does not have, and says nothing of it.
    /// A disk without such a memory has nothing to do.
    fn forget_cached(&self, _from: u64) -> io::Result<()> {
        Ok(())
    }
    /// Sets the permission bits of what this descriptor points to, whatever its path means by now.
    fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Gives what this descriptor points to to another user and group.
    fn set_owner(&self, _uid: u32, _gid: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// How a file is opened. Descriptors are close-on-exec, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHow {
    /// Reading is wanted.
    pub read: bool,
    /// Writing is wanted.
    pub write: bool,
    /// Writing at the end is wanted; implies `write`.
    pub append: bool,
    /// Create the file if it is missing.
    pub create: bool,
    /// Create the file and fail if anything stands at the path; implies `create`.
    pub create_new: bool,
    /// Permission bits of a created file (less the umask); 0600 by default.
    pub mode: u32,
    /// Refuse a symlink as the last component (`ELOOP`); on by default.
    pub nofollow: bool,
    /// Never wait for the other end of a FIFO or a device; on by default, no effect on regular files.
    pub nonblock: bool,
}

impl Default for OpenHow {
    fn default() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            create: false,
            create_new: false,
            mode: 0o600,
            nofollow: true,
            nonblock: true,
        }
    }
}

impl OpenHow {
    /// An existing file, for reading.
    #[must_use]
    pub fn reading() -> Self {
        Self {
            read: true,
            ..Self::default()
        }
    }

    /// An existing file, for reading and overwriting in place.
    #[must_use]
    pub fn updating() -> Self {
        Self {
            read: true,
            write: true,
            ..Self::default()
        }
    }

    /// An existing file, for reading and appending.
    #[must_use]
    pub fn appending() -> Self {
        Self {
            read: true,
            append: true,
            ..Self::default()
        }
    }

    /// The same, but the file is created if it is missing.
    #[must_use]
    pub fn or_create(self) -> Self {
        Self {
            create: true,
            ..self
        }
    }

    /// The same, but the file must be new.
    #[must_use]
    pub fn only_new(self) -> Self {
        Self {
            create: true,
            create_new: true,
            ..self
        }
    }

    /// The same, with these permission bits for a created file.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// The same, but a symlink as the last component is followed.
    #[must_use]
    pub fn following(self) -> Self {
        Self {
            nofollow: false,
            ..self
        }
    }
}

/// What `stat` says, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Device number.
    pub dev: u64,
    /// Inode number. The system reuses it at once: never an identity over time.
    pub ino: u64,
    /// Number of names.
    pub nlink: u64,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits, without the file type.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// What kind of thing it is.
    pub kind: FileKind,
    /// Last modification, milliseconds since 1970 (wall clock).
    pub modified_ms: i64,
    /// Nanoseconds of the last modification within its second, to tell changes apart.
    pub modified_nanos: u32,
}

impl FileFacts {
    /// Device and inode number: which file it is, while it is open or stands at its path.
    #[must_use]
    pub fn key(&self) -> crate::FileKey {
        (self.dev, self.ino)
    }

    /// Whether both describe the same inode, which holds only while one of them is open.
    #[must_use]
    pub fn same_inode(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
    /// Something else.
    Other,
}

impl FileKind {
    /// The kind in words, for messages: "a directory".
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a named pipe (FIFO)",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Other => "not a regular file",
        }
    }
}

/// Room on a filesystem, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Room for an ordinary user.
    pub available: u64,
    /// Room including what is reserved for root.
    pub free: u64,
    /// Size of the filesystem.
    pub total: u64,
}

/// Files that a filesystem can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inodes {
    /// How many more an ordinary user can make.
    pub available: u64,
    /// How many there can be in all.
    pub total: u64,
}

/// What kind of filesystem holds a path: locks are trusted on some only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FsKind {
    /// A disk of this machine (ext4, xfs, btrfs, ...).
    Local,
    /// Memory.
    Tmpfs,
    /// Layers, as in containers.
    Overlay,
    /// NFS.
    Nfs,
    /// SMB or CIFS.
    Smb,
    /// Any filesystem in user space; virtiofs shows itself so, too.
    Fuse,
    /// 9P: shared folders of virtual machines, Windows drives under WSL.
    NineP,
    /// Another network or cluster filesystem (Ceph, AFS, Lustre, GPFS, GFS2, OCFS2).
    Cluster,
}

impl FsKind {
    /// Whether `flock` is known to exclude all processes that can reach the file.
    #[must_use]
    pub fn has_trusted_locks(self) -> bool {
        matches!(self, Self::Local | Self::Tmpfs | Self::Overlay)
    }

    /// The name that people know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "a local disk",
            Self::Tmpfs => "tmpfs",
            Self::Overlay => "overlayfs",
            Self::Nfs => "NFS",
            Self::Smb => "SMB/CIFS",
            Self::Fuse => "FUSE",
            Self::NineP => "9P",
            Self::Cluster => "a network or cluster filesystem",
        }
    }
}
