//! `bash`: a command from its arguments to its outcome.
//!
//! | file | idea |
//! |---|---|
//! | `group` | the process group of one call, and the guardian that ends it if we are killed |
//! | `keeper` | the thread that starts a command, reaps it and cleans up, whatever became of the caller |
//! | `supervise` | the asynchronous side: output, time limit, cancellation |
//! | `capture` | the first and the last of what is printed |
//! | `report` | the outcome in words and numbers |

mod capture;
mod group;
mod keeper;
mod report;
mod supervise;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_session::ToolOutcome;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::arguments;
use crate::error::ToolboxError;
use crate::options::Options;
use crate::outcome;
use crate::sandbox::{Grants, Sandbox};
use crate::tool::Tool;

/// Where POSIX has its shell.
const POSIX_SHELL: &str = "/bin/sh";

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Bash {
    shell: PathBuf,
    sandbox: Arc<Sandbox>,
    grants: Arc<Grants>,
}

impl Bash {
    /// Blocks: see [`Toolbox::new`](crate::Toolbox::new).
    pub(crate) fn new(options: &Options, root: &Path) -> Result<Self, ToolboxError> {
        let path = options
            .bash
            .environment
            .get("PATH")
            .map_or("", String::as_str);
        let shell = program("bash", path)
            .or_else(|| Some(PathBuf::from(POSIX_SHELL)).filter(|sh| sh.is_file()));
        let Some(shell) = shell else {
            return Err(ToolboxError::NoShell {
                path: path.to_owned(),
            });
        };
        let grants = Grants::new(root, &options.bash);
        let sandbox = Sandbox::choose(&options.bash, &grants, program("bwrap", path))?;
        tracing::debug!(shell = %shell.display(), sandbox = %sandbox.name(), "bash is there");
        Ok(Self {
            shell,
            sandbox: Arc::new(sandbox),
            grants: Arc::new(grants),
        })
    }

    pub(crate) fn sandbox_name(&self) -> String {
        self.sandbox.name()
    }

    /// Where commands run, in a sentence for a model.
    pub(crate) fn confinement(&self) -> String {
        self.sandbox.confinement(self.grants.network)
    }

    /// Cancel safe in the sense of [`ToolHost::call`](latchwork_session::ToolHost::call).
    pub(crate) async fn run(
        &self,
        options: &Options,
        arguments: Value,
        cancel: &CancellationToken,
    ) -> ToolOutcome {
        let checked = arguments::parse::<arguments::Bash>(arguments)
            .and_then(|asked| asked.checked(options.time_limit_ms));
        let (command, time_limit_ms) = match checked {
            Ok(checked) => checked,
            Err(why) => return outcome::bad_arguments(Tool::Bash, &why),
        };
        let job = keeper::Job {
            shell: self.shell.clone(),
            command,
            environment: options.bash.environment.clone(),
            temporary: options.bash.temporary.clone(),
            sandbox: Arc::clone(&self.sandbox),
            grants: Arc::clone(&self.grants),
        };
        let limits = supervise::Limits {
            time_limit_ms,
            grace_ms: options.bash.grace_ms,
            output_bytes: options.max_output_bytes,
        };
        match supervise::run(job, limits, cancel).await {
            Ok(ended) => {
                report::outcome(ended, options.max_output_lines, &self.sandbox, &self.grants)
            }
            Err(error) => report::not_started(&error, &self.sandbox),
        }
    }
}

/// The program of that name in the first directory of `path` that has it. Relative directories are passed over.
fn program(name: &str, path: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let places = path
        .split(':')
        .map(Path::new)
        .filter(|dir| dir.is_absolute());
    places.map(|dir| dir.join(name)).find(|file| {
        file.metadata()
            .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_program_is_looked_for_in_absolute_directories_only() {
        assert_eq!(program("sh", ".:bin:/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(program("sh", ""), None);
        assert_eq!(program("passwd", "/etc"), None, "it cannot be run");
    }
}
