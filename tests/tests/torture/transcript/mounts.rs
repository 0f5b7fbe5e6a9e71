//! A filesystem of its own for real cuts: an image in a file, mounted by a loop device, in a mount namespace of the calling thread.
//!
//! Invariant: nothing stays mounted. The namespace belongs to the thread, so with it, and with the process whatever ends that, the mount
//! goes and the loop device with the mount. Needs the right to mount; whoever has it not, or lacks a program, is told why in words.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The smallest image that its maker takes.
    fn bytes(self) -> u64 {
        match self {
            Self::Ext4 => 64 << 20,
            Self::Xfs => 320 << 20,
        }
    }

    /// The program that makes one, and what it is to be told so that it asks nothing.
    fn maker(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Ext4 => ("mkfs.ext4", &["-q", "-F"]),
            Self::Xfs => ("mkfs.xfs", &["-q", "-f"]),
        }
    }
}

/// An image, and where it is mounted.
#[derive(Debug)]
pub(crate) struct Mounted {
    kind: Kind,
    dir: tempfile::TempDir,
}

impl Mounted {
    /// A new filesystem, mounted where only this thread and its children see it.
    ///
    /// # Errors
    /// Why there can be none here, in words.
    pub(crate) fn begin(kind: Kind) -> Result<Self, String> {
        let why = |doing: &str, error: &dyn std::fmt::Display| format!("{doing}: {error}");
        unshare(CloneFlags::CLONE_NEWNS)
            .map_err(|error| why("no mount namespace of our own", &error))?;
        let nothing: Option<&str> = None;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(nothing, "/", nothing, private, nothing)
            .map_err(|error| why("mounts cannot be kept to ourselves", &error))?;
        let dir = tempfile::tempdir().map_err(|error| why("no folder", &error))?;
        let mounted = Self { kind, dir };
        let image =
            std::fs::File::create(mounted.image()).map_err(|error| why("no image", &error))?;
        image
            .set_len(kind.bytes())
            .map_err(|error| why("no image", &error))?;
        std::fs::create_dir(mounted.path()).map_err(|error| why("no folder", &error))?;
        let (maker, words) = kind.maker();
        run(Command::new(maker).args(words).arg(mounted.image()))?;
        mounted.mount()?;
        Ok(mounted)
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    /// The device goes with the mount.
    fn mount(&self) -> Result<(), String> {
        let mut command = Command::new("mount");
        command.args(["-t", self.kind.name(), "-o", "loop"]);
        run(command.arg(self.image()).arg(self.path()))
    }

    /// As a machine that is switched on again: what the filesystem recovers of itself it does now.
    pub(crate) fn again(&self) -> Result<(), String> {
        umount(&self.path()).map_err(|error| format!("unmount after the cut: {error}"))?;
        self.mount()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The namespace takes it away in any case.
        let _gone = umount(&self.path());
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).display().to_string();
    let done = command
        .output()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(format!("{name} failed: {said}"))
}
