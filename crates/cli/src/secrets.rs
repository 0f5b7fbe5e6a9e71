//! Fetches secrets from where the settings say that they are: the environment, a file, a command.
//!
//! Invariant: nothing that a place gave is ever put into an error.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use latchwork::config::SecretSource;

use crate::world::read_text;

/// The places of this process.
pub(crate) struct Places {
    environment: BTreeMap<String, String>,
}

impl Places {
    /// With this snapshot of the environment.
    pub(crate) const fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment }
    }
}

impl SecretSource for Places {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        read_text(path)
    }

    fn command(&self, line: &str) -> io::Result<String> {
        // What it has to say goes to the person at the terminal; what it prints is the secret.
        let output = Command::new("/bin/sh")
            .arg("-c")
            .arg(line)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "the command failed ({})",
                output.status
            )));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| io::Error::other("the command printed something that is no text"))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use latchwork::config::SecretRef;
    use std::collections::BTreeMap;

    fn fetch(reference: &str) -> Result<String, String> {
        let places = Places::new(BTreeMap::from([("KEY".to_owned(), "v".to_owned())]));
        let reference: SecretRef = reference.parse().unwrap();
        match reference.resolve(&places) {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(format!("{error} {:?}", std::error::Error::source(&error))),
        }
    }

    #[test]
    fn a_secret_comes_from_its_place_and_never_into_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "from-file\n").unwrap();
        assert_eq!(fetch("env:KEY").unwrap(), "v");
        assert_eq!(
            fetch(&format!("file:{}", file.display())).unwrap(),
            "from-file"
        );
        assert_eq!(fetch("cmd:printf from-command").unwrap(), "from-command");
        let failed = fetch("cmd:printf canary; exit 3").unwrap_err();
        assert!(
            failed.contains("exit status: 3") && !failed.contains("canary"),
            "{failed}"
        );
        assert!(
            fetch(&format!("file:{}", dir.path().display()))
                .unwrap_err()
                .contains("no regular file")
        );
    }
}
