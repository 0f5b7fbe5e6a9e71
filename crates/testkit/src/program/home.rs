//! A private home and working directory, so that a test meets no file and no setting of the person who runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Invocation, latchwork};

/// A home directory and a working directory of their own, gone when dropped. Programs that share one share their sessions.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// An empty home.
    ///
    /// # Panics
    /// When the temporary directory cannot be made.
    #[expect(
        clippy::new_without_default,
        reason = "it makes directories; a default should not"
    )]
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("latchwork-test-")
            .tempdir()
            .expect("a temporary directory");
        for name in ["home", "cwd", "tmp"] {
            std::fs::create_dir(dir.path().join(name)).expect("a directory in it");
        }
        Self { dir }
    }

    /// What the program sees as `HOME`.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The working directory of the program.
    pub fn cwd(&self) -> PathBuf {
        self.dir.path().join("cwd")
    }

    /// A path in the working directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.cwd().join(name)
    }

    /// Writes a file into the working directory and gives its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in the working directory");
        path
    }

    /// The `latchwork` program with these arguments, to be run here.
    ///
    /// # Panics
    /// When the program does not build.
    pub fn latchwork<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Invocation {
        self.program(latchwork(), args)
    }

    /// Any program with these arguments, to be run here: its environment is `PATH`, this `HOME` and a `TMPDIR`, nothing else.
    pub fn program<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Invocation {
        Invocation::new(program.as_ref(), args)
            .cwd(self.cwd())
            .env("HOME", self.home())
            .env("TMPDIR", self.dir.path().join("tmp"))
    }
}
