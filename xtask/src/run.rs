//! Starting other programs: their output goes through live, a failure names the whole command.
//!
//! The environment is inherited as it is, so `CARGO_TERM_COLOR`, `CARGO_TARGET_DIR` and their like keep their meaning.

use std::{
    ffi::OsStr,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    error::{Error, Result},
    say,
};

/// A `cargo` command in `root`.
pub(crate) fn cargo(root: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(args);
    command
}

/// The command as a person would type it.
pub(crate) fn typed(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs it to its end, with our stdout and stderr.
///
/// # Errors
/// `Start` if it cannot be started, `Tool` if it fails.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|source| Error::Start {
        command: typed(command),
        source,
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Tool {
            command: typed(command),
            status: status.to_string(),
        })
    }
}

/// Runs it and gives back what it wrote to stdout; stderr goes through.
///
/// # Errors
/// `Start` if it cannot be started, `Tool` if it fails.
pub(crate) fn capture(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Start {
            command: typed(command),
            source,
        })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Error::Tool {
            command: typed(command),
            status: output.status.to_string(),
        })
    }
}

/// Runs it, passing its stdout through live while `listen` hears every byte of it. Answers whether it succeeded.
///
/// # Errors
/// `Start` if it cannot be started, `Follow` if its output cannot be read.
pub(crate) fn follow(command: &mut Command, mut listen: impl FnMut(&[u8])) -> Result<bool> {
    let spawned = command.stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| Error::Start {
        command: typed(command),
        source,
    })?;
    let lost = |source| Error::Follow {
        command: typed(command),
        source,
    };
    if let Some(stdout) = child.stdout.as_mut() {
        let mut buffer = [0; 8192];
        loop {
            match stdout.read(&mut buffer).map_err(lost)? {
                0 => break,
                read => {
                    say::raw(&buffer[..read]);
                    listen(&buffer[..read]);
                }
            }
        }
    }
    Ok(child.wait().map_err(lost)?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> Command {
        cargo(Path::new("."), ["--no-such-flag"])
    }

    #[test]
    fn a_failure_names_the_whole_command_and_its_status() {
        let error = check(failing().stderr(Stdio::null()))
            .expect_err("the flag is unknown")
            .to_string();
        assert!(
            error.starts_with("`cargo --no-such-flag` failed (exit status: "),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = check(&mut Command::new("no-such-program-here"))
            .expect_err("absent")
            .to_string();
        assert_eq!(error, "could not start `no-such-program-here`");
    }

    #[test]
    fn output_is_heard_whole_and_the_exit_code_is_kept() {
        let mut heard = Vec::new();
        let success = follow(&mut cargo(Path::new("."), ["--version"]), |bytes| {
            heard.extend_from_slice(bytes);
        });
        assert!(success.expect("cargo is there"));
        assert!(
            heard.starts_with(b"cargo "),
            "{}",
            String::from_utf8_lossy(&heard)
        );
        assert!(!follow(failing().stderr(Stdio::null()), |_| {}).expect("cargo is there"));
    }
}
