//! What the tests of the facade share: no secrets, and a recorded session that answers.

use std::io;
use std::path::Path;

use latchwork::config::SecretSource;

pub(crate) struct NoSecrets;

impl SecretSource for NoSecrets {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn command(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Its one answer is `recorded`.
pub(crate) const RECORDED: &str = concat!(
    r#"{"type":"session","version":3,"id":"r","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#,
    "\n",
    r#"{"type":"message","id":"a","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z","message":"#,
    r#"{"role":"assistant","content":[{"type":"text","text":"recorded"}]}}"#,
    "\n",
);
