//! The working directory, and the only way to open something in it by a path that a model wrote.
//!
//! The kernel resolves the path from the directory's descriptor and refuses every step that leaves it (`openat2`,
//! Linux 5.6): `..`, absolute paths, symbolic links, races with renames. Where the kernel cannot, `walk` goes step by
//! step. Nothing is opened with a way to wait (`O_NONBLOCK`), and what is not a plain file is refused by its kind
//! before a byte is read.
//!
//! **Limits.** An absolute symbolic link is refused even if it leads back inside. What is mounted below the directory
//! counts as inside.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::refusal::{Refusal, kind_name, quoted};
use crate::walk;

/// An open working directory.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
    /// Without symbolic links.
    path: PathBuf,
    /// As it was named, made absolute.
    given: PathBuf,
}

impl Root {
    /// Opens `path`. Blocks on the filesystem.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let given = std::path::absolute(path)?;
        let path = given.canonicalize()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Self { dir, path, given })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a plain file for reading. Blocks on the filesystem, but never on a FIFO or a device.
    pub(crate) fn file(&self, asked: &str) -> Result<File, Refusal> {
        let fd = self.open_beneath(
            asked,
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
            "file",
        )?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.refuse(errno, asked, "file"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(fd)),
            kind => Err(Refusal::Kind {
                path: quoted(asked),
                kind: kind_name(kind),
                wanted: "file",
            }),
        }
    }

    /// Opens a directory for listing. Blocks on the filesystem.
    pub(crate) fn directory(&self, asked: &str) -> Result<OwnedFd, Refusal> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        self.open_beneath(asked, flags, "directory")
    }

    fn open_beneath(
        &self,
        asked: &str,
        flags: OFlags,
        wanted: &'static str,
    ) -> Result<OwnedFd, Refusal> {
        let relative = self.relative(asked)?;
        open(self.dir.as_fd(), relative, flags | OFlags::CLOEXEC)
            .map_err(|errno| self.refuse(errno, asked, wanted))
    }

    /// The path as it is seen from the directory. Only a prefix is taken off: `..` is the kernel's business.
    fn relative<'p>(&self, asked: &'p str) -> Result<&'p Path, Refusal> {
        if asked.contains('\0') {
            return Err(Refusal::Nul {
                path: quoted(asked),
            });
        }
        let path = Path::new(asked);
        let relative = if path.is_absolute() {
            path.strip_prefix(&self.path)
                .or_else(|_| path.strip_prefix(&self.given))
        } else {
            Ok(path)
        };
        match relative {
            Ok(empty) if empty.as_os_str().is_empty() => Ok(Path::new(".")),
            Ok(relative) => Ok(relative),
            Err(_) => Err(self.refuse(Errno::XDEV, asked, "file")),
        }
    }

    fn refuse(&self, errno: Errno, asked: &str, wanted: &'static str) -> Refusal {
        Refusal::from_errno(errno, asked, &quoted(&self.path.to_string_lossy()), wanted)
    }
}

#[cfg(target_os = "linux")]
fn open(dir: std::os::fd::BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    match by_kernel(dir, path, flags) {
        // Old kernels do not know the call; old container filters forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM) => walk::open(dir, path, flags),
        answer => answer,
    }
}

#[cfg(not(target_os = "linux"))]
fn open(dir: std::os::fd::BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    walk::open(dir, path, flags)
}

