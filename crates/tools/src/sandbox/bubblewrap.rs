//! Bubblewrap: the command sees a world of its own, made of what is granted.
//!
//! It runs in namespaces of its own (processes, mounts, users where needed, and the network unless that is allowed): when
//! the outermost process of it dies, the kernel ends everything inside, also what left its group. It is a session of its
//! own, so no terminal can be reached.
//!
//! **Limits.** There is no grace: the first signal ends it. A system that forbids user namespaces forbids bubblewrap, unless
//! the program is setuid; that is found out at the start, by running it. With the network allowed, abstract sockets are
//! reachable too.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Grants, privileges};

const TMP: &str = "/tmp";

/// The longest part of its complaint that is passed on.
const COMPLAINT_CHARS: usize = 200;

#[derive(Debug)]
pub(crate) struct Bubblewrap {
    program: PathBuf,
}

impl Bubblewrap {
    /// Finds out whether it works here, by running a trivial command in it; or what is lacking.
    pub(crate) fn detect(
        program: Option<PathBuf>,
        grants: &Grants,
        temporary: &Path,
    ) -> Result<Self, String> {
        let program = program.ok_or("there is no program `bwrap` on the PATH")?;
        let found = Self { program };
        let private = tempfile::tempdir_in(temporary).map_err(|error| {
            format!("no temporary directory in {}: {error}", temporary.display())
        })?;
        let mut command = found.command(Path::new("/bin/sh"), grants, private.path());
        command
            .args(["-c", "exit 0"])
            .env_clear()
            .stdin(Stdio::null());
        let output = command.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(found);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said
            .trim()
            .chars()
            .take(COMPLAINT_CHARS)
            .flat_map(char::escape_debug)
            .collect();
        Err(format!(
            "`bwrap` does not work here ({}): {said}",
            output.status
        ))
    }

    /// `bwrap` with everything but the arguments of `shell`.
    pub(crate) fn command(&self, shell: &Path, grants: &Grants, private: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "--unshare-user-try",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
        ]);
        command.args(["--die-with-parent", "--new-session"]);
        command.args(["--cap-drop", "ALL"]);
        command.args(privileges::kept_names().flat_map(|name| ["--cap-add", name]));
        if !grants.network {
            command.arg("--unshare-net");
        }
        for mount in mounts(grants, private) {
            command.arg(mount.how).arg(mount.from).arg(mount.at);
        }
        command.args(["--proc", "/proc", "--dev", "/dev"]);
        command
            .arg("--chdir")
            .arg(&grants.root)
            .arg("--")
            .arg(shell);
        command
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Mount<'g> {
    how: &'static OsStr,
    from: &'g Path,
    at: &'g Path,
}

/// What is mounted, from the outermost place to the innermost, so that none hides another.
fn mounts<'g>(grants: &'g Grants, private: &'g Path) -> Vec<Mount<'g>> {
    let (read, write) = (OsStr::new("--ro-bind"), OsStr::new("--bind"));
    let mut mounts: Vec<_> = grants
        .readable
        .iter()
        .map(|path| Mount {
            how: read,
            from: path,
            at: path,
        })
        .collect();
    mounts.extend(grants.writable.iter().map(|path| Mount {
        how: write,
        from: path,
        at: path,
    }));
    if !Path::new(TMP).starts_with(&grants.root) {
        mounts.push(Mount {
            how: write,
            from: private,
            at: Path::new(TMP),
        });
    }
    mounts.push(Mount {
        how: write,
        from: private,
        at: private,
    });
    // Stable: of two at one place, the later one stands.
    mounts.sort_by_key(|mount| mount.at.components().count());
    mounts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::mounts;
    use crate::options::BashOptions;
    use crate::sandbox::Grants;

    #[test]
    fn what_is_writable_is_never_hidden_by_what_contains_it() {
        let options = BashOptions {
            writable: vec!["/usr".into()],
            ..BashOptions::default()
        };
        let grants = Grants::new(Path::new("/usr/share"), &options);
        let private = Path::new("/tmp/private");
        let mounts = mounts(&grants, private);
        let at = |path: &str| {
            mounts
                .iter()
                .rposition(|mount| mount.at == Path::new(path))
                .unwrap()
        };
        assert!(at("/usr") < at("/usr/share") && at("/tmp") < at("/tmp/private"));
        assert_eq!(mounts[at("/usr")].how, "--bind");
        assert_eq!(mounts[at("/tmp")].from, private);
    }

    #[test]
    fn a_root_above_the_temporary_files_keeps_them() {
        let grants = Grants::new(Path::new("/"), &BashOptions::default());
        assert!(
            mounts(&grants, Path::new("/tmp/private"))
                .iter()
                .all(|mount| mount.at != Path::new("/tmp"))
        );
    }
}
