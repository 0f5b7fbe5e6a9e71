//! The thread that starts a command, waits for it, ends what it left behind and cleans up.
//!
//! It is a thread of its own, and no task, so that this happens whatever became of the caller and its runtime. The caller
//! ends a command through its [`Group`] alone; the keeper then sees it end.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::group::Group;
use crate::sandbox::{Grants, Sandbox};

/// One command to run.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shell: PathBuf,
    pub(super) command: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) temporary: PathBuf,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) grants: Arc<Grants>,
}

/// What the caller gets to see.
#[derive(Debug)]
pub(super) struct Kept {
    /// What the command prints, once it is started.
    pub(super) started: oneshot::Receiver<io::Result<OwnedFd>>,
    /// How it ended; the group is gone by then.
    pub(super) ended: oneshot::Receiver<io::Result<ExitStatus>>,
}

/// Starts the thread.
pub(super) fn keep(job: Job, group: Arc<Group>) -> io::Result<Kept> {
    let (tell_started, started) = oneshot::channel();
    let (tell_ended, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("latchwork-command".to_owned())
        .spawn(move || {
            let launched = launch(&job, &group);
            match launched {
                Ok(Launched {
                    mut child,
                    output,
                    private,
                }) => {
                    // A caller that is gone has killed the group, or does so now.
                    let _ = tell_started.send(Ok(output.into()));
                    let status = child.wait();
                    group.finish();
                    remove(private);
                    let _ = tell_ended.send(status);
                }
                Err(error) => {
                    group.finish();
                    let _ = tell_started.send(Err(error));
                }
            }
        })?;
    Ok(Kept { started, ended })
}

struct Launched {
    child: Child,
    output: PipeReader,
    private: TempDir,
}

fn launch(job: &Job, group: &Group) -> io::Result<Launched> {
    let private = private_dir(&job.temporary)?;
    let (output, input) = io::pipe()?;
    let Some(number) = group.begin()? else {
        return Err(io::Error::other("it was not wanted any more"));
    };
    let mut command = job.sandbox.command(&job.shell, &job.grants, private.path());
    // After `--`, a command that begins with a dash is no option.
    command.args(["-c", "--"]).arg(&job.command);
    surround(&mut command, job, &private);
    command
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(number);
    let child = job
        .sandbox
        .spawn(&mut command, &job.grants, private.path())?;
    // A kill between the two starts has missed the second one; it is in the group now.
    group.kill_latecomers();
    Ok(Launched {
        child,
        output,
        private,
    })
}

fn private_dir(temporary: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix("latchwork-command-")
        .permissions(Permissions::from_mode(0o700));
    builder.tempdir_in(temporary)
}

/// Where the command is, and all that it sees of the environment.
fn surround(command: &mut Command, job: &Job, private: &TempDir) {
    command
        .current_dir(&job.grants.root)
        .env_clear()
        .envs(&job.environment)
        .env("TMPDIR", private.path());
    if job.sandbox.hides_home() {
        // Programs take a home that they may not read for an error, and one that is empty for a new user's.
        command.env("HOME", private.path());
    }
}

/// What the command left there may be made unreadable, or be large; what cannot be removed is said and left.
fn remove(private: TempDir) {
    let path = private.path().to_owned();
    if let Err(error) = private.close() {
        tracing::warn!(path = %path.display(), %error, "could not remove a command's temporary directory");
    }
}