#[cfg(target_os = "linux")]
fn by_kernel(
    dir: std::os::fd::BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;

    /// The kernel answers "again" if something was renamed while it went through a `..`.
    const TRIES: u32 = 64;

    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        answer = rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve);
        if !matches!(answer, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use proptest::prelude::*;
    use rustix::fs::{CWD, FileType, Mode, OFlags};

    use super::{Root, by_kernel};
    use crate::refusal::Refusal;
    use crate::walk;

    const CANARY: &str = "the canary outside";

    /// `in/` is the root, with ways out of every kind; `out/canary` must never be read.
    fn house() -> (tempfile::TempDir, Root) {
        let house = tempfile::tempdir().unwrap();
        let at = |path: &str| house.path().join(path);
        std::fs::create_dir_all(at("in/a/b")).unwrap();
        std::fs::create_dir(at("out")).unwrap();
        std::fs::write(at("out/canary"), CANARY).unwrap();
        std::fs::write(at("in/a/b/f"), "inside").unwrap();
        symlink("../out/canary", at("in/s")).unwrap();
        symlink("../out", at("in/d")).unwrap();
        symlink(at("out/canary"), at("in/abs")).unwrap();
        symlink("..", at("in/a/up")).unwrap();
        symlink("../../..", at("in/a/b/far")).unwrap();
        symlink("a/b/f", at("in/good")).unwrap();
        symlink("loop", at("in/loop")).unwrap();
        symlink("/proc/self/root", at("in/magic")).unwrap();
        rustix::fs::mknodat(
            CWD,
            at("in/fifo"),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let root = Root::open(&at("in")).unwrap();
        (house, root)
    }

    fn read(root: &Root, path: &str) -> Result<String, Refusal> {
        let mut text = String::new();
        root.file(path)?.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn what_lies_inside_is_opened_by_every_name_it_has() {
        let (_house, root) = house();
        let absolute = root.path().join("a/b/f").display().to_string();
        for path in [
            "a/b/f",
            "./a//b/../b/f",
            "good",
            "a/up/good",
            absolute.as_str(),
        ] {
            assert_eq!(read(&root, path).unwrap(), "inside", "{path}");
        }
        root.directory("").unwrap();
        root.directory(&root.path().display().to_string()).unwrap();
    }

    #[test]
    fn every_way_out_is_refused_with_the_same_sentence() {
        let (house, root) = house();
        let absolute = house.path().join("out/canary").display().to_string();
        let beside = house.path().join("in-beside").display().to_string();
        for path in [
            "../out/canary",
            "s",
            "d/canary",
            "abs",
            "a/b/far/out/canary",
            "magic/etc/passwd",
            &absolute,
            &beside,
        ] {
            let refusal = root.file(path).unwrap_err();
            assert!(
                matches!(refusal, Refusal::Outside { .. }),
                "{path}: {refusal}"
            );
        }
        assert!(matches!(root.file("a\0b"), Err(Refusal::Nul { .. })));
        assert!(matches!(root.file("loop"), Err(Refusal::Links { .. })));
    }

    #[test]
    fn what_is_not_a_file_is_named_and_never_waited_for() {
        let (_house, root) = house();
        assert_eq!(
            root.file("fifo").unwrap_err().to_string(),
            "`fifo` is a FIFO, not a file; nothing was opened for reading"
        );
        assert!(matches!(
            root.file("a"),
            Err(Refusal::Kind {
                kind: "a directory",
                ..
            })
        ));
        assert!(matches!(
            root.directory("good"),
            Err(Refusal::NotDirectory { .. })
        ));
        assert!(matches!(
            root.file("good/x"),
            Err(Refusal::NotDirectory { .. })
        ));
        assert!(matches!(root.file("none"), Err(Refusal::Absent { .. })));
        let dev = Root::open(Path::new("/dev")).unwrap();
        assert!(matches!(
            dev.file("zero"),
            Err(Refusal::Kind {
                kind: "a character device",
                ..
            })
        ));
    }

    #[test]
    fn a_socket_is_refused_by_its_kind() {
        let (house, root) = house();
        let _listener =
            std::os::unix::net::UnixListener::bind(house.path().join("in/socket")).unwrap();
        assert!(matches!(
            root.file("socket"),
            Err(Refusal::Kind {
                kind: "a socket",
                ..
            })
        ));
    }

    fn any_path() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            4 => "(\\.\\.|\\.|a|b|f|s|d|up|far|good|abs|loop|magic|fifo|out|canary|in|proc|self|root|)",
            1 => ".{0,6}",
        ];
        (any::<bool>(), proptest::collection::vec(step, 0..9)).prop_map(|(absolute, steps)| {
            format!("{}{}", if absolute { "/" } else { "" }, steps.join("/"))
        })
    }

    proptest! {
        #[test]
        fn no_string_opens_the_canary_outside(path in any_path()) {
            let (_house, root) = house();
            if let Ok(text) = read(&root, &path) {
                prop_assert_eq!(text, "inside");
            }
            if let Ok(dir) = root.directory(&path) {
                let canary = rustix::fs::openat(&dir, "canary", OFlags::RDONLY, Mode::empty());
                let out = rustix::fs::openat(&dir, "out", OFlags::RDONLY, Mode::empty());
                prop_assert!(canary.is_err() && out.is_err(), "{path:?} left the root");
            }
        }

        #[test]
        fn walking_step_by_step_opens_what_the_kernel_opens(path in any_path(), directory in any::<bool>()) {
            prop_assume!(!path.contains('\0'));
            let (_house, root) = house();
            let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            flags.set(OFlags::DIRECTORY, directory);
            let kernel = by_kernel(root.dir.as_fd(), Path::new(&path), flags);
            if kernel.as_ref().is_err_and(|errno| *errno == rustix::io::Errno::NOSYS) {
                return Ok(());
            }
            let walked = walk::open(root.dir.as_fd(), Path::new(&path), flags);
            match (kernel, walked) {
                (Ok(kernel), Ok(walked)) => {
                    let [kernel, walked] = [kernel, walked].map(|fd| rustix::fs::fstat(fd).unwrap());
                    prop_assert_eq!((kernel.st_dev, kernel.st_ino), (walked.st_dev, walked.st_ino));
                }
                (Err(_), Err(_)) => {}
                (kernel, walked) => prop_assert!(false, "{path:?}: kernel {kernel:?}, walked {walked:?}"),
            }
        }
    }
}
